import Datasets
import Foundation
import Matrices
import ModelFiles
import RunConfiguration
import Transformers

/// The classes of rows, and what of a sequence the head reads for them.
private struct ClassHead {
    let labels: LabelSet
    let pooling: Pooling

    init(labels: LabelSet, pooling: Pooling) {
        self.labels = labels
        self.pooling = pooling
    }

    init(_ record: TaskRecord) throws {
        self.init(
            labels: try LabelSet(names: record.labels, source: "the adapter"), pooling: record.pooling)
    }

    func record(_ name: RunConfig.Task) -> TaskRecord {
        TaskRecord(name: name, labels: labels.names, pooling: pooling)
    }
}

/// One class a row.
struct ClassificationTask: LearningTask {
    private let head: ClassHead

    static var problemType: String? { "single_label_classification" }
    static func headForm(_ pooling: Pooling) -> HeadForm { .sequence(pooling) }
    static func rowForm(labelSeparator: String?) -> RowForm { .texts }

    init(learningFrom dataset: Dataset, _ settings: TaskSettings) throws {
        head = ClassHead(labels: try LabelSet(from: dataset), pooling: settings.pooling)
    }

    init(_ record: TaskRecord) throws { head = try ClassHead(record) }

    var record: TaskRecord { head.record(.classification) }
    var outputs: Int { head.labels.names.count }
    var metrics: [String] { ClassObjective.metrics }

    func tokenized(_ dataset: Dataset, isLabelled: Bool, _ limits: Tokenization) throws -> TokenizedDataset {
        try TokenizedDataset(
            dataset, targets: isLabelled ? Targets.classes(of: dataset, labels: head.labels) : nil, limits)
    }

    func predictions(
        _ dataset: Dataset, _ limits: Tokenization, _ options: AnswerOptions,
        logits: (TokenizedDataset) -> Matrix
    ) throws -> [Prediction] {
        let data = try tokenized(dataset, isLabelled: false, limits)
        let logits = logits(data)
        let classes = Evaluation.predictedClasses(logits)
        return (0..<data.count).map { row in
            let values = (0..<logits.columns).map { Double(logits.row(row)[$0]) }
            let top = values.max() ?? 0
            let exponentials = values.map { exp($0 - top) }
            let sum = exponentials.reduce(0, +)
            let probabilities = exponentials.map { $0 / sum }
            var line: JSONObject = ["label": .string(head.labels.names[Int(classes[row])])]
            line["probability"] = .number(probabilities.max() ?? 0)
            line["probabilities"] = head.labels.ranked(probabilities, top: options.top)
            return Prediction(line, truncatedTokens: data.truncated[row])
        }
    }
}

/// A score a row.
struct RegressionTask: LearningTask {
    let pooling: Pooling

    static var problemType: String? { "regression" }
    static func headForm(_ pooling: Pooling) -> HeadForm { .sequence(pooling) }
    static func rowForm(labelSeparator: String?) -> RowForm { .texts }

    init(learningFrom dataset: Dataset, _ settings: TaskSettings) throws { pooling = settings.pooling }

    init(_ record: TaskRecord) throws { pooling = record.pooling }

    var record: TaskRecord { TaskRecord(name: .regression, pooling: pooling) }
    var outputs: Int { 1 }
    var metrics: [String] { ScoreObjective.metrics }

    func tokenized(_ dataset: Dataset, isLabelled: Bool, _ limits: Tokenization) throws -> TokenizedDataset {
        try TokenizedDataset(dataset, targets: isLabelled ? Targets.scores(of: dataset) : nil, limits)
    }

    func predictions(
        _ dataset: Dataset, _ limits: Tokenization, _ options: AnswerOptions,
        logits: (TokenizedDataset) -> Matrix
    ) throws -> [Prediction] {
        let data = try tokenized(dataset, isLabelled: false, limits)
        let logits = logits(data)
        return (0..<data.count).map { row in
            Prediction(
                ["score": .number(Double(logits.row(row)[0]))], truncatedTokens: data.truncated[row])
        }
    }
}

/// Any number of classes a row.
struct MultiLabelTask: LearningTask {
    private let head: ClassHead

    static var problemType: String? { "multi_label_classification" }
    static func headForm(_ pooling: Pooling) -> HeadForm { .sequence(pooling) }
    static func rowForm(labelSeparator: String?) -> RowForm { .labelSets(separator: labelSeparator) }

    init(learningFrom dataset: Dataset, _ settings: TaskSettings) throws {
        head = ClassHead(labels: try LabelSet(ofSetsIn: dataset), pooling: settings.pooling)
    }

    init(_ record: TaskRecord) throws { head = try ClassHead(record) }

    var record: TaskRecord { head.record(.multiLabel) }
    var outputs: Int { head.labels.names.count }
    var metrics: [String] { LabelSetObjective.metrics }

    func tokenized(_ dataset: Dataset, isLabelled: Bool, _ limits: Tokenization) throws -> TokenizedDataset {
        try TokenizedDataset(
            dataset, targets: isLabelled ? Targets.labelSets(of: dataset, labels: head.labels) : nil, limits)
    }

    func predictions(
        _ dataset: Dataset, _ limits: Tokenization, _ options: AnswerOptions,
        logits: (TokenizedDataset) -> Matrix
    ) throws -> [Prediction] {
        let data = try tokenized(dataset, isLabelled: false, limits)
        let logits = logits(data)
        return (0..<data.count).map { row in
            let probabilities = LabelSetObjective.probabilities(logits, row: row)
            let given = probabilities.indices.filter { probabilities[$0] >= options.threshold }
            let line: JSONObject = [
                "labels": .array(given.map { .string(head.labels.names[$0]) }),
                "probabilities": head.labels.ranked(probabilities, top: options.top),
            ]
            return Prediction(line, truncatedTokens: data.truncated[row])
        }
    }
}

extension LabelSet {
    /// Names with their probabilities, the most probable first.
    fileprivate func ranked(_ probabilities: [Double], top: Int?) -> JSONValue {
        let order = probabilities.indices.sorted {
            (probabilities[$1], $0) < (probabilities[$0], $1)
        }
        var ranked = JSONObject()
        for index in order.prefix(top ?? order.count) {
            ranked[names[index]] = .number(probabilities[index])
        }
        return .object(ranked)
    }
}

extension Prediction {
    fileprivate init(_ line: JSONObject, truncatedTokens: Int) {
        var line = line
        if truncatedTokens > 0 { line["truncatedTokens"] = JSONValue(truncatedTokens) }
        self.init(line: line, isCut: truncatedTokens > 0)
    }
}
