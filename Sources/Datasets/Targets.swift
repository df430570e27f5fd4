/// What a data set's labels mean for a task, one value per example in the same order.
public enum Targets: Sendable, Equatable {
    /// Positions in a `LabelSet`.
    case classes([Int32])
    /// Finite numbers.
    case scores([Float])
    /// For each example the positions in a `LabelSet`, rising.
    case labelSets([[Int32]])
    case tokens(TokenTargets)
    case spans(SpanTargets)

    /// Classification targets.
    ///
    /// - Throws: `DataError` at the first label that is missing or not in `labels`.
    public static func classes(of dataset: Dataset, labels: LabelSet) throws -> Targets {
        var targets: [Int32] = []
        targets.reserveCapacity(dataset.examples.count)
        for example in dataset.examples {
            let name = try LabelSet.className(of: example, file: dataset.file)
            targets.append(try labels.requiredIndex(of: name, example, file: dataset.file))
        }
        return .classes(targets)
    }

    /// Positions of the labels of each row, or of the tags of its words, in the file's order.
    ///
    /// - Throws: `DataError` at the first row without labels or with one that is not in `labels`.
    public static func lists(of dataset: Dataset, labels: LabelSet) throws -> [[Int32]] {
        try dataset.examples.map { example in
            guard case .list(let names)? = example.label else {
                throw DataError(
                    file: dataset.file, line: example.line, problem: "the labels are missing",
                    advice: "add them or remove the row")
            }
            return try names.map { try labels.requiredIndex(of: $0, example, file: dataset.file) }
        }
    }

    /// Multi-label targets.
    ///
    /// - Throws: as `lists`.
    public static func labelSets(of dataset: Dataset, labels: LabelSet) throws -> Targets {
        if let width = dataset.vectorWidth, labels.names != (0..<width).map({ "\($0)" }) {
            throw DataError(
                file: dataset.file, line: dataset.examples.first?.line,
                problem:
                    "rows of \(width) values of 0 and 1, while the labels are \(quotedList(labels.names))",
                advice: "name each row's labels, or give one value for each label")
        }
        return .labelSets(try lists(of: dataset, labels: labels).map { $0.sorted() })
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
                throw notAScore(label, dataset.file, example.line)
            }
            targets.append(score)
        }
        return .scores(targets)
    }

    private static func notAScore(_ label: RawLabel, _ file: String, _ line: Int) -> DataError {
        let text = label.className
        var advice = "correct it, or train for classification"
        if LabelSpelling.isMissing(text) {
            advice = "it stands for a missing value: remove the row, or give its score"
        } else if text.contains(","), RawLabel.decimal(text.replacing(",", with: ".")) != nil {
            advice = "write it with a decimal point"
        } else if RawLabel.decimal(text) == nil, text.contains(where: \.isNumber) {
            advice = "write the number alone, or train for classification"
        }
        return DataError(
            file: file, line: line, problem: "label \(quoted(text)) is not a finite number", advice: advice)
    }

    public var count: Int {
        switch self {
        case .classes(let values): values.count
        case .scores(let values): values.count
        case .labelSets(let sets): sets.count
        case .tokens(let tokens): tokens.labels.count
        case .spans(let spans): spans.starts.count
        }
    }

    /// Those of some examples, in the order of `kept`.
    public func selecting(_ kept: [Int]) -> Targets {
        switch self {
        case .classes(let values): .classes(kept.map { values[$0] })
        case .scores(let values): .scores(kept.map { values[$0] })
        case .labelSets(let sets): .labelSets(kept.map { sets[$0] })
        case .tokens(let tokens):
            .tokens(TokenTargets(labels: kept.map { tokens.labels[$0] }, scheme: tokens.scheme))
        case .spans(let spans): .spans(spans.selecting(kept))
        }
    }
}

/// A class for each token of each sequence.
public struct TokenTargets: Sendable, Equatable {
    /// Stands for no class: a special token, or a part of a word after its first.
    public static let ignored: Int32 = -1

    /// By sequence and token
    public let labels: [[Int32]]
    public let scheme: TagScheme

    public init(labels: [[Int32]], scheme: TagScheme) {
        self.labels = labels
        self.scheme = scheme
    }
}

/// Where the answer begins and ends in each window, as positions among its tokens; both 0, the window's first token,
/// where it has none.
public struct SpanTargets: Sendable, Equatable {
    public let starts: [Int32]
    public let ends: [Int32]
    public let windows: [AnswerWindow]
    /// What the windows were cut from.
    public let questions: [Example]
    /// Whether a question may have no answer (SQuAD 2.0).
    public let allowsNoAnswer: Bool

    public init(
        starts: [Int32], ends: [Int32], windows: [AnswerWindow], questions: [Example], allowsNoAnswer: Bool
    ) {
        self.starts = starts
        self.ends = ends
        self.windows = windows
        self.questions = questions
        self.allowsNoAnswer = allowsNoAnswer
    }

    func selecting(_ kept: [Int]) -> SpanTargets {
        SpanTargets(
            starts: kept.map { starts[$0] }, ends: kept.map { ends[$0] }, windows: kept.map { windows[$0] },
            questions: questions, allowsNoAnswer: allowsNoAnswer)
    }
}
