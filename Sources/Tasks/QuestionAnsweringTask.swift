import Autodiff
import Datasets
import Matrices
import ModelFiles
import Tokenizers
import Transformers

/// The passage of a context that answers a question. Long contexts are read through overlapping windows; where a window
/// does not hold the answer, its first token stands for none (Devlin et al. 2019).
struct QuestionAnsweringTask: LearningTask {
    let stride: Int
    let allowsNoAnswer: Bool

    private static let strideKey = "stride"
    private static let noAnswerKey = "allowsNoAnswer"

    static let name = "question-answering"
    static let splitRule = SplitRule.contexts
    static let metrics: [Metric] = [.f1, .exactMatch]
    static let settings: Set = ["stride"]
    static let details = [
        TaskDetail(strideKey, isRequired: true) { $0.int.map { $0 >= 0 } ?? false },
        TaskDetail(noAnswerKey, isRequired: false) { $0.bool != nil },
    ]
    static var fixedOutputs: Int? { 2 }
    static func headForm(_ pooling: Pooling) -> HeadForm { .span }
    static func rowForm(labelSeparator: String?) -> RowForm { .questions }
    static let answerMembers = ["id", "answer", "start", "end", "score", "noAnswerMargin"]

    static func details(maxLength: Int) -> JSONObject {
        details(stride: TaskSettings.usualStride(maxLength: maxLength), allowsNoAnswer: false)
    }

    private static func details(stride: Int, allowsNoAnswer: Bool) -> JSONObject {
        [strideKey: JSONValue(stride), noAnswerKey: .bool(allowsNoAnswer)]
    }

    static func tally(_ dataset: Dataset) -> LabelTally { LabelTally(answersOf: dataset) }

    static func oddities(_ file: Dataset) -> [DataFinding] { [] }

    init(learningFrom dataset: Dataset, _ settings: TaskSettings) throws {
        stride = settings.stride
        allowsNoAnswer = dataset.examples.contains { $0.label == .answers([]) }
    }

    init(_ record: TaskRecord) throws {
        stride = record.details[Self.strideKey]?.int ?? 0
        allowsNoAnswer = record.details[Self.noAnswerKey]?.bool ?? false
    }

    var record: TaskRecord {
        TaskRecord(kind, details: Self.details(stride: stride, allowsNoAnswer: allowsNoAnswer))
    }
    var outputs: Int { 2 }

    func card(_ rows: TaskCard.Rows) -> TaskCard {
        TaskCard(
            pipelineTag: "question-answering",
            answers: "the passage of a context that answers a question"
                + (allowsNoAnswer ? ", or that there is none" : ""),
            batch: [
                "question, context = \"Which number is it?\", \"It is number 7.\"",
                "batch = tokenizer(",
                "    question, context, truncation=\"only_second\", max_length=\(rows.maxLength), return_tensors=\"pt\")",
            ],
            printing: [
                "start, end = output.start_logits[0].tolist(), output.end_logits[0].tolist()",
                "inside = [place for place, part in enumerate(batch.sequence_ids(0)) if part == 1]",
                "spans = [(first, last) for first in inside for last in inside if first <= last < first + \(AnswerSearch().longestAnswer)]",
                "first, last = max(spans, key=lambda span: start[span[0]] + end[span[1]])",
                "answer = context[batch.token_to_chars(first).start : batch.token_to_chars(last).end]",
            ]
                + (allowsNoAnswer
                    ? [
                        "if start[0] + end[0] > start[first] + end[last]:",
                        "    answer = None  # there is none in this context",
                    ] : []) + ["print(answer)"])
    }

    private struct Windows {
        var sequences: [TokenizedDataset.Sequence] = []
        var windows: [AnswerWindow] = []
        var questions: [Example] = []
        var cutQuestions = 0
        var unknown: UnknownWords
    }

    private func windows(_ dataset: Dataset, _ limits: Tokenization) throws -> Windows {
        try limits.checkRoom(isPair: true)
        let room = limits.maxLength - limits.tokenizer.specialTokenCount(isPair: true)
        // A question too long to leave windows that move on is cut to half a window, or less for the sake of the stride.
        let longest = max(0, room - max(2 * stride, (room + 1) / 2))
        guard room - longest > stride else {
            throw TaskError(
                .usage,
                "stride \(stride) leaves no room in max-length \(limits.maxLength); lower the one or raise the other"
            )
        }
        var result = Windows(unknown: UnknownWords(limits.tokenizer))
        for example in dataset.examples {
            let (found, cut) = limits.tokenizer.windows(
                question: String(example.text.drop(while: \.isWhitespace)), context: example.pair ?? "",
                maxLength: limits.maxLength, stride: stride, longestQuestion: longest)
            let length = (found.first?.encoding.ids.count ?? 0) + cut
            if cut > 0, try !limits.keeps(length: length, of: example, in: dataset) { continue }
            result.cutQuestions += cut > 0 ? 1 : 0
            for window in found {
                let encoding = window.encoding
                try result.unknown.add(encoding.ids, of: example, in: dataset)
                result.sequences.append(
                    TokenizedDataset.Sequence(ids: encoding.ids, typeIDs: encoding.typeIDs))
                result.windows.append(
                    AnswerWindow(
                        question: result.questions.count,
                        offsets: encoding.offsets.indices.map {
                            window.second.contains($0) ? encoding.offsets[$0] : nil
                        }))
            }
            result.questions.append(example)
        }
        return result
    }

