import Datasets
import Matrices
import ModelFiles
import Tokenizers
import Transformers

/// A class for each word: the first token of a word carries it, the word's other tokens count for nothing.
struct TokenClassificationTask: LearningTask {
    let labels: LabelSet
    let scheme: TagScheme

    static var problemType: String? { nil }
    static func headForm(_ pooling: Pooling) -> HeadForm { .token }
    static func rowForm(labelSeparator: String?) -> RowForm { .sentences }

    init(learningFrom dataset: Dataset, _ settings: TaskSettings) throws {
        labels = try LabelSet(from: dataset)
        scheme = TagScheme(names: labels.names)
    }

    init(_ record: TaskRecord) throws {
        labels = try LabelSet(names: record.labels, source: "the adapter")
        scheme = TagScheme(names: labels.names)
    }

    var record: TaskRecord { TaskRecord(name: .tokenClassification, labels: labels.names) }
    var outputs: Int { labels.names.count }
    var metrics: [String] { TokenObjective.metrics(scheme) }

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
            targets: isLabelled ? targets(dataset, sentences, &notes) : nil,
            truncated: sentences.lostWords, unit: "words",
            droppedRows: dataset.examples.count - sentences.kept.count,
            unknown: sentences.unknown, notes: notes, maxLength: limits.maxLength)
    }

    private func targets(_ dataset: Dataset, _ sentences: Sentences, _ notes: inout [String]) throws
        -> Targets
    {
        let tags = try Targets.lists(of: dataset, labels: labels)
        let targets = try zip(sentences.sequences, sentences.kept).map { sequence, kept in
            var row = [Int32](repeating: TokenTargets.ignored, count: sequence.ids.count)
            for (word, token) in kept.firstTokens.enumerated() {
                if let token { row[token] = tags[kept.example][word] }
            }
            guard row.contains(where: { $0 != TokenTargets.ignored }) else {
                throw TrainingError(
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
        return .tokens(TokenTargets(labels: targets, scheme: scheme))
    }

    func predictions(
        _ dataset: Dataset, _ limits: Tokenization, _ options: AnswerOptions,
        logits: (TokenizedDataset) -> Matrix
    ) throws -> [Prediction] {
        let sentences = try sentences(dataset, limits)
        let classes = Evaluation.predictedClasses(
            logits(TokenizedDataset(sequences: sentences.sequences, targets: nil)))
        var start = 0
        return sentences.kept.indices.map { row in
            let (example, firsts) = sentences.kept[row]
            let tags = firsts.map { $0.map { classes[start + $0] } }
            start += sentences.sequences[row].ids.count
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
