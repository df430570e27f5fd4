import Datasets
import ModelFiles
import RunConfiguration
import Tasks
import Tokenizers

extension TaskSettings {
    init(_ config: RunConfig) { self.init(pooling: config.resolvedPooling, stride: config.resolvedStride) }
}

extension Tokenization {
    init(_ tokenizer: Tokenizer, _ config: RunConfig) {
        self.init(tokenizer: tokenizer, maxLength: config.maxLength, longRows: config.longRows)
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
