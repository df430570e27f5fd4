import ModelFiles

extension GGUFForm {
    /// Every form, by llama.cpp's names.
    static let all: [GGUFForm] = [
        .llama, .qwen2, .qwen3, .gemma3, .gemma2, .phi3, .smollm3, .granite, .olmo2, .mistral3, .gpt2,
        .gptNeoX, .bert, .roberta, .distilbert, .electra,
    ]
}

extension GGUFForm {
    /// llama.cpp's, each once
    static var names: [String] {
        all.map(\.name).reduce(into: []) { known, name in if !known.contains(name) { known.append(name) } }
    }

    /// Of models with such a `config.json`; nil where llama.cpp has them otherwise than any form here says.
    package static func of(_ config: HFConfig) -> GGUFForm? {
        guard let type = config.modelType else { return nil }
        return all.first { $0.modelType == type || $0.otherTypes.contains(type) }
    }
}
