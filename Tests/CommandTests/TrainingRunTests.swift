import Foundation
import ModelFiles
import Testing

/// One whole run, and everything that reads its folder.
@Suite struct TrainingRunTests {
    private let workspace: Workspace

    init() throws {
        workspace = try Workspace()
        let arguments = Workspace.training(["--budget", "12", "--learning-rate", "0.01"])
        let result = try workspace.run(arguments)
        try #require(result.status == 0, "\(result.errors)")
        try #require(result.errorLines.isEmpty)
    }

    @Test func writesTheRunFolder() throws {
        let files = try workspace.contents(of: "run")
        let expected = [
            "adapter", "adapter-last", "adapter-last/adalora.json", "adapter-last/adapter_config.json",
            "adapter-last/adapter_model.safetensors", "adapter-last/manifest.json", "adapter/adalora.json",
            "adapter/adapter_config.json", "adapter/adapter_model.safetensors", "adapter/manifest.json",
            "checkpoints", "checkpoints/step-30", "checkpoints/step-30/manifest.json",
            "checkpoints/step-30/state.json", "checkpoints/step-30/state.safetensors", "classes.json",
            "config.yaml",
            "events.jsonl", "ranks.csv", "triplets.jsonl",
        ]
        #expect(files == expected)
        let config = try JSONValue.read(workspace.file("run/adapter-last/adapter_config.json"))
        #expect(config["peft_type"]?.string == "ADALORA")
        let store = try TensorStore(file: workspace.file("run/adapter-last/adapter_model.safetensors"))
        #expect(!store.tensors.isEmpty)
        #expect(try workspace.text("run/config.yaml").contains("budget: 12\n"))
    }

