import AdapterTools
import Datasets
import Foundation
import Images
import ModelFiles
import RunConfiguration
import Tasks
import Tokenizers
import Transformers

extension TaskSettings {
    /// - Parameters:
    ///   - chat: of a template in place of the model's.
    ///   - model: nil where none is known.
    init(_ config: RunConfig, chat: ChatFormat? = nil, _ model: LoadedModel?) {
        self.init(
            pooling: config.resolvedPooling, stride: config.resolvedStride,
            trainedParts: config.trainedParts, chatTemplate: chat?.source,
            chatTemplateName: chat?.name,
            isChatModel: model?.chat != nil)
    }
}

extension Tokenization {
    init(_ loaded: LoadedModel, _ config: RunConfig) {
        self.init(
            tokenizer: loaded.tokenizer, maxLength: config.maxLength, longRows: config.longRows,
            chat: loaded.chat, images: loaded.images.map { config.augmenting($0) }, pair: loaded.pair
        )
    }
}

extension RunConfig {
    /// The same for what its model reads; as it is where the model cannot be opened, which whoever trains it says.
    package var suitedToModel: RunConfig {
        let url = URL(fileURLWithPath: model)
        guard !PretrainedModel.isGGUF(url), let config = try? HFFolder(url).config,
            let architecture = try? Architecture.of(config)
        else { return self }
        return suited(to: architecture)
    }

    /// The same, for what models of this architecture read.
    package func suited(to architecture: Architecture) -> RunConfig {
        architecture.isPair ? onPairs : architecture.readsImages ? onImages : self
    }

    /// As training reads images.
    fileprivate func augmenting(_ reading: ImageReading) -> ImageReading {
        reading.augmenting(AugmentationSettings(flip: imageFlip == .on, crop: imageCrop), seed: seed)
    }

    /// The template given in place of the model's.
    func givenChat(_ tokenizer: Tokenizer) throws -> ChatFormat? {
        try usedChatTemplate.map { try ChatFormat.read(URL(fileURLWithPath: $0), tokenizer) }
    }
}

extension ColumnNames {
    package init(_ config: RunConfig) {
        self.init(text: config.textColumns, label: config.labelColumn, delimiter: config.delimiter)
    }
}

extension TokenizedDataset {
    /// Of the token ids of several sets: of what tokenizer files and rows come to together.
    static func fingerprint(_ sets: [TokenizedDataset], _ form: Fingerprint.Form) -> String {
        let print = Fingerprint(form)
        for sequence in sets.flatMap(\.sequences) {
            sequence.ids.withUnsafeBytes { print.add($0) }
            sequence.typeIDs.withUnsafeBytes { print.add($0) }
        }
        return print.text()
    }
}
