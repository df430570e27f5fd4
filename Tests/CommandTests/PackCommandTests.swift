import Foundation
import GoldenFiles
import ModelFiles
import Testing

/// `adalora pack`, and runs over what it wrote.
@Suite(.serialized) struct PackCommandTests {
    private static let options = ["--budget", "12", "--evaluate-every", "10"]
    private static let weights = "adapter/adapter_model.safetensors"

    /// The bits of `--base-format`; each adapter fits the other's base.
    @Test(arguments: ["bf16", "q8_0", "q4_k", "nf4"]) func trainsAsTheBasePackedInMemory(format: String)
        throws
    {
        let workspace = try Workspace()
        let packed = try workspace.run(["pack", "model", "--base-format", format, "--output", "packed"])
        try #require(packed.status == 0, "\(packed.errors)")
        let count = format == "nf4" ? 12 : 15
        #expect(
            packed.output.hasPrefix("packed: base kept as \(format): \(count) matrices, "), "\(packed.output)"
        )
        #expect(packed.output.contains("\nchecked: opened again, every weight the same to the bit\n"))
        let trained = try workspace.run(
            Workspace.training(output: "memory", Self.options + ["--base-format", format]))
        try #require(trained.status == 0, "\(trained.errors)")
        let folder = try workspace.run(
            Workspace.training(
                output: "folder", Self.options + ["--model", "packed", "--checkpoint-every", "15"]))
        try #require(folder.status == 0, "\(folder.errors)")
        #expect(!folder.errors.contains("base kept as"), "\(folder.errors)")
        let bytes = try workspace.bytes("memory/\(Self.weights)")
        #expect(try workspace.bytes("folder/\(Self.weights)") == bytes)
        for run in ["memory", "folder"] {
            let description = try JSONValue.read(workspace.file("\(run)/adapter/adalora.json"))
            #expect(description["baseFormat"]?.string == format)
        }
        let resumed = try workspace.run(["train", "--resume", "folder/checkpoints/step-15"])
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(try workspace.bytes("folder/\(Self.weights)") == bytes)
        // To ask for the format that it has changes nothing.
        let again = try workspace.run(
            Workspace.training(
                output: "again", Self.options + ["--model", "packed", "--base-format", format]))
        #expect(again.status == 0, "\(again.errors)")
        #expect(try workspace.bytes("again/\(Self.weights)") == bytes)
        var losses: Set<Double> = []
        for (run, model) in [
            ("memory", nil), ("memory", "packed"), ("folder", nil), ("folder", "model"),
        ] {
            let result = try workspace.run(
                ["evaluate", run, "--data", "test.jsonl", "--json"] + (model.map { ["--model", $0] } ?? []))
            try #require(result.status == 0, "\(run) on \(model ?? "its own"): \(result.errors)")
            losses.insert(try #require(try JSONValue.parse(result.output)["loss"]?.double))
        }
        #expect(losses.count == 1, "\(losses)")
    }

