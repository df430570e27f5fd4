import Datasets
import Tokenizers

/// Examples as token ids with their targets, and what tokenizing cost: rows cut or left out are counted.
public struct TokenizedDataset: Sendable {
    public struct Sequence: Sendable {
        public let ids: [Int32]
        public let typeIDs: [Int32]

        package init(ids: [Int32], typeIDs: [Int32]) {
            self.ids = ids
            self.typeIDs = typeIDs
        }
    }

    public enum LongRows: Sendable { case truncate, drop, error }

    public let sequences: [Sequence]
    public let targets: Targets?
    /// Tokens cut from each sequence.
    public let truncated: [Int]
    public let droppedRows: Int
    public let tokens: Int
    public let unknownTokens: Int

    public var count: Int { sequences.count }
    public var truncatedRows: Int { truncated.reduce(0) { $0 + ($1 > 0 ? 1 : 0) } }
    public var truncatedTokens: Int { truncated.reduce(0, +) }

    /// - Parameter targets: one per example, or nil to predict only.
    public init(
        _ dataset: Dataset, targets: Targets?, tokenizer: Tokenizer, maxLength: Int, longRows: LongRows
    ) throws {
        var sequences: [Sequence] = []
        sequences.reserveCapacity(dataset.examples.count)
        var kept: [Int] = []
        var cut: [Int] = []
        var unknown = 0
        let unknownID = tokenizer.unknownID
        let isPair = dataset.examples.contains { $0.pair != nil }
        let special = tokenizer.specialTokenCount(isPair: isPair)
        guard maxLength > special else {
            throw TrainingError(
                .usage,
                "--max-length \(maxLength) leaves no room beside the \(special) special tokens that this model puts around "
                    + "\(isPair ? "two texts" : "a text"); raise it")
        }
        for (index, example) in dataset.examples.enumerated() {
            let encoding = tokenizer.encode(example.text, pair: example.pair, maxLength: maxLength)
            if encoding.truncatedTokens > 0 {
                switch longRows {
                case .truncate: break
                case .drop: continue
                case .error:
                    let length = encoding.ids.count + encoding.truncatedTokens
                    throw TrainingError(
                        "\(dataset.file):\(example.line): the row has \(length) tokens, --max-length is \(maxLength); "
                            + "raise it, or use --long-rows truncate or drop")
                }
            }
            if let unknownID { for id in encoding.ids where id == unknownID { unknown += 1 } }
            sequences.append(Sequence(ids: encoding.ids, typeIDs: encoding.typeIDs))
            kept.append(index)
            cut.append(encoding.truncatedTokens)
        }
        guard !sequences.isEmpty else {
            throw TrainingError(
                "\(dataset.file): no row is left with --max-length \(maxLength) and --long-rows drop; raise --max-length"
            )
        }
        self.sequences = sequences
        switch targets {
        case .classes(let classes): self.targets = .classes(kept.map { classes[$0] })
        case .scores(let scores): self.targets = .scores(kept.map { scores[$0] })
        case nil: self.targets = nil
        }
        truncated = cut
        droppedRows = dataset.examples.count - kept.count
        tokens = sequences.reduce(0) { $0 + $1.ids.count }
        unknownTokens = unknown
    }

    /// Sequences that are token ids already.
    package init(sequences: [Sequence], targets: Targets?) {
        self.sequences = sequences
        self.targets = targets
        droppedRows = 0
        truncated = Array(repeating: 0, count: sequences.count)
        tokens = sequences.reduce(0) { $0 + $1.ids.count }
        unknownTokens = 0
    }

    /// What a person should know, one line each; empty when nothing was lost.
    public func warnings(name: String, maxLength: Int) -> [String] {
        var lines: [String] = []
        if truncatedRows > 0 {
            lines.append(
                "\(name): \(truncatedRows) of \(count) rows are longer than --max-length \(maxLength) and were cut; "
                    + "\(truncatedTokens) tokens are lost")
        }
        if droppedRows > 0 {
            lines.append("\(name): \(droppedRows) rows longer than --max-length \(maxLength) were left out")
        }
        if unknownTokens > 0 && unknownTokens * 100 >= tokens {
            lines.append(
                "\(name): \(unknownTokens) of \(tokens) tokens are unknown to the vocabulary; is it the right model for this language?"
            )
        }
        return lines
    }
}