    @Test func eachAllocationSpendsItsBudgetExactly() throws {
        let start = try #require(try workspace.events("run", "start").first)
        #expect(start["sites"]?.array?.count == 12)
        #expect(start["initialBudget"]?.int == 96)  // 12 matrices of rank 8
        let allocations = try workspace.events("run", "allocation")
        // Steps 4 to 18: after the warm-up of 3 steps, before the 12 steps of fixed ranks.
        #expect(allocations.compactMap { $0["step"]?.int } == Array(4...18))
        for allocation in allocations {
            let ranks = try #require(allocation["ranks"]?.array).compactMap(\.int)
            #expect(ranks.count == 12)
            #expect(ranks.reduce(0, +) == allocation["budget"]?.int)
        }
        #expect(allocations.last?["budget"]?.int == 12)
        for step in try workspace.events("run", "step") { #expect(step["rank"]?.int == step["budget"]?.int) }
        let end = try #require(try workspace.events("run", "end").last)
        #expect(end["reason"]?.string == "completed")
        #expect(end["ranks"]?.array?.compactMap(\.int).reduce(0, +) == 12)
    }

    @Test func rankFileAgreesWithTheEvents() throws {
        let totals = try workspace.rankTotals("run")
        #expect(totals.first?.step == 0)
        #expect(totals.first?.total == 96)
        #expect(totals.last?.step == 30)
        #expect(totals.last?.total == 12)
        let allocations = try workspace.events("run", "allocation")
        #expect(totals.dropFirst().dropLast().map(\.step) == allocations.compactMap { $0["step"]?.int })
        #expect(totals.dropFirst().dropLast().map(\.total) == allocations.compactMap { $0["budget"]?.int })
    }

    @Test func ranksAreShownInEveryFormat() throws {
        for format in ["table", "csv", "json"] {
            for more in [[], ["--at", "5"], ["--history"]] {
                let result = try workspace.run(["ranks", "run", "--format", format] + more)
                #expect(result.status == 0, "\(format) \(more): \(result.errors)")
                #expect(result.errorLines.isEmpty)
                #expect(!result.output.isEmpty)
            }
        }
        let csv = try workspace.run(["ranks", "run", "--format", "csv"]).output.split(separator: "\n")
        #expect(csv.count == 13)
        let total = csv.dropFirst().compactMap { $0.split(separator: ",").last.flatMap { Int($0) } }.reduce(
            0, +)
        #expect(total == 12)
        let json = try JSONValue.parse(workspace.run(["ranks", "run", "--format", "json"]).output)
        #expect(json["kept"]?.int == 12)
        #expect(json["sites"]?.array?.compactMap { $0["rank"]?.int }.reduce(0, +) == 12)
        let early = try JSONValue.parse(
            workspace.run(["ranks", "run", "--format", "json", "--at", "2"]).output)
        #expect(early["kept"]?.int == 96)
    }

    @Test func ranksOutsideTheRunAreAnError() throws {
        let result = try workspace.run(["ranks", "run", "--at", "99"])
        #expect(result.status == 65)
        #expect(result.errorLines.count == 1)
        #expect(try workspace.run(["ranks", "run", "--at", "5", "--history"]).status == 64)
    }

    /// Loss and metrics come from the same code on the same weights, written as F32 and read back exactly.
    @Test func evaluateRepeatsTheBestEvaluation() throws {
        let evaluations = try workspace.events("run", "evaluation")
        let best = try #require(evaluations.last { $0["isBest"]?.bool == true })
        let result = try workspace.run(["evaluate", "run", "--data", "validation.jsonl", "--json"])
        try #require(result.status == 0, "\(result.errors)")
        let json = try JSONValue.parse(result.output)
        #expect(json["metrics"] == best["metrics"])
        #expect(json["loss"] == best["loss"])
        #expect(json["step"] == best["step"])
        #expect(json["examples"]?.int == 30)

        let last = try workspace.run(["evaluate", "run", "--data", "validation.jsonl", "--json", "--last"])
        let lastJSON = try JSONValue.parse(last.output)
        #expect(lastJSON["loss"] == evaluations.last?["loss"])
        #expect(lastJSON["step"]?.int == 30)
    }

    @Test func evaluateShowsTables() throws {
        let result = try workspace.run(["evaluate", "run", "--data", "validation.jsonl", "--all-classes"])
        #expect(result.status == 0)
        #expect(result.output.contains("accuracy"))
        for label in Workspace.labels { #expect(result.output.contains(label)) }
    }

    @Test func predictGivesOneLineForEachRow() throws {
        let fromFile = try workspace.run(["predict", "run", "--data", "validation.jsonl"])
        try #require(fromFile.status == 0, "\(fromFile.errors)")
        let lines = fromFile.output.split(separator: "\n")
        #expect(lines.count == 30)
        for line in lines {
            let json = try JSONValue.parse(String(line))
            let members = try #require(json["probabilities"]?.object).members
            #expect(members.map(\.key).sorted() == Workspace.labels)
            let values = members.compactMap { $0.value.double }
            // The probabilities are Float32 or better: a sum of three is within a few units of 6e-8.
            #expect(abs(values.reduce(0, +) - 1) < 1e-6)
            #expect(json["probability"]?.double == values.max())
            #expect(json["label"]?.string == members.first?.key)
        }
        let input = try workspace.text("validation.jsonl")
        #expect(try workspace.run(["predict", "run"], input: input).output == fromFile.output)
        let top = try workspace.run(["predict", "run", "--top", "1"], input: "{\"text\": \"the film\"}\n")
        #expect(try JSONValue.parse(top.output)["probabilities"]?.object?.count == 1)
    }

    @Test func predictionsAndAccuracyAgree() throws {
        let truth = try workspace.text("validation.jsonl").split(separator: "\n").map {
            try JSONValue.parse(String($0))["label"]
        }
        let predicted = try workspace.run(["predict", "run", "--data", "validation.jsonl"]).output
            .split(separator: "\n").map { try JSONValue.parse(String($0))["label"] }
        let right = zip(truth, predicted).filter { $0 == $1 }.count
        let json = try workspace.run(["evaluate", "run", "--data", "validation.jsonl", "--json"]).output
        #expect(try JSONValue.parse(json)["metrics"]?["accuracy"]?.double == Double(right) / 30)
    }

    @Test func badInputAfterTrainingIsAnError() throws {
        try workspace.write("{\"text\": \"the film\", \"label\": \"unheard\"}\n", to: "unknown.jsonl")
        let unknown = try workspace.run(["evaluate", "run", "--data", "unknown.jsonl"])
        #expect(unknown.status == 65)
        #expect(unknown.errorLines.count == 1)
        #expect(unknown.errors.contains("unheard"))
        let broken = try workspace.run(["predict", "run"], input: "{\"text\": \"a\"}\n{\"text\": \n")
        #expect(broken.status == 65)
        #expect(broken.errors.contains("standard input:2:"))
        #expect(broken.output.split(separator: "\n").count == 1, "the row before it is answered")
        #expect(try workspace.run(["predict", "run", "--data", "missing.jsonl"]).status == 66)
        #expect(try workspace.run(["evaluate", "missing", "--data", "validation.jsonl"]).status == 66)
        #expect(try workspace.run(["ranks", "missing"]).status == 66)
        #expect(try workspace.run(["ranks", "model"]).status == 66)
    }

    /// An adapter on weights it was not trained on would give plausible nonsense.
    @Test func anotherBaseModelIsRefused() throws {
        try workspace.editWeights { info, bytes in
            var bytes = bytes
            if info.name.hasSuffix("embeddings.word_embeddings.weight") { bytes[0] ^= 1 }
            return TensorToWrite(
                name: info.name, elementType: info.elementType, shape: info.shape, bytes: bytes)
        }
        let result = try workspace.run(["evaluate", "run", "--data", "validation.jsonl"])
        #expect(result.status == 65)
        #expect(result.errorLines.count == 1)
    }
}
