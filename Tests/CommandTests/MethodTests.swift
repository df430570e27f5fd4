import Foundation
import ModelFiles
import Testing

/// LoRA with a pattern of ranks, full fine-tuning, and adapters cut after training.
@Suite struct MethodTests {
    private func evaluation(_ workspace: Workspace, _ adapter: String) throws -> JSONValue {
        let result = try workspace.run(["evaluate", adapter, "--data", "validation.jsonl", "--json"])
        try #require(result.status == 0, "\(result.errors)")
        return try JSONValue.parse(Data(result.output.utf8))
    }

    /// LoRA from the start with the ranks AdaLoRA ended with, from its run folder or from a JSON file.
    @Test func loRATakesTheRanksOfARun() throws {
        let workspace = try Workspace()
        try #require(try workspace.run(Workspace.training(output: "first", ["--budget", "12"])).status == 0)
        let ranks = try #require(
            try workspace.events("first", "end").last?["ranks"]?.array?.compactMap(\.int))
        try #require(ranks.contains(0) && ranks.contains { $0 > 1 })
        let pattern = ["--method", "lora", "--rank-pattern", "first"]
        let result = try workspace.run(Workspace.training(output: "second", pattern))
        try #require(result.status == 0, "\(result.errors)")
        #expect(try workspace.events("second", "end").last?["ranks"]?.array?.compactMap(\.int) == ranks)
        _ = try evaluation(workspace, "second")

        let names = ["query", "key", "value", "attention-output", "intermediate", "output"]
        let sites = (0..<2).flatMap { layer in names.map { "layer.\(layer).\($0)" } }
        let json = zip(sites, ranks).map { "\"\($0)\": \($1)" }.joined(separator: ", ")
        try workspace.write("{\(json)}", to: "pattern.json")
        let third = ["--method", "lora", "--rank-pattern", "pattern.json"]
        try #require(try workspace.run(Workspace.training(output: "third", third)).status == 0)
        let weights = "adapter-last/adapter_model.safetensors"
        #expect(try workspace.bytes("second/\(weights)") == workspace.bytes("third/\(weights)"))

        // What a killed run left of a table does not count, nor does a rank cut off within its digits.
        let whole = try workspace.text("first/ranks.csv")
        for torn in ["999,layer.0.query,0,query,9\n", "999,layer.0.query,0,query,9\n999,layer.0.key,0,key,1"]
        {
            try workspace.write(whole + torn, to: "first/ranks.csv")
            let options = ["--steps", "1"] + pattern
            let fourth = try workspace.run(Workspace.training(output: "fourth", options))
            try #require(fourth.status == 0, "\(fourth.errors)")
            #expect(try workspace.events("fourth", "end").last?["ranks"]?.array?.compactMap(\.int) == ranks)
            try FileManager.default.removeItem(at: workspace.file("fourth"))
        }
    }

    @Test(arguments: [
        ("{\"layer.0.query\": 2}", "this matrix has no rank"), ("[2]", "not a JSON object"),
        ("{\"layer.0.query\": -1}", "not a whole number"),
        ("{\"layer.0.query\": \"2\"}", "not a whole number"),
    ])
    func wrongPatternsAreNamed(json: String, problem: String) throws {
        let workspace = try Workspace()
        try workspace.write(json, to: "pattern.json")
        let options = ["--method", "lora", "--rank-pattern", "pattern.json"]
        let result = try workspace.run(Workspace.training(options))
        #expect(result.status == 65 && result.errorLines.count == 1)
        #expect(result.errors.contains(problem), "\(result.errors)")
        #expect(!workspace.exists("run"))
    }

    /// Every weight trains; the result is a model folder of its own, and resuming gives the same bytes.
    @Test func fullFineTuning() throws {
        let workspace = try Workspace()
        let options = ["--method", "full", "--learning-rate", "1e-3", "--checkpoint-every", "10"]
        let result = try workspace.run(Workspace.training(options))
        try #require(result.status == 0, "\(result.errors)")
        for name in ["config.json", "model.safetensors", "vocab.txt", "adalora.json"] {
            #expect(workspace.exists("run/model/\(name)"), "\(name)")
        }
        #expect(!workspace.exists("run/adapter"))
        let base = try TensorStore(file: workspace.file("model/model.safetensors"))
        let trained = try TensorStore(file: workspace.file("run/model-last/model.safetensors"))
        func values(_ store: TensorStore, _ name: String) throws -> [Float] {
            let count = try #require(store.info(name)).elementCount
            var values = [Float](repeating: 0, count: count)
            try values.withUnsafeMutableBufferPointer { try store.copyFloat32(name, into: $0) }
            return values
        }
        let tail = "encoder.layer.0.attention.self.query.weight"
        let name = try #require(base.tensors.map(\.name).first { $0.hasSuffix(tail) })
        #expect(try values(base, name) != values(trained, "bert." + tail))
        let loss = try #require(try workspace.events("run", "evaluation").last?["loss"]?.double)
        let result2 = try workspace.run(["evaluate", "run", "--last", "--data", "validation.jsonl", "--json"])
        let again = try #require(try JSONValue.parse(Data(result2.output.utf8))["loss"]?.double)
        #expect(abs(loss - again) < 1e-6)
        let weights = try workspace.bytes("run/model-last/model.safetensors")
        try FileManager.default.removeItem(at: workspace.file("run/checkpoints/step-30"))
        #expect(try workspace.run(["train", "--resume", "run"]).status == 0)
        #expect(try workspace.bytes("run/model-last/model.safetensors") == weights)
    }

    /// Cutting nothing changes no prediction; cutting to a budget keeps it, also in parameters.
    @Test func shrinking() throws {
        let workspace = try Workspace()
        let options = ["--method", "lora", "--average-rank", "3", "--learning-rate", "0.01"]
        try #require(try workspace.run(Workspace.training(options)).status == 0)
        let before = try #require(try evaluation(workspace, "run")["loss"]?.double)
        for (budget, output) in [("36", "same"), ("7", "cut")] {
            let result = try workspace.run(["shrink", "run", "--budget", budget, "--output", output])
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output.contains("kept \(budget) of 36 triplets"))
        }
        let same = try #require(try evaluation(workspace, "same")["loss"]?.double)
        #expect(abs(same - before) < 1e-5 * before)
        #expect(try evaluation(workspace, "cut")["loss"]?.double != before)
        #expect(try workspace.run(["shrink", "run", "--budget", "7", "--output", "cut"]).status == 64)
        #expect(try workspace.run(["shrink", "run", "--output", "other"]).status == 64)
        let tight = try workspace.run(["shrink", "run", "--budget-parameters", "63", "--output", "none"])
        #expect(tight.status == 64 && tight.errors.contains("keeps nothing"))
        #expect(!workspace.exists("none"))
    }
}
