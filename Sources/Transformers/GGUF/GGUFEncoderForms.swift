import Autodiff
import Foundation
import ModelFiles

/// Encoders of post-layer-norm blocks, for which llama.cpp has one name: what its `bert` computes is the same, whatever the
/// checkpoint was called. It gives every token type 0.
extension GGUFForm {
    private init(
        encoder modelType: String, otherTypes: [String] = [], prefix: String,
        _ names: EncoderNames = EncoderNames(),
        classifier: [(String, String)], hasTypes: Bool = true, activation: String = "hidden_act",
        describe: @escaping @Sendable (GGUFKeys, inout JSONObject) throws -> Void
    ) {
        let layer = prefix + names.layer(0).replacing(".0", with: ".N") + "."
        let embeddings = [
            ("token_embd", "word_embeddings"), ("position_embd", "position_embeddings"),
            ("token_embd_norm", "LayerNorm"),
        ]
        let types = hasTypes ? [("token_types", "token_type_embeddings")] : []
        let matrices = [
            ("attn_q", names.query), ("attn_k", names.key), ("attn_v", names.value),
            ("attn_output", names.attentionOutput), ("attn_output_norm", names.attentionNorm),
            ("ffn_up", names.intermediate), ("ffn_down", names.output),
            ("layer_output_norm", names.outputNorm),
        ]
        self.init(
            name: "bert", modelType: modelType, otherTypes: otherTypes,
            modules: (embeddings + types).map { (stored: $0.0, own: "\(prefix)embeddings.\($0.1)") }
                + matrices.map { (stored: "blk.N.\($0.0)", own: layer + $0.1) }
                + classifier.map { (stored: $0.0, own: $0.1) },
            rowOrder: .same,
            describe: { keys, config in
                try Self.describeEncoder(keys, &config, activation: activation)
                try describe(keys, &config)
            },
            state: { backbone, keys in
                guard let encoder = backbone as? PostNormEncoder, encoder.configuration.activation != .erf
                else { return }
                // llama.cpp has one GELU for all; who trains over the file has the model's own.
                keys.add("hidden_activation", .string("gelu_new"))
            }, rotaryTensors: .none)
    }

    /// BERT, also as which files of the other encoders are opened.
    static let bert = GGUFForm(
        encoder: "bert", prefix: "bert.",
        classifier: [("cls", "bert.pooler.dense"), ("cls.output", "classifier")]
    ) { keys, config in
        config["layer_norm_eps"] = .number(try keys.double("attention.layer_norm_epsilon"))
        config["type_vocab_size"] = JSONValue(keys.file.tensor("token_types.weight")?.shape.first ?? 0)
    }

    static let roberta = GGUFForm(
        encoder: "roberta", otherTypes: ["xlm-roberta", "camembert"], prefix: "roberta.",
        classifier: [("cls", "classifier.dense"), ("cls.output", "classifier.out_proj")]
    ) { _, _ in }

    static let electra = GGUFForm(
        encoder: "electra", prefix: "electra.",
        classifier: [("cls", "classifier.dense"), ("cls.output", "classifier.out_proj")]
    ) { _, _ in }

    /// Files without token types are opened as this.
    static let distilbert = GGUFForm(
        encoder: "distilbert", prefix: "distilbert.", Architecture.distilbertNames,
        classifier: [("cls", "pre_classifier"), ("cls.output", "classifier")], hasTypes: false,
        activation: "activation"
    ) { keys, config in
        let epsilon = try keys.double("attention.layer_norm_epsilon")
        guard abs(epsilon - 1e-12) < 1e-18 else {
            throw keys.fault(
                "attention.layer_norm_epsilon",
                "\(epsilon) of an encoder without token types is not supported",
                "use a file of DistilBERT, which has 1e-12, or of BERT")
        }
        for (own, common) in [
            ("dim", "hidden_size"), ("n_layers", "num_hidden_layers"), ("n_heads", "num_attention_heads"),
            ("hidden_dim", "intermediate_size"),
        ] {
            config[own] = config[common]
            config[common] = nil
        }
    }

    /// What keys say of all encoders, and what of that an encoder's `config.json` does not have.
    private static func describeEncoder(
        _ keys: GGUFKeys, _ config: inout JSONObject, activation: String
    ) throws {
        guard try !keys.bool("attention.causal", true) else {
            throw keys.fault(
                "attention.causal", "an encoder whose tokens see only those before them is not supported")
        }
        for key in [
            "num_key_value_heads", "head_dim", "tie_word_embeddings", "rope_theta", "rms_norm_eps",
        ] { config[key] = nil }
        config[activation] = .string(try keys.optionalString("hidden_activation") ?? "gelu")
        // Of who runs the file: how rows are pooled, and what the numbers of its classifier are called.
        for key in [GGUFPooling.key, GGUFPooling.labelsKey] { keys.asked(key) }
    }

