import Autodiff
import Datasets
import Foundation
import GoldenFiles
import GoldenModels
import Matrices
import ModelFiles
import Tasks
import Testing
import Tokenizers
import Transformers

/// Questions with choices on the tiny Llama, against log-likelihoods computed from whole rows of logits.
@Suite struct MultipleChoiceTests {
    private static let questions = [
        #"{"id": "a", "question": "which one sat?", "choices": ["the cat", "a mat", "dogs and cats"], "answer": 2}"#,
        #"{"context": "Seven is odd.", "question": "is it?", "choices": {"text": ["yes", "no"], "label": ["Y", "N"]}, "answerKey": "Y"}"#,
    ]
    private static let template =
        "{% for message in messages %}<s>{{ message['role'] }}:{{ message['content'] }}</s>\n{% endfor %}{% if add_generation_prompt %}<s>assistant:{% endif %}"

    private static func rows(_ lines: [String] = questions, labelled: Bool = true) throws -> Dataset {
        try Dataset.parse(
            Array(lines.joined(separator: "\n").utf8), name: "f", format: .jsonl, form: .choices,
            columns: ColumnNames(), requireLabels: labelled)
    }

    private static func tokenizer() throws -> Tokenizer {
        var tokenizer = try Tokenizer(folder: Golden.url("llama/model"))
        tokenizer.embeddingRows = 272
        return tokenizer
    }

    private static func task(_ dataset: Dataset, template: String? = nil) throws -> any LearningTask {
        let kind = try #require(TaskKind(rawValue: "multiple-choice"))
        return try kind.type.init(
            learningFrom: dataset, TaskSettings(pooling: .pooler, stride: 0, chatTemplate: template))
    }

    private static func limits(_ length: Int = 200, _ rule: TokenizedDataset.LongRows = .truncate) throws
        -> Tokenization
    {
        Tokenization(tokenizer: try tokenizer(), maxLength: length, longRows: rule)
    }

    /// Σ log p of tokens `start...` of a sequence, in Double from all logits.
    private static func logLikelihood(_ model: Model, _ ids: [Int32], from start: Int) -> Double {
        let tape = Tape(evaluatingWith: BufferPool())
        let hidden = model.backbone.hiddenStates(PackedBatch([(ids, ids.map { _ in 0 })]), on: tape)
        let logits = model.head.logits(hidden, offsets: [0, ids.count], on: tape).value
        return (start..<ids.count).reduce(0) { sum, place in
            let row = (0..<logits.columns).map { Double(logits.row(place - 1)[$0]) }
            let highest = row.max() ?? 0
            let total = row.reduce(0) { $0 + exp($1 - highest) }
            return sum + row[Int(ids[place])] - highest - log(total)
        }
    }

    private struct Model {
        let backbone: any Backbone
        let head: SequenceHead

        init() throws {
            backbone = try PretrainedModel.open(Golden.url("llama/model")).openBackbone()
            head = try backbone.vocabularyHead()
        }

        /// What a model gives for sequences, as a run gives it: only the rows that the loss reads.
        func shard(_ data: TokenizedDataset, _ members: [Int]) -> ShardRows {
            let batch = PackedBatch(members.map { (data.sequences[$0].ids, data.sequences[$0].typeIDs) })
            var (rows, offsets): ([Int], [Int]) = ([], [0])
            for (place, member) in members.enumerated() {
                rows += (data.objective?.rowsRead(member) ?? []).map { batch.offsets[place] + $0 }
                offsets.append(rows.count)
            }
            let tape = Tape(evaluatingWith: BufferPool())
            return ShardRows(
                members: members, hidden: backbone.hiddenStates(batch, rows: .some(rows), on: tape),
                offsets: offsets, head: head, tape: tape)
        }
    }

    /// lm-evaluation-harness' rule: question and choice are tokenized together, and what the question alone has is the question.
    private static func plain(_ prompt: String, _ choice: String) throws -> (ids: [Int32], start: Int) {
        let tokenizer = try tokenizer()
        return (
            tokenizer.encode(prompt + " " + choice, maxLength: .max).ids,
            tokenizer.encode(prompt, maxLength: .max).ids.count
        )
    }

