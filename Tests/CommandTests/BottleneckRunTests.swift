import Foundation
import ModelFiles
import Testing

/// `--method bottleneck` from training to what may and may not be made of it.
@Suite struct BottleneckRunTests {

    /// The tiny BERT has two layers of width 32.
    @Test(arguments: [("houlsby", 4), ("pfeiffer", 2), ("parallel", 2)])
    func trainsResumesAndExports(kind: String, adapters: Int) throws {
        let workspace = try Workspace()
        try workspace.trained(
            Workspace.training([
                "--method", "bottleneck", "--bottleneck-kind", kind, "--bottleneck-width", "3",
                "--learning-rate", "0.01", "--checkpoint-every", "10",
            ]))
        let store = try TensorStore(file: workspace.file("run/\(Workspace.lastWeights)"))
        let tensors = store.tensors.filter { $0.name.contains(".bottleneck.") }
        let own = tensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
        // 2·d·b + b + d
        #expect(tensors.count == 4 * adapters && own == adapters * (2 * 32 * 3 + 3 + 32))
        let start = try #require(try workspace.events("run", "start").first)
        let parts = try #require(start["parts"]?.array)
        #expect(parts.reduce(0) { $0 + ($1["parameters"]?.int ?? 0) } == own && parts.count == 2)
        let head = store.tensors.filter { $0.name.contains("classifier") }.reduce(0) {
            $0 + $1.shape.reduce(1, *)
        }
        #expect(start["trainableParameters"]?.int == own + head)
        let end = try #require(try workspace.events("run", "end").first)
        #expect(end["trainableParameters"]?.int == own + head)

        try workspace.resumesToTheSameBytes()

        let expected = try workspace.loss("run")
        let exported = try workspace.run(["export", "run", "--to", "adapterhub", "--output", "hub"])
        try #require(exported.status == 0, "\(exported.errors)")
        #expect(exported.output.contains("bottleneck adapters (\(kind), width 3)"), "\(exported.output)")
        #expect(abs(try workspace.loss("hub") - expected) < 1e-6)
        // Without what only this program has, the folder is AdapterHub's.
        try FileManager.default.removeItem(at: workspace.file("hub/adalora.json"))
        let taken = try workspace.run([
            "import", "hub", "--model", "model", "--any-base-name", "--output", "taken",
        ])
        #expect(
            taken.status == 0 && taken.output.contains("taken: bottleneck adapter, "), "\(taken.errors)")

        let markdown = try workspace.run(["report", "run", "--format", "markdown"])
        #expect(markdown.status == 0 && markdown.output.contains("\(kind), width 3"), "\(markdown.errors)")
        #expect(try workspace.run(["report", "run"]).status == 0)
        let page = String(decoding: try workspace.bytes("run/report.html"), as: UTF8.self)
        #expect(page.contains("Parameters of the bottleneck adapters"))
        try refusals(workspace)
    }

    private func refusals(_ workspace: Workspace) throws {
        for command in [
            ["export", "run", "--to", "lora", "--output", "no"],
            ["export", "run", "--to", "peft-adalora", "--output", "no"],
            ["export", "run", "--to", "merged", "--output", "no"],
            ["export", "run", "--to", "gguf", "--output", "no"],
            ["export", "run", "--to", "gguf-lora", "--output", "no"],
            ["shrink", "run", "--budget", "7", "--output", "no"],
            Workspace.training(output: "no", ["--from-adapter", "run", "--method", "lora"]),
            Workspace.training(output: "no", ["--from-adapter", "run", "--budget", "30"]),
        ] {
            let refused = try workspace.run(command)
            #expect(refused.status == 64 && refused.errorLines.count == 1, "\(command): \(refused.errors)")
            #expect(refused.errors.contains("bottleneck adapter"), "\(command): \(refused.errors)")
            #expect(!workspace.exists("no"))
        }
        let ranks = try workspace.run(["ranks", "run"])
        #expect(ranks.status != 0 && ranks.errors.contains("trains bottleneck adapters, which have none"))
    }

    /// The first evaluation of a run that goes on is the adapter's, whose form and width stay.
    @Test func goesOnFromItself() throws {
        let workspace = try Workspace()
        let options = ["--method", "bottleneck", "--bottleneck-kind", "houlsby", "--learning-rate", "0.01"]
        try #require(try workspace.run(Workspace.training(output: "first", options)).status == 0)
        let second = try workspace.run(
            Workspace.training(
                output: "second", steps: 3, ["--method", "bottleneck", "--from-adapter", "first"]))
        try #require(second.status == 0, "\(second.errors)")
        let start = try #require(try workspace.events("second", "evaluation").first?["loss"]?.double)
        #expect(abs(start - (try workspace.loss("first"))) < 1e-5)
        let parts = try #require(try workspace.events("second", "start").first?["parts"]?.array)
        #expect(parts.allSatisfy { $0["summary"]?.string == "houlsby, width 2" })

        let other = try workspace.run(
            Workspace.training(output: "lora", ["--method", "lora", "--average-rank", "1"]))
        try #require(other.status == 0, "\(other.errors)")
        let refused = try workspace.run(
            Workspace.training(output: "no", ["--method", "bottleneck", "--from-adapter", "lora"]))
        #expect(
            refused.status == 64 && refused.errors.contains("is of kind LoRA") && !workspace.exists("no"),
            "\(refused.errors)")
    }

    /// A width that nobody means is an error before memory is taken for it.
    @Test(arguments: ["1e-20", "0.0001"]) func factorsThatMakeThemHugeAreRefused(factor: String) throws {
        let workspace = try Workspace()
        let result = try workspace.run(
            Workspace.training(["--method", "bottleneck", "--reduction-factor", factor]))
        #expect(result.status == 64 && result.errors.contains("--reduction-factor"), "\(result.errors)")
        #expect(!workspace.exists("run"))
    }

    /// A folder of AdapterHub's, whose files have other names, is gone on from, and a change of them noticed on resuming.
    @Test func goesOnFromAnotherProgramsFolder() throws {
        let workspace = try Workspace()
        let options = ["--method", "bottleneck", "--pooling", "pooler"]
        try #require(try workspace.run(Workspace.training(output: "first", options)).status == 0)
        let hub = try workspace.run(["export", "first", "--to", "adapterhub", "--output", "hub"])
        try #require(hub.status == 0, "\(hub.errors)")
        let second = try workspace.run(
            Workspace.training(
                output: "second", steps: 4, options + ["--from-adapter", "hub", "--checkpoint-every", "2"]))
        try #require(second.status == 0, "\(second.errors)")
        let head = "hub/model_head.safetensors"
        try workspace.write(try workspace.bytes(head) + [0], to: head)
        try FileManager.default.removeItem(at: workspace.file("second/checkpoints/step-4"))
        let resumed = try workspace.run(["train", "--resume", "second"])
        #expect(resumed.status != 0 && resumed.errors.contains("model_head.safetensors"), "\(resumed.errors)")
    }

    @Test func planCountsWhatIsTrained() throws {
        let workspace = try Workspace()
        let plan = try workspace.run(
            ["plan"] + Workspace.training(["--method", "bottleneck", "--reduction-factor", "4"]).dropFirst()
                + ["--json"])
        try #require(plan.status == 0, "\(plan.errors)")
        let roles = try JSONValue.parse(Data(plan.output.utf8))["parameters"]?["roles"]?.object?.members
        #expect(roles?.map(\.key) == ["bottleneck adapters"])
        #expect(roles?.first?.value["parameters"]?.int == 2 * (2 * 32 * 8 + 8 + 32))
    }
}
