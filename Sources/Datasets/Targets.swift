/// What a data set's labels mean for a task, one value per example in the same order.
public enum Targets: Sendable, Equatable {
    /// Positions in a `LabelSet`.
    case classes([Int32])
    /// Finite numbers.
    case scores([Float])

    /// Classification targets.
    ///
    /// - Throws: `DataError` at the first label that is missing or not in `labels`.
    public static func classes(of dataset: Dataset, labels: LabelSet) throws -> Targets {
        var targets: [Int32] = []
        targets.reserveCapacity(dataset.examples.count)
        for example in dataset.examples {
            let name = try LabelSet.className(of: example, file: dataset.file)
            guard let index = example.label.flatMap(labels.index(of:)) else {
                let guess = labels.nearest(to: name).map { ", did you mean \(quoted($0))?" } ?? ""
                throw DataError(
                    file: dataset.file, line: example.line, problem: "unknown label \(quoted(name))\(guess)",
                    advice: "the known labels are \(quotedList(labels.names))")
            }
            targets.append(Int32(index))
        }
        return .classes(targets)
    }

    /// Regression targets.
    ///
    /// - Throws: `DataError` at the first label that is missing or not a finite number.
    public static func scores(of dataset: Dataset) throws -> Targets {
        var targets: [Float] = []
        targets.reserveCapacity(dataset.examples.count)
        for example in dataset.examples {
            guard let label = example.label else {
                throw DataError(
                    file: dataset.file, line: example.line, problem: "the label is missing",
                    advice: "add it or remove the row")
            }
            guard let score = label.score else {
                throw DataError(
                    file: dataset.file, line: example.line,
                    problem: "label \(quoted(label.className)) is not a finite number",
                    advice: "correct it, or use --task classification")
            }
            targets.append(score)
        }
        return .scores(targets)
    }

    public var count: Int {
        switch self {
        case .classes(let values): values.count
        case .scores(let values): values.count
        }
    }
}
