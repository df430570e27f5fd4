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

    private static func columns(_ character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first else { return 0 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: return 0
        default: break
        }
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
            0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
            return 2
        default: return 1
        }
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