    /// The form of a file; several have llama.cpp's one name for encoders.
    static func of(_ file: GGUFFile, named name: String) -> GGUFForm? {
        all.first { form in
            form.name == name
                && (!form.isEncoder
                    || (file.tensor("token_types.weight") == nil) == (form.modelType == "distilbert"))
        }
    }

    package var isEncoder: Bool { name == "bert" }

    /// Why llama.cpp runs no encoder like this; nil where it does, and of decoders.
    package static func whyNot(_ backbone: any Backbone) -> String? {
        guard let encoder = backbone as? PostNormEncoder else { return nil }
        if encoder.attendsByDistance {
            return
                "its attention knows how far apart tokens are, which no encoder of llama.cpp's does like this"
        }
        if encoder.isProjected {
            return
                "its embeddings are narrower than its layers and are widened, which no encoder of llama.cpp's does"
        }
        return encoder.configuration.embedsPositions ? nil : "its tokens have no positions"
    }
}

/// How llama.cpp makes one row of those of an encoder (`llama_pooling_type`).
package enum GGUFPooling: UInt32, Sendable {
    case mean = 1
    case first = 2
    /// The first row through the classifier that the file has
    case classifier = 4

    /// Without the architecture
    static let key = "pooling_type"
    static let labelsKey = "classifier.output_labels"
}

extension GGUFForm {
    /// How an encoder's rows become one, and what the numbers of its classifier are called.
    ///
    /// - Parameters:
    ///   - pooling: nil where nobody says, and who runs the file must.
    ///   - labels: of a classifier's numbers; empty without.
    package func keys(_ pooling: GGUFPooling?, labels: [String]) -> [(key: String, value: GGUFValue)] {
        var keys = GGUFKeyList(architecture: name)
        if let pooling { keys.add(GGUFPooling.key, .uint32(pooling.rawValue)) }
        if !labels.isEmpty { keys.add(GGUFPooling.labelsKey, .array(.string(labels))) }
        return keys.all
    }

    /// How the file of an encoder says that its rows become one, where a head here reads them so.
    package func pooling(of file: GGUFFile) throws -> Pooling? {
        guard isEncoder, let number = try file.metadata.int("\(name).\(GGUFPooling.key)") else { return nil }
        return switch UInt32(exactly: number).flatMap(GGUFPooling.init) {
        case .mean: .mean
        case .first: .first
        case .classifier, nil: nil
        }
    }

    /// Whether `keys` gives such a key.
    package func saysPooling(_ key: String) -> Bool {
        [GGUFPooling.key, GGUFPooling.labelsKey].contains { key == "\(name).\($0)" }
    }

    /// Whether a tensor is part of what classifies rows.
    package static func isClassifier(_ stored: String) -> Bool { stored.hasPrefix("cls.") }

    /// What an encoder says that llama.cpp has only rows of tokens for.
    func add(_ configuration: EncoderConfiguration, to keys: inout GGUFKeyList) {
        keys.add("block_count", configuration.layers)
        keys.add("context_length", configuration.sizes.positions)
        keys.add("embedding_length", configuration.hiddenSize)
        keys.add("feed_forward_length", configuration.intermediateSize)
        keys.add("attention.head_count", configuration.heads)
        keys.add("attention.layer_norm_epsilon", configuration.layerNormEpsilon)
        keys.add("attention.causal", .bool(false))
    }
}

extension SequenceHead {
    /// The tensors by which llama.cpp classifies the first row of an encoder: through a dense layer and tanh first, or at once.
    /// nil for a head that computes something else.
    package var storedTensors: [GGUFModelTensor]? {
        guard case .sequence(let pooling) = form, pooling == .first || pooling == .pooler,
            parameters.count > 1, firstLayer?.isTanh ?? true
        else { return nil }
        func tensor(_ name: String, _ operand: any Operand) -> GGUFModelTensor {
            GGUFModelTensor(
                name: name, shape: operand.savedShape, format: nil,
                content: .values { body in try operand.floats.withUnsafeBufferPointer(body) })
        }
        let first = firstLayer.map { [tensor("cls.weight", $0.weight), tensor("cls.bias", $0.bias)] } ?? []
        return first + [tensor("cls.output.weight", weight), tensor("cls.output.bias", bias)]
    }
}
