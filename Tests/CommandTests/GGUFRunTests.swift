import Foundation
import GoldenFiles
import ModelFiles
import Testing

/// Runs on a GGUF, and what becomes of its adapters on the Hugging Face folder of the same model.
@Suite struct GGUFRunTests {
    private static func workspace() throws -> Workspace {
        let workspace = try Workspace()
        try FileManager.default.copyItem(at: Golden.url("llama/model"), to: workspace.file("llama"))
        try LlamaTwin.write(to: workspace.file("twin.gguf"))
        func rows(_ range: Range<Int>) -> String {
            range.map { "{\"text\": \"the cat \($0) sat on the mat and saw \($0 % 7) dogs\"}\n" }.joined()
        }
        try workspace.write(rows(0..<60), to: "texts.jsonl")
        try workspace.write(rows(60..<80), to: "held.jsonl")
        return workspace
    }

    private static func training(
        _ model: String, _ output: String, steps: String = "30", _ more: [String] = []
    ) -> [String] {
        [
            "train", "--model", model, "--task", "causal-lm", "--train", "texts.jsonl", "--validation",
            "held.jsonl", "--budget", "21", "--learning-rate", "0.01", "--max-length", "60",
            "--batch-size", "8", "--output", output, "--steps", steps,
        ] + more
    }

    private static func loss(_ workspace: Workspace, _ folder: String) throws -> Double {
        let result = try workspace.run(["evaluate", folder, "--data", "held.jsonl", "--json"])
        try #require(result.status == 0, "\(result.errors)")
        return try #require(try JSONValue.parse(result.output)["loss"]?.double)
    }

    /// An adapter goes from the file to the folder and back, by PEFT's files and by llama.cpp's, and computes the same.
    @Test func adaptersFitBothFormsOfAModel() throws {
        let workspace = try Self.workspace()
        for (model, other) in [("twin.gguf", "llama"), ("llama", "twin.gguf")] {
            let run = "run-\(other)"
            let trained = try workspace.run(Self.training(model, run))
            try #require(trained.status == 0, "\(trained.errors)")
            let loss = try Self.loss(workspace, run)
            for form in ["lora", "peft-adalora", "gguf-lora"] {
                let exported = "\(form)-\(other)"
                for arguments in [
                    ["export", run, "--to", form, "--output", exported],
                    [
                        "import", exported, "--model", other, "--max-length", "60", "--output",
                        "taken-\(exported)",
                    ] + (form == "gguf-lora" ? [] : ["--any-base-name"]),
                ] {
                    let result = try workspace.run(arguments)
                    try #require(result.status == 0, "\(arguments): \(result.errors)")
                }
                let again = try Self.loss(workspace, "taken-\(exported)")
                // Float32 sums of heads in another order.
                #expect(abs(again / loss - 1) < 1e-5, "\(model), \(form): \(again), \(loss)")
            }
        }
    }

