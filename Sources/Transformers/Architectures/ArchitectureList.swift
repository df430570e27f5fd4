import Messages
import ModelFiles

extension Architecture {
    /// Every architecture, in the order in which they are shown.
    package static let all: [Architecture] = [
        .bert, .roberta, .distilbert, .electra, .albert, .deberta, .mpnet, .llama, .mistral, .ministral3,
        .qwen2, .qwen3, .gemma2, .gemma3, .phi3, .smolLM3, .granite, .graniteHybrid, .olmo2, .olmo3,
        .gpt2, .gptNeoX, .vit, .deit, .dinov2, .dinov2WithRegisters, .clip, .siglip,
    ]

    /// Of all models here; a model has those of its own architecture.
    package static let allRoles: [LinearSite.Role] = all.flatMap(\.roles).reduce(into: []) { known, role in
        if !known.contains(role) { known.append(role) }
    }

    /// The architecture that a `config.json` names.
    package static func of(_ config: HFConfig) throws -> Architecture {
        guard let name = config.modelType else {
            throw ModelFileError(
                file: config.path, place: "key 'model_type'", problem: "missing or not a string",
                advice: adviceWithoutModelType(config))
        }
        guard let architecture = all.first(where: { $0.has(modelType: name) }) else {
            throw ModelFileError(
                file: config.path, place: "model_type",
                problem: "\"\(oneLine(name, limit: 80))\" is not an architecture this version can train"
                    + (whyNot(modelType: name).map { ": \($0)" } ?? ""),
                advice: "use a checkpoint of " + modelTypeNames(of: all).joined(separator: ", "))
        }
        return architecture
    }

    /// transformers' class of a model of this `model_type` with such a head, for `architectures` in a `config.json`; of
    /// the backbone alone where no class reads rows as the head does.
    package static func className(modelType: String, head: HeadForm) -> String? {
        guard let architecture = all.first(where: { $0.has(modelType: modelType) }),
            let type = architecture.modelTypes.first(where: { $0.name == modelType })
        else { return nil }
        let own = head == .vocabulary ? type.languageModelClass : nil
        return own ?? type.className + architecture.classEnd(head)
    }

    private func has(modelType: String) -> Bool { modelTypes.contains { $0.name == modelType } }

    static func modelTypeNames(of architectures: [Architecture]) -> [String] {
        architectures.flatMap(\.modelTypes).map(\.name)
    }
}
