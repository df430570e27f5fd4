import Autodiff
import Datasets
import Matrices
import ModelFiles
import Tokenizers
import Transformers

/// A class for each word: the first token of a word carries it, the word's other tokens count for nothing.
struct TokenClassificationTask: LearningTask {
    let labels: LabelSet
    let scheme: TagScheme

    static let name = "token-classification"
    static let metrics: [Metric] = [.f1, .precision, .recall, .accuracy]
    static var usualMetric: Metric? { nil }
    static let settings: Set = ["text-column", "label-column", "label-names", "class-weights"]
    static func headForm(_ pooling: Pooling) -> HeadForm { .token }
    static func rowForm(labelSeparator: String?) -> RowForm { .sentences }
    static let answerMembers = ["tokens", "labels", "spans"]

    static func findings(_ files: [Dataset]) -> [DataFinding] { files.compactMap(\.numberedTags) }

    static func oddities(_ file: Dataset) -> [DataFinding] { [] }

    init(learningFrom dataset: Dataset, _ settings: TaskSettings) throws {
        labels = try LabelSet(from: dataset)
        scheme = TagScheme(names: labels.names)
    }

    init(_ record: TaskRecord) throws {
        labels = try LabelSet(names: record.labels, source: "the adapter")
        scheme = TagScheme(names: labels.names)
    }

    var record: TaskRecord { TaskRecord(kind, labels: labels.names) }
    var outputs: Int { labels.names.count }

    func card(_ rows: TaskCard.Rows) -> TaskCard {
        TaskCard(
            pipelineTag: "token-classification",
            answers: "one of \(outputs) labels for each word of a sentence",
            batch: [
                "sentences = [[\"a\", \"sentence\", \"as\", \"words\"]]",
                "batch = tokenizer(",
                "    sentences, is_split_into_words=True, padding=True, truncation=True, max_length=\(rows.maxLength),",
                "    return_tensors=\"pt\")",
            ],
            printing: [
                "for row, words in enumerate(sentences):",
                "    places = batch.word_ids(row)  # a word's first token has its label",
                "    found = {word: logits[row, places.index(word)].argmax().item() for word in set(places) - {None}}",
                "    print([(words[word], labels[found[word]]) for word in sorted(found)])",
            ])
    }
    /// F1 and its parts over spans, where tags make spans.
    var metrics: [Metric] { scheme.hasSpans ? Self.metrics : [.accuracy] }

    /// Sentences as sequences, and where their words stand.
    private struct Sentences {
        var sequences: [TokenizedDataset.Sequence] = []
        /// Of each kept sentence, which it was and the first token of each word.
        var kept: [(example: Int, firstTokens: [Int?])] = []
        var lostWords: [Int] = []
        var wordsWithoutTokens = 0
        var unknown: UnknownWords
    }

    private func sentences(_ dataset: Dataset, _ limits: Tokenization) throws -> Sentences {
        try limits.checkRoom(isPair: false)
        var result = Sentences(unknown: UnknownWords(limits.tokenizer))
        for (index, example) in dataset.examples.enumerated() {
            let words = example.words ?? []
            let found = limits.tokenizer.encode(words: words, maxLength: limits.maxLength)
            let isCut = found.encoding.truncatedTokens > 0
            let length = found.encoding.ids.count + found.encoding.truncatedTokens
            if isCut, try !limits.keeps(length: length, of: example, in: dataset) { continue }
            let reached = (found.firstTokens.lastIndex { $0 != nil } ?? -1) + 1
            let lost = isCut ? words.count - reached : 0
            result.wordsWithoutTokens += found.firstTokens.count { $0 == nil } - lost
            result.lostWords.append(lost)
            try result.unknown.add(found.encoding.ids, of: example, in: dataset)
            result.sequences.append(
                TokenizedDataset.Sequence(ids: found.encoding.ids, typeIDs: found.encoding.typeIDs))
            result.kept.append((index, found.firstTokens))
        }
        return result
    }

