import Foundation

/// The architectures whose checkpoints are read here, as transformers names them: for a `config.json` that does not
/// say which one it is.
package enum ModelType {
    /// `model_type`, what transformers' classes of it start with, and what stands in front of its weights.
    package static let known: [(name: String, className: String, prefix: String)] = [
        ("bert", "Bert", "bert."), ("roberta", "Roberta", "roberta."),
        ("xlm-roberta", "XLMRoberta", "roberta."), ("camembert", "Camembert", "roberta."),
        ("distilbert", "DistilBert", "distilbert."), ("electra", "Electra", "electra."),
        ("albert", "Albert", "albert."), ("deberta-v2", "DebertaV2", "deberta."),
        ("mpnet", "MPNet", "mpnet."),
    ]

    /// What follows the name of an architecture in a class of transformers.
    private static let classEnds = ["Model", "For", "LMHead", "PreTrained"]

    /// By `architectures`, for example `BertForMaskedLM`.
    static func name(ofClass architecture: String) -> String? {
        known.first { entry in
            architecture.hasPrefix(entry.className)
                && classEnds.contains { architecture.dropFirst(entry.className.count).hasPrefix($0) }
        }?.name
    }

    /// Names of weights that one architecture alone has. The first that fits says what a checkpoint without prefixes is.
    private static let marks: [(part: String, names: String)] = [
        ("transformer.layer.0.attention.q_lin.", "distilbert"),
        ("encoder.albert_layer_groups.", "albert"),
        ("encoder.layer.0.attention.self.query_proj.", "deberta-v2"),
        ("encoder.layer.0.attention.attn.q.", "mpnet"), ("embeddings_project.", "electra"),
        ("discriminator_predictions.", "electra"), ("generator_predictions.", "electra"),
        ("encoder.layer.0.attention.self.query.", "bert, or roberta, xlm-roberta, camembert or electra"),
    ]

    /// By the weights' names; several where they do not tell.
    static func names(ofWeights weights: [String]) -> String? {
        for prefix in Set(known.map(\.prefix)).sorted()
        where weights.contains(where: { $0.hasPrefix(prefix) }) {
            let names = known.filter { $0.prefix == prefix }.map(\.name)
            return names.count == 1
                ? names[0] : names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
        }
        return marks.first { mark in weights.contains { $0.hasPrefix(mark.part) } }?.names
    }

    /// What to add to a `config.json` without `model_type`.
    ///
    /// - Parameter folder: where its weights are; nil if nobody knows.
    static func advice(for config: JSONValue, weightsIn folder: URL?) -> String {
        let architectures = config["architectures"]?.array?.compactMap(\.string) ?? []
        for architecture in architectures {
            guard let name = name(ofClass: architecture) else { continue }
            return
                "add \"model_type\": \"\(name)\", as its architectures say (\(oneLine(architecture, limit: 80)))"
        }
        let weights = folder.flatMap { try? TensorStore(modelFolder: $0).tensors.map(\.name) } ?? []
        if let names = names(ofWeights: weights) {
            return "add \"model_type\" with the value \(names), by the names of the weights"
        }
        return "check that this is a model's config.json, and add \"model_type\" with one of "
            + known.map(\.name).joined(separator: ", ")
    }
}
