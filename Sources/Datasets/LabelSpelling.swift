import Foundation
import Messages
import ModelFiles

/// What two spellings of one label have in common.
enum LabelSpelling {
    /// The same for labels that differ in white space, case, width, quotes, hyphens, invisible characters or in how a number
    /// or a truth value is written: `pos` for "pos ", "Pos" and "'pos'", `1` for "1.0", "01" and "true".
    static func usual(_ name: String) -> String {
        var text = name.precomposedStringWithCompatibilityMapping.lowercased()
        text.unicodeScalars.removeAll { $0.properties.generalCategory == .format }
        text = bare(text)
        switch text {
        case "true": return "1"
        case "false": return "0"
        default: break
        }
        // Beyond that, different numbers have one Double.
        if text.utf8.count <= 15, let number = RawLabel.decimal(text) {
            return RawLabel.number(number).className
        }
        return separated(text)
    }

    private static let quotes: Set<Character> = [
        "'", "\"", "`", "\u{2018}", "\u{2019}", "\u{201C}", "\u{201D}",
    ]

    /// Without white space and quotes around it, and without a full stop at its end; a label of nothing else stays.
    private static func bare(_ text: String) -> String {
        var text = trimmed(text)
        while text.count > 2, let first = text.first, let last = text.last, quotes.contains(first),
            quotes.contains(last)
        {
            text = trimmed(String(text.dropFirst().dropLast()))
        }
        if text.count > 2, text.last == "." { text.removeLast() }
        return text
    }

    /// With one space for each run of spaces, underscores and hyphens between letters and digits; a sign before a number
    /// stays.
    private static func separated(_ text: String) -> String {
        let words = text.split { $0 == " " || $0 == "_" || $0 == "-" || $0.isWhitespace }
        guard words.count > 1, let first = text.first, let last = text.last,
            first.isLetter || first.isNumber, last.isLetter || last.isNumber
        else { return text }
        return words.joined(separator: " ")
    }

    private static let missing: Set<String> = [
        "nan", "none", "null", "n/a", "na", "<na>", "nat", "#n/a", "nil", "undefined",
    ]

    /// Whether programs write this for a label that is not there.
    static func isMissing(_ name: String) -> Bool { missing.contains(trimmed(name).lowercased()) }
}
