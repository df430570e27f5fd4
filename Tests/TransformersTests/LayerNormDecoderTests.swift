import Autodiff
import Foundation
import GoldenFiles
import GoldenModels
import Matrices
import ModelFiles
import Testing
import Transformers

/// The tiny random GPT-2 and GPT-NeoX of scripts/goldens/layer_norm_decoders.py: hidden states, logits, loss and every
/// gradient, as transformers has them.
@Suite struct LayerNormDecoderTests {
    static let models = ["gpt2", "gpt_neox"]

    private static func open(_ model: String) throws -> any Backbone {
        try PretrainedModel.open(Golden.url("\(model)/model")).openBackbone()
    }

    private static func sequences(_ model: String) throws -> [(ids: [Int32], types: [Int32], label: Int32)] {
        try Golden.sequences(Golden.json("\(model)/batch.json"))
    }

    private static func batch(_ model: String) throws -> PackedBatch {
        PackedBatch(try sequences(model).map { ($0.ids, $0.types) })
    }

    private static func hidden(_ backbone: any Backbone, _ batch: PackedBatch) -> [Float] {
        backbone.hiddenStates(batch, on: Tape(evaluatingWith: BufferPool())).value.values
    }

    // PyTorch in Float32 is 1.5e-6 away from Float64 on these models: 1e-5 is another summation order.
    @Test(arguments: models) func hiddenStatesAndLogits(_ model: String) throws {
        let backbone = try Self.open(model)
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
        let logits = head.logits(last, offsets: batch.offsets, on: tape)
        #expect(relativeError(logits.value.values, try expected.floats("logits")) < 1e-5)
        #expect(backbone.unusedWeights.isEmpty && backbone.architecture.noun == "decoder")
    }

