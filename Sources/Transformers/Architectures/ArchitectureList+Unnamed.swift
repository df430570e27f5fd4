import Messages
import ModelFiles

/// For a `config.json` that does not say which architecture it is of.
extension Architecture {
    /// What follows the name of an architecture in a class of transformers.
    private static let classEnds = ["Model", "For", "LMHead", "PreTrained"]

    /// What to add to a `config.json` without `model_type`.
    static func adviceWithoutModelType(_ config: HFConfig) -> String {
        let classes = config.raw["architectures"]?.array?.compactMap(\.string) ?? []
        for name in classes {
            guard let type = modelType(ofClass: name) else { continue }
            return "add \"model_type\": \"\(type)\", as its architectures say (\(oneLine(name, limit: 80)))"
        }
        let weights = config.folder.flatMap { try? TensorStore(modelFolder: $0).tensors.map(\.name) } ?? []
        if let names = modelTypes(ofWeights: weights) {
            return "add \"model_type\" with the value \(names), by the names of the weights"
        }
        return "check that this is a model's config.json, and add \"model_type\" with one of "
            + modelTypeNames(of: all).joined(separator: ", ")
    }

    /// By `architectures`, for example `BertForMaskedLM`.
    private static func modelType(ofClass name: String) -> String? {
        all.flatMap(\.modelTypes).first { type in
            name == type.languageModelClass
                || (name.hasPrefix(type.className)
                    && classEnds.contains { name.dropFirst(type.className.count).hasPrefix($0) })
        }?.name
    }

    /// By the weights' names, with the prefixes of whole models or without; several where they do not tell.
    private static func modelTypes(ofWeights weights: [String]) -> String? {
        func found(_ mark: (Architecture) -> [String]) -> [Architecture] {
            all.filter { architecture in
                mark(architecture).contains { part in weights.contains { $0.hasPrefix(part) } }
            }
        }
        let candidates = [
            found { architecture in architecture.parts.map { architecture.prefix + $0 } },
            found { Array($0.marks.dropFirst()) }, found { [$0.marks[0]] },
        ]
        for candidates in candidates where !candidates.isEmpty {
            let names = modelTypeNames(of: candidates)
            return names.count == 1
                ? names[0] : names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
        }
        return nil
    }
}