    private static let plainPrompts = [
        "Question: which one sat?\nAnswer:", "Seven is odd.\nQuestion: is it?\nAnswer:",
    ]
    private static let choices = [["the cat", "a mat", "dogs and cats"], ["yes", "no"]]
    private static let right = [2, 0]

    // Float32 products in another order, and sums over up to 14 tokens.
    @Test func figuresAreThoseOfWholeRowsOfLogits() throws {
        let model = try Model()
        let dataset = try Self.rows()
        let task = try Self.task(dataset)
        let data = try task.tokenized(dataset, isLabelled: true, Self.limits())
        #expect(data.count == 5 && data.rows == 2 && data.droppedRows == 0)
        #expect(data.warnings(name: "rows", maxLength: 200).isEmpty)
        var (place, loss, tokens, hits, normalizedHits) = (0, 0.0, 0, 0, 0)
        var expected: [[Double]] = []
        for (question, prompt) in Self.plainPrompts.enumerated() {
            var sums: [Double] = []
            for (number, choice) in Self.choices[question].enumerated() {
                let (ids, start) = try Self.plain(prompt, choice)
                #expect(data.sequences[place].ids == ids)
                sums.append(Self.logLikelihood(model, ids, from: start))
                if number == Self.right[question] {
                    loss -= sums[number]
                    tokens += ids.count - start
                }
                place += 1
            }
            let normalized = zip(sums, Self.choices[question]).map { $0 / Double($1.count) }
            hits += sums.firstIndex(of: sums.max() ?? 0) == Self.right[question] ? 1 : 0
            normalizedHits += normalized.firstIndex(of: normalized.max() ?? 0) == Self.right[question] ? 1 : 0
            expected.append(sums)
        }
        let objective = try #require(data.objective)
        #expect(objective.weight(of: [0, 1, 2, 3, 4]) == Double(tokens))
        let meter = objective.meter(AnswerOptions(), outputs: 0)
        for members in [[4, 1], [0, 2, 3]] { meter.read(model.shard(data, members)) }
        let evaluation = meter.evaluation()
        #expect(abs(evaluation.loss - loss / Double(tokens)) < 1e-5 * evaluation.loss)
        #expect(evaluation.metrics.map(\.name) == ["accuracy-normalized", "accuracy"])
        #expect(evaluation.metrics.map(\.value) == [Double(normalizedHits) / 2, Double(hits) / 2])
        let trained = model.shard(data, [0, 1, 2, 3, 4])
        #expect(abs(objective.loss(trained, divisor: Double(tokens)) - evaluation.loss) < 1e-6)

        let answers = try task.predictions(dataset, Self.limits(), AnswerOptions()) { data, _, read in
            for members in [[0, 1, 2], [3, 4]] { read(model.shard(data, members)) }
        }.map(\.line)
        for (question, answer) in answers.enumerated() {
            let sums = try #require(answer["logLikelihoods"]?.array).compactMap(\.double)
            for (ours, theirs) in zip(sums, expected[question]) { #expect(abs(ours / theirs - 1) < 1e-5) }
            let normalized = try #require(answer["normalized"]?.array).compactMap(\.double)
            for (value, (sum, choice)) in zip(normalized, zip(sums, Self.choices[question])) {
                #expect(value == sum / Double(choice.count))
            }
            let best = try #require(normalized.firstIndex(of: normalized.max() ?? 0))
            #expect(answer["answer"]?.int == best)
            #expect(answer["choice"]?.string == Self.choices[question][best])
        }
        #expect(answers[0]["id"]?.string == "a" && answers[0]["name"] == nil)
        #expect(answers[1]["name"]?.string == ["Y", "N"][answers[1]["answer"]?.int ?? 9])
    }

    /// What is learned is the right choice, and nothing of the question.
    @Test func wrongChoicesDoNotTrain() throws {
        let dataset = try Self.rows()
        let data = try Self.task(dataset).learned(dataset, Self.limits())
        #expect(data.count == 2 && data.rows == 2)
        for (question, prompt) in Self.plainPrompts.enumerated() {
            let (ids, start) = try Self.plain(prompt, Self.choices[question][Self.right[question]])
            #expect(data.sequences[question].ids == ids)
            #expect(data.objective?.rowsRead(question) == Array(start - 1..<ids.count - 1))
        }
    }

    /// By a template the choice is the assistant's answer, through the token that ends its turn.
    @Test func chatIsLearnedThroughTheEndOfTheTurn() throws {
        let dataset = try Self.rows()
        let task = try Self.task(dataset, template: Self.template)
        #expect(task.record.details["questionForm"]?.string == "chat")
        #expect(try Self.task(dataset).record.details["questionForm"]?.string == "plain")
        let data = try task.learned(dataset, Self.limits())
        let tokenizer = try Self.tokenizer()
        let texts = data.sequences.map { tokenizer.decode($0.ids, skippingSpecial: false) }
        #expect(
            texts == [
                "<s>user:which one sat?</s>\n<s>assistant:dogs and cats</s>",
                "<s>user:Seven is odd.\n\nis it?</s>\n<s>assistant:yes</s>",
            ])
        for (at, answer) in ["dogs and cats</s>", "yes</s>"].enumerated() {
            let rows = try #require(data.objective?.rowsRead(at))
            let learned = rows.map { data.sequences[at].ids[$0 + 1] }
            #expect(tokenizer.decode(learned, skippingSpecial: false) == answer)
        }
        // Remembered as such, where the model has no template any more.
        let kind = try #require(TaskKind(rawValue: "multiple-choice"))
        let again = try kind.type.init(task.record)
        #expect(try again.learned(dataset, Self.limits()).sequences.map(\.ids) == data.sequences.map(\.ids))
        let lost = try kind.type.init(TaskRecord(kind, details: ["questionForm": .string("chat")]))
        let error = #expect(throws: TaskError.self) { try lost.learned(dataset, Self.limits()) }
        #expect(error?.description.contains("the model has none") == true)
    }

