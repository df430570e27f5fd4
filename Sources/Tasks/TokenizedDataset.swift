import Datasets
import Messages
import Tokenizers
import Transformers

/// Examples as token ids with what they ask of a model, and what tokenizing cost: rows cut or left out are counted.
package struct TokenizedDataset: Sendable {
    package struct Sequence: Sendable {
        /// None of an image
        package let ids: [Int32]
        package let typeIDs: [Int32]
        /// Its rows in a model: tokens, or what an image becomes
        package let length: Int

        package init(ids: [Int32], typeIDs: [Int32]) {
            self.ids = ids
            self.typeIDs = typeIDs
            length = ids.count
        }

        /// Of a text with an image that becomes so many rows.
        package init(ids: [Int32], imageOfRows rows: Int) {
            self.ids = ids
            typeIDs = Array(repeating: 0, count: ids.count)
            length = ids.count + rows
        }

        /// Of an image that becomes so many rows.
        package init(imageOfRows length: Int) {
            (ids, typeIDs) = ([], [])
            self.length = length
        }
    }

    /// What happens to rows longer than allowed: cut and counted, left out and counted, or refused.
    package enum LongRows: String, CaseIterable, Sendable { case truncate, drop, error }

    package private(set) var sequences: [Sequence]
    /// What the rows ask of a model; nil without labels.
    package private(set) var objective: (any Objective)?
    /// Where rows of the model's frozen layers are kept; nil where nobody reads the sequences again.
    package private(set) var frozenCache: FrozenCache?
    /// What gives the pixels of sequences that are images; nil where they are tokens.
    package private(set) var images: ImageFeed?
    /// That the images are read in; nil as an evaluation reads them.
    package private(set) var epoch: Int?
    /// What was cut from each sequence, in `unit`s.
    package let truncated: [Int]
    private let unit: String
    package let droppedRows: Int
    /// Rows of the file that are here; several sequences may be of one.
    package let rows: Int
    /// What else a person should know.
    private var notes: [String]
    package private(set) var tokens: Int
    package let unknownTokens: Int
    /// What to look at for them; empty where they are few.
    private let unknownAdvice: String

    package var count: Int { sequences.count }
    package var truncatedRows: Int { truncated.reduce(0) { $0 + ($1 > 0 ? 1 : 0) } }
    package var truncatedUnits: Int { truncated.reduce(0, +) }

    /// Texts and pairs of them.
    ///
    /// - Parameter objective: of the examples that are kept, by their positions in the data set.
    package init(
        _ dataset: Dataset, _ limits: Tokenization, objective: (_ kept: [Int]) -> (any Objective)?
    ) throws {
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
            guard !encoding.ids.isEmpty else {
                throw TaskError(
                    "\(dataset.file):\(example.line): the row has no token for this model; remove it, or give it a text"
                )
            }
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
            dataset, sequences: sequences, objective: objective(kept), truncated: cut, unit: "tokens",
            droppedRows: dataset.examples.count - kept.count, unknown: unknown,
            notes: hasPairs ? limits.tokenizer.typeNote.map { [$0] } ?? [] : [],
            maxLength: limits.maxLength)
    }

    /// Sequences that a task made of a file's rows.
    ///
    /// - Parameters:
    ///   - unit: what `truncated` counts.
    ///   - rows: nil where each sequence is one.
    init(
        _ dataset: Dataset, sequences: [Sequence], objective: (any Objective)?, truncated: [Int],
        unit: String,
        droppedRows: Int, unknown: UnknownWords, notes: [String], maxLength: Int, rows: Int? = nil
    ) throws {
        guard !sequences.isEmpty else {
            throw TaskError(
                "\(dataset.file): no row is left with \(SettingName.maxLength) \(maxLength) and \(SettingName.longRows) drop; raise \(SettingName.maxLength)"
            )
        }
        guard sequences.allSatisfy({ $0.length > 0 }) else {
            throw TaskError(
                "\(dataset.file): a row has no token for this model; remove it, or give it a text")
        }
        self.sequences = sequences
        self.rows = rows ?? sequences.count
        self.objective = objective
        self.truncated = truncated
        self.unit = unit
        self.droppedRows = droppedRows
        unknownTokens = unknown.count
        self.notes = notes
        tokens = sequences.reduce(0) { $0 + $1.length }
        unknownAdvice = unknown.count > 0 && unknown.count * 100 >= tokens ? unknown.advice : ""
    }

    /// Images, as many as `objective` is of.
    ///
    /// - Parameter rows: that each becomes in the model.
    package init(_ images: ImageFeed, count: Int, rows: Int, objective: (any Objective)?) {
        self.init(
            sequences: Array(repeating: Sequence(imageOfRows: rows), count: count), objective: objective)
        self.images = images
    }

    /// The images of rows.
    ///
    /// - Parameter isTraining: whether they are augmented.
    init(
        images dataset: Dataset, _ limits: Tokenization, isTraining: Bool, objective: (any Objective)?
    ) throws {
        guard let reading = limits.images else {
            throw TaskError(
                .usage,
                "\(dataset.file): these rows are images, and the model reads texts; give a model of images")
        }
        self.init(
            try reading.feed(dataset, isTraining: isTraining), count: dataset.examples.count,
            rows: reading.rows, objective: objective)
    }

    /// The texts of rows, each with its image.
    ///
    /// - Parameter isTraining: whether images are augmented.
    init(pairs dataset: Dataset, _ limits: Tokenization, isTraining: Bool) throws {
        guard let reading = limits.images, let form = limits.pair else {
            throw TaskError(
                .usage,
                "\(dataset.file): these rows are images with texts, and the model has not a tower for each; give one that has"
            )
        }
        let texts = Dataset(
            examples: dataset.examples.map { Example(text: $0.pair ?? "", label: nil, line: $0.line) },
            file: dataset.file)
        var kept: [Int] = []
        try self.init(texts, limits) {
            kept = $0
            return nil
        }
        if let end = form.end, let row = sequences.firstIndex(where: { !$0.ids.contains(end) }) {
            throw TaskError(
                "\(dataset.file):\(texts.examples[kept[row]].line): the tokenizer put no token \(end) behind the text, whose row the "
                    + "model reads (eos_token_id in its config.json); use the tokenizer files that were saved with it"
            )
        }
        let rows = Dataset(examples: kept.map { dataset.examples[$0] }, file: dataset.file)
        let names = Names(texts: sequences.map(\.ids), images: rows.examples.map(\.text))
        objective = ImageTextObjective(
            form: form.loss, texts: names.texts, images: names.images, imageRows: reading.rows)
        notes += names.notes
        images = try reading.feed(rows, isTraining: isTraining)
        sequences = sequences.map { Sequence(ids: form.filling($0.ids), imageOfRows: reading.rows) }
        tokens = sequences.reduce(0) { $0 + $1.length }
    }

    /// The same images, each with a text.
    package func with(texts: [[Int32]]) -> TokenizedDataset {
        var copy = self
        copy.sequences = zip(sequences, texts).map { Sequence(ids: $1, imageOfRows: $0.length) }
        copy.tokens = copy.sequences.reduce(0) { $0 + $1.length }
        return copy
    }

    /// Which rows have the same text, and which the same image.
    private struct Names {
        let texts: [Int32]
        let images: [Int32]

        init(texts: [[Int32]], images: [String]) {
            (self.texts, self.images) = (Self.numbers(texts), Self.numbers(images))
        }

        private static func numbers<Name: Hashable>(_ names: [Name]) -> [Int32] {
            var known: [Name: Int32] = [:]
            return names.map { name in
                let number = known[name] ?? Int32(known.count)
                known[name] = number
                return number
            }
        }

        /// That rows are learned as wrong for each other, where they are many.
        var notes: [String] {
            let first = Dictionary(zip(texts, images)) { first, _ in first }
            let shared = zip(texts, images).count { first[$0] != $1 }
            guard shared * 50 > texts.count else { return [] }
            return [
                "\(shared) of \(texts.count) rows have the text of an earlier row with another image; where both stand in one batch, "
                    + "each text is learned as wrong for the other's image"
            ]
        }
    }

    /// Texts of zeros with images of zeros, that memory can be estimated with.
    ///
    /// - Parameters:
    ///   - rows: of both together in a model that reads `input`.
    ///   - imageRows: those of them that an image becomes.
    package init(
        pairsOfRows rows: Int, imageRows: Int, count: Int, _ input: ImageInput, _ objective: any Objective
    ) {
        let image = input.madeUp(rows: min(imageRows, rows - 1))
        let ofImage = input.rows(height: image.height, width: image.width)
        let text = [Int32](repeating: 0, count: max(1, rows - ofImage))
        self.init(
            sequences: Array(repeating: Sequence(ids: text, imageOfRows: ofImage), count: count),
            objective: objective)
        images = ImageFeed(
            channels: image.channels, size: (image.height, image.width), isAugmented: false
        ) { _, _ in image }
    }

    /// Images of zeros, that memory can be estimated with.
    ///
    /// - Parameter rows: that each becomes in a model that reads `input`.
    package init(imagesOfRows rows: Int, count: Int, _ input: ImageInput, _ objective: any Objective) {
        let image = input.madeUp(rows: rows)
        let feed = ImageFeed(
            channels: image.channels, size: (image.height, image.width), isAugmented: false
        ) { _, _ in image }
        self.init(
            feed, count: count, rows: input.rows(height: image.height, width: image.width),
            objective: objective)
    }

    /// Sequences that are token ids already.
    package init(sequences: [Sequence], objective: (any Objective)? = nil) {
        self.sequences = sequences
        rows = sequences.count
        self.objective = objective
        unit = "tokens"
        notes = []
        droppedRows = 0
        truncated = Array(repeating: 0, count: sequences.count)
        tokens = sequences.reduce(0) { $0 + $1.length }
        unknownTokens = 0
        unknownAdvice = ""
    }

    /// The same with what it asks of a model.
    func asking(_ objective: any Objective) -> TokenizedDataset {
        var copy = self
        copy.objective = objective
        copy.frozenCache = nil
        return copy
    }

    /// The same with rows of frozen layers kept in `cache`, or none.
    package func caching(in cache: FrozenCache?) -> TokenizedDataset {
        var copy = self
        copy.frozenCache = cache
        return copy
    }

    /// The same as a step of this epoch reads it, counted from 0: with what the epoch makes of images.
    package func inEpoch(_ epoch: Int?) -> TokenizedDataset {
        guard images != nil else { return self }
        var copy = self
        copy.epoch = epoch
        return copy
    }

    /// Those of these sequences whose images a step reads: where frozen layers made something of one that is kept, it does not.
    package func unkept(_ members: some Collection<Int>, of layers: Int) -> [Int] {
        guard layers > 0, let frozenCache else { return Array(members) }
        return frozenCache.missing(of: members, after: layers)
    }

    /// Throws where an image cannot be read, of any row.
    package func readImages() throws {
        for row in sequences.indices { _ = images?.images([row], epoch: nil) }
        try checkImages()
    }

    /// Throws where an image could not be read since the data set was made: what a model said of it means nothing then.
    package func checkImages() throws { try images?.check() }

    /// The same without what it asks of a model: every row of the last layer is then read.
    package var unasked: TokenizedDataset {
        var copy = self
        copy.objective = nil
        copy.frozenCache = nil
        return copy
    }

    /// With a loss in which rows or words count as their classes weigh.
    package func weighted(by weights: [Double]) -> TokenizedDataset {
        var copy = self
        copy.objective = objective?.weighted(by: weights)
        return copy
    }

    /// What a person should know, one line each; empty when nothing was lost.
    package func warnings(name: String, maxLength: Int) -> [String] {
        var lines: [String] = []
        if truncatedRows > 0 {
            lines.append(
                "\(name): \(truncatedRows) of \(rows) rows are longer than max-length \(maxLength) and were cut; "
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

/// How texts become sequences.
package struct Tokenization {
    let tokenizer: Tokenizer
    let maxLength: Int
    let longRows: TokenizedDataset.LongRows
    /// How conversations are written; nil where nobody says.
    package var chat: ChatFormat?
    /// How images become rows, of a model that reads these.
    package var images: ImageReading?
    /// Of a model that reads texts with images; nil of others.
    package var pair: PairOutput?
    /// What to try where a row is too long, and that is an error.
    private let longRowAdvice: String

    package init(
        tokenizer: Tokenizer, maxLength: Int, longRows: TokenizedDataset.LongRows,
        longRowAdvice: String = "raise it, or use \(SettingName.longRows) truncate or drop",
        chat: ChatFormat? = nil, images: ImageReading? = nil, pair: PairOutput? = nil
    ) {
        (self.chat, self.images, self.pair) = (chat, images, pair)
        self.tokenizer = tokenizer
        self.maxLength = maxLength
        self.longRows = longRows
        self.longRowAdvice = longRowAdvice
    }

    /// - Throws: where the special tokens of the model leave no room for a text.
    func checkRoom(isPair: Bool) throws {
        let special = tokenizer.specialTokenCount(isPair: isPair)
        guard maxLength > special else {
            throw TaskError(
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
            throw TaskError(
                "\(dataset.file):\(example.line): the row has \(length) tokens, max-length is \(maxLength); "
                    + longRowAdvice)
        }
    }
}
