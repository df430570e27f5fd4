import Foundation
import ModelFiles
import Transformers

/// A pretrained model: a Hugging Face folder (`config.json`, safetensors, tokenizer files) or a GGUF file, as llama.cpp runs it.
///
/// A value that says where the model is and what it holds. Each run, adapter and text generator opens the weights for itself;
/// they are mapped from the file, so that this costs little, and nothing that is trained hangs on this value.
public struct Model: Sendable, Equatable {
    /// The folder, or the file
    public let url: URL
    /// As its files call it: `bert`, `llama`, `qwen3` …
    public let architecture: String
    /// Its blocks, counted from 0 in ``MatrixRank/layer``
    public let layers: Int
    /// The width of the rows between layers
    public let width: Int
    /// The longest sequence, in tokens
    public let longestSequence: Int
    /// Of the model without a head
    public let parameters: Int
    /// What its matrices do in a layer: `query`, `key` … Each of them in each layer may carry an adapter.
    public let roles: [String]
    /// Whether each token sees those before it alone, as language models' do.
    public let isDecoder: Bool

    /// Opens the model far enough to know that all of it is there.
    ///
    /// - Throws: ``AdaLoRAError``: ``AdaLoRAError/Kind/missingInput`` where nothing is there,
    ///   ``AdaLoRAError/Kind/badData`` for files that contradict each other and architectures that are not known.
    public init(at url: URL) throws(AdaLoRAError) {
        self = try AdaLoRAError.telling {
            let model = try PretrainedModel.open(url)
            return Model(url, try model.openBackbone())
        }
    }

    private init(_ url: URL, _ backbone: any Backbone) {
        self.url = url
        architecture = backbone.architecture.name
        layers = backbone.sizes.layers
        width = backbone.sizes.hidden
        longestSequence = backbone.longestSequence
        parameters = backbone.parameterCount
        roles = backbone.architecture.roles.map(\.rawValue)
        isDecoder = backbone.architecture.isDecoder
    }
}