    func tokenized(_ dataset: Dataset, isLabelled: Bool, _ limits: Tokenization) throws -> TokenizedDataset {
        let sentences = try sentences(dataset, limits)
        var notes: [String] = []
        if sentences.wordsWithoutTokens > 0 {
            notes.append(
                "\(sentences.wordsWithoutTokens) words have no token in this vocabulary; their labels are not used"
            )
        }
        return try TokenizedDataset(
            dataset, sequences: sentences.sequences,
            objective: isLabelled ? objective(dataset, sentences, &notes) : nil,
            truncated: sentences.lostWords, unit: "words",
            droppedRows: dataset.examples.count - sentences.kept.count,
            unknown: sentences.unknown, notes: notes, maxLength: limits.maxLength)
    }

    private func objective(_ dataset: Dataset, _ sentences: Sentences, _ notes: inout [String]) throws
        -> TokenObjective
    {
        let tags = try Targets.lists(of: dataset, labels: labels)
        let targets = try zip(sentences.sequences, sentences.kept).map { sequence, kept in
            var row = [Int32](repeating: Tape.ignoredLabel, count: sequence.ids.count)
            for (word, token) in kept.firstTokens.enumerated() {
                if let token { row[token] = tags[kept.example][word] }
            }
            guard row.contains(where: { $0 != Tape.ignoredLabel }) else {
                throw TaskError(
                    "\(dataset.file):\(dataset.examples[kept.example].line): no word of the row has a token, so that "
                        + "no label is left; remove the row")
            }
            return row
        }
        let strays = tags.reduce(0) { $0 + scheme.strays($1) }
        if strays > 0 {
            notes.append(
                "\(strays) tags say inside or end where no span of their type goes on; each begins a span, as seqeval counts"
            )
        }
        let odd = scheme.oddTags
        if !odd.isEmpty {
            notes.append(
                "tags such as '\(odd[0])' are no parts of spans (such as B-TYPE, I-TYPE and O), so none is read as one"
            )
        }
        return TokenObjective(labels: targets, scheme: scheme)
    }

    func predictions(
        _ dataset: Dataset, _ limits: Tokenization, _ options: AnswerOptions,
        read: ShardReading
    ) throws -> [Prediction] {
        let sentences = try sentences(dataset, limits)
        let found = RowResults<[Int32]>(count: sentences.sequences.count)
        try read(TokenizedDataset(sequences: sentences.sequences), [found]) { rows in
            let logits = rows.logits().value
            found.put(
                rows.members.indices.map { place in
                    (rows.offsets[place]..<rows.offsets[place + 1]).map { logits.largestColumn($0) }
                }, at: rows.members)
        }
        return zip(sentences.kept, found.all).enumerated().map { row, answer in
            let ((example, firsts), classes) = answer
            let tags = firsts.map { $0.map { classes[$0] } }
            let words = dataset.examples[example].words ?? []
            var line: JSONObject = [
                "tokens": .array(words.map { .string($0) }),
                "labels": .array(tags.map { tag in tag.map { .string(labels.names[Int($0)]) } ?? .null }),
            ]
            if scheme.hasSpans { line["spans"] = .array(spans(tags, of: words)) }
            return Prediction(line: line, isCut: sentences.lostWords[row] > 0)
        }
    }

    /// Type, words from `start` to before `end`, and their text. Words without a label are passed over.
    private func spans(_ tags: [Int32?], of words: [String]) -> [JSONValue] {
        let places = tags.indices.filter { tags[$0] != nil }
        return scheme.spans(tags.compactMap { $0 }).map { span in
            let range = places[span.words.lowerBound]..<(places[span.words.upperBound - 1] + 1)
            return .object([
                "type": .string(span.type), "start": JSONValue(range.lowerBound),
                "end": JSONValue(range.upperBound),
                "text": .string(words[range].joined(separator: " ")),
            ])
        }
    }
}

extension Metric {
    package static let f1 = Metric("f1")
    package static let precision = Metric("precision")
    package static let recall = Metric("recall")
}