    /// Who trained over the files' own weights is told, and which folder to give.
    @Test func anotherBaseIsNamed() throws {
        let workspace = try Workspace()
        try #require(try workspace.run(Workspace.training(steps: 4, Self.options)).status == 0)
        let packed = try workspace.run(["pack", "model", "--base-format", "q8_0", "--output", "packed"])
        try #require(packed.status == 0, "\(packed.errors)")
        let other = try workspace.run(["evaluate", "run", "--data", "test.jsonl", "--model", "packed"])
        #expect(other.status == 65 || other.status == 64, "\(other.status)")
        #expect(
            other.errors.contains(
                "base kept as its files have it, which is kept as q8_0 now; give --model and the folder that"),
            "\(other.errors)")
        let further = try workspace.run(
            Workspace.training(output: "b", ["--budget", "12", "--model", "packed", "--base-format", "nf4"]))
        #expect(further.errors.contains("it is Q8_0 already; leave out --base-format"), "\(further.errors)")
    }

    /// A whole model of the packed weights, and a warning where transformers has none of them.
    @Test(arguments: ["nf4", "q8_0"]) func exportsOverAPackedFolder(format: String) throws {
        let workspace = try Workspace()
        let packed = try workspace.run(["pack", "model", "--base-format", format, "--output", "packed"])
        try #require(packed.status == 0, "\(packed.errors)")
        let run = try workspace.run(Workspace.training(steps: 10, Self.options + ["--model", "packed"]))
        try #require(run.status == 0, "\(run.errors)")
        for form in ["lora", "merged"] {
            let result = try workspace.run(["export", "run", "--to", form, "--output", form])
            try #require(result.status == 0, "\(form): \(result.errors)")
            let isWarned = result.errors.contains(
                "a folder that was packed as q8_0, which transformers does not open")
            #expect(isWarned == (form == "lora" && format == "q8_0"), "\(form): \(result.errors)")
            try workspace.expectSameMetrics(of: form, as: "run")
        }
        let config = try JSONValue.read(workspace.file("merged/config.json"))
        #expect(config["quantization_config"] == nil && config["adalora_base_format"] == nil)
        let full = try workspace.run(
            Workspace.training(output: "full", steps: 3, ["--model", "packed", "--method", "full"]))
        #expect(full.status == 0, "\(full.errors)")
        #expect(try JSONValue.read(workspace.file("full/model/adalora.json"))["baseFormat"] == nil)
    }

    @Test func eachMatrixWithItsError() throws {
        let workspace = try Workspace()
        let table = try workspace.run([
            "pack", "model", "--base-format", "nf4", "--output", "a", "--verbose",
        ])
        let lines = table.output.split(separator: "\n")
        #expect(lines.first?.split(separator: " ") == ["matrix", "format", "shape", "bytes", "error"])
        #expect(lines.count { $0.contains(" NF4 ") } == 12)
        #expect(lines.allSatisfy { $0.hasPrefix("a: ") || $0.count <= 80 }, "\(table.output)")
        let result = try workspace.run(["pack", "model", "--base-format", "nf4", "--output", "b", "--json"])
        let json = try JSONValue.parse(result.output)
        let matrices = try #require(json["matrices"]?.array)
        let errors = matrices.compactMap { $0["relativeError"]?.double }
        #expect(matrices.count == 12 && errors.count == 12 && errors.allSatisfy { $0 > 0 && $0 < 0.15 })
        #expect(json["largestRelativeError"]?.double == errors.max())
        #expect(json["baseFormat"]?.string == "nf4" && json["output"]?.string == "b")
        let sizes = try ["model", "b"].map { name in
            try HFFolder(workspace.file(name)).openWeights().tensors.reduce(0) { $0 + $1.byteCount }
        }
        #expect(json["weightBytesBefore"]?.int == sizes[0] && json["weightBytesAfter"]?.int == sizes[1])
        #expect(sizes[1] < sizes[0])
        #expect(try workspace.bytes("a/model.safetensors") == workspace.bytes("b/model.safetensors"))
    }

    /// Tokenizer, pooling and card go along, so that a run settles on the same.
    @Test func theRestOfTheFolderGoesAlong() throws {
        let workspace = try Workspace()
        try FileManager.default.createDirectory(
            at: workspace.file("model/1_Pooling"), withIntermediateDirectories: true)
        try workspace.write(#"{"pooling_mode_mean_tokens": true}"#, to: "model/1_Pooling/config.json")
        try workspace.write("a card", to: "model/README.md")
        try workspace.write("pickled", to: "model/pytorch_model.bin")
        let result = try workspace.run([
            "pack", "model", "--base-format", "bf16", "--output", "new/packed", "--max-shard-size", "9KB",
        ])
        try #require(result.status == 0, "\(result.errors)")
        let names = try workspace.contents(of: "new/packed")
        let others = names.filter { !$0.hasPrefix("model-0") }
        #expect(
            others == [
                "1_Pooling", "1_Pooling/config.json", "README.md", "config.json",
                "model.safetensors.index.json", "vocab.txt",
            ])
        #expect(names.count > others.count + 1)
        #expect(try workspace.contents(of: "new") == ["packed"] + names.map { "packed/\($0)" })
        let store = try HFFolder(workspace.file("new/packed")).openWeights()
        #expect(store.tensors.contains { $0.elementType == .bfloat16 })
    }

    @Test func whatCannotBePackedIsRefused() throws {
        let workspace = try Workspace()
        try FileManager.default.copyItem(at: Golden.url("llama/model"), to: workspace.file("llama"))
        try LlamaTwin.write(to: workspace.file("twin.gguf"))
        for (arguments, status, problem) in [
            (
                ["model", "--base-format", "nf4", "--output", "model"], 64,
                "model already exists; give a new folder as --output"
            ),
            (
                ["model", "--base-format", "q5", "--output", "x"], 64,
                "--base-format must be one of bf16, q8_0, q4_k, nf4, not q5"
            ),
            (["model", "--base-format", "keep", "--output", "x"], 64, "not keep"),
            (["nowhere", "--base-format", "nf4", "--output", "x"], 66, "no such folder"),
            (
                ["twin.gguf", "--base-format", "nf4", "--output", "x"], 64,
                "is a GGUF, and packing a model takes"
            ),
            (
                ["llama", "--base-format", "q8_0", "--output", "x"], 64,
                "llama --to gguf --merged-type q8_0 --output model.gguf; as a folder take bf16 or nf4"
            ),
            (["model", "--base-format", "nf4", "--output", "x", "--json", "--verbose"], 64, "not both"),
        ] {
            let result = try workspace.run(["pack"] + arguments)
            #expect(result.status == status, "\(arguments): \(result.status) \(result.errors)")
            #expect(result.errors.contains(problem), "\(arguments): \(result.errors)")
            #expect(!workspace.exists("x"))
        }
        for (format, name) in [("nf4", "llama"), ("bf16", "llama")] {
            let result = try workspace.run(["pack", name, "--base-format", format, "--output", format])
            #expect(result.status == 0, "\(result.errors)")
            let again = try workspace.run(["pack", format, "--base-format", format, "--output", "x"])
            #expect(
                again.status == 64 && again.errors.contains("was packed as \(format) already"),
                "\(again.errors)")
        }
        let deeper = try workspace.run(["pack", "nf4", "--base-format", "bf16", "--output", "x"])
        #expect(deeper.status == 65 && deeper.errors.contains("it is NF4 already"), "\(deeper.errors)")
    }
}
