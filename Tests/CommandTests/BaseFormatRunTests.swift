import Foundation
import ModelFiles
import Testing

/// Runs over a base that is kept in another format than its files'.
@Suite(.serialized) struct BaseFormatRunTests {
    private static let options = ["--base-format", "q8_0", "--budget", "12", "--evaluate-every", "10"]

    @Test func trainedEvaluatedResumedAndContinued() throws {
        let workspace = try Workspace()
        let result = try workspace.run(Workspace.training(Self.options))
        try #require(result.status == 0, "\(result.errors)")
        #expect(
            result.errors.contains("base kept as q8_0: ") && result.errors.contains("relative error 0.00"))
        #expect(try workspace.text("run/config.yaml").contains("\nbase-format: q8_0\n"))

        // The adapter knows its base: an evaluation is that of the run.
        let best = try #require(try workspace.events("run", "evaluation").last { $0["isBest"]?.bool == true })
        let evaluation = try workspace.run(["evaluate", "run", "--data", "validation.jsonl", "--json"])
        try #require(evaluation.status == 0, "\(evaluation.errors)")
        #expect(try JSONValue.parse(evaluation.output)["loss"] == best["loss"])

        let whole = try workspace.bytes("run/adapter/adapter_model.safetensors")
        let cut = try workspace.run(
            Workspace.training(output: "cut", Self.options + ["--checkpoint-every", "15"]))
        try #require(cut.status == 0)
        let again = try workspace.run(["train", "--resume", "cut/checkpoints/step-15"])
        #expect(again.status == 0, "\(again.errors)")
        #expect(try workspace.bytes("cut/adapter/adapter_model.safetensors") == whole)

        let other = try workspace.run(
            Workspace.training(output: "other", ["--budget", "12", "--from-adapter", "run"]))
        #expect(other.status != 0)
        #expect(
            other.errors.contains(
                "was trained on a base kept as q8_0, which is kept as its files have it now; "))
        #expect(other.errors.contains("give --base-format q8_0"))
    }

    @Test func fullFineTuningTrainsTheFilesOwnWeights() throws {
        let workspace = try Workspace()
        let result = try workspace.run(
            Workspace.training(steps: 2, ["--method", "full", "--base-format", "q8_0"]))
        #expect(result.status == 0 && result.errors.contains("base-format"), "\(result.errors)")
        #expect(!result.errors.contains("base kept as"))
    }
}
