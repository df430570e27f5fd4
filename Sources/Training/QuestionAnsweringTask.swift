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

    static var problemType: String? { nil }
    static func headForm(_ pooling: Pooling) -> HeadForm { .span }
    static func rowForm(labelSeparator: String?) -> RowForm { .questions }

    init(learningFrom dataset: Dataset, _ settings: TaskSettings) throws {
        stride = settings.stride
        allowsNoAnswer = dataset.examples.contains { $0.label == .answers([]) }
    }

    init(_ record: TaskRecord) throws {
        stride = record.stride
        allowsNoAnswer = record.allowsNoAnswer
    }

    var record: TaskRecord {
        TaskRecord(name: .questionAnswering, stride: stride, allowsNoAnswer: allowsNoAnswer)
    }
    var outputs: Int { 2 }
    var metrics: [String] { SpanObjective.metrics }

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
            throw TrainingError(
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
            dataset, sequences: windows.sequences, targets: isLabelled ? targets(windows, &notes) : nil,
            truncated: windows.sequences.map { _ in 0 }, unit: "tokens",
            droppedRows: dataset.examples.count - windows.questions.count,
            unknown: windows.unknown, notes: notes, maxLength: limits.maxLength)
    }

    /// The first answer of each question is the one to learn, as in transformers' example.
    private func targets(_ windows: Windows, _ notes: inout [String]) -> Targets {
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
        return .spans(
            SpanTargets(
                starts: starts, ends: ends, windows: windows.windows, questions: windows.questions,
                allowsNoAnswer: allowsNoAnswer || windows.questions.contains { $0.label == .answers([]) }))
    }

    func predictions(
        _ dataset: Dataset, _ limits: Tokenization, _ options: AnswerOptions,
        logits: (TokenizedDataset) -> Matrix
    ) throws -> [Prediction] {
        let windows = try windows(dataset, limits)
        let logits = logits(TokenizedDataset(sequences: windows.sequences, targets: nil))
        var search = AnswerSearch()
        search.allowsNoAnswer = allowsNoAnswer
        search.noAnswerThreshold = options.noAnswerThreshold
        let found = SpanObjective.answers(
            logits, windows.windows, questions: windows.questions.count, search)
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
