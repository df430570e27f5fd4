import Autodiff
import ModelFiles

/// Architectures of one build (post-layer-norm blocks, Devlin et al. 2019) that differ in names, embeddings, what
/// attention knows of distances, and classification heads.
package enum EncoderFamily: Sendable {
    /// BERT, and MiniLM as a smaller one.
    case bert
    /// RoBERTa, XLM-RoBERTa, CamemBERT: positions start after the padding id, and there are no token types.
    case roberta
    /// DistilBERT: no token types, no pooler.
    case distilbert
    /// ELECTRA's discriminator: embeddings may be narrower than the layers.
    case electra
    /// ALBERT: one layer's weights serve all layers, so an adapter on them does too.
    case albert
    /// DeBERTa-v2 and -v3: disentangled attention over relative positions, which layers share.
    case deberta
    /// MPNet: absolute positions, and a bias of attention by distance, which layers share.
    case mpnet

    /// By `model_type`
    private static let table: [(modelType: String, family: EncoderFamily)] = [
        ("bert", .bert), ("roberta", .roberta), ("xlm-roberta", .roberta), ("camembert", .roberta),
        ("distilbert", .distilbert), ("electra", .electra), ("albert", .albert), ("deberta-v2", .deberta),
        ("mpnet", .mpnet),
    ]

    static var modelTypes: [String] { table.map(\.modelType) }

    init?(modelType: String) {
        guard let row = Self.table.first(where: { $0.modelType == modelType }) else { return nil }
        self = row.family
    }

    /// transformers' class of a model of this `model_type` with such a head, for `architectures` in a `config.json`; of
    /// the encoder alone where no class pools as the head does.
    package static func architecture(modelType: String, head: HeadForm) -> String? {
        let suffix =
            switch head {
            case .sequence(.pooler): "ForSequenceClassification"
            case .sequence: "Model"
            case .token: "ForTokenClassification"
            case .span: "ForQuestionAnswering"
            }
        return ModelType.known.first { $0.name == modelType }.map { $0.className + suffix }
    }

    /// In front of the encoder's tensors in a whole model of transformers; PEFT's module paths have it too.
    package var prefix: String {
        switch self {
        case .bert: "bert."
        case .roberta: "roberta."
        case .distilbert: "distilbert."
        case .electra: "electra."
        case .albert: "albert."
        case .deberta: "deberta."
        case .mpnet: "mpnet."
        }
    }

    /// How transformers' sequence classifier of this architecture reads the first row.
    enum Classifier {
        /// The checkpoint's pooler, a dense layer and tanh, then the new classifier.
        case pooler
        /// A new dense layer first, with dropout before it or not.
        case dense(DenseActivation, dropsInput: Bool)
    }

    /// Whether transformers' model with such a head has the pooler of the encoder.
    package func hasPooler(_ head: HeadForm) -> Bool {
        guard case .sequence = head, case .pooler = classifier else { return false }
        return true
    }

    var classifier: Classifier {
        switch self {
        case .bert, .albert: .pooler
        case .roberta, .mpnet: .dense(.tanh, dropsInput: true)
        case .electra: .dense(.gelu, dropsInput: true)
        case .distilbert: .dense(.relu, dropsInput: false)
        case .deberta: .dense(.gelu, dropsInput: false)
        }
    }

    /// Names of the head's tensors in transformers' sequence classifier.
    package var headNames: (dense: String, classifier: String) {
        switch self {
        case .bert, .albert: ("", "classifier")
        case .roberta, .electra, .mpnet: ("classifier.dense", "classifier.out_proj")
        case .distilbert: ("pre_classifier", "classifier")
        case .deberta: ("pooler.dense", "classifier")
        }
    }

    /// Where the last linear layer of a head stands in transformers' models.
    package func classifierName(_ head: HeadForm) -> String {
        switch head {
        case .sequence: headNames.classifier
        case .token: "classifier"
        case .span: "qa_outputs"
        }
    }

    /// Names inside the prefix.
    var names: EncoderNames {
        switch self {
        case .bert, .roberta, .electra: EncoderNames()
        case .distilbert:
            EncoderNames(
                layer: { "transformer.layer.\($0)" }, query: "attention.q_lin", key: "attention.k_lin",
                value: "attention.v_lin", attentionOutput: "attention.out_lin",
                attentionNorm: "sa_layer_norm",
                intermediate: "ffn.lin1", output: "ffn.lin2", outputNorm: "output_layer_norm")
        case .albert:
            EncoderNames(
                layer: { _ in "encoder.albert_layer_groups.0.albert_layers.0" }, query: "attention.query",
                key: "attention.key", value: "attention.value", attentionOutput: "attention.dense",
                attentionNorm: "attention.LayerNorm", intermediate: "ffn", output: "ffn_output",
                outputNorm: "full_layer_layer_norm", projection: "encoder.embedding_hidden_mapping_in",
                pooler: "pooler")
        case .deberta:
            EncoderNames(
                query: "attention.self.query_proj", key: "attention.self.key_proj",
                value: "attention.self.value_proj", pooler: "", relativeTable: "encoder.rel_embeddings")
        case .mpnet:
            EncoderNames(
                query: "attention.attn.q", key: "attention.attn.k", value: "attention.attn.v",
                attentionOutput: "attention.attn.o", attentionNorm: "attention.LayerNorm",
                relativeTable: "encoder.relative_attention_bias")
        }
    }

}

/// Where the parts of a layer, and what lies around the layers, stand in a checkpoint.
struct EncoderNames: Sendable {
    var layer: @Sendable (Int) -> String = { "encoder.layer.\($0)" }
    var query = "attention.self.query"
    var key = "attention.self.key"
    var value = "attention.self.value"
    var attentionOutput = "attention.output.dense"
    var attentionNorm = "attention.output.LayerNorm"
    var intermediate = "intermediate.dense"
    var output = "output.dense"
    var outputNorm = "output.LayerNorm"
    /// From narrower embeddings to the layers' width
    var projection = "embeddings_project"
    /// Empty where transformers' encoder has none: DeBERTa's classifier has a dense layer of this name instead.
    var pooler = "pooler.dense"
    /// Of relative positions, shared by the layers
    var relativeTable = ""
    var relativeNorm = "encoder.LayerNorm"
    /// Where relative positions have projections of their own
    var positionKey = "attention.self.pos_key_proj"
    var positionQuery = "attention.self.pos_query_proj"
}
