import Foundation

/// One row of a table of settings: all that is particular to a key. Whoever owns `Values` owns its rows.
package struct Setting<Values>: Sendable {
    package let key: String
    /// One line for a person, without a full stop.
    package let help: String
    /// Empty unless the value is one or several of some names.
    package let choices: [String]
    /// What no value stands for, as a person reads it.
    package let unset: String
    /// Reads, checks and stores a value.
    package let store: @Sendable (inout Values, SettingValue) throws -> Void
    /// The value as YAML text; nil when it is unset.
    package let text: @Sendable (Values) -> String?
    /// Why a given value has no effect, such as "with method lora"; nil when it has one.
    package let idle: @Sendable (Values) -> String?

    package init(
        _ key: String, _ help: String, choices: [String] = [], unset: String = "none",
        idle: @escaping @Sendable (Values) -> String? = { _ in nil },
        set: @escaping @Sendable (inout Values, SettingValue) throws -> Void,
        get: @escaping @Sendable (Values) -> String?
    ) {
        self.key = key
        self.help = choices.isEmpty ? help : "\(help): \(alternatives(choices))"
        self.choices = choices
        self.unset = unset
        self.idle = idle
        self.store = set
        self.text = get
    }

    /// The same as a row of a table for `Outer`, of which `Values` is a part.
    ///
    /// - Parameter idle: a reason of the whole, which comes before the row's own.
    package func within<Outer>(
        _ path: WritableKeyPath<Outer, Values> & Sendable,
        idle outer: @escaping @Sendable (Outer) -> String? = { _ in nil }
    ) -> Setting<Outer> {
        let (store, text, idle) = (store, text, idle)
        return Setting<Outer>(
            key: key, fullHelp: help, choices: choices, unset: unset,
            idle: { outer($0) ?? idle($0[keyPath: path]) }, set: { try store(&$0[keyPath: path], $1) },
            get: { text($0[keyPath: path]) })
    }

    /// The same with more help, sentence after sentence.
    package func noting(_ notes: [String]) -> Setting {
        Setting(
            key: key, fullHelp: ([help] + notes).joined(separator: "; "), choices: choices, unset: unset,
            idle: idle, set: store, get: text)
    }

    private init(
        key: String, fullHelp: String, choices: [String], unset: String,
        idle: @escaping @Sendable (Values) -> String?,
        set: @escaping @Sendable (inout Values, SettingValue) throws -> Void,
        get: @escaping @Sendable (Values) -> String?
    ) {
        (self.key, help, self.choices, self.unset) = (key, fullHelp, choices, unset)
        (self.idle, store, text) = (idle, set, get)
    }
}

/// The texts that `Setting.text` returns; reading one back gives the same value.
package enum SettingText {
    package static func number(_ value: Double) -> String {
        // 2^53: below it a whole number is exact, and shorter without its ".0".
        let isShort = value == value.rounded() && abs(value) < 9_007_199_254_740_992
        return isShort ? String(Int(value)) : String(value)
    }

    package static func list(_ names: [String]) -> String {
        "[" + names.map(text).joined(separator: ", ") + "]"
    }

    /// Plain where every YAML reader takes it for this text, or else in double quotes with escapes.
    package static func text(_ value: String) -> String {
        let reserved = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
        let isPlain =
            value.unicodeScalars.allSatisfy { isSafe($0) } && Double(value) == nil
            && value.unicodeScalars.contains { $0.properties.isAlphabetic }
            && value.unicodeScalars.first != "-" && value.unicodeScalars.first?.properties.numericType == nil
            && !reserved.contains(value.lowercased())
        if isPlain { return value }
        var escaped = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": escaped += "\\\""
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\t": escaped += "\\t"
            default: escaped += isPlainlyVisible(scalar) ? String(scalar) : hexadecimal(scalar)
            }
        }
        return "\"\(escaped)\""
    }

    /// False for control characters, line and paragraph separators and invisible formatting such as a byte order mark:
    /// these break a line or hide, and YAML forbids many of them outside escapes.
    private static func isPlainlyVisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate:
            false
        default: true
        }
    }

    private static func isSafe(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII && (scalar.properties.isAlphabetic || "0123456789_./-".unicodeScalars.contains(scalar))
    }

    private static func hexadecimal(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        return "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
    }
}
