import Foundation
import ModelFiles
import Testing

/// `--method adadora` from training to what may and may not be made of it.
@Suite struct AdaDoRARunTests {

    /// By exact triplets, penalty, exchange, and ranks under 1 that leave matrices without any.
    @Test(arguments: [
        "--average-rank 0.5", "--average-rank 1 --orthogonality squared --importance magnitude",
        "--average-rank 1 --allocator exchange --allocate-every 5",
        "--budget-parameters 1500 --importance singular-value --adapter-dropout 0.1",
        "--average-rank 0.5 --adapter-optimizer balanced --initialize lora",
    ])
    func trainsResumesAndExports(settings: String) throws {
        let workspace = try Workspace()
        let options =
            [
                "--method", "adadora", "--learning-rate", "0.01", "--checkpoint-every", "10",
                "--keep-checkpoints", "3",
            ]
            + settings.split(separator: " ").map(String.init)
        for threads in ["1", "2"] {
            let trained = try workspace.run(
                Workspace.training(output: "run-\(threads)", options + ["--threads", threads]))
            try #require(trained.status == 0, "\(trained.errors)")
        }
        let before = try workspace.bytes("run-1/\(Workspace.lastWeights)")
        #expect(try workspace.bytes("run-2/\(Workspace.lastWeights)") == before, "threads change nothing")
        try workspace.resumesToTheSameBytes("run-1")
        // Also from before the ranks were final.
        try workspace.resumesToTheSameBytes("run-1", without: [20, 30])
        let store = try TensorStore(file: workspace.file("run-1/\(Workspace.lastWeights)"))
        #expect(store.tensors.count { $0.name.hasSuffix(".lora_magnitude_vector") } == 12)
        let config = try JSONValue.parse(try workspace.bytes("run-1/adapter-last/adapter_config.json"))
        #expect(config["use_dora"]?.bool == true && config["peft_type"]?.string == "LORA")
        let ranks = try #require(workspace.rankTotals("run-1").last?.total)
        #expect(ranks > 0 && ranks <= (1500 - 448) / 65)
        if settings.contains("0.5") { #expect(ranks == 6) }

        let expected = try workspace.loss("run-1")
        let merged = try workspace.run(["export", "run-1", "--to", "merged", "--output", "merged"])
        #expect(merged.status == 0, "\(merged.errors)")
        // Logits agree to 1e-4, which is what export checks.
        #expect(abs(try workspace.loss("merged") - expected) < 1e-3)
        for command in [
            ["ranks", "run-1"], ["spectrum", "run-1"], ["report", "run-1", "--output", "page.html"],
        ] {
            let result = try workspace.run(command)
            #expect(result.status == 0, "\(command): \(result.errors)")
        }
        for command in [
            ["export", "run-1", "--to", "lora", "--output", "no"],
            ["export", "run-1", "--to", "gguf-lora", "--output", "no"],
            ["export", "run-1", "--to", "peft-adalora", "--output", "no"],
            ["shrink", "run-1", "--budget", "3", "--output", "no"],
            Workspace.training(output: "no", ["--from-adapter", "run-1", "--budget", "30"]),
        ] {
            let refused = try workspace.run(command)
            #expect(refused.status == 64 && refused.errorLines.count == 1, "\(command): \(refused.errors)")
            #expect(!workspace.exists("no"))
        }
    }

    /// From its own adapters, DoRA's and LoRA's; and DoRA from it, with magnitudes that have no triplets.
    @Test(arguments: [("adadora", "adadora"), ("dora", "adadora"), ("lora", "adadora"), ("adadora", "dora")])
    func goesOn(from first: String, with second: String) throws {
        let workspace = try Workspace()
        let rank = first == "adadora" ? "0.5" : "2"
        let options = ["--method", first, "--average-rank", rank, "--learning-rate", "0.01"]
        try #require(try workspace.run(Workspace.training(output: "first", options)).status == 0)
        let result = try workspace.run(
            Workspace.training(
                output: "second", steps: 10,
                ["--method", second, "--from-adapter", "first", "--scale", "2"]
                    + (second == "adadora" ? ["--average-rank", "1"] : [])))
        try #require(result.status == 0, "\(result.errors)")
        let start = try #require(try workspace.events("second", "evaluation").first?["loss"]?.double)
        #expect(abs(start - (try workspace.loss("first"))) < 1e-3)
    }

    /// A decoder, on weights as they are and on packed ones, and what its plan says.
    @Test(arguments: ["keep", "q8_0"]) func languageModels(base: String) throws {
        let workspace = try LanguageModelTests.workspace()
        let options = ["--method", "adadora", "--base-format", base]
        let trained = try workspace.run(LanguageModelTests.training("run", options))
        try #require(trained.status == 0, "\(trained.errors)")
        let losses = try workspace.events("run", "evaluation").compactMap { $0["loss"]?.double }
        #expect(try #require(losses.last) < 0.9 * (try #require(losses.first)), "\(losses)")
        #expect(abs(try workspace.loss("run", "held.jsonl") - (try #require(losses.last))) < 1e-4)
        let plan = try workspace.run(
            ["plan"] + LanguageModelTests.training("no", options).dropFirst() + ["--json"])
        try #require(plan.status == 0, "\(plan.errors)")
        let told = try JSONValue.parse(plan.output)["parameters"]?["trainable"]?.int
        let started = try workspace.events("run", "start").first?["trainableParameters"]?.int
        #expect(told != nil && told == started)
    }

    /// A budget in parameters pays for the magnitudes, which are 32 for five matrices of a layer and 64 for the sixth.
    @Test func budgetsPayForMagnitudes() throws {
        let workspace = try Workspace()
        let little = try workspace.run(
            Workspace.training(output: "no", ["--method", "adadora", "--budget-parameters", "448"]))
        #expect(
            little.status != 0
                && little.errors.contains("448 parameters does not pay for the 448 of the magnitudes"),
            "\(little.errors)")
        let trained = try workspace.run(
            Workspace.training(["--method", "adadora", "--budget-parameters", "1500"]))
        try #require(trained.status == 0, "\(trained.errors)")
        let end = try #require(try workspace.events("run", "compaction").first?["parametersAfter"]?.int)
        // The head has 32 · 3 + 3.
        #expect(end <= 1500 + 99 && end > 1500 + 99 - 97)
    }
}
