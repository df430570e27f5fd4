import CCharacterWidths
import Foundation

/// Text made safe and aligned for a terminal.
package enum TerminalText {
    /// Without control characters, line breaks, and invisible characters that reorder text: a name from a file
    /// must not move the cursor or restyle the terminal.
    package static func clean(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { (0x20..<0x7F).contains($0) }
        if isPlain { return text }
        var kept = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: continue
            default: kept.append(scalar)
            }
        }
        return String(kept)
    }

    /// Terminal columns: 2 for East Asian wide characters and emoji, 0 for combining marks.
    package static func columns(_ text: String) -> Int {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
        return text.reduce(0) { $0 + columns($1) }
    }

    /// As many as the C library gives the first scalar, on which terminals put what joins it.
    private static func columns(_ character: Character) -> Int {
        character.unicodeScalars.first.map { Int(ccw_columns($0.value)) } ?? 0
    }

    /// At most `limit` columns; a cut is shown by its last character, `…` or, in ASCII, `~`.
    package static func shortened(_ text: String, to limit: Int, unicode: Bool) -> String {
        guard columns(text) > limit else { return text }
        var kept = ""
        var used = 0
        for character in text {
            let width = columns(character)
            guard used + width <= limit - 1 else { break }
            kept.append(character)
            used += width
        }
        return limit > 0 ? kept + (unicode ? "…" : "~") : ""
    }

    package static func right(_ text: String, _ width: Int) -> String { spaces(width - columns(text)) + text }

    package static func left(_ text: String, _ width: Int) -> String { text + spaces(width - columns(text)) }

    package static func spaces(_ count: Int) -> String { String(repeating: " ", count: max(0, count)) }

    /// Words broken at spaces into lines of at most `width`, all but the first indented.
    package static func wrapped(_ text: String, width: Int, indent: Int) -> String {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            if line.isEmpty {
                line = String(word)
            } else if columns(line) + 1 + columns(String(word)) <= max(width - indent, 20) {
                line += " " + word
            } else {
                lines.append(line)
                line = String(word)
            }
        }
        lines.append(line)
        return lines.joined(separator: "\n" + spaces(indent))
    }
}
