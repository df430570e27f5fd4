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
    /// What was cut from each sequence, in `unit`s.
    public let truncated: [Int]
    private let unit: String
    public let droppedRows: Int
    /// What else a person should know.
    private let notes: [String]
    public let tokens: Int
    public let unknownTokens: Int
    /// What to look at for them; empty where they are few.
    private let unknownAdvice: String
    /// Of the classes, in the loss; nil where each row or word counts once.
    private var classWeights: [Double]?

    public var count: Int { sequences.count }
    public var truncatedRows: Int { truncated.reduce(0) { $0 + ($1 > 0 ? 1 : 0) } }
    public var truncatedUnits: Int { truncated.reduce(0, +) }

    /// - Parameter targets: one per example, or nil to predict only.
    public init(
        _ dataset: Dataset, targets: Targets?, tokenizer: Tokenizer, maxLength: Int, longRows: LongRows
    ) throws {
        try self.init(
            dataset, targets: targets,
            Tokenization(tokenizer: tokenizer, maxLength: maxLength, longRows: longRows))
    }

    /// Texts and pairs of them.
    init(_ dataset: Dataset, targets: Targets?, _ limits: Tokenization) throws {
        var sequences: [Sequence] = []
        sequences.reserveCapacity(dataset.examples.count)
        var kept: [Int] = []
        var cut: [Int] = []
        var unknown = UnknownWords(limits.tokenizer)
        let hasPairs = dataset.examples.contains { $0.pair != nil }
        try limits.checkRoom(isPair: hasPairs)
        for (index, example) in dataset.examples.enumerated() {
            let encoding = limits.tokenizer.encode(
                example.text, pair: example.pair, maxLength: limits.maxLength)
            let length = encoding.ids.count + encoding.truncatedTokens
            if encoding.truncatedTokens > 0,
                try !limits.keeps(length: length, of: example, in: dataset)
            {
                continue
            }
            try unknown.add(encoding.ids, of: example, in: dataset)
            sequences.append(Sequence(ids: encoding.ids, typeIDs: encoding.typeIDs))
            kept.append(index)
            cut.append(encoding.truncatedTokens)
        }
        try self.init(
            dataset, sequences: sequences, targets: targets?.selecting(kept), truncated: cut, unit: "tokens",
            droppedRows: dataset.examples.count - kept.count, unknown: unknown,
            notes: hasPairs ? limits.tokenizer.typeNote.map { [$0] } ?? [] : [],
            maxLength: limits.maxLength)
    }

    /// Sequences that a task made of a file's rows.
    ///
    /// - Parameter unit: what `truncated` counts.
    init(
        _ dataset: Dataset, sequences: [Sequence], targets: Targets?, truncated: [Int], unit: String,
        droppedRows: Int, unknown: UnknownWords, notes: [String], maxLength: Int
    ) throws {
        guard !sequences.isEmpty else {
            throw TrainingError(
                "\(dataset.file): no row is left with --max-length \(maxLength) and --long-rows drop; raise --max-length"
            )
        }
        self.sequences = sequences
        self.targets = targets
        self.truncated = truncated
        self.unit = unit
        self.droppedRows = droppedRows
        unknownTokens = unknown.count
        self.notes = notes
        tokens = sequences.reduce(0) { $0 + $1.ids.count }
        unknownAdvice = unknown.count > 0 && unknown.count * 100 >= tokens ? unknown.advice : ""
    }

    /// Sequences that are token ids already.
    package init(sequences: [Sequence], targets: Targets?) {
        self.sequences = sequences
        self.targets = targets
        unit = "tokens"
        notes = []
        droppedRows = 0
        truncated = Array(repeating: 0, count: sequences.count)
        tokens = sequences.reduce(0) { $0 + $1.ids.count }
        unknownTokens = 0
        unknownAdvice = ""
    }

    /// With a loss in which rows or words count as their classes weigh.
    package func weighted(by weights: [Double]) -> TokenizedDataset {
        var copy = self
        copy.classWeights = weights
        return copy
    }

    var objective: (any Objective)? { targets?.objective(weights: classWeights) }

    /// Of the token ids of several sets: of what tokenizer files and rows come to together.
    static func fingerprint(_ sets: [TokenizedDataset]) -> String {
        var print = Fingerprint()
        for sequence in sets.flatMap(\.sequences) {
            sequence.ids.withUnsafeBytes { print.add($0) }
            sequence.typeIDs.withUnsafeBytes { print.add($0) }
        }
        return print.text
    }

    /// What a person should know, one line each; empty when nothing was lost.
    public func warnings(name: String, maxLength: Int) -> [String] {
        var lines: [String] = []
        if truncatedRows > 0 {
            lines.append(
                "\(name): \(truncatedRows) of \(count) rows are longer than max-length \(maxLength) and were cut; "
                    + "\(truncatedUnits) \(unit) are lost")
        }
        if droppedRows > 0 {
            lines.append("\(name): \(droppedRows) rows longer than max-length \(maxLength) were left out")
        }
        if !unknownAdvice.isEmpty {
            lines.append(
                "\(name): \(unknownTokens) of \(tokens) tokens are unknown to the vocabulary; \(unknownAdvice)"
            )
        }
        return lines + notes.map { "\(name): \($0)" }
    }
}

extension Tokenization {
    /// - Throws: where the special tokens of the model leave no room for a text.
    func checkRoom(isPair: Bool) throws {
        let special = tokenizer.specialTokenCount(isPair: isPair)
        guard maxLength > special else {
            throw TrainingError(
                .usage,
                "max-length \(maxLength) leaves no room beside the \(special) special tokens that this model puts around "
                    + "\(isPair ? "two texts" : "a text"); raise it")
        }
    }

    /// Whether a row of more tokens than fit stays, cut.
    func keeps(length: Int, of example: Example, in dataset: Dataset) throws -> Bool {
        switch longRows {
        case .truncate: return true
        case .drop: return false
        case .error:
            throw TrainingError(
                "\(dataset.file):\(example.line): the row has \(length) tokens, --max-length is \(maxLength); "
                    + "raise it, or use --long-rows truncate or drop")
        }
    }
}