    // Relative to each tensor's largest element; keys' biases have no effect, and their gradients are rounding noise.
    @Test(arguments: models, [false, true]) func everyGradient(_ model: String, recomputing: Bool) throws {
        let backbone = try Self.open(model)
        let expected = try Golden.tensors("\(model)/expected.safetensors")
        let parameters = backbone.weights.map { $0.thaw() }
        let vector = ParameterVector(parameters)
        let gradients = Matrix(rows: 1, columns: vector.count)
        let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
        let hidden = backbone.hiddenStates(try Self.batch(model), recomputing: recomputing, on: tape)
        let targets = try Self.sequences(model).flatMap { $0.ids.dropFirst() + [Tape.ignoredLabel] }
        let loss = tape.vocabularyCrossEntropy(
            hidden, weight: try #require(backbone.outputMatrix), targets: targets,
            divisor: Double(targets.count { $0 != Tape.ignoredLabel }))
        tape.backward()
        let theirs = Double(try expected.floats("loss")[0])
        #expect(abs(loss - theirs) < 1e-5 * theirs)
        for parameter in parameters {
            let part = gradients.view(
                offset: vector.range(of: parameter).lowerBound, rows: parameter.rows,
                columns: parameter.columns)
            // As the checkpoint has the matrix.
            let ours = Weight(
                name: "gradient", matrix: Float32Weight(part),
                isStoredTransposed: parameter.isStoredTransposed
            ).savedFloats
            let theirs = try expected.floats("grad.\(parameter.name)")
            #expect(
                relativeError(ours, theirs) < 1e-4, "\(parameter.name): \(relativeError(ours, theirs))")
        }
        let known = expected.tensors.map(\.name).filter { $0.hasPrefix("grad.") }
        #expect(Set(known) == Set(parameters.map { "grad.\($0.name)" }))
    }

    /// Rows that somebody reads: the same values and gradients as of all rows, where the others have no target.
    @Test(arguments: models, [[0, 5, 24], [20], Array(4..<11), [0, 1, 2, 3]])
    func chosenRows(_ model: String, rows: [Int]) throws {
        let batch = try Self.batch(model)
        let all = try DecoderGoldens.chosen(rows, .all, Self.open(model), batch)
        let some = try DecoderGoldens.chosen(rows, .some(rows), Self.open(model), batch)
        // Products of other numbers of rows may round otherwise.
        let expected = rows.flatMap { all.values[$0 * 16..<($0 + 1) * 16] }
        #expect(relativeError(some.values, expected) < 2e-6)
        #expect(relativeError(some.gradients, all.gradients) < 1e-5)
    }

    @Test(arguments: models) func noRowsAtAll(_ model: String) throws {
        let tape = Tape(evaluatingWith: BufferPool())
        let hidden = try Self.open(model).hiddenStates(try Self.batch(model), rows: .some([]), on: tape)
        #expect(hidden.rows == 0 && hidden.columns == 16)
    }

    struct Variant: Sendable, CustomTestStringConvertible {
        let model: String
        let number: Int
        var testDescription: String { "\(model) \(number)" }
    }

    /// Other settings than the usual ones compute what transformers makes of them.
    @Test(
        arguments: (0..<5).map { Variant(model: "gpt2", number: $0) }
            + (0..<6).map { Variant(model: "gpt_neox", number: $0) })
    func otherSettings(_ variant: Variant) throws {
        let rows = try #require(try Golden.json("\(variant.model)/variants.json")["variants"]?.array)
        #expect(rows.count == (variant.model == "gpt2" ? 5 : 6))
        let row = rows[variant.number]
        let backbone = try EditedModel(
            variant.model, entries: row["settings"]?.object?.members.map { ($0, $1) } ?? [],
            absent: row["absent"]?.array?.compactMap(\.string) ?? []
        ).backbone()
        let expected = try Golden.tensors("\(variant.model)/variants.safetensors")
        let logits = try backbone.lastLogits(Self.batch(variant.model))
        let error = relativeError(logits, try expected.floats("logits.\(variant.number)"))
        #expect(error < 1e-5, "\(error)")
    }

    /// As the hub's GPT-2: names without the prefix, and masks that older versions saved.
    @Test func namesOfTheBackboneAlone() throws {
        let edited = try EditedModel("gpt2", tensors: { [String($0.dropFirst("transformer.".count))] })
        let store = try TensorStore(modelFolder: edited.folder)
        let masks = ["h.0.attn.bias", "h.1.attn.masked_bias", "h.0.attn.rest"]
        try edited.write(
            try store.tensors.map {
                TensorToWrite(name: $0.name, shape: $0.shape, values: try store.floats($0.name))
            } + masks.map { TensorToWrite(name: $0, shape: [1], values: [0]) })
        let backbone = try edited.backbone()
        #expect(backbone.unusedWeights == ["h.0.attn.rest"])
        let batch = try Self.batch("gpt2")
        #expect(Self.hidden(backbone, batch) == Self.hidden(try Self.open("gpt2"), batch))
        #expect(backbone.linearLayers[0].modulePath == "transformer.h.0.attn.c_attn")
        #expect(backbone.weights[0].name == "wte.weight")
        #expect(backbone.architecture.wholeName("wte.weight") == "transformer.wte.weight")
        #expect(backbone.architecture.wholeName("lm_head.weight") == "lm_head.weight")
    }

    @Test func theOutputMatrixOfGPTNeoX() throws {
        let backbone = try Self.open("gpt_neox")
        let output = try #require(backbone.outputMatrix)
        #expect(output.name == "embed_out.weight")
        #expect(backbone.architecture.wholeName(output.name) == "embed_out.weight")
        let bare = try EditedModel("gpt_neox") { $0.hasPrefix("embed_out") ? [] : [$0] }.backbone()
        let error = #expect(throws: HeadError.self) {
            try bare.vocabularyHead()
        }
        #expect("\(try #require(error))".contains("no embed_out.weight"))
        let tied = try EditedModel(
            "gpt_neox", entries: [("tie_word_embeddings", .bool(true))],
            tensors: { $0.hasPrefix("embed_out") ? [] : [$0] }
        ).backbone()
        #expect(tied.outputMatrix === tied.weights.first { $0.name.contains("embed_in") })
    }

    @Test(arguments: models) func everyKeyIsKnown(_ model: String) throws {
        let config = try HFFolder(Golden.url("\(model)/model")).config
        let sizes = try Architecture.of(config).sizes(config)
        #expect(config.unreadKeys.isEmpty, "\(config.unreadKeys)")
        #expect(sizes.hidden == 16 && sizes.layers == 2 && sizes.vocabulary == 272 && sizes.positions == 32)
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let model: String
        /// Members that replace those of the golden's `config.json`
        let settings: String
        let problem: String
        var testDescription: String { "\(model): \(settings)" }

        init(_ model: String, _ settings: String, _ problem: String) {
            (self.model, self.settings, self.problem) = (model, settings, problem)
        }
    }

    @Test(arguments: [
        Row(
            "gpt2", #""add_cross_attention": true"#, "add_cross_attention: a decoder that reads an encoder's"),
        Row("gpt2", #""activation_function": "relu""#, "activation_function: \"relu\" is not supported"),
        Row("gpt2", #""n_head": 3"#, "n_head: a width of 16 does not divide into 3 heads"),
        Row("gpt2", #""n_head": 0"#, "key 'n_head': 0 is outside 1...1024"),
        Row("gpt2", #""n_layer": 1000000000"#, "key 'n_layer': 1000000000 is outside 1...1000"),
        Row("gpt2", #""n_embd": 1000000000000"#, "key 'n_embd': 1000000000000 is outside 1...65536"),
        Row("gpt2", #""n_inner": 0"#, "key 'n_inner': 0 is outside 1...262144"),
        Row("gpt2", #""n_positions": -1"#, "key 'n_positions': -1 is outside 1...10000000"),
        Row("gpt2", #""layer_norm_epsilon": 0"#, "key 'layer_norm_epsilon': 0.0 is outside"),
        Row(
            "gpt2", #""scale_attn_weights": "no""#,
            "key 'scale_attn_weights': the string 'no' is neither true"),
        Row("gpt2", #""pad_token_id": 2.5"#, "key 'pad_token_id': 2.5 is not an integer"),
        Row("gpt2", #""pruned_heads": {"0": [1]}"#, "pruned_heads: heads were taken out"),
        Row("gpt2", #""quantization_config": {"bits": 4}"#, "the weights are quantized"),
        Row(
            "gpt_neox", #""num_attention_heads": 5"#,
            "num_attention_heads: a width of 16 does not divide into 5"),
        Row("gpt_neox", #""hidden_act": "silu""#, "hidden_act: \"silu\" is not supported"),
        Row("gpt_neox", #""vocab_size": 0"#, "key 'vocab_size': 0 is outside 1...10000000"),
        Row(
            "gpt_neox", #""rope_parameters": {"partial_rotary_factor": 0.4}"#,
            "rope_parameters.partial_rotary_factor: 3 of 8 columns turn, which are no pairs"),
        Row(
            "gpt_neox", #""rope_parameters": {"partial_rotary_factor": 0.1}"#,
            "rope_parameters.partial_rotary_factor: 0 of 8 columns turn, which are no pairs"),
        Row(
            "gpt_neox", #""rope_parameters": {"partial_rotary_factor": 2}"#,
            "rope_parameters.partial_rotary_factor: not a number in 0.001...1.0"),
        Row(
            "gpt_neox", #""rope_parameters": {"rope_type": "moon"}"#,
            "rotary positions of kind 'moon' are not supported"),
    ])
    func refusedConfigs(_ row: Row) throws {
        var config = try #require(try Golden.json("\(row.model)/model/config.json").object)
        for (key, value) in try JSONValue.parse("{\(row.settings)}").object?.members ?? [] {
            config[key] = value
        }
        let changed = try HFConfig(json: .object(config), path: "c")
        let error = #expect(throws: ModelFileError.self) { try Architecture.of(changed).sizes(changed) }
        let message = "\(try #require(error))"
        #expect(message.hasPrefix("c: ") && message.contains(row.problem), "\(message)")
        #expect(message.contains("; "), "\(message) says what to try")
    }

    /// What transformers' class of the language model is called.
    @Test func classNames() {
        func name(_ type: String, _ head: HeadForm) -> String? {
            Architecture.className(modelType: type, head: head)
        }
        #expect(name("gpt2", .vocabulary) == "GPT2LMHeadModel")
        #expect(name("gpt2", .sequence(.last)) == "GPT2ForSequenceClassification")
        #expect(name("gpt_neox", .vocabulary) == "GPTNeoXForCausalLM")
        #expect(name("llama", .vocabulary) == "LlamaForCausalLM")
        #expect(name("llama", .sequence(.mean)) == "LlamaModel")
    }
}
