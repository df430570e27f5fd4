import Foundation
import ModelFiles
import Testing

/// LoRA's settings from training to export: each resumes to the bit, does not depend on threads, and is plain LoRA in the end.
@Suite struct LoRAVariantRunTests {

    @Test(arguments: [
        "--rank-scaling stabilized", "--lora-plus-ratio 4", "--lora-start pissa", "--lora-start olora",
        "--lora-start activation-svd", "--freeze-a on", "--freeze-a on --lora-start activation-svd",
        "--lora-start pissa --freeze-a on --adapter-dropout 0.1 --rank-scaling stabilized",
        "--method dora --rank-scaling stabilized --lora-plus-ratio 4",
        "--adapter-optimizer balanced", "--adapter-optimizer balanced --lora-start pissa --lora-plus-ratio 2",
        "--method dora --adapter-optimizer balanced",
    ])
    func trainsResumesAndExports(settings: String) throws {
        let workspace = try Workspace()
        let more = settings.split(separator: " ").map(String.init)
        let options =
            (more.contains("dora") ? [] : ["--method", "lora"]) + [
                "--average-rank", "2", "--learning-rate", "0.01", "--checkpoint-every", "10",
            ] + more
        for threads in ["1", "2"] {
            try workspace.trained(
                Workspace.training(output: "run-\(threads)", options + ["--threads", threads]))
        }
        let before = try workspace.bytes("run-1/\(Workspace.lastWeights)")
        #expect(try workspace.bytes("run-2/\(Workspace.lastWeights)") == before, "threads change nothing")
        try workspace.resumesToTheSameBytes("run-1")

        let takesOff = settings.contains("pissa") || settings.contains("olora")
        let store = try TensorStore(file: workspace.file("run-1/\(Workspace.lastWeights)"))
        let factors = store.tensors.filter { $0.name.hasSuffix(".lora_A.weight") }
        #expect(factors.count == 12 && factors.allSatisfy { $0.shape[0] == (takesOff ? 4 : 2) })

        let expected = try workspace.loss("run-1")
        for form in more.contains("dora") ? ["merged"] : ["merged", "lora", "peft-adalora"] {
            let exported = try workspace.run(["export", "run-1", "--to", form, "--output", form])
            #expect(exported.status == 0, "\(exported.errors)")
            // Logits agree to 1e-4, which is what export checks.
            #expect(abs(try workspace.loss(form) - expected) < 1e-3, "\(form)")
        }
        for command in [
            ["ranks", "run-1"], ["spectrum", "run-1"], ["report", "run-1", "--output", "page.html"],
        ] {
            let result = try workspace.run(command)
            #expect(result.status == 0, "\(command): \(result.errors)")
        }
        let second = try workspace.run(
            Workspace.training(
                output: "second", steps: 3,
                ["--method", more.contains("dora") ? "dora" : "lora", "--from-adapter", "run-1"]))
        #expect(second.status == 0, "\(second.errors)")
        let first = try #require(try workspace.events("second", "evaluation").first?["loss"]?.double)
        #expect(abs(first - expected) < 0.1)
    }

    /// What does not train is counted nowhere: r·O of each matrix (5 · 32 + 64 outputs in each of two layers) and the head's 99.
    @Test func whatStaysIsNotCounted() throws {
        let workspace = try Workspace()
        let options = ["--method", "lora", "--freeze-a", "on", "--average-rank", "2"]
        let (adapters, head) = (2 * 2 * (5 * 32 + 64), 99)
        let plan = try workspace.run(
            ["plan"] + Workspace.training(options).dropFirst().filter { $0 != "--output" && $0 != "run" }
                + ["--json"])
        try #require(plan.status == 0, "\(plan.errors)")
        let planned = try #require(JSONValue.parse(plan.output)["parameters"])
        #expect(planned["trainable"]?.int == adapters + head)
        let roles = planned["roles"]?.object?.members.compactMap { $0.value["parameters"]?.int } ?? []
        #expect(roles.reduce(0, +) == adapters)
        try workspace.trained(Workspace.training(options))
        #expect(try workspace.events("run", "end").last?["trainableParameters"]?.int == adapters + head)
        let sites = try #require(workspace.events("run", "start").first?["sites"]?.array)
        #expect(
            sites.count == 12 && sites.allSatisfy { $0["trained"]?["perRank"]?.int == $0["outputs"]?.int })
        let ranks = try workspace.run(["ranks", "run", "--format", "json"])
        try #require(ranks.status == 0, "\(ranks.errors)")
        #expect(try JSONValue.parse(ranks.output)["parameters"]?.int == adapters)
        try workspace.trained(["export", "run", "--to", "lora", "--output", "lora"])
        #expect(try workspace.text("lora/README.md").contains("\(adapters + head) parameters were trained"))
    }
}