    func tokenized(_ dataset: Dataset, isLabelled: Bool, _ limits: Tokenization) throws -> TokenizedDataset {
        let windows = try windows(dataset, limits)
        var notes = limits.tokenizer.typeNote.map { [$0] } ?? []
        if windows.cutQuestions > 0 {
            notes.append(
                "\(windows.cutQuestions) questions leave no room for their context in max-length "
                    + "\(limits.maxLength) and were cut")
        }
        return try TokenizedDataset(
            dataset, sequences: windows.sequences, objective: isLabelled ? objective(windows, &notes) : nil,
            truncated: windows.sequences.map { _ in 0 }, unit: "tokens",
            droppedRows: dataset.examples.count - windows.questions.count,
            unknown: windows.unknown, notes: notes, maxLength: limits.maxLength)
    }

    /// The first answer of each question is the one to learn, as in transformers' example.
    private func objective(_ windows: Windows, _ notes: inout [String]) -> SpanObjective {
        var (starts, ends): ([Int32], [Int32]) = ([], [])
        var found = Set<Int>()
        for window in windows.windows {
            guard case .answers(let answers)? = windows.questions[window.question].label,
                let answer = answers.first
            else {
                starts.append(0)
                ends.append(0)
                continue
            }
            let (start, end) = window.tokens(of: answer.range)
            if end > 0 { found.insert(window.question) }
            starts.append(Int32(start))
            ends.append(Int32(end))
        }
        let answered = windows.questions.count { $0.label.map { $0 != .answers([]) } ?? false }
        if answered > found.count {
            notes.append(
                "the answers of \(answered - found.count) of \(answered) questions are in no window whole and count as "
                    + "none; a longer stride or max-length in training would hold them")
        }
        return SpanObjective(
            starts: starts, ends: ends, windows: windows.windows, questions: windows.questions,
            allowsNoAnswer: allowsNoAnswer || windows.questions.contains { $0.label == .answers([]) })
    }

    func predictions(
        _ dataset: Dataset, _ limits: Tokenization, _ options: AnswerOptions,
        read: ShardReading
    ) throws -> [Prediction] {
        let windows = try windows(dataset, limits)
        var search = AnswerSearch()
        search.allowsNoAnswer = allowsNoAnswer
        search.noAnswerThreshold = options.noAnswerThreshold
        let offers = SpanOffers(windows.windows, search)
        try read(TokenizedDataset(sequences: windows.sequences), [offers.found]) {
            offers.put($0, $0.logits().value)
        }
        let found = offers.answers(questions: windows.questions.count)
        return zip(windows.questions, found).map { question, found in
            var line = JSONObject()
            if let name = question.name { line["id"] = .string(name) }
            line["answer"] = .null
            if let range = found.range, let context = question.pair {
                let text = context.utf8.dropFirst(range.lowerBound).prefix(range.count)
                let before = String(decoding: context.utf8.prefix(range.lowerBound), as: UTF8.self)
                let start = before.unicodeScalars.count
                let answer = String(decoding: text, as: UTF8.self)
                line["answer"] = .string(answer)
                line["start"] = JSONValue(start)
                line["end"] = JSONValue(start + answer.unicodeScalars.count)
            }
            line["score"] = .number(found.score)
            if let margin = found.noAnswerMargin { line["noAnswerMargin"] = .number(margin) }
            return Prediction(line: line, isCut: false)
        }
    }
}

extension Metric {
    package static let exactMatch = Metric("exact-match")
}

/// Where the answer begins and ends in each window, as positions among its tokens; both 0, the window's first token,
/// where it has none. The loss is the mean cross-entropy of start and end.
struct SpanObjective: Objective {
    let starts: [Int32]
    let ends: [Int32]
    let windows: [AnswerWindow]
    /// What the windows were cut from.
    let questions: [Example]
    /// Whether a question may have no answer (SQuAD 2.0).
    let allowsNoAnswer: Bool

