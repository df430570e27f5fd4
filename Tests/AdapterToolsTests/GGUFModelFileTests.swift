import AdapterTools
import Autodiff
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Testing
import Transformers

/// Models of Hugging Face folders written as GGUF: what llama.cpp's converter writes of them, and the same model again.
@Suite struct GGUFModelFileTests {
    /// Keys that converters differ in, or that some leave out; what is left must be the same.
    private static let others: Set = [
        "general.name", "general.size_label", "general.file_type", "general.quantization_version",
        "tokenizer.ggml.model",
        // What the converter says of Granite 4's experts and state spaces, which such a model has not, and of positions
        // what is usual.
        "granite.expert_count", "granite.expert_used_count", "granite.expert_shared_feed_forward_length",
        "granite.ssm.conv_kernel", "granite.ssm.state_size", "granite.ssm.group_count",
        "granite.ssm.inner_size", "granite.ssm.time_step_rank", "granite.rope.scaling.finetuned",
    ]

    private static func write(
        _ model: PretrainedModel, _ backbone: any Backbone, as type: String = "F32",
        _ body: (URL) throws -> Void
    ) throws {
        let form = try #require(GGUFForm.of(model.config))
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).gguf")
        defer { try? FileManager.default.removeItem(at: url) }
        let keys = try form.keys(of: backbone, model.config)
        let file = try GGUFModelFile(
            metadata: [("general.architecture", .string(form.name)), ("general.type", .string("model"))]
                + keys,
            tensors: form.tensors(of: backbone, model.config, changed: []), .format(type))
        try file.write(to: url)
        let roundings = try file.check(url)
        #expect(roundings.allSatisfy { type == "F32" ? $0.largest == 0 : $0.largest < 0.02 })
        try body(url)
    }

    /// `llama_tensor_get_type` for `Q4_K_S`: values of four layers and `down` of an eighth of them in five bits, words in six.
    @Test func fourBitsAreMixedAsByLlamaCpp() throws {
        let layers = 16
        let names =
            ["token_embd.weight", "output.weight"]
            + (0..<layers).flatMap { layer in
                ["attn_q", "attn_v", "ffn_up", "ffn_down"].map { "blk.\(layer).\($0).weight" }
            }
        let file = try GGUFModelFile(
            metadata: [("general.architecture", .string("llama"))],
            tensors: names.map { name in
                GGUFModelTensor(
                    name: name, shape: [1, 256], format: nil,
                    content: .values(GGUFModelTensor.values { Matrix(rows: 1, columns: 256) }))
            }, .format("Q4_K"))
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).gguf")
        defer { try? FileManager.default.removeItem(at: url) }
        try file.write(to: url)
        let found = Dictionary(
            uniqueKeysWithValues: try GGUFFile(url).tensors.map { ($0.name, $0.type.name) })
        let inFive = Set(
            (0..<4).map { "blk.\($0).attn_v.weight" } + (0..<2).map { "blk.\($0).ffn_down.weight" })
        for name in names {
            let wanted = name.hasPrefix("blk") ? (inFive.contains(name) ? "Q5_K" : "Q4_K") : "Q6_K"
            #expect(found[name] == wanted, "\(name)")
        }
    }

    /// llama.cpp's converter wrote the golden of the same folder.
    @Test(arguments: ["llama", "granite", "gptneox", "mistral3", "granite4"]) func isWhatTheConverterWrites(
        _ name: String
    ) throws {
        let model = try PretrainedModel.open(Golden.url("gguf-models/\(name)-folder"))
        try Self.write(model, try model.openBackbone()) { url in
            let (own, golden) = (try GGUFFile(url), try GGUFFile(Golden.url("gguf-models/\(name).gguf")))
            #expect(own.names == golden.names)
            for name in golden.names {
                let (ours, theirs) = (try #require(own.tensor(name)), try #require(golden.tensor(name)))
                #expect(ours.isSame(as: theirs), "\(name)")
            }
            for key in golden.metadata.keys where !Self.others.contains(key) {
                // Of each layer, where others say it once.
                guard !golden.metadata.isArray(key) else {
                    #expect(try Set(golden.metadata.ints(key) ?? []) == [own.metadata.int(key)], "\(key)")
                    continue
                }
                #expect(try own.metadata.value(key) == golden.metadata.value(key), "\(key)")
            }
        }
    }

    /// The window is known to no llama.cpp of these, where it says so. Gemma's scores are scaled by the width of a head there.
    @Test(arguments: [
        ("decoders/mistral/model", true, nil), ("decoders/qwen2/model", true, nil),
        ("decoders/qwen3/model", false, nil), ("decoders/gemma2/model", false, 6),
        ("decoders/gemma3/model", false, 8), ("decoders/phi3/model", true, nil),
        ("decoders/granite/model", false, nil), ("decoders/olmo3/model", false, nil),
        ("decoders/ministral3/model", false, nil), ("decoders/granite4/model", false, nil),
        ("llama/model", false, nil), ("gpt2/model", false, nil), ("gpt_neox/model", false, nil),
    ])
    func isTheSameModel(_ folder: String, losesWindow: Bool, scaled: Int?) throws {
        try Self.edited(folder, scaled.map { ["query_pre_attn_scalar": JSONValue($0)] } ?? [:]) { model in
            let backbone = try model.openBackbone()
            try Self.write(model, backbone) { url in
                let opened = try PretrainedModel.open(url)
                let written = try opened.openBackbone()
                #expect(opened.config.unreadKeys.isEmpty && written.unusedWeights.isEmpty)
                let losses = GGUFLosses(backbone, written)
                #expect(losses.others.isEmpty && (losses.window != nil) == losesWindow, "\(losses)")
                // Shorter than any window.
                let ids: [Int32] = [5, 9, 3]
                let (own, again) = (Self.hidden(backbone, ids), Self.hidden(written, ids))
                // Heads in another order of columns; factors that were rounded to Float32.
                #expect(relativeError(again, own) < 1e-5)
            }
        }
    }

    private static func hidden(_ backbone: any Backbone, _ ids: [Int32]) -> [Float] {
        let tape = Tape(evaluatingWith: BufferPool())
        return backbone.hiddenStates(PackedBatch([(ids, ids.map { _ in 0 })]), on: tape).value.values
    }

    /// Every kind of rotary positions that a llama.cpp of this architecture has a place for.
    @Test func rotaryPositionsStayWhatTheyAre() throws {
        let kinds: [(String, String?)] = [
            ("{\"rope_type\": \"linear\", \"factor\": 2.5, \"rope_theta\": 500.0}", nil),
            (
                "{\"rope_type\": \"llama3\", \"factor\": 4.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, "
                    + "\"original_max_position_embeddings\": 16, \"rope_theta\": 100.0}", nil
            ),
            (
                "{\"rope_type\": \"yarn\", \"factor\": 4.0, \"original_max_position_embeddings\": 16, "
                    + "\"attention_factor\": 1.3, \"rope_theta\": 100.0}", nil
            ),
            (
                "{\"rope_type\": \"yarn\", \"factor\": 4.0, \"original_max_position_embeddings\": 16, "
                    + "\"beta_fast\": 8.0, \"rope_theta\": 100.0}", "knows no beta_fast"
            ),
        ]
        for (rope, problem) in kinds {
            try Self.edited("llama/model", ["rope_parameters": JSONValue.parse(rope)]) { model in
                let backbone = try model.openBackbone()
                func check() throws {
                    try Self.write(model, backbone) { url in
                        let written = try PretrainedModel.open(url).openBackbone()
                        #expect(GGUFLosses(backbone, written) == GGUFLosses(backbone, backbone), "\(rope)")
                    }
                }
                guard let problem else { return try check() }
                let error = #expect(throws: ModelFileError.self) { try check() }
                #expect(error?.problem.contains(problem) == true, "\(error?.description ?? "")")
            }
        }
    }

    /// What the file cannot say is told by name.
    @Test(arguments: [
        ("smollm3", ["rope_parameters"]), ("olmo2", ["attention_bias"]),
        ("gemma2", ["the scale of scores"]), ("gemma3", ["the scale of scores"]),
    ])
    func whatIsLostIsNamed(_ name: String, expected: [String]) throws {
        let model = try PretrainedModel.open(Golden.url("decoders/\(name)/model"))
        let backbone = try model.openBackbone()
        try Self.write(model, backbone) { url in
            let written = try PretrainedModel.open(url).openBackbone()
            #expect(GGUFLosses(backbone, written).others == expected)
        }
    }

    /// Rounding is measured against the values that were rounded.
    @Test(arguments: ["Q8_0", "F16", "BF16"]) func roundedWeightsAreNear(_ type: String) throws {
        let model = try PretrainedModel.open(Golden.url("gguf-models/gptneox-folder"))
        let backbone = try model.openBackbone()
        try Self.write(model, backbone, as: type) { url in
            let file = try GGUFFile(url)
            // 24 inner columns are no whole blocks of Q8_0.
            let inner = type == "Q8_0" ? "F16" : type
            #expect(file.tensor("blk.0.ffn_up.weight")?.format == type)
            #expect(file.tensor("blk.0.ffn_down.weight")?.format == inner)
            #expect(file.tensor("output_norm.weight")?.format == "F32")
            #expect(try file.metadata.int("general.file_type") == ["Q8_0": 7, "F16": 1, "BF16": 32][type])
            #expect(try file.metadata.has("general.quantization_version") == (type == "Q8_0"))
            let (own, again) = (
                Self.hidden(backbone, [5, 9, 3]),
                Self.hidden(try PretrainedModel.open(url).openBackbone(), [5, 9, 3])
            )
            let error = relativeError(again, own)
            #expect(error > 0 && error < 0.05)
        }
    }

    private static func edited(
        _ folder: String, _ members: [String: JSONValue], _ body: (PretrainedModel) throws -> Void
    ) throws {
        let target = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID())")
        defer { try? FileManager.default.removeItem(at: target) }
        try FileManager.default.copyItem(at: Golden.url(folder), to: target)
        let file = target.appendingPathComponent("config.json")
        var config = try #require(try JSONValue.read(file).object)
        for (key, value) in members { config[key] = value }
        try Data(JSONValue.object(config).bytes()).write(to: file)
        try body(try PretrainedModel.open(target))
    }
}
