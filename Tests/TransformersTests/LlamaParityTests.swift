import Autodiff
import Foundation
import GoldenFiles
import GoldenModels
import Matrices
import ModelFiles
import Testing
import Transformers

/// The tiny random Llamas of scripts/goldens/llama_parity.py: hidden states and logits, as transformers has them.
@Suite struct LlamaParityTests {
    /// Tied, the heads are wider than hidden / heads, too.
    static let models = ["llama", "llama/tied"]

    private static func batch(_ model: String) throws -> PackedBatch {
        PackedBatch(try Golden.sequences(Golden.json("\(model)/batch.json")).map { ($0.ids, $0.types) })
    }

    // PyTorch in Float32 is as far from Float64 as this: another summation order.
    @Test(arguments: models) func hiddenStatesAndLogits(_ model: String) throws {
        let backbone = try PretrainedModel.open(Golden.url("\(model)/model")).openBackbone()
        let expected = try Golden.tensors("\(model)/expected.safetensors")
        let batch = try Self.batch(model)
        let tape = Tape(evaluatingWith: BufferPool())
        var hidden: [[Float]] = []
        let last = backbone.hiddenStates(batch, rows: .all, recomputing: false, on: tape) { _, variable in
            hidden.append(variable.value.values)
        }
        #expect(hidden.count == backbone.sizes.layers + 1)
        for (index, values) in hidden.enumerated() {
            #expect(relativeError(values, try expected.floats("hidden.\(index)")) < 1e-5, "hidden \(index)")
        }
        let head = try backbone.vocabularyHead()
        #expect(head.parameters.isEmpty && head.outputs == backbone.sizes.vocabulary)
        let logits = head.logits(last, offsets: batch.offsets, on: tape)
        #expect(relativeError(logits.value.values, try expected.floats("logits")) < 1e-5)
        #expect(backbone.unusedWeights.isEmpty)
    }

    /// No token sees those after it, nor those of another sequence: a prefix alone has the same rows.
    @Test func nothingSeesWhatFollows() throws {
        let backbone = try PretrainedModel.open(Golden.url("llama/model")).openBackbone()
        let sequences = try Golden.sequences(Golden.json("llama/batch.json"))
        let whole = try Self.batch("llama")
        let tape = Tape(evaluatingWith: BufferPool())
        let rows = backbone.hiddenStates(whole, on: tape).value
        for (index, sequence) in sequences.enumerated() {
            let length = max(1, sequence.ids.count / 2)
            let part = PackedBatch([
                (Array(sequence.ids.prefix(length)), Array(sequence.types.prefix(length)))
            ])
            let alone = backbone.hiddenStates(part, on: tape).value
            let same = rows.view(
                offset: whole.offsets[index] * rows.columns, rows: length, columns: rows.columns)
            // Products of other numbers of rows may round otherwise.
            #expect(relativeError(alone.values, same.values) < 1e-6, "sequence \(index)")
        }
    }

    /// Layers that run forward again in the backward pass give the same gradients.
    @Test func recomputedLayers() throws {
        let batch = try Self.batch("llama")
        let runs = try [false, true].map { recomputing in
            let backbone = try PretrainedModel.open(Golden.url("llama/model")).openBackbone()
            let vector = ParameterVector(backbone.weights.map { $0.thaw() })
            let gradients = Matrix(rows: 1, columns: vector.count)
            let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
            let hidden = backbone.hiddenStates(batch, recomputing: recomputing, on: tape)
            _ = tape.vocabularyCrossEntropy(
                hidden, weight: try #require(backbone.outputMatrix),
                targets: (0..<batch.tokens).map { Int32($0 % 3) }, divisor: 1)
            tape.backward()
            return gradients.values
        }
        #expect(runs[0] == runs[1] && runs[0].contains { $0 != 0 })
    }

    @Test(arguments: [
        (#""num_key_value_heads": 3"#, "num_key_value_heads: 3 do not divide 4 heads"),
        (#""head_dim": 5"#, "head_dim: rotary positions turn pairs, and 5 is odd"),
        (#""hidden_act": "gelu""#, "'gelu' is not supported"),
        (
            #""rope_parameters": {"rope_type": "axial", "rope_theta": 1e4}"#,
            "rotary positions of kind 'axial' are not supported; supported are default, linear, llama3"
        ),
        (#""rope_parameters": {"rope_type": "linear"}"#, "rope_parameters.factor: missing"),
        (#""rope_parameters": "linear""#, "rope_parameters: not an object"),
        (#""rope_parameters": {"rope_type": 3}"#, "rope_parameters.rope_type: not a string"),
        (#""rope_scaling": {"type": "linear", "factor": 2}"#, "it says something else than rope_parameters"),
        (
            #""rope_parameters": {"rope_theta": 1e4, "partial_rotary_factor": 0.5}"#,
            "rope_parameters.partial_rotary_factor: not a number in 1.0...1.0"
        ),
        (
            #""rope_parameters": {"full_attention": {"rope_theta": 1e4}}"#,
            "rope_parameters.full_attention: rotary positions with this setting are not supported"
        ),
        (#""quantization_config": {"bits": 4}"#, "the weights are quantized"),
    ])
    func refusedConfigs(settings: String, problem: String) throws {
        var config = try #require(try Golden.json("llama/model/config.json").object)
        for (key, value) in try JSONValue.parse("{\(settings)}").object?.members ?? [] { config[key] = value }
        let changed = try HFConfig(json: .object(config), path: "c")
        let error = #expect(throws: ModelFileError.self) {
            try Architecture.of(changed).sizes(changed)
        }
        let message = "\(try #require(error))"
        #expect(message.contains(problem), "\(message)")
    }

    /// An output matrix of its own counts, whatever the config says of ties; one that is the embeddings is no weight more.
    @Test func aTieIsWhatTheFileHolds() throws {
        let untied = try EditedModel("llama", entries: [("tie_word_embeddings", .bool(true))]).backbone()
        let plain = try PretrainedModel.open(Golden.url("llama/model")).openBackbone()
        #expect(untied.outputMatrix?.floats == plain.outputMatrix?.floats)
        #expect(untied.weights.count == plain.weights.count)
        let twice = try EditedModel("llama/tied") { name in
            name.contains("embed_tokens") ? [name, "lm_head.weight"] : [name]
        }.backbone()
        #expect(twice.outputMatrix === twice.weights.first { $0.name.contains("embed_tokens") })
        #expect(twice.unusedWeights.isEmpty && !twice.weights.contains { $0.name.hasPrefix("lm_head") })
        let bare = try EditedModel("llama") { $0.hasPrefix("lm_head") ? [] : [$0] }.backbone()
        let error = #expect(throws: HeadError.self) {
            try bare.vocabularyHead()
        }
        #expect("\(try #require(error))".contains("no lm_head.weight"))
    }

    @Test func everyKeyIsKnown() throws {
        let config = try HFFolder(Golden.url("llama/model")).config
        let sizes = try Architecture.of(config).sizes(config)
        #expect(config.unreadKeys.isEmpty, "\(config.unreadKeys)")
        #expect(sizes.hidden == 24 && sizes.layers == 3 && sizes.vocabulary == 272)
        #expect(sizes.positions == 64 && sizes.types == 0)
    }
}
