import Foundation
import ModelFiles
import Testing

/// `--method dora` from training to what may and may not be made of it.
@Suite struct DoRARunTests {
    private static let options = [
        "--method", "dora", "--average-rank", "2", "--learning-rate", "0.01", "--checkpoint-every", "10",
    ]

    @Test func trainsResumesAndExports() throws {
        let workspace = try Workspace()
        try workspace.trained(Workspace.training(Self.options))
        let store = try TensorStore(file: workspace.file("run/\(Workspace.lastWeights)"))
        let magnitudes = store.tensors.filter { $0.name.hasSuffix(".lora_magnitude_vector") }
        #expect(magnitudes.count == 12 && magnitudes.allSatisfy { [[32], [64]].contains($0.shape) })
        let config = try JSONValue.parse(try workspace.bytes("run/adapter-last/adapter_config.json"))
        #expect(config["use_dora"]?.bool == true && config["peft_type"]?.string == "LORA")

        try workspace.resumesToTheSameBytes()

        let expected = try workspace.loss("run")
        let merged = try workspace.run(["export", "run", "--to", "merged", "--output", "merged"])
        #expect(merged.status == 0, "\(merged.errors)")
        // Logits agree to 1e-4, which is what export checks.
        #expect(abs(try workspace.loss("merged") - expected) < 1e-3)

        for command in [
            ["export", "run", "--to", "lora", "--output", "no"],
            ["export", "run", "--to", "peft-adalora", "--output", "no"],
            ["shrink", "run", "--budget", "7", "--output", "no"],
            Workspace.training(output: "no", ["--from-adapter", "run", "--method", "lora"]),
            Workspace.training(output: "no", ["--from-adapter", "run", "--budget", "30"]),
        ] {
            let refused = try workspace.run(command)
            #expect(refused.status == 64 && refused.errorLines.count == 1, "\(command): \(refused.errors)")
            #expect(refused.errors.contains("DoRA"), "\(refused.errors)")
            #expect(!workspace.exists("no"))
        }
    }

    /// A start from DoRA keeps its magnitudes, one from LoRA gets those that change nothing: the first evaluation is the
    /// adapter's.
    @Test(arguments: ["dora", "lora"]) func goesOnFrom(method: String) throws {
        let workspace = try Workspace()
        let options = ["--method", method, "--average-rank", "2", "--learning-rate", "0.01"]
        try #require(try workspace.run(Workspace.training(output: "first", options)).status == 0)
        let second = try workspace.run(
            Workspace.training(
                output: "second", steps: 3,
                ["--method", "dora", "--from-adapter", "first", "--scale", "2"]))
        try #require(second.status == 0, "\(second.errors)")
        let start = try #require(try workspace.events("second", "evaluation").first?["loss"]?.double)
        #expect(abs(start - (try workspace.loss("first"))) < 1e-3)
    }

    /// A folder of PEFT's is taken over as it is, and only so.
    @Test func importsPEFTs() throws {
        let workspace = try Workspace()
        let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Goldens/dora/adapter")
        try FileManager.default.copyItem(at: golden, to: workspace.file("peft"))
        let taken = [
            "import", "peft", "--model", "model", "--any-base-name", "--labels", "a,b,c,d,e", "--output",
            "own",
        ]
        let result = try workspace.run(taken)
        #expect(
            result.status == 0 && result.output.contains("own: DoRA, 24 triplets in 12 matrices"),
            "\(result.errors)")
        let refused = try workspace.run(taken.dropLast() + ["other", "--svd"])
        #expect(refused.status == 64 && refused.errors.contains("DoRA"), "\(refused.errors)")
    }
}
