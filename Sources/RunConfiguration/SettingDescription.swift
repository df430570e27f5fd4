import Settings

extension Setting where Values == RunConfig {
    /// The default as a person reads it.
    var defaultText: String { text(RunConfig()) ?? unset }

    /// `defaultText` as a part of a sentence.
    var note: String { isRequired ? "required" : "default: \(defaultText)" }

    private var isRequired: Bool { SettingTable.required.contains { $0.key == key } }
}

/// What a person needs to know about a setting.
package struct SettingDescription: Sendable, Equatable {
    /// The key in a file, and the flag without its `--`.
    package let key: String
    /// One line without a full stop.
    package let help: String
    /// The default, or in words what happens without a value.
    package let defaultText: String
    /// The names that are accepted; empty when the value is not one of a few names.
    package let choices: [String]
}
