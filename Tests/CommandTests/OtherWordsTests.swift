import Foundation
import RunConfiguration
import Testing

/// Options in the words of other programs.
@Suite struct OtherWordsTests {
    private static func plan(_ options: [String]) throws -> CommandResult {
        try Workspace().run(
            ["plan", "--model", "nowhere", "--train", "rows.jsonl", "--budget", "12"] + options)
    }

    @Test(arguments: [
        (["--lr", "1e-3"], "--lr is taken for --learning-rate"),
        (["--lr=1e-3"], "--lr is taken for --learning-rate"),
        (["--learning_rate", "1e-3"], "--learning_rate is taken for --learning-rate"),
        (["--text", "gloss"], "--text is taken for --text-column"),
        (["--bs", "8"], "--bs is taken for --batch-size"),
        (["--eval", "v.jsonl"], "--eval is taken for --validation"),
    ]) func isUnderstood(options: [String], note: String) throws {
        let result = try Self.plan(options)
        #expect(result.errors.hasPrefix("note: \(note)\n"), "\(result.errors)")
        // The command itself went on, to the model that is not there.
        #expect(result.status == 66, "\(result.errors)")
    }

    @Test(arguments: [
        (["--rank", "4"], "--average-rank"), (["-r", "4"], "--average-rank"),
        (["--lora_alpha", "16"], "--scale"),
        (["--target-modules", "q_proj"], "--targets"),
    ]) func isExplained(options: [String], advice: String) throws {
        let result = try Self.plan(options)
        #expect(result.status == 64)
        #expect(result.errors.hasPrefix("error: \(options[0]): unknown option; "), "\(result.errors)")
        #expect(result.errors.contains(advice), "\(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1)
    }

    /// A word for a setting that the command does not have stays unknown.
    @Test func staysUnknownElsewhere() throws {
        let result = try Workspace().run(["ranks", "run", "--lr", "1"])
        #expect(result.status == 64)
        #expect(result.errors.contains("Unknown option '--lr'"), "\(result.errors)")
    }

    @Test func aFileOfSettingsIsAdvised() throws {
        let workspace = try Workspace()
        let file = workspace.url.appendingPathComponent("c.yaml")
        try "lr: 1e-3\nrank: 4\nmodel: m\ntrain: t\nbudget: 2\n".write(
            to: file, atomically: true, encoding: .utf8)
        let result = try workspace.run(["train", "--config", file.path])
        #expect(result.status == 64)
        #expect(
            result.errors.contains("lr: unknown key; did you mean 'learning-rate'?"), "\(result.errors)")
        #expect(
            result.errors.contains("rank: unknown key; ranks differ between matrices"), "\(result.errors)")
    }
}