    /// The adapter in the weights of its base, of a file or a folder, is the model that was trained; what it did not change is
    /// there byte for byte.
    @Test func adaptersGoIntoWholeModels() throws {
        let workspace = try Self.workspace()
        for model in ["twin.gguf", "llama"] {
            let (run, whole) = ("run-of-\(model)", "whole-of-\(model).gguf")
            let trained = try workspace.run(Self.training(model, run, ["--targets", "query,down"]))
            try #require(trained.status == 0, "\(trained.errors)")
            let loss = try Self.loss(workspace, run)
            let exported = try workspace.run([
                "export", run, "--to", "gguf", "--text", "held.jsonl", "--output", whole,
            ])
            try #require(exported.status == 0, "\(exported.errors)")
            #expect(exported.output.contains("written as F32, exactly"), "\(exported.output)")
            let told = try #require(exported.output.firstMatch(of: /\(loss ([0-9.]+), ([0-9.]+)\)/))
            // Four figures are shown; nothing was rounded.
            #expect(abs(try #require(Double(told.1)) - loss) < 1e-4 && told.1 == told.2)
            #expect(
                try String(contentsOf: workspace.file("whole-of-\(model).Modelfile"), encoding: .utf8)
                    == "FROM ./\(whole)\n")
            if model == "twin.gguf" {
                try Self.expectRest(of: "twin.gguf", in: whole, but: ["attn_q.", "ffn_down."], workspace)
            }
            let twice = try workspace.run(["export", run, "--to", "gguf", "--output", whole])
            #expect(twice.status == 64 && twice.errors.contains("already exists"))
        }
        let rounded = try workspace.run([
            "export", "run-of-llama", "--to", "gguf", "--merged-type", "f16", "--output", "half.gguf",
        ])
        #expect(
            rounded.status == 0 && rounded.output.contains("written as F16, off by 0.000"),
            "\(rounded.output)")
    }

    private static func expectRest(
        of base: String, in whole: String, but changed: [String], _ workspace: Workspace
    ) throws {
        let (old, new) = (try GGUFFile(workspace.file(base)), try GGUFFile(workspace.file(whole)))
        #expect(old.names == new.names)
        for key in old.metadata.keys {
            #expect(try old.metadata.value(key) == new.metadata.value(key), "\(key)")
        }
        var others = 0
        for name in old.names {
            let (before, after) = (try #require(old.tensor(name)), try #require(new.tensor(name)))
            let isSame = before.isSame(as: after)
            if changed.contains(where: { name.contains($0) }) {
                others += isSame ? 0 : 1
            } else {
                #expect(isSame, "\(name)")
            }
        }
        // A matrix of rank 0 stays as it was; how many there are is the run's affair.
        #expect(others > 1)
    }

    /// A folder without an adapter is written as it is.
    @Test func aFolderBecomesAFile() throws {
        let workspace = try Self.workspace()
        let exported = try workspace.run(["export", "llama", "--to", "gguf", "--output", "llama.gguf"])
        try #require(exported.status == 0, "\(exported.errors)")
        let (made, twin) = (
            try GGUFFile(workspace.file("llama.gguf")), try GGUFFile(workspace.file("twin.gguf"))
        )
        #expect(made.names == twin.names)
        for name in twin.names {
            #expect(
                made.tensor(name)?.bytes.elementsEqual(
                    twin.tensor(name)?.bytes ?? .init(start: nil, count: 0)) == true, "\(name)")
        }
        for key in twin.metadata.keys where key != "tokenizer.ggml.pre" {
            #expect(try made.metadata.value(key) == twin.metadata.value(key), "\(key)")
        }
    }

    @Test func whatIsNoWholeModelIsRefused() throws {
        let workspace = try Self.workspace()
        try workspace.write(
            "{\"text\": \"a\", \"label\": \"x\"}\n{\"text\": \"b\", \"label\": \"y\"}\n", to: "labelled.jsonl"
        )
        let trained = try workspace.run([
            "train", "--model", "llama", "--train", "labelled.jsonl", "--budget", "21", "--max-length", "60",
            "--steps", "2", "--output", "classifier",
        ])
        try #require(trained.status == 0, "\(trained.errors)")
        for (arguments, status, problem) in [
            (["classifier"], 64, "the model has a head of its own (score)"),
            (["twin.gguf"], 64, "twin.gguf is a GGUF already"),
            (["nowhere"], 66, "nowhere: there is no such folder"),
            (["llama", "--merged-type", "q9"], 64, "--merged-type must be own or one of"),
            (["llama", "--text", "absent.txt"], 66, "absent.txt"),
        ] {
            let result = try workspace.run(["export"] + arguments + ["--to", "gguf", "--output", "x.gguf"])
            #expect(result.status == status && result.errors.contains(problem), "\(result.errors)")
            #expect(!workspace.exists("x.gguf") && !workspace.exists("x.Modelfile"))
        }
        let elsewhere = try workspace.run([
            "export", "classifier", "--to", "lora", "--text", "x", "--output", "y",
        ])
        #expect(elsewhere.status == 64 && elsewhere.errors.contains("go with --to gguf only"))
    }

    /// What needs the weights of the folder says so before it begins.
    @Test func whatNeedsTheFolderIsRefused() throws {
        let workspace = try Self.workspace()
        let trained = try workspace.run(Self.training("twin.gguf", "run", steps: "4"))
        try #require(trained.status == 0, "\(trained.errors)")
        for (arguments, problem) in [
            (
                ["export", "run", "--to", "merged", "--output", "merged"],
                "twin.gguf is a GGUF, and writing a whole model takes the model's Hugging Face folder"
            ),
            (
                Self.training("twin.gguf", "full", ["--method", "full"]),
                "twin.gguf is a GGUF, and --method full takes the model's Hugging Face folder"
            ),
            (
                ["extract", "--base", "twin.gguf", "--tuned", "llama", "--budget", "21", "--output", "x"],
                "the rows of queries and keys in different orders"
            ),
        ] {
            let result = try workspace.run(arguments)
            #expect(result.status != 0 && result.errorLines.count == 1, "\(result.errors)")
            #expect(result.errors.contains(problem), "\(result.errors)")
        }
        #expect(!workspace.exists("merged") && !workspace.exists("full") && !workspace.exists("x"))
    }
}
