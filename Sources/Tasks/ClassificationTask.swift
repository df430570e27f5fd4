import Datasets
import Matrices
import ModelFiles
import Transformers

/// One class a row.
struct ClassificationTask: LearningTask {
    private let head: ClassHead

    static let name = "classification"
    static let metrics: [Metric] = [.accuracy, .macroF1, .matthews, .calibrationError]
    static let tellsWrongRows = true
    static var ofImages: (any LearningTask.Type)? { ImageClassificationTask.self }
    static let splitRule = SplitRule.labels
    static let settings: Set = ["text-column", "label-column", "label-names", "class-weights"]
    static var problemType: String? { "single_label_classification" }
    static func headForm(_ pooling: Pooling) -> HeadForm { .sequence(pooling) }
    static func rowForm(labelSeparator: String?) -> RowForm { .texts }
    static let answerMembers = ["label", "probability", Prediction.probabilities, Prediction.truncatedTokens]

    static func answers(problemType: String, outputs: Int) -> Bool {
        outputs != 1 && problemType != MultiLabelTask.problemType
    }

    init(learningFrom dataset: Dataset, _ settings: TaskSettings) throws {
        head = ClassHead(labels: try LabelSet(from: dataset), pooling: settings.pooling)
    }

    init(_ record: TaskRecord) throws { head = try ClassHead(record) }

    var record: TaskRecord { head.record(kind) }
    var outputs: Int { head.labels.names.count }

    func card(_ rows: TaskCard.Rows) -> TaskCard {
        TaskCard(
            pipelineTag: "text-classification",
            answers: "one of \(outputs) labels for \(rows.each)", batch: rows.batch,
            printing: ClassHead.printing)
    }

    func tokenized(_ dataset: Dataset, isLabelled: Bool, _ limits: Tokenization) throws -> TokenizedDataset {
        let truth = isLabelled ? try Targets.classes(of: dataset, labels: head.labels) : nil
        return try TokenizedDataset(dataset, limits) { kept in
            truth.map { truth in ClassObjective(truth: kept.map { truth[$0] }) }
        }
    }

    func predictions(
        _ dataset: Dataset, _ limits: Tokenization, _ options: AnswerOptions,
        read: ShardReading
    ) throws -> [Prediction] {
        let data = try tokenized(dataset, isLabelled: false, limits)
        let lines = try head.lines(data, options, read: read)
        return zip(lines, data.truncated).map { Prediction($0, truncatedTokens: $1) }
    }
}

extension Metric {
    package static let accuracy = Metric("accuracy")
    package static let macroF1 = Metric("macro-f1")
    package static let matthews = Metric("matthews")
    package static let calibrationError = Metric("ece", isHigherBetter: false)
}

/// Softmax cross-entropy.
package struct ClassObjective: Objective {
    /// Positions in the `LabelSet`
    let truth: [Int32]
    private var weights: [Double]?

    package init(truth: [Int32]) { self.truth = truth }

    package var classes: [[Int32]] { [truth] }

    package func weighted(by weights: [Double]) -> any Objective {
        var copy = self
        copy.weights = weights
        return copy
    }

    package func weight(of members: [Int]) -> Double {
        guard let weights else { return Double(members.count) }
        return members.reduce(0) { $0 + weights[Int(truth[$1])] }
    }

    package func loss(_ rows: ShardRows, divisor: Double) -> Double {
        rows.tape.crossEntropy(
            rows.logits(), labels: rows.members.map { truth[$0] }, weights: weights, divisor: divisor)
    }

    package func meter(_ options: AnswerOptions, outputs: Int) -> any Meter {
        ClassMeter(truth: truth, classes: outputs, options)
    }

    package func madeUp(lengths: [Int]) -> any Objective {
        ClassObjective(truth: Array(repeating: 0, count: lengths.count))
    }
}

private struct ClassMeter: Meter {
    let truth: [Int32]
    let classes: Int
    let answers: RowResults<ClassAnswer>
    /// The probability of each answer
    let confidences: RowResults<Double>
    let wrong: WrongRows

    var kept: [any ExchangedResults] { [answers, confidences, wrong] }

    init(truth: [Int32], classes: Int, _ options: AnswerOptions) {
        self.truth = truth
        self.classes = classes
        answers = RowResults(count: truth.count)
        confidences = RowResults(count: truth.count)
        wrong = WrongRows(isKept: options.keepsWrongRows)
    }

    func read(_ rows: ShardRows) {
        let logits = rows.logits().value
        let found = rows.members.enumerated().map { row, member in
            ClassAnswer(logits, row: row, label: truth[member], on: rows.tape)
        }
        let probabilities = rows.members.indices.map { logits.probabilities($0) }
        answers.put(found, at: rows.members)
        confidences.put(zip(found, probabilities).map { $1[Int($0.predicted)] }, at: rows.members)
        for (place, member) in rows.members.enumerated() {
            wrong.add(
                row: member, truth: [truth[member]], answer: [found[place].predicted],
                of: probabilities[place])
        }
    }

    func evaluation() -> Evaluation {
        let answers = answers.all
        let predicted = answers.map(\.predicted)
        return Evaluation(
            loss: answers.reduce(0) { $0 + $1.loss / Double(truth.count) },
            metrics: [
                (.accuracy, Metrics.accuracy(truth: truth, predicted: predicted)),
                (.macroF1, Metrics.macroF1(truth: truth, predicted: predicted)),
                (.matthews, Metrics.matthewsCorrelation(truth: truth, predicted: predicted)),
                (
                    .calibrationError,
                    Metrics.calibrationError(
                        confidences: confidences.all, isRight: zip(truth, predicted).map { $0 == $1 })
                ),
            ], perClass: Metrics.perClass(truth: truth, predicted: predicted, classCount: classes),
            rows: .classes(predicted: predicted, truth: truth),
            hasOneAnswer: Evaluation.areAlike(predicted, truth: truth), wrongRows: wrong.all)
    }
}
