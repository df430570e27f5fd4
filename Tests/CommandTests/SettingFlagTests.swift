import Foundation
import RunConfiguration
import Testing

/// The flags of `adalora train` are the rows of the table of settings, no more and no fewer.
@Suite struct SettingFlagTests {
    /// Told in more words than their rows have.
    private static let paths = ["model", "train", "validation", "output"]
    /// Flags that are no settings of a run.
    private static let others = [
        "config", "resume", "tensorboard", "exchange-timeout", "allow-different-kernels", "ignore-memory",
        "version", "help",
    ]

    private static func help() throws -> String {
        let result = try Workspace().run(["train", "--help"])
        try #require(result.status == 0, "\(result.errors)")
        return result.output
    }

    @Test func eachFlagIsASettingAndTheReverse() throws {
        let flags = try Self.help().split(separator: "\n").compactMap { line -> String? in
            let words = line.split(separator: " ")
            // Deeper lines are the texts of help, which may name other flags.
            guard line.prefix(while: { $0 == " " }).count == 2 else { return nil }
            return words.first { $0.hasPrefix("--") }.map { String($0.dropFirst(2)) }
        }
        #expect(flags.sorted() == (RunConfig.settings.map(\.key) + Self.others).sorted())
    }

    @Test func helpIsThatOfTheRow() throws {
        let text = try Self.help().split { $0.isWhitespace }.joined(separator: " ")
        for setting in RunConfig.settings where !Self.paths.contains(setting.key) {
            let value = setting.choices.isEmpty ? "value" : "name"
            let line = "--\(setting.key) <\(value)> \(setting.help) (default: \(setting.defaultText))."
            #expect(text.contains(line.split { $0.isWhitespace }.joined(separator: " ")), "\(line)")
        }
    }

    /// No setting takes an empty value: a flag that is not handed on leaves no word of it.
    @Test func eachFlagReachesItsSetting() throws {
        let workspace = try Workspace()
        let flags = RunConfig.settings.flatMap { ["--\($0.key)", ""] }
        let result = try workspace.run(["train"] + flags)
        #expect(result.status == 64)
        let lines = result.errors.split(separator: "\n").map { $0.replacing("error: ", with: "") }
        for setting in RunConfig.settings {
            #expect(lines.count { $0.hasPrefix("--\(setting.key): ") } == 1, "\(setting.key)")
        }
    }

    /// Shells complete the names that a setting may have.
    @Test(arguments: ["bash", "zsh", "fish"]) func choicesAreCompleted(shell: String) throws {
        let script = try Workspace().run(["--generate-completion-script", shell])
        try #require(script.status == 0, "\(script.errors)")
        let words = Set(
            script.output.split { !($0.isLetter || $0.isNumber || "-_@".contains($0)) }.map(String.init))
        for setting in RunConfig.settings {
            for choice in setting.choices { #expect(words.contains(choice)) }
        }
    }

    /// Commands to paste stand in `--help` as they are: a broken line is no command.
    @Test func commandsInHelpAreWhole() throws {
        let workspace = try Workspace()
        let top = try workspace.run(["--help"]).output
        let names = top.split(separator: "\n").drop { $0 != "SUBCOMMANDS:" }.dropFirst()
            .compactMap { $0.hasPrefix("  ") && !$0.hasPrefix("   ") ? $0.split(separator: " ").first : nil }
        try #require(names.count > 15)
        for arguments in [[]] + names.map({ [String($0)] }) {
            let lines = try workspace.run(arguments + ["--help"]).output.split(
                separator: "\n", omittingEmptySubsequences: false)
            for (line, next) in zip(lines, lines.dropFirst()) where line.hasPrefix("  adalora ") {
                #expect(next.isEmpty || next.hasPrefix("  "), "\(arguments): \(line)\n\(next)")
            }
        }
    }
}
