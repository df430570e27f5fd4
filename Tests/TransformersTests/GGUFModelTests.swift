import Autodiff
import Foundation
import GoldenFiles
import GoldenModels
import Matrices
import ModelFiles
import Testing
import Transformers

/// The tiny models of scripts/goldens/gguf_models.py, which llama.cpp's converter wrote: logits as llama.cpp has them, and as
/// transformers has them of the folder that was converted.
@Suite struct GGUFModelTests {
    static let models = [
        "llama", "llama3-rope", "llama-yarn", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "phi3",
        "smollm3",
        "granite", "olmo2", "gpt2", "gptneox", "mistral3", "granite4",
    ]
    /// llama.cpp looks GELU up in a table of half precision, of its tanh form for all.
    private static let rough: Set = ["gemma2", "gemma3", "gpt2", "gptneox"]

    static func url(_ model: String) -> URL { Golden.url("gguf-models/\(model).gguf") }

    @Test(arguments: models) func logitsAreThoseOfLlamaCpp(_ model: String) throws {
        let opened = try PretrainedModel.open(Self.url(model))
        let backbone = try opened.openBackbone()
        #expect(backbone.unusedWeights.isEmpty)
        // What is not looked at might ask for something else.
        #expect(opened.config.unreadKeys.isEmpty)
        let expected = try Golden.json("gguf-models/expected.json")
        let rows = try #require(expected["models"]?[model])
        let sequences = try #require(expected["sequences"]?.array)
        for (place, sequence) in sequences.enumerated() {
            let ids = try #require(sequence.array).map { Int32($0.int ?? -1) }
            let logits = try backbone.lastLogits(ids)
            for (judge, tolerance) in [
                ("transformers", 1e-5), ("llama.cpp", Self.rough.contains(model) ? 1e-2 : 1e-5),
            ] {
                let wanted = try #require(rows[judge]?.array?[place].array).map { Float($0.double ?? .nan) }
                #expect(
                    relativeError(logits, wanted) < tolerance, "\(model), sequence \(place), \(judge)")
            }
        }
    }

    /// Names that PEFT knows, and back to those of the file.
    @Test(arguments: models) func modulesHaveNamesOfTransformers(_ model: String) throws {
        let opened = try PretrainedModel.open(Self.url(model))
        let form = try #require(opened.gguf?.form)
        for layer in try opened.openBackbone().linearLayers {
            let stored = try #require(form.storedName(layer.modulePath + ".weight"))
            #expect(opened.gguf?.file.tensor(stored)?.shape == [layer.outputs, layer.inputs])
            #expect(form.ownName(stored) == layer.modulePath + ".weight")
        }
    }

    @Test func whatIsNoModelIsRefusedByName() throws {
        for (edit, problem) in [
            ([("general.type", GGUFValue.string("adapter"))], "this is 'adapter', not a model"),
            ([("general.architecture", .string("mamba"))], "'mamba' is not an architecture"),
            ([("llama.expert_count", .uint32(8))], "a mixture of 8 experts"),
            ([("llama.rope.scaling.type", .string("wild"))], "rotary positions of kind 'wild'"),
            ([("llama.attention.head_count", .array(.uint32([4, 2])))], "the layers have different values"),
            ([("llama.attention.value_length", .uint32(4))], "values of 4 columns"),
        ] {
            let error = #expect(throws: ModelFileError.self) {
                try Self.edited(edit) { try $0.openBackbone() }
            }
            #expect(error?.problem.contains(problem) == true, "\(error?.description ?? "")")
        }
    }

    /// A key of the architecture that nobody knows is told, as one of a config.json is.
    @Test func unknownKeysAreTold() throws {
        try Self.edited([("llama.attention.sink_count", .uint32(1))]) { opened in
            _ = try opened.openBackbone()
            #expect(opened.config.unreadKeys == ["llama.attention.sink_count"])
        }
    }

    /// The padding token is what the file names, of its words; else there is none, whatever transformers takes for it.
    @Test(arguments: [(7, JSONValue.number(7)), (1_000_000, .null), (nil, .null)] as [(UInt32?, JSONValue)])
    func thePaddingToken(_ token: UInt32?, expected: JSONValue) throws {
        let key = "tokenizer.ggml.padding_token_id"
        let value = token.map { [(key, GGUFValue.uint32($0))] } ?? []
        try Self.edited(value, without: [key]) { opened in
            #expect(opened.config.raw["pad_token_id"] == expected)
        }
    }

    private static func edited(
        _ edit: [(String, GGUFValue)], without absent: Set<String> = [],
        _ body: (PretrainedModel) throws -> some Any
    ) throws {
        let file = try GGUFFile(url("llama"))
        var metadata = try file.metadata.keys.filter { key in
            !absent.contains(key) && !edit.contains { $0.0 == key }
        }.map {
            (key: $0, value: try #require(try file.metadata.value($0)))
        }
        metadata += edit.map { (key: $0.0, value: $0.1) }
        let target = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).gguf")
        defer { try? FileManager.default.removeItem(at: target) }
        try GGUFWriter.write(
            metadata: metadata,
            tensors: try file.tensors.map { info in
                GGUFTensorToWrite(
                    name: info.name, type: info.type, copying: try #require(file.tensor(info.name)))
            }, to: target)
        _ = try body(try PretrainedModel.open(target))
    }
}
