import Foundation
import ModelFiles
import Testing

/// `adalora merge-adapters`; PEFT merges the same in scripts/interop.sh.
@Suite struct MergeAdaptersTests {
    /// Runs `first` and `second`, of AdaLoRA and LoRA.
    private func trained() throws -> Workspace {
        let workspace = try Workspace()
        for (name, options) in [
            ("first", ["--budget", "20"]),
            ("second", ["--method", "lora", "--average-rank", "1", "--seed", "7"]),
        ] {
            let result = try workspace.run(
                Workspace.training(output: name, options + ["--learning-rate", "1e-2"]))
            try #require(result.status == 0, "\(result.errors)")
        }
        return workspace
    }

    private func answers(_ workspace: Workspace, _ folder: String) throws -> [Double] {
        let result = try workspace.run(["predict", folder, "--data", "test.jsonl"])
        try #require(result.status == 0, "\(result.errors)")
        return try result.output.split(separator: "\n").map {
            try #require(JSONValue.parse(String($0))["probabilities"]?["positive"]?.double)
        }
    }

    private func distance(_ a: [Double], _ b: [Double]) -> Double {
        zip(a, b).map { abs($0 - $1) }.max() ?? 1
    }

    @Test(arguments: ["sum", "ties", "dare"]) func aMergerOfOneIsThatOne(method: String) throws {
        let workspace = try trained()
        // With all of the first and none of the second; ties halves by the votes of both, so that both are the first.
        let folders = method == "ties" ? ["first", "first"] : ["first", "second"]
        let weights = method == "ties" ? "1,1" : "1,0"
        let result = try workspace.run(
            ["merge-adapters"] + folders + ["--weights", weights, "--method", method, "--model", "model"]
                + (method == "sum" ? [] : ["--density", "1"]) + ["--energy", "1", "--output", "merged"])
        try #require(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("weighted mean of the heads"))
        #expect(result.output.contains("100.00 % of the energy"))
        #expect(distance(try answers(workspace, "merged"), try answers(workspace, "first")) < 1e-5)
    }

    @Test func theBudgetIsGlobalAndTheHeadIsChosen() throws {
        let workspace = try trained()
        let start = ["merge-adapters", "first", "second/adapter", "--model", "model", "--budget", "7"]
        let result = try workspace.run(start + ["--head", "second/adapter", "--output", "merged"])
        try #require(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("kept 7 triplets") && result.output.contains("head: the head of"))
        let head = "base_model.model.classifier.weight"
        func bytes(_ folder: String) throws -> [UInt8] {
            try TensorStore(file: workspace.file("\(folder)/adapter_model.safetensors")).bytes(head)
        }
        #expect(try bytes("merged") == bytes("second/adapter"))
        let mean = try workspace.run(start + ["--output", "mean"])
        try #require(mean.status == 0, "\(mean.errors)")
        #expect(try bytes("mean") != bytes("second/adapter"))
    }

    @Test func headsOfOtherLabels() throws {
        let workspace = try trained()
        try workspace.run(["export", "second", "--to", "peft-adalora", "--output", "peft"])
        try FileManager.default.removeItem(at: workspace.file("peft/adalora.json"))
        let start = [
            "merge-adapters", "first", "peft", "--model", "model", "--budget", "7", "--output", "merged",
        ]
        let refused = try workspace.run(start)
        #expect(refused.status == 64 && refused.errorLines.count == 1 && !workspace.exists("merged"))
        for word in ["labels: negative, neutral, positive and LABEL_0", "--head FOLDER"] {
            #expect(refused.errors.contains(word), "\(refused.errors)")
        }
        let taken = try workspace.run(start + ["--head", "first"])
        #expect(taken.status == 0, "\(taken.errors)")
        let cancelled = try workspace.run(
            ["merge-adapters", "first", "second", "--weights", "1,-1", "--model", "model", "--budget", "7"]
                + ["--output", "none"])
        #expect(cancelled.status == 64 && cancelled.errors.contains("no mean"), "\(cancelled.errors)")
    }

    @Test(arguments: [
        (["first"], "two adapters"), (["first", "second", "--weights", "1"], "give 2 numbers"),
        (["first", "second", "--weights", "1,x"], "give 2 numbers"),
        (["first", "second", "--density", "0.5"], "--density goes with"),
        (["first", "second", "--method", "ties", "--density", "0"], "above 0"),
        (["first", "second", "--head", "third"], "none of the adapters"),
        (["first", "second", "--average-rank", "2"], "give one of"),
        (["first", "second", "--method", "slerp"], "slerp"),
    ])
    func usage(arguments: [String], message: String) throws {
        let result = try Workspace().run(
            ["merge-adapters", "--model", "model", "--budget", "3", "--output", "x"] + arguments)
        #expect(result.status == 64 && result.errors.contains(message), "\(result.errors)")
    }
}
