import Foundation
import ModelFiles
import Testing

/// Runs whose products with frozen weights are in bf16.
@Suite(.serialized) struct PrecisionRunTests {
    private static let options = ["--precision", "bf16", "--budget", "12", "--evaluate-every", "10"]

    @Test func trainedResumedAndOnAnyNumberOfThreads() throws {
        let workspace = try Workspace()
        let result = try workspace.run(Workspace.training(Self.options + ["--threads", "1"]))
        try #require(result.status == 0, "\(result.errors)")
        #expect(result.errors.contains("products with frozen weights take factors of bf16"))
        #expect(result.errors.contains(" kernels, bf16 products"))
        #expect(try workspace.text("run/config.yaml").contains("\nprecision: bf16\n"))
        #expect(try workspace.events("run", "start").first?["precision"]?.string == "bf16")
        let whole = try workspace.bytes("run/adapter/adapter_model.safetensors")

        let cut = try workspace.run(
            Workspace.training(
                output: "cut", Self.options + ["--threads", "2", "--checkpoint-every", "15"]))
        try #require(cut.status == 0)
        #expect(try workspace.bytes("cut/adapter/adapter_model.safetensors") == whole)
        let again = try workspace.run(["train", "--resume", "cut/checkpoints/step-15"])
        #expect(again.status == 0, "\(again.errors)")
        #expect(try workspace.bytes("cut/adapter/adapter_model.safetensors") == whole)

        let exported = try workspace.run(["export", "run", "--to", "lora", "--output", "exported"])
        try #require(exported.status == 0, "\(exported.errors)")
        #expect(
            try workspace.text("exported/README.md").contains(
                "Products with the base model's weights were computed in bf16."))

        // Another rounding, which a resumed run does not take up silently.
        let config = try workspace.text("cut/config.yaml")
        try workspace.write(
            config.replacingOccurrences(of: "precision: bf16", with: "precision: float32"),
            to: "cut/config.yaml")
        let other = try workspace.run(["train", "--resume", "cut/checkpoints/step-15"])
        #expect(other.status != 0 && other.errors.contains("precision"), "\(other.errors)")
    }

    /// What is trained in bf16 answers in Float32, nearly as the run did; a run that was told nothing is Float32.
    @Test func answersAreNearThoseOfFloat32() throws {
        let workspace = try Workspace()
        let short = try workspace.run(Workspace.training(Self.options))
        let plain = try workspace.run(
            Workspace.training(output: "plain", Array(Self.options.dropFirst(2))))
        try #require(short.status == 0 && plain.status == 0, "\(short.errors)\(plain.errors)")
        #expect(!plain.errors.contains("bf16"))
        #expect(try workspace.text("plain/config.yaml").contains("\nprecision: float32\n"))
        func best(_ run: String) throws -> Double {
            let event = try workspace.events(run, "evaluation").last { $0["isBest"]?.bool == true }
            return try #require(event?["loss"]?.double)
        }
        let evaluation = try workspace.run(["evaluate", "run", "--data", "validation.jsonl", "--json"])
        let loss = try #require(JSONValue.parse(evaluation.output)["loss"]?.double)
        let (ofRun, ofPlain) = (try best("run"), try best("plain"))
        // Factors are rounded by up to 2⁻⁸ each, either way, and sums of products average that out.
        #expect(abs(loss - ofRun) < 0.01 && loss != ofRun)
        // Answered in bf16, as it trained, it is the run's.
        let same = try workspace.run([
            "evaluate", "run", "--data", "validation.jsonl", "--json", "--precision", "bf16",
        ])
        #expect(try JSONValue.parse(same.output)["loss"]?.double == ofRun, "\(same.errors)")
        func probability(_ options: [String]) throws -> Double {
            let answers = try workspace.run(["predict", "run", "--data", "validation.jsonl"] + options)
            let line = try #require(answers.output.split(separator: "\n").first)
            let members = try #require(JSONValue.parse(String(line))["probabilities"]?.object?.members)
            return try #require(members.first?.value.double)
        }
        let (narrow, wide) = (try probability(["--precision", "bf16"]), try probability([]))
        #expect(narrow != wide && abs(narrow - wide) < 0.01)
        #expect(abs(ofPlain - ofRun) < 0.05)
        #expect(
            try workspace.bytes("plain/adapter/adapter_model.safetensors")
                != workspace.bytes("run/adapter/adapter_model.safetensors"))
    }

    @Test func fullFineTuningIsFloat32() throws {
        let workspace = try Workspace()
        let options = ["--method", "full"]
        let result = try workspace.run(
            Workspace.training(steps: 2, options + ["--precision", "bf16"]))
        #expect(result.status == 0 && result.errors.contains("precision"), "\(result.errors)")
        #expect(!result.errors.contains("factors of bf16"))
        let plain = try workspace.run(Workspace.training(output: "plain", steps: 2, options))
        try #require(plain.status == 0)
        #expect(
            try workspace.bytes("run/model/model.safetensors")
                == workspace.bytes("plain/model/model.safetensors"))
    }
}
