import Foundation
import ModelFiles
import Testing

/// `adalora export` on adapters of each method; PEFT and transformers open the same folders in scripts/interop.sh.
@Suite struct ExportTests {
    private func trained(_ more: [String]) throws -> Workspace {
        let workspace = try Workspace()
        try #require(try workspace.run(Workspace.training(more)).status == 0)
        return workspace
    }

    @Test(arguments: [["--budget", "12"], ["--method", "lora", "--average-rank", "2"]])
    func everyForm(method: [String]) throws {
        let workspace = try trained(method)
        for (name, options) in [
            ("lora", ["--to", "lora"]), ("ragged", ["--to", "lora", "--ragged"]),
            ("peft", ["--to", "peft-adalora"]), ("merged", ["--to", "merged", "--data", "validation.jsonl"]),
        ] {
            let result = try workspace.run(["export", "run", "--output", name] + options)
            try #require(result.status == 0, "\(name): \(result.errors)")
            #expect(result.output.contains("logits differ by at most"))
            try workspace.expectSameMetrics(of: name, as: "run")
        }
        let config = try JSONValue.read(workspace.file("lora/adapter_config.json"))
        #expect(config["peft_type"]?.string == "LORA")
        #expect(config["r"]?.double == config["lora_alpha"]?.double)
        #expect(config["rank_pattern"]?.object?.members.isEmpty == true)
        // One rank for every module.
        let rank = try #require(config["r"]?.int)
        let store = try TensorStore(file: workspace.file("lora/adapter_model.safetensors"))
        let shapes = store.tensors.filter { $0.name.hasSuffix("lora_A.weight") }.map(\.shape)
        #expect(!shapes.isEmpty && shapes.allSatisfy { $0[0] == rank })
        #expect(
            try JSONValue.read(workspace.file("peft/adapter_config.json"))["peft_type"]?.string == "ADALORA")
        // The merged model stands alone: no base model, the tokenizer with it.
        for file in ["config.json", "model.safetensors", "vocab.txt", "adalora.json"] {
            #expect(workspace.exists("merged/\(file)"), "\(file)")
        }
    }

    /// A file for each tensor above the limit, an index, and the same model; transformers opens them in
    /// scripts/interop.sh.
    @Test func largeModelsAreSplit() throws {
        let workspace = try trained(["--budget", "12"])
        let start = ["export", "run", "--to", "merged"]
        let result = try workspace.run(start + ["--max-shard-size", "10KB", "--output", "shards"])
        try #require(result.status == 0, "\(result.errors)")
        #expect(!workspace.exists("shards/model.safetensors"))
        let index = try JSONValue.read(workspace.file("shards/model.safetensors.index.json"))
        let files = try workspace.contents(of: "shards").filter { $0.hasSuffix(".safetensors") }
        #expect(files.count > 3 && files.contains("model-00001-of-000\(files.count).safetensors"), "\(files)")
        try #require(try workspace.run(start + ["--output", "whole"]).status == 0)
        let (shards, whole) = (
            try TensorStore(modelFolder: workspace.file("shards")),
            try TensorStore(modelFolder: workspace.file("whole"))
        )
        #expect(shards.tensors.map(\.name) == whole.tensors.map(\.name))
        #expect(index["metadata"]?["total_size"]?.int == whole.tensors.reduce(0) { $0 + 4 * $1.elementCount })
        for tensor in whole.tensors { #expect(try shards.bytes(tensor.name) == whole.bytes(tensor.name)) }
        try workspace.expectSameMetrics(of: "shards", as: "run")
        for wrong in [["--max-shard-size", "0MB"], ["--max-shard-size", "many"]] {
            #expect(try workspace.run(start + wrong + ["--output", "x"]).status == 64)
        }
        let elsewhere = ["export", "run", "--to", "lora", "--max-shard-size", "1MB", "--output", "x"]
        #expect(try workspace.run(elsewhere).errors.contains("merged only"))
    }

    @Test func whatCannotBeExported() throws {
        let workspace = try trained(["--budget", "12", "--pooling", "mean"])
        let merged = try workspace.run(["export", "run", "--to", "merged", "--output", "merged"])
        #expect(
            merged.status == 64 && merged.errors.contains("which has its own pooling, not mean"),
            "\(merged.errors)")
        #expect(!workspace.exists("merged"))
        // Float32 products in another order differ by more than this.
        let strict = try workspace.run([
            "export", "run", "--to", "lora", "--output", "strict", "--tolerance", "1e-30",
        ])
        #expect(strict.status == 65 && strict.errors.contains("nothing was written"), "\(strict.errors)")
        #expect(!workspace.exists("strict"))
        try #require(try workspace.run(["export", "run", "--to", "lora", "--output", "lora"]).status == 0)
        let twice = try workspace.run(["export", "run", "--to", "lora", "--output", "lora"])
        #expect(twice.status == 64 && twice.errors.contains("already exists"))
        #expect(
            try workspace.run(["export", "run", "--to", "merged", "--ragged", "--output", "x"]).status == 64)
        // A head that llama.cpp has no place for stays out, which is said.
        let whole = try workspace.run(["export", "run", "--to", "gguf", "--output", "x.gguf"])
        #expect(
            whole.status == 0 && whole.errors.contains("the classifier (classifier) stays out of the file"),
            "\(whole.errors)")
    }
}