    func loss(_ rows: ShardRows, divisor: Double) -> Double {
        rows.tape.spanCrossEntropy(
            rows.logits(), offsets: rows.offsets, starts: rows.members.map { starts[$0] },
            ends: rows.members.map { ends[$0] }, divisor: divisor)
    }

    func meter(_ options: AnswerOptions, outputs: Int) -> any Meter {
        var search = AnswerSearch()
        search.allowsNoAnswer = allowsNoAnswer
        search.noAnswerThreshold = options.noAnswerThreshold
        return SpanMeter(objective: self, search: search)
    }

    func madeUp(lengths: [Int]) -> any Objective {
        let zeros = [Int32](repeating: 0, count: lengths.count)
        return SpanObjective(
            starts: zeros, ends: zeros,
            windows: lengths.enumerated().map {
                AnswerWindow(question: $0, offsets: Array(repeating: nil, count: $1))
            }, questions: [], allowsNoAnswer: allowsNoAnswer)
    }
}

/// What each window has to offer, found shard by shard.
private struct SpanOffers {
    let windows: [AnswerWindow]
    let search: AnswerSearch
    let found: RowResults<AnswerSearch.Offer>

    init(_ windows: [AnswerWindow], _ search: AnswerSearch) {
        self.windows = windows
        self.search = search
        found = RowResults(count: windows.count)
    }

    /// - Parameter logits: [T, 2]
    func put(_ rows: ShardRows, _ logits: Matrix) {
        found.put(
            rows.members.enumerated().map { place, member in
                let tokens = rows.offsets[place]..<rows.offsets[place + 1]
                return search.offer(
                    windows[member], starts: tokens.map { logits.row($0)[0] },
                    ends: tokens.map { logits.row($0)[1] })
            }, at: rows.members)
    }

    /// The best answer to each question over its windows.
    func answers(questions: Int) -> [AnswerSearch.Found] {
        var byQuestion = [[AnswerSearch.Offer]](repeating: [], count: questions)
        for (window, offer) in zip(windows, found.all) { byQuestion[window.question].append(offer) }
        return byQuestion.map(search.best)
    }
}

/// Cross-entropies of start and end
private struct EndLosses: Codable {
    let start: Double
    let end: Double
}

private struct SpanMeter: Meter {
    let objective: SpanObjective
    let offers: SpanOffers
    /// Cross-entropies of start and end
    let losses: RowResults<EndLosses>

    var kept: [any ExchangedResults] { [offers.found, losses] }

    init(objective: SpanObjective, search: AnswerSearch) {
        self.objective = objective
        offers = SpanOffers(objective.windows, search)
        losses = RowResults(count: objective.windows.count)
    }

    func read(_ rows: ShardRows) {
        let logits = rows.logits().value
        offers.put(rows, logits)
        losses.put(
            rows.members.enumerated().map { place, member in
                let tokens = rows.offsets[place]..<rows.offsets[place + 1]
                func loss(_ column: Int, _ label: Int32) -> Double {
                    let values = Matrix(
                        rows: 1, columns: tokens.count, values: tokens.map { logits.row($0)[column] })
                    return rows.tape.crossEntropy(rows.tape.input(values), labels: [label], divisor: 1)
                }
                return EndLosses(
                    start: loss(0, objective.starts[member]), end: loss(1, objective.ends[member]))
            }, at: rows.members)
    }

    func evaluation() -> Evaluation {
        let divisor = 2 * Double(objective.windows.count)
        let loss = losses.all.reduce(0) { $0 + $1.start / divisor + $1.end / divisor }
        let (questions, allowsNoAnswer) = (objective.questions, objective.allowsNoAnswer)
        let predicted = zip(questions, offers.answers(questions: questions.count)).map { question, found in
            found.range.map { range in
                String(
                    decoding: (question.pair ?? "").utf8.dropFirst(range.lowerBound).prefix(range.count),
                    as: UTF8.self)
            } ?? ""
        }
        let known = questions.map { question -> [String] in
            if case .answers(let answers)? = question.label { return answers.map(\.text) }
            return []
        }
        let scores = zip(predicted, known).map {
            AnswerMatch.scores($0, answers: $1, allowsNoAnswer: allowsNoAnswer)
        }
        let count = Double(scores.count)
        return Evaluation(
            loss: loss,
            metrics: [
                (.f1, scores.isEmpty ? nil : scores.reduce(0) { $0 + $1.f1 } / count),
                (.exactMatch, scores.isEmpty ? nil : scores.reduce(0) { $0 + $1.exact } / count),
            ],
            rows: .shares([.f1: scores.map { ($0.f1, 1) }, .exactMatch: scores.map { ($0.exact, 1) }]),
            hasOneAnswer: Evaluation.areAlike(predicted, truth: known.map { $0.first ?? "" }))
    }
}