    /// The question loses its beginning, the same of each choice, and the first token of all texts stays.
    @Test func longQuestionsAreCutAtTheirBeginning() throws {
        let dataset = try Self.rows()
        let task = try Self.task(dataset)
        let whole = try task.tokenized(dataset, isLabelled: true, Self.limits())
        let longest = (0..<3).map { whole.sequences[$0].ids.count }.max() ?? 0
        let data = try task.tokenized(dataset, isLabelled: true, Self.limits(longest - 5))
        for at in 0..<3 {
            let ids = whole.sequences[at].ids
            #expect(data.sequences[at].ids == Array(ids[..<1] + ids[6...]))
        }
        let other = whole.sequences[3...].map(\.ids.count).max() ?? 0
        let cut = [5, max(0, other - longest + 5)]
        let warnings = data.warnings(name: "rows", maxLength: longest - 5)
        let rows = cut[1] > 0 ? 2 : 1
        #expect(
            warnings.first
                == "rows: \(rows) of 2 rows are longer than max-length \(longest - 5) and were cut; \(cut[0] + cut[1]) tokens are lost"
        )
        #expect(warnings.contains { $0.contains("the beginning of a question") })
        let dropped = try task.learned(
            try Self.rows([Self.questions[0], #"{"question": "q", "choices": ["a", "b"], "answer": 0}"#]),
            Self.limits(longest - 5, .drop))
        #expect(dropped.count == 1 && dropped.droppedRows == 1)
        for (length, rule, problem) in [
            (longest - 5, TokenizedDataset.LongRows.error, "f:1: the row has"),
            (
                8, .truncate,
                "f:1: the choices, the longest with its question \(longest) tokens, leave no room"
            ),
        ] {
            let error = #expect(throws: TaskError.self) {
                try task.learned(dataset, Self.limits(length, rule))
            }
            #expect(error?.description.hasPrefix(problem) == true, "\(error?.description ?? "")")
        }
    }

    /// Rows without an answer are answered, not learned.
    @Test func unlabelledRowsAreAnswered() throws {
        let dataset = try Self.rows(
            [#"{"question": "q", "choices": [" a", "b"]}"#], labelled: false)
        let data = try Self.task(dataset).tokenized(dataset, isLabelled: false, Self.limits())
        // White space that a choice brings is not doubled.
        #expect(
            data.sequences.map(\.ids.count) == [data.sequences[1].ids.count, data.sequences[1].ids.count])
        #expect(throws: DataError.self) { try Self.rows([#"{"question": "q", "choices": ["a", "b"]}"#]) }
    }
}
