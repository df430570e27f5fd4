import Foundation
import ModelFiles
import Testing

/// Runs on rows that begin alike, whose beginnings are computed once.
@Suite struct SharedPrefixRunTests {
    private static let note = "of the tokens are common beginnings of a step's rows, computed once"

    private static let noteOnDropout =
        "computed for each row all the same: dropout of adapters draws a mask for each"

    private static func workspace() throws -> Workspace {
        let workspace = try LanguageModelTests.workspace()
        func rows(_ range: Range<Int>) -> String {
            range.map { "{\"text\": \"say in one word: what is it that number \($0) does\"}\n" }.joined()
        }
        try workspace.write(rows(0..<60), to: "texts.jsonl")
        try workspace.write(rows(60..<80), to: "held.jsonl")
        return workspace
    }

    private static func events(_ workspace: Workspace, _ run: String) throws -> [JSONValue] {
        try String(contentsOf: workspace.file("\(run)/events.jsonl"), encoding: .utf8).split(separator: "\n")
            .map { try JSONValue.parse(String($0)) }
    }

    /// Any number of threads, layers run again, resumed: the same bytes; the figures of rows by themselves, to rounding.
    @Test func isTheSameHoweverItRan() throws {
        let workspace = try Self.workspace()
        var bytes: [Data] = []
        for (name, options) in [
            ("one", ["--threads", "1", "--checkpoint-every", "10"]), ("two", ["--threads", "2"]),
            ("again", ["--recompute", "layers", "--shared-prefix", "auto"]),
        ] {
            let result = try workspace.run(LanguageModelTests.training(name, steps: 24, options))
            try #require(result.status == 0, "\(name): \(result.errors)")
            #expect(result.errors.contains(Self.note), "\(result.errors)")
            bytes.append(
                try Data(contentsOf: workspace.file("\(name)/adapter-last/adapter_model.safetensors")))
        }
        try FileManager.default.removeItem(at: workspace.file("one/checkpoints/step-24"))
        try FileManager.default.removeItem(at: workspace.file("one/adapter-last"))
        let resumed = try workspace.run(["train", "--resume", "one"])
        try #require(resumed.status == 0, "\(resumed.errors)")
        bytes.append(try Data(contentsOf: workspace.file("one/adapter-last/adapter_model.safetensors")))
        #expect(bytes.allSatisfy { $0 == bytes[0] })
        let config = try String(contentsOf: workspace.file("one/config.yaml"), encoding: .utf8)
        #expect(config.contains("\nshared-prefix: auto\n"))
        let off = try workspace.run(
            LanguageModelTests.training("off", steps: 24, ["--shared-prefix", "off"]))
        try #require(off.status == 0 && !off.errors.contains(Self.note), "\(off.errors)")
        let losses = try ["one", "off"].map { run in
            try #require(
                Self.events(workspace, run).first { $0["event"]?.string == "step" }?["loss"]?.double)
        }
        // Of the first step, before roundings grow: sums in another order.
        #expect(abs(losses[0] / losses[1] - 1) < 1e-5, "\(losses)")
        #expect(
            try Data(contentsOf: workspace.file("off/adapter-last/adapter_model.safetensors")) != bytes[0])
    }

    /// What is recorded is what the plan says; nothing where rows are read one by one.
    @Test func itsShareIsToldAndRecorded() throws {
        let workspace = try Self.workspace()
        for (name, options) in [
            ("on", []), ("off", ["--shared-prefix", "off"]), ("dropped", ["--adapter-dropout", "0.1"]),
        ] {
            let result = try workspace.run(LanguageModelTests.training(name, steps: 4, options))
            try #require(result.status == 0, "\(result.errors)")
            #expect(result.errors.contains(Self.note) == (name == "on"), "\(name): \(result.errors)")
            #expect(result.errors.contains(Self.noteOnDropout) == (name == "dropped"), "\(result.errors)")
            let start = try #require(Self.events(workspace, name).first)
            let arguments = LanguageModelTests.training("planned", steps: 4, options)
            let planned = try workspace.run(["plan"] + arguments.dropFirst() + ["--json"])
            try #require(planned.status == 0, "\(planned.errors)")
            let share = start["sharedPrefix"]?.double
            #expect(try JSONValue.parse(planned.output)["sharedPrefix"]?.double == share)
            #expect(name == "on" ? try #require(share) > 0.2 : share == nil)
            // Tokens are those of the rows.
            let step = try #require(try Self.events(workspace, name).first { $0["event"]?.string == "step" })
            #expect(try #require(step["tokens"]?.int) > 8 * 40)
        }
    }

    /// Before any run
    @Test func dataCheckTellsTheShare() throws {
        let workspace = try Self.workspace()
        try workspace.write(
            (0..<40).map { "{\"text\": \"\($0) is a number, and \($0 * 7) another\"}\n" }.joined(),
            to: "different.jsonl")
        func check(_ file: String) throws -> (text: String, share: Double?) {
            let arguments = [
                "data", "check", file, "--task", "causal-lm", "--model", "llama", "--max-length", "60",
            ]
            let told = try workspace.run(arguments)
            let json = try JSONValue.parse(try workspace.run(arguments + ["--json"]).output)
            return (told.output, json["files"]?.array?.first?["commonBeginnings"]?.double)
        }
        let alike = try check("texts.jsonl")
        #expect(try #require(alike.share) > 0.2, "\(alike.text)")
        #expect(alike.text.contains("train: ") && alike.text.contains(Self.note), "\(alike.text)")
        let different = try check("different.jsonl")
        #expect(different.share == nil && !different.text.contains(Self.note), "\(different.text)")
    }
}
