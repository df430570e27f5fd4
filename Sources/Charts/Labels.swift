/// Escaping, shortening and approximate measuring of label text.
package enum Labels {
    /// Characters that XML 1.0 forbids, that would be invisible, or that reverse the text around them become
    /// U+FFFD; line breaks and tabs become spaces. A character keeps at most 16 scalars, so stacked marks
    /// stay in their line.
    package static func cleaned(_ text: String) -> String {
        var result = ""
        for character in text {
            for scalar in character.unicodeScalars.prefix(16) {
                result.unicodeScalars.append(replacement(for: scalar))
            }
        }
        return result
    }

    private static func replacement(for scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar.value {
        case 0x09, 0x0A, 0x0D, 0x85, 0x2028, 0x2029: return " "
        case 0x00...0x1F, 0x7F...0x9F, 0x202A...0x202E, 0x2066...0x2069: return "\u{FFFD}"
        default: return scalar.value & 0xFFFE == 0xFFFE ? "\u{FFFD}" : scalar
        }
    }

    /// Cleaned text with the five XML special characters escaped; fits element content and attributes.
    package static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in cleaned(text).unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// An XML id and CSS identifier. Two different inputs never give the same id: every scalar other than an
    /// ASCII letter, digit or inner hyphen is written as its hexadecimal code between underscores.
    package static func identifier(_ text: String) -> String {
        if text.isEmpty { return "_" }
        var result = ""
        for scalar in text.unicodeScalars {
            let isLetter = ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
            let isInner = ("0"..."9").contains(scalar) || scalar == "-"
            if isLetter || (isInner && !result.isEmpty) {
                result.unicodeScalars.append(scalar)
            } else {
                result += "_" + String(scalar.value, radix: 16) + "_"
            }
        }
        return result
    }

    /// Approximate width in pixels at a font size in pixels. Generous: readers have different fonts.
    package static func width(_ text: String, size: Double) -> Double {
        text.reduce(0) { $0 + ems($1) } * size
    }

    private static func ems(_ character: Character) -> Double {
        guard let scalar = character.unicodeScalars.first else { return 0 }
        switch scalar {
        case "i", "j", "l", "I", ".", ",", "'", ":", ";", "|", "!", " ": return 0.36
        case "f", "t", "r", "(", ")", "[", "]", "/", "-": return 0.42
        case "m", "w", "M", "W", "@", "%", "\u{2026}": return 0.98
        case "A"..."Z": return 0.72
        case "+", "=", "<", ">", "~", "\u{2212}", "\u{00D7}": return 0.84
        default: return scalar.value >= 0x1100 && !(0x2000...0x22FF).contains(scalar.value) ? 1.3 : 0.64
        }
    }

    /// The cleaned text, cut at the end and closed with `…` when it is wider than `maxWidth` pixels.
    package static func shortened(_ text: String, maxWidth: Double, size: Double) -> String {
        let text = cleaned(text)
        if width(text, size: size) <= maxWidth { return text }
        var used = ems("\u{2026}") * size
        var kept = ""
        for character in text {
            used += ems(character) * size
            if used > maxWidth { break }
            kept.append(character)
        }
        while kept.last == " " { kept.removeLast() }
        return kept + "\u{2026}"
    }

    /// The cleaned text in lines of at most `maxWidth` pixels, broken at spaces; what is left in the last of `most` lines
    /// is shortened.
    package static func lines(_ text: String, maxWidth: Double, size: Double, most: Int = 3) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in cleaned(text).split(separator: " ") {
            let longer = line.isEmpty ? String(word) : line + " " + word
            if line.isEmpty || lines.count + 1 == most || width(longer, size: size) <= maxWidth {
                line = longer
            } else {
                lines.append(line)
                line = String(word)
            }
        }
        return (line.isEmpty ? lines : lines + [line]).map { shortened($0, maxWidth: maxWidth, size: size) }
    }
}
