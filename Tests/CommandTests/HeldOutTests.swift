import Foundation
import ModelFiles
import Testing

/// Validation rows held out of the training file: in training, in evaluations, and as files.
@Suite(.serialized) struct HeldOutTests {
    private static let options = [
        "--validation-fraction", "0.2", "--seed", "1", "--budget", "12", "--evaluate-every", "10",
    ]

    @Test func trainedEvaluatedAndResumed() throws {
        let workspace = try Workspace()
        let result = try workspace.run(Workspace.training(validation: nil, Self.options))
        try #require(result.status == 0, "\(result.errors)")
        #expect(result.errors.contains("holding out 12 of 60 rows (stratified, seed 1) for validation\n"))
        #expect(!result.errors.contains("warning: holding"))
        let start = try #require(try workspace.events("run", "start").first)
        #expect(start["trainExamples"]?.int == 48 && start["validationExamples"]?.int == 12)
        #expect(start["hashes"]?["rows held out"]?.string?.count == 64)
        #expect(start["hashes"]?["validation"] == nil)
        #expect(try workspace.text("run/config.yaml").contains("\nvalidation-fraction: 0.2\n"))

        let best = try #require(try workspace.events("run", "evaluation").last { $0["isBest"]?.bool == true })
        let evaluation = try workspace.run(["evaluate", "run", "--validation-rows", "--json"])
        try #require(evaluation.status == 0, "\(evaluation.errors)")
        let json = try JSONValue.parse(evaluation.output)
        #expect(
            json["examples"]?.int == 12 && json["loss"] == best["loss"] && json["metrics"] == best["metrics"])
        #expect(json["data"]?.string == "train.jsonl (12 rows held out)")

        // The same bits where it was stopped on the way, and the same rows.
        let whole = try workspace.bytes("run/adapter/adapter_model.safetensors")
        let cut = try workspace.run(
            Workspace.training(output: "cut", validation: nil, Self.options + ["--checkpoint-every", "15"]))
        try #require(cut.status == 0)
        let again = try workspace.run(["train", "--resume", "cut/checkpoints/step-15"])
        #expect(again.status == 0 && again.errors.contains("holding out 12 of 60 rows"), "\(again.errors)")
        #expect(try workspace.bytes("cut/adapter/adapter_model.safetensors") == whole)
        #expect(try workspace.bytes("cut/classes.json") == workspace.bytes("run/classes.json"))

        let other = try workspace.run(
            ["train", "--resume", "cut/checkpoints/step-15", "--validation-fraction", "0.3"])
        #expect(other.status == 64 && other.errors.contains("validation-fraction: 0.2 in the run, 0.3 now"))
    }

    @Test func rowsThatChangedAreNoValidationRows() throws {
        let workspace = try Workspace()
        let result = try workspace.run(Workspace.training(steps: 4, validation: nil, Self.options))
        try #require(result.status == 0, "\(result.errors)")
        let rows = try workspace.text("train.jsonl")
        try workspace.write(rows + "{\"text\": \"one more\", \"label\": \"neutral\"}\n", to: "train.jsonl")
        let evaluation = try workspace.run(["evaluate", "run", "--validation-rows"])
        #expect(evaluation.status == 65)
        #expect(
            evaluation.errorLines == [
                "error: train.jsonl changed since the run, so its validation rows are others; restore it, or give labelled "
                    + "rows with --data"
            ])
    }

    @Test func validationRowsOfAFileAndOfNone() throws {
        let workspace = try Workspace()
        let result = try workspace.run(Workspace.training(steps: 4, ["--budget", "12"]))
        try #require(result.status == 0, "\(result.errors)")
        let own = try workspace.run(["evaluate", "run/adapter", "--validation-rows", "--json"])
        let given = try workspace.run(["evaluate", "run", "--data", "validation.jsonl", "--json"])
        #expect(own.status == 0 && own.output == given.output, "\(own.errors)")
        let none = try workspace.run(
            Workspace.training(output: "none", steps: 4, validation: nil, ["--budget", "12"]))
        try #require(none.status == 0)
        #expect(
            none.errors.contains(
                "quality unknown: there were no validation rows; --validation-fraction 0.1 holds some of the training rows "
                    + "out, or give --validation FILE\nkept: none/adapter, the last step\n"))
        #expect(none.errors.contains("next: adalora predict none --data FILE\n"))
        let refused = try workspace.run(["evaluate", "none", "--validation-rows"])
        #expect(
            refused.status == 64
                && refused.errors.contains("the run had no validation rows; give labelled rows"))
        for arguments in [
            [], ["--data", "test.jsonl", "--validation-rows"], ["--validation-rows", "--delimiter", "tab"],
        ] {
            #expect(try workspace.run(["evaluate", "run"] + arguments).status == 64, "\(arguments)")
        }
    }

    /// `data split` writes the very rows that training holds out.
    @Test func splitIntoFiles() throws {
        let workspace = try Workspace()
        let result = try workspace.run(
            [
                "data", "split", "train.jsonl", "--validation-fraction", "0.2", "--test-fraction", "0.1",
                "--seed",
                "1",
            ])
        try #require(result.status == 0, "\(result.errors)")
        #expect(
            result.output
                == "train-train.jsonl: 42 rows\ntrain-validation.jsonl: 12 rows\ntrain-test.jsonl: 6 rows\n")
        #expect(
            result.errors
                == "holding out 12 of 60 rows (stratified, seed 1) for validation and 6 of 60 rows (stratified, seed 1) for "
                + "testing\n")
        func lines(_ name: String) throws -> [Substring] { try workspace.text(name).split(separator: "\n") }
        let parts = try ["train", "validation", "test"].map { try lines("train-\($0).jsonl") }
        #expect(try parts.flatMap { $0 }.sorted() == lines("train.jsonl").sorted())
        let again = try workspace.run(["data", "split", "train.jsonl", "--validation-fraction", "0.2"])
        #expect(again.status == 64 && again.errors.contains("train-train.jsonl exists already"))

        let held = try workspace.run(Workspace.training(steps: 4, validation: nil, Self.options))
        try #require(held.status == 0, "\(held.errors)")
        let own = try workspace.run(["evaluate", "run", "--validation-rows", "--json"])
        let file = try workspace.run(["evaluate", "run", "--data", "train-validation.jsonl", "--json"])
        #expect(
            try JSONValue.parse(own.output).without(["data"])
                == JSONValue.parse(file.output).without(["data"]))
    }

    @Test func splitTablesKeepTheirHeaderAndBytes() throws {
        let workspace = try Workspace()
        let rows = (0..<20).map { "\"row \($0), quoted\",c\($0 % 2)\r\n" }
        try workspace.write("text,label\r\n" + rows.joined(), to: "rows.csv")
        let result = try workspace.run(
            ["data", "split", "rows.csv", "--validation-fraction", "0.25", "--output", "parts/new"])
        try #require(result.status == 0, "\(result.errors)")
        var found: [String] = []
        for name in ["train", "validation"] {
            let text = try workspace.text("parts/new/\(name).csv")
            #expect(text.hasPrefix("text,label\r\n"))
            found += rows.filter { text.contains($0) }
        }
        #expect(found.sorted() == rows.sorted())
        #expect(!workspace.exists("parts/new/test.csv"))
        for arguments in [
            ["--validation-fraction", "0"], ["--validation-fraction", "1"], ["--validation-fraction", "nan"],
            ["--validation-fraction", "0.5", "--test-fraction", "0.5"],
        ] {
            #expect(
                try workspace.run(["data", "split", "rows.csv"] + arguments).status == 64, "\(arguments)")
        }
    }
}
