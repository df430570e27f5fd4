import Autodiff
import Datasets
import Foundation
import Matrices
import ModelFiles
import Transformers

/// Any number of classes a row.
struct MultiLabelTask: LearningTask {
    private let head: ClassHead

    static let name = "multi-label"
    static let metrics: [Metric] = [.microF1, .macroF1, .subsetAccuracy]
    static let tellsWrongRows = true
    static let settings: Set = ["text-column", "label-column", "label-separator"]
    static var problemType: String? { "multi_label_classification" }
    static func headForm(_ pooling: Pooling) -> HeadForm { .sequence(pooling) }
    static func rowForm(labelSeparator: String?) -> RowForm { .labelSets(separator: labelSeparator) }
    static let answerMembers = ["labels", Prediction.probabilities, Prediction.truncatedTokens]

    static func answers(problemType: String, outputs: Int) -> Bool { problemType == Self.problemType }

    init(learningFrom dataset: Dataset, _ settings: TaskSettings) throws {
        head = ClassHead(labels: try LabelSet(ofSetsIn: dataset), pooling: settings.pooling)
    }

    init(_ record: TaskRecord) throws { head = try ClassHead(record) }

    var record: TaskRecord { head.record(kind) }
    var outputs: Int { head.labels.names.count }

    func card(_ rows: TaskCard.Rows) -> TaskCard {
        TaskCard(
            pipelineTag: "text-classification",
            answers: "any number of \(outputs) labels for \(rows.each)", batch: rows.batch,
            printing: [
                "for row in logits.sigmoid().tolist():",
                "    print([labels[place] for place, share in enumerate(row) if share >= 0.5])",
            ])
    }

    func tokenized(_ dataset: Dataset, isLabelled: Bool, _ limits: Tokenization) throws -> TokenizedDataset {
        let truth = isLabelled ? try Targets.labelSets(of: dataset, labels: head.labels) : nil
        return try TokenizedDataset(dataset, limits) { kept in
            truth.map { truth in LabelSetObjective(truth: kept.map { truth[$0] }) }
        }
    }

    func predictions(
        _ dataset: Dataset, _ limits: Tokenization, _ options: AnswerOptions,
        read: ShardReading
    ) throws -> [Prediction] {
        let data = try tokenized(dataset, isLabelled: false, limits)
        let lines = RowResults<JSONObject>(count: data.count)
        try read(data, [lines]) { rows in
            let logits = rows.logits().value
            lines.put((0..<logits.rows).map { line(logits, $0, options) }, at: rows.members)
        }
        return zip(lines.all, data.truncated).map { Prediction($0, truncatedTokens: $1) }
    }

    private func line(_ logits: Matrix, _ row: Int, _ options: AnswerOptions) -> JSONObject {
        let probabilities = LabelSetObjective.probabilities(logits, row: row)
        let given = probabilities.indices.filter { probabilities[$0] >= options.threshold }
        return [
            "labels": .array(given.map { .string(head.labels.names[$0]) }),
            "probabilities": head.labels.ranked(probabilities, top: options.top),
        ]
    }
}

extension Metric {
    package static let microF1 = Metric("micro-f1")
    package static let subsetAccuracy = Metric("subset-accuracy")
}

/// Mean binary cross-entropy of all labels.
package struct LabelSetObjective: Objective {
    /// For each row positions in the `LabelSet`, rising
    let truth: [[Int32]]

    package init(truth: [[Int32]]) { self.truth = truth }

    package func loss(_ rows: ShardRows, divisor: Double) -> Double {
        rows.tape.binaryCrossEntropy(rows.logits(), sets: rows.members.map { truth[$0] }, divisor: divisor)
    }

    static func probabilities(_ logits: Matrix, row: Int) -> [Double] {
        (0..<logits.columns).map { 1 / (1 + exp(-Double(logits.row(row)[$0]))) }
    }

    package func meter(_ options: AnswerOptions, outputs: Int) -> any Meter {
        LabelSetMeter(truth: truth, options, labels: outputs)
    }

    package func madeUp(lengths: [Int]) -> any Objective {
        LabelSetObjective(truth: Array(repeating: [], count: lengths.count))
    }

    /// The log-odds of each label (Lin et al. 2017, section 3.3), of a count half a row larger, so that they are finite.
    /// From 0, all logits of rare labels first fall together, and the encoder's rows with them until they are all alike.
    package func startingBias(outputs: Int) -> [Float]? {
        var counts = [Double](repeating: 0.5, count: outputs)
        for set in truth { for label in set { counts[Int(label)] += 1 } }
        return counts.map { Float(log($0 / (Double(truth.count) + 1 - $0))) }
    }
}

/// Keeps the logits: the loss is one sum over rows and labels, and what a row adds to it has other bits where it is summed
/// apart.
private struct LabelSetMeter: Meter {
    let truth: [[Int32]]
    let threshold: Double
    let labels: Int
    /// Of each row [labels]
    let logits: RowResults<[Float]>
    let wrong: WrongRows

    var kept: [any ExchangedResults] { [logits] }

    init(truth: [[Int32]], _ options: AnswerOptions, labels: Int) {
        self.truth = truth
        threshold = options.threshold
        wrong = WrongRows(isKept: options.keepsWrongRows)
        self.labels = labels
        logits = RowResults(count: truth.count)
    }

    func read(_ rows: ShardRows) {
        let values = rows.logits().value
        logits.put(
            (0..<values.rows).map {
                Array(UnsafeBufferPointer(start: values.row($0), count: values.columns))
            },
            at: rows.members)
    }

    func evaluation() -> Evaluation {
        let logits = Matrix(rows: truth.count, columns: labels, values: logits.all.flatMap(\.self))
        let predicted = (0..<logits.rows).map { row in
            let probabilities = LabelSetObjective.probabilities(logits, row: row)
            return probabilities.indices.filter { probabilities[$0] >= threshold }.map { Int32($0) }
        }
        for (row, answer) in predicted.enumerated() {
            wrong.add(
                row: row, truth: truth[row], answer: answer,
                of: LabelSetObjective.probabilities(logits, row: row))
        }
        let perClass = Metrics.perClass(truth: truth, predicted: predicted, classCount: logits.columns)
        let hits = zip(truth, predicted).map { $0 == $1 ? 1.0 : 0 }
        let overlaps = zip(truth, predicted).map { actual, guess in
            (
                part: 2 * Double(Set(actual).intersection(guess).count),
                whole: Double(actual.count + guess.count)
            )
        }
        let tape = Tape(evaluatingWith: BufferPool())
        return Evaluation(
            loss: tape.binaryCrossEntropy(tape.input(logits), sets: truth, divisor: Double(truth.count)),
            metrics: [
                (.microF1, truth.isEmpty ? nil : perClass.micro.f1 ?? 0), (.macroF1, perClass.macroF1),
                (.subsetAccuracy, hits.isEmpty ? nil : hits.reduce(0, +) / Double(hits.count)),
            ], perClass: perClass,
            rows: .shares([.microF1: overlaps, .subsetAccuracy: hits.map { ($0, 1) }]),
            hasOneAnswer: Evaluation.areAlike(predicted, truth: truth), wrongRows: wrong.all)
    }
}
