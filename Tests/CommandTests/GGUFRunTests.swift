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
