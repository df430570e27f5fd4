import Foundation

/// Text made safe and aligned for a terminal, and numbers as people read them.
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

    /// `12,345`
    package static func grouped(_ count: Int) -> String {
        let digits = String(count.magnitude)
        var result = ""
        for (at, digit) in digits.enumerated() {
            if at > 0, (digits.count - at).isMultiple(of: 3) { result.append(",") }
            result.append(digit)
        }
        return count < 0 ? "-" + result : result
    }

    /// With `places` decimals, whatever the locale.
    package static func fixed(_ value: Double, _ places: Int) -> String {
        String(format: "%.\(places)f", locale: nil, value)
    }

    /// Three significant digits, for importance scores, which span many powers of ten: `1.23e-09`.
    package static func scientific(_ value: Double) -> String { String(format: "%.2e", locale: nil, value) }

    /// Decimals to the thousandth of `largest`, so that the numbers of a column align; in powers of ten what that
    /// would round away. At most 8 characters.
    package static func measured(_ value: Double, largest: Double) -> String {
        guard value > 0 else { return "0" }
        guard largest >= 0.001, largest < 100_000 else { return String(format: "%.1e", locale: nil, value) }
        let places = largest < 10 ? 4 : largest < 100 ? 3 : largest < 1000 ? 2 : 1
        let isLost = value < 0.5 * pow(10, Double(1 - places))
        return isLost ? String(format: "%.1e", locale: nil, value) : fixed(value, places)
    }

    package static func percent(_ share: Double) -> String { fixed(100 * share, 1) + "%" }

    package static func percent(_ part: Int, of whole: Int) -> String? {
        whole > 0 ? fixed(100 * Double(part) / Double(whole), 1) : nil
    }

    /// `1 step`, `2 steps`
    package static func counted(_ count: Int, _ noun: String) -> String {
        "\(grouped(count)) \(noun)\(count == 1 ? "" : "s")"
    }

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
