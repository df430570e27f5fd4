import Foundation
import ModelFiles
import Testing

/// LoRA's settings from training to export: each resumes to the bit, does not depend on threads, and is plain LoRA in the end.
@Suite struct LoRAVariantRunTests {
    private static let weights = "adapter-last/adapter_model.safetensors"

    private func loss(_ workspace: Workspace, _ run: String) throws -> Double {
        let result = try workspace.run(["evaluate", run, "--data", "validation.jsonl", "--json"])
        try #require(result.status == 0, "\(result.errors)")
        return try #require(try JSONValue.parse(Data(result.output.utf8))["loss"]?.double)
    }

    @Test(arguments: [
        "--rank-scaling stabilized", "--lora-plus-ratio 4", "--lora-start pissa", "--lora-start olora",
        "--lora-start activation-svd", "--freeze-a on", "--freeze-a on --lora-start activation-svd",
        "--lora-start pissa --freeze-a on --adapter-dropout 0.1 --rank-scaling stabilized",
        "--method dora --rank-scaling stabilized --lora-plus-ratio 4",
    ])
    func trainsResumesAndExports(settings: String) throws {
        let workspace = try Workspace()
        let more = settings.split(separator: " ").map(String.init)
        let options =
            (more.contains("dora") ? [] : ["--method", "lora"]) + [
                "--average-rank", "2", "--learning-rate", "0.01", "--checkpoint-every", "10",
            ] + more
        for threads in ["1", "2"] {
            let trained = try workspace.run(
                Workspace.training(output: "run-\(threads)", options + ["--threads", threads]))
            try #require(trained.status == 0, "\(trained.errors)")
        }
        let before = try workspace.bytes("run-1/\(Self.weights)")
        #expect(try workspace.bytes("run-2/\(Self.weights)") == before, "threads change nothing")
        try FileManager.default.removeItem(at: workspace.file("run-1/checkpoints/step-30"))
        let resumed = try workspace.run(["train", "--resume", "run-1"])
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(try workspace.bytes("run-1/\(Self.weights)") == before, "resuming gives the same bytes")

        let takesOff = settings.contains("pissa") || settings.contains("olora")
        let store = try TensorStore(file: workspace.file("run-1/\(Self.weights)"))
        let factors = store.tensors.filter { $0.name.hasSuffix(".lora_A.weight") }
        #expect(factors.count == 12 && factors.allSatisfy { $0.shape[0] == (takesOff ? 4 : 2) })

        let expected = try loss(workspace, "run-1")
        for form in more.contains("dora") ? ["merged"] : ["merged", "lora", "peft-adalora"] {
            let exported = try workspace.run(["export", "run-1", "--to", form, "--output", form])
            #expect(exported.status == 0, "\(exported.errors)")
            // Logits agree to 1e-4, which is what export checks.
            #expect(abs(try loss(workspace, form) - expected) < 1e-3, "\(form)")
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
}
