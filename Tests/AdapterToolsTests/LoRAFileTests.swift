import AdapterTools
import Adapters
import Autodiff
import Foundation
import GoldenFiles
import GoldenModels
import Matrices
import ModelFiles
import Testing
import Transformers

/// LoRA files on the tiny models of scripts/goldens/gguf_models.py: a rank of its own for each matrix, with α and without.
@Suite struct LoRAFileTests {
    static let models = [
        "llama", "llama3-rope", "llama-yarn", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "phi3",
        "smollm3",
        "granite", "olmo2", "gpt2", "gptneox", "mistral3", "granite4",
    ]
    /// llama.cpp looks GELU up in a table of half precision.
    private static let rough: Set = ["gemma2", "gemma3", "gpt2", "gptneox"]

    private static func url(_ name: String) -> URL { Golden.url("gguf-models/\(name).gguf") }

    private static func sequences() throws -> [[Int32]] {
        let expected = try Golden.json("gguf-models/expected.json")
        return try #require(expected["sequences"]?.array).map { ids in
            (ids.array ?? []).map { Int32($0.int ?? -1) }
        }
    }

    /// The model with the adapter says what llama.cpp says with it.
    @Test(arguments: models) func changesLogitsAsLlamaCppDoes(_ name: String) throws {
        let model = try PretrainedModel.open(Self.url(name))
        let backbone = try model.openBackbone()
        let (set, warnings) = try LoRAFile.load(Self.url("\(name)-lora"), onto: backbone, of: model)
        #expect(warnings.isEmpty && Set(set.ranks).count > 1)
        let expected = try Golden.json("gguf-models/expected.json")["models"]?[name]
        for (place, ids) in try Self.sequences().enumerated() {
            let wanted = try #require(expected?["lora"]?.array?[place].array).map { Float($0.double ?? .nan) }
            let plain = try #require(expected?["llama.cpp"]?.array?[place].array).map {
                Float($0.double ?? .nan)
            }
            #expect(relativeError(wanted, plain) > 0.05, "an adapter without effect shows nothing")
            let logits = try backbone.lastLogits(ids)
            // Beside the order of sums, what GELU's table rounds is larger with larger updates.
            #expect(
                relativeError(logits, wanted) < (Self.rough.contains(name) ? 2e-2 : 1e-4),
                "\(name), sequence \(place)")
        }
    }

    /// What is written holds the same: tensor for tensor with α in B, and the same logits.
    @Test(arguments: models) func writtenFilesHoldTheSame(_ name: String) throws {
        let model = try PretrainedModel.open(Self.url(name))
        let backbone = try model.openBackbone()
        let (set, _) = try LoRAFile.load(Self.url("\(name)-lora"), onto: backbone, of: model)
        let ids = try Self.sequences()[0]
        let before = try backbone.lastLogits(ids)
        let target = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).gguf")
        defer { try? FileManager.default.removeItem(at: target) }
        try LoRAFile.write(set.foldedToLoRA(padded: false), of: model, name: "tiny", to: target)
        let (read, written) = (try GGUFFile(Self.url("\(name)-lora")), try GGUFFile(target))
        #expect(read.names == written.names)
        #expect(read.names.allSatisfy { read.tensor($0)?.shape == written.tensor($0)?.shape })
        #expect(!written.metadata.has("adapter.lora.alpha"))
        let again = try model.openBackbone()
        _ = try LoRAFile.load(target, onto: again, of: model)
        #expect(relativeError(try again.lastLogits(ids), before) < 1e-5)
    }

    /// The folder that the model was converted from has other orders of rows; the file fits both.
    @Test(arguments: ["llama", "granite", "gptneox", "mistral3"]) func fitsTheFolderOfTheModel(_ name: String)
        throws
    {
        let model = try PretrainedModel.open(Golden.url("gguf-models/\(name)-folder"))
        let backbone = try model.openBackbone()
        let (set, _) = try LoRAFile.load(Self.url("\(name)-lora"), onto: backbone, of: model)
        let expected = try Golden.json("gguf-models/expected.json")["models"]?[name]?["lora"]?.array
        for (place, ids) in try Self.sequences().enumerated() {
            let wanted = try #require(expected?[place].array).map { Float($0.double ?? .nan) }
            #expect(
                relativeError(try backbone.lastLogits(ids), wanted)
                    < (Self.rough.contains(name) ? 2e-2 : 1e-4), "sequence \(place)")
        }
        let target = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).gguf")
        defer { try? FileManager.default.removeItem(at: target) }
        try LoRAFile.write(set.foldedToLoRA(padded: false), of: model, name: "tiny", to: target)
        let stored = try PretrainedModel.open(Self.url(name))
        let other = try stored.openBackbone()
        _ = try LoRAFile.load(target, onto: other, of: stored)
        let ids = try Self.sequences()[0]
        #expect(relativeError(try other.lastLogits(ids), try backbone.lastLogits(ids)) < 1e-5)
    }

    /// Gates and what they let through are one matrix in the folder and two in llama.cpp's file.
    @Test func anAdapterOnTwoMatricesAtOnceIsRefused() throws {
        let model = try PretrainedModel.open(Golden.url("gguf-models/granite4-folder"))
        let backbone = try model.openBackbone()
        let plan = AdapterPlan(
            method: .lora, roles: [.gateUp], rank: 2, scale: 1, dropout: 0, initialization: .gaussian, seed: 1
        )
        let set = try AdapterSet(installing: plan, on: backbone.linearLayers)
        let target = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).gguf")
        let error = #expect(throws: (any Error).self) {
            try LoRAFile.write(set.foldedToLoRA(padded: false), of: model, name: "tiny", to: target)
        }
        #expect("\(error as Any)".contains("no name for model.layers.0.shared_mlp.input_linear"))
        #expect(!FileManager.default.fileExists(atPath: target.path))
    }

    @Test func whatIsNoLoRAOfTheModelIsRefused() throws {
        let model = try PretrainedModel.open(Self.url("llama"))
        let backbone = try model.openBackbone()
        for (file, problem) in [
            ("qwen2-lora", "the adapter is for \"qwen2\""), ("llama", "\"model\", not \"adapter\""),
        ] {
            let error = #expect(throws: ModelFileError.self) {
                try LoRAFile.load(Self.url(file), onto: backbone, of: model)
            }
            #expect(
                error?.problem.contains(problem.replacing("\"", with: "'")) == true,
                "\(error?.description ?? "")")
        }
    }
}
