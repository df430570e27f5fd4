import Foundation

/// One row of the table of settings: all that is particular to a key.
struct Setting: Sendable {
    let key: String
    /// One line for a person, without a full stop.
    let help: String
    /// Empty unless the value is one or several of some names.
    let choices: [String]
    /// What no value stands for, as a person reads it.
    let unset: String
    /// Reads, checks and stores a value.
    let store: @Sendable (inout RunConfig, SettingValue) throws -> Void
    /// The value as YAML text; nil when it is unset.
    let text: @Sendable (RunConfig) -> String?
    /// Why a given value has no effect, such as "with method lora"; nil when it has one.
    let idle: @Sendable (RunConfig) -> String?

    init(
        _ key: String, _ help: String, choices: [String] = [], unset: String = "none",
        idle: @escaping @Sendable (RunConfig) -> String? = { _ in nil },
        set: @escaping @Sendable (inout RunConfig, SettingValue) throws -> Void,
        get: @escaping @Sendable (RunConfig) -> String?
    ) {
        self.key = key
        self.help = choices.isEmpty ? help : "\(help): \(alternatives(choices))"
        self.choices = choices
        self.unset = unset
        self.idle = idle
        self.store = set
        self.text = get
    }

    /// The default as a person reads it.
    var defaultText: String { text(RunConfig()) ?? unset }

    /// `defaultText` as a part of a sentence.
    var note: String { isRequired ? "required" : "default: \(defaultText)" }

    private var isRequired: Bool { SettingTable.required.contains { $0.key == key } }
}

/// What a person needs to know about a setting.
public struct SettingDescription: Sendable, Equatable {
    /// The key in a file, and the flag without its `--`.
    public let key: String
    /// One line without a full stop.
    public let help: String
    /// The default, or in words what happens without a value.
    public let defaultText: String
    /// The names that are accepted; empty when the value is not one of a few names.
    public let choices: [String]
}

/// The texts that `Setting.text` returns; reading one back gives the same value.
enum SettingText {
    static func number(_ value: Double) -> String {
        // 2^53: below it a whole number is exact, and shorter without its ".0".
        let isShort = value == value.rounded() && abs(value) < 9_007_199_254_740_992
        return isShort ? String(Int(value)) : String(value)
    }

    static func list(_ names: [String]) -> String {
        "[" + names.map(text).joined(separator: ", ") + "]"
    }

    /// Plain where every YAML reader takes it for this text, or else in double quotes with escapes.
    static func text(_ value: String) -> String {
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

    private static func isSafe(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII && (scalar.properties.isAlphabetic || "0123456789_./-".unicodeScalars.contains(scalar))
    }

    private static func hexadecimal(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        return "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
    }
}