/// Softmax cross-entropy of the labelled tokens.
package struct TokenObjective: Objective {
    /// A class for each token of each sequence, or `Tape.ignoredLabel`: a special token, or a part of a word after its
    /// first.
    let labels: [[Int32]]
    let scheme: TagScheme

    private var weights: [Double]?

    package init(labels: [[Int32]], scheme: TagScheme) {
        self.labels = labels
        self.scheme = scheme
    }

    package var classes: [[Int32]] { labels }

    package func weighted(by weights: [Double]) -> any Objective {
        var copy = self
        copy.weights = weights
        return copy
    }

    package func weight(of members: [Int]) -> Double {
        members.reduce(0) { sum, member in
            labels[member].reduce(sum) { $0 + ($1 == Tape.ignoredLabel ? 0 : weights?[Int($1)] ?? 1) }
        }
    }

    package func loss(_ rows: ShardRows, divisor: Double) -> Double {
        rows.tape.crossEntropy(
            rows.logits(), labels: rows.members.flatMap { labels[$0] }, weights: weights, divisor: divisor)
    }

    package func meter(_ options: AnswerOptions, outputs: Int) -> any Meter {
        TokenMeter(objective: self, classes: outputs)
    }

    package func madeUp(lengths: [Int]) -> any Objective {
        TokenObjective(labels: lengths.map { Array(repeating: 0, count: $0) }, scheme: scheme)
    }
}

private struct TokenMeter: Meter {
    let objective: TokenObjective
    let classes: Int
    /// Of the labelled tokens of each sequence
    let answers: RowResults<[ClassAnswer]>

    var kept: [any ExchangedResults] { [answers] }

    init(objective: TokenObjective, classes: Int) {
        self.objective = objective
        self.classes = classes
        answers = RowResults(count: objective.labels.count)
    }

    func read(_ rows: ShardRows) {
        let logits = rows.logits().value
        answers.put(
            rows.members.enumerated().map { place, member in
                let labels = objective.labels[member]
                return labels.indices.filter { labels[$0] != Tape.ignoredLabel }.map { token in
                    ClassAnswer(
                        logits, row: rows.offsets[place] + token, label: labels[token], on: rows.tape)
                }
            }, at: rows.members)
    }

    func evaluation() -> Evaluation {
        let answers = answers.all
        let truth = objective.labels.map { $0.filter { $0 != Tape.ignoredLabel } }
        let predicted = answers.map { $0.map(\.predicted) }
        let count = Double(truth.reduce(0) { $0 + $1.count })
        let loss = answers.joined().reduce(0) { $0 + $1.loss / count }
        let hits = zip(truth, predicted).map { actual, guess in
            (part: Double(zip(actual, guess).count { $0 == $1 }), whole: Double(actual.count))
        }
        let (right, words) = hits.reduce((0, 0)) { ($0.0 + $1.part, $0.1 + $1.whole) }
        let accuracy = (Metric.accuracy, words > 0 ? right / words : nil)
        let hasOneAnswer = Evaluation.areAlike(predicted.flatMap { $0 }, truth: truth.flatMap { $0 })
        guard objective.scheme.hasSpans else {
            return Evaluation(
                loss: loss, metrics: [accuracy],
                perClass: Metrics.perClass(
                    truth: truth.flatMap { $0 }, predicted: predicted.flatMap { $0 }, classCount: classes),
                rows: .shares([.accuracy: hits]), hasOneAnswer: hasOneAnswer)
        }
        let scheme = objective.scheme
        let types = Metrics.spans(truth: truth, predicted: predicted, scheme: scheme)
        let micro = types.map(\.scores).micro
        // Without spans 0, as in seqeval.
        func ratio(_ value: Double?) -> Double? { truth.isEmpty ? nil : value ?? 0 }
        let rows = zip(truth, predicted).map { actual, guess in
            Metrics.spans(truth: [actual], predicted: [guess], scheme: scheme).map(\.scores).micro
        }
        return Evaluation(
            loss: loss,
            metrics: [
                (.f1, ratio(micro.f1)), (.precision, ratio(micro.precision)),
                (.recall, ratio(micro.recall)), accuracy,
            ],
            perClass: types.map(\.scores), classNames: types.map(\.type),
            rows: .shares([
                .f1: rows.map { (2 * Double($0.correct), Double($0.support + $0.predicted)) },
                .precision: rows.map { (Double($0.correct), Double($0.predicted)) },
                .recall: rows.map { (Double($0.correct), Double($0.support)) }, .accuracy: hits,
            ]), hasOneAnswer: hasOneAnswer)
    }
}
