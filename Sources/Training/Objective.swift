import Autodiff
import Datasets
import Foundation
import Matrices

/// What targets ask of a head's logits: a loss to learn from, and figures for people.
protocol Objective {
    /// What the loss of these sequences is a mean over: the sequences, or their labelled tokens; the weights of their
    /// classes where these have some.
    func weight(of members: [Int]) -> Double
    /// The loss of the sequences `members`, over `divisor`; logits as the head gives them for these.
    func loss(_ logits: Variable, _ members: [Int], divisor: Double, on tape: Tape) -> Double
    /// Of all sequences in their order.
    func findings(_ logits: Matrix, _ options: AnswerOptions) -> Findings
    /// Bias of a fresh head that answers every row with what the targets are on average; nil for a bias of 0.
    func startingBias(outputs: Int) -> [Float]?
}

extension Objective {
    func weight(of members: [Int]) -> Double { Double(members.count) }
    /// A softmax does not notice what all its logits have in common, so that nothing drives a head away from 0.
    func startingBias(outputs: Int) -> [Float]? { nil }
}

/// What an evaluation shows beside the loss.
struct Findings {
    /// In the order they are shown; nil where undefined.
    var metrics: [(name: String, value: Double?)]
    /// By class, label or type of span
    var perClass: [ClassScores] = []
    /// Names of these; nil for the model's labels.
    var classNames: [String]?
    var rows: Evaluation.Rows
    /// Whether all rows got one answer, although their truth differs.
    var hasOneAnswer: Bool

    /// Whether `predicted` is one value over and over and `truth` is not.
    static func areAlike<Answer: Hashable>(_ predicted: [Answer], truth: [Answer]) -> Bool {
        Set(predicted).count == 1 && Set(truth).count > 1
    }
}

extension Targets {
    /// The one place where kinds of targets part ways.
    ///
    /// - Parameter weights: of classes, in the loss.
    func objective(weights: [Double]? = nil) -> any Objective {
        switch self {
        case .classes(let classes): ClassObjective(truth: classes, weights: weights)
        case .scores(let scores): ScoreObjective(truth: scores)
        case .labelSets(let sets): LabelSetObjective(truth: sets)
        case .tokens(let targets): TokenObjective(targets: targets, weights: weights)
        case .spans(let targets): SpanObjective(targets: targets)
        }
    }
}

struct ClassObjective: Objective {
    static let metrics = ["accuracy", "macro-f1", "matthews"]

    let truth: [Int32]
    var weights: [Double]?

    func weight(of members: [Int]) -> Double {
        guard let weights else { return Double(members.count) }
        return members.reduce(0) { $0 + weights[Int(truth[$1])] }
    }

    func loss(_ logits: Variable, _ members: [Int], divisor: Double, on tape: Tape) -> Double {
        tape.crossEntropy(logits, labels: members.map { truth[$0] }, weights: weights, divisor: divisor)
    }

    func findings(_ logits: Matrix, _ options: AnswerOptions) -> Findings {
        let predicted = Evaluation.predictedClasses(logits)
        let values = [
            Metrics.accuracy(truth: truth, predicted: predicted),
            Metrics.macroF1(truth: truth, predicted: predicted),
            Metrics.matthewsCorrelation(truth: truth, predicted: predicted),
        ]
        return Findings(
            metrics: Array(zip(Self.metrics, values)),
            perClass: Metrics.perClass(truth: truth, predicted: predicted, classCount: logits.columns),
            rows: .classes(predicted: predicted, truth: truth),
            hasOneAnswer: Findings.areAlike(predicted, truth: truth))
    }
}

struct ScoreObjective: Objective {
    static let metrics = ["pearson", "spearman"]

    let truth: [Float]

    func loss(_ logits: Variable, _ members: [Int], divisor: Double, on tape: Tape) -> Double {
        tape.squaredError(logits, targets: members.map { truth[$0] }, divisor: divisor)
    }

    func findings(_ logits: Matrix, _ options: AnswerOptions) -> Findings {
        let predicted = logits.values
        let values = [
            Metrics.pearson(truth: truth, predicted: predicted),
            Metrics.spearman(truth: truth, predicted: predicted),
        ]
        return Findings(
            metrics: Array(zip(Self.metrics, values)), rows: .scores(predicted: predicted, truth: truth),
            hasOneAnswer: Self.range(predicted) < 1e-3 * Self.range(truth))
    }

    private static func range(_ values: [Float]) -> Float { (values.max() ?? 0) - (values.min() ?? 0) }

    /// The mean score. From 0, a head whose bias moves by a learning rate a step would spend its first steps on it.
    func startingBias(outputs: Int) -> [Float]? {
        truth.isEmpty ? nil : [Float(truth.reduce(0.0) { $0 + Double($1) } / Double(truth.count))]
    }
}

struct LabelSetObjective: Objective {
    static let metrics = ["micro-f1", "macro-f1", "subset-accuracy"]

    let truth: [[Int32]]

    func loss(_ logits: Variable, _ members: [Int], divisor: Double, on tape: Tape) -> Double {
        tape.binaryCrossEntropy(logits, sets: members.map { truth[$0] }, divisor: divisor)
    }

    static func probabilities(_ logits: Matrix, row: Int) -> [Double] {
        (0..<logits.columns).map { 1 / (1 + exp(-Double(logits.row(row)[$0]))) }
    }

    func findings(_ logits: Matrix, _ options: AnswerOptions) -> Findings {
        let predicted = (0..<logits.rows).map { row in
            let probabilities = Self.probabilities(logits, row: row)
            return probabilities.indices.filter { probabilities[$0] >= options.threshold }.map { Int32($0) }
        }
        let perClass = Metrics.perClass(truth: truth, predicted: predicted, classCount: logits.columns)
        let hits = zip(truth, predicted).map { $0 == $1 ? 1.0 : 0 }
        let overlaps = zip(truth, predicted).map { actual, guess in
            (
                part: 2 * Double(Set(actual).intersection(guess).count),
                whole: Double(actual.count + guess.count)
            )
        }
        return Findings(
            metrics: [
                ("micro-f1", truth.isEmpty ? nil : perClass.micro.f1 ?? 0), ("macro-f1", perClass.macroF1),
                ("subset-accuracy", hits.isEmpty ? nil : hits.reduce(0, +) / Double(hits.count)),
            ], perClass: perClass,
            rows: .shares([
                "micro-f1": overlaps, "subset-accuracy": hits.map { ($0, 1) },
            ]), hasOneAnswer: Findings.areAlike(predicted, truth: truth))
    }

    /// The log-odds of each label (Lin et al. 2017, section 3.3), of a count half a row larger, so that they are finite.
    /// From 0, all logits of rare labels first fall together, and the encoder's rows with them until they are all alike.
    func startingBias(outputs: Int) -> [Float]? {
        var counts = [Double](repeating: 0.5, count: outputs)
        for set in truth { for label in set { counts[Int(label)] += 1 } }
        return counts.map { Float(log($0 / (Double(truth.count) + 1 - $0))) }
    }
}

struct TokenObjective: Objective {
    /// F1 and its parts over spans, where tags make spans.
    static func metrics(_ scheme: TagScheme) -> [String] {
        (scheme.hasSpans ? ["f1", "precision", "recall"] : []) + ["accuracy"]
    }

    let targets: TokenTargets
    var weights: [Double]?

    func weight(of members: [Int]) -> Double {
        members.reduce(0) { sum, member in
            targets.labels[member].reduce(sum) {
                $0 + ($1 == TokenTargets.ignored ? 0 : weights?[Int($1)] ?? 1)
            }
        }
    }

    func loss(_ logits: Variable, _ members: [Int], divisor: Double, on tape: Tape) -> Double {
        tape.crossEntropy(
            logits, labels: members.flatMap { targets.labels[$0] }, weights: weights, divisor: divisor)
    }

    func findings(_ logits: Matrix, _ options: AnswerOptions) -> Findings {
        let classes = Evaluation.predictedClasses(logits)
        var (truth, predicted): ([[Int32]], [[Int32]]) = ([], [])
        var start = 0
        for row in targets.labels {
            let words = row.indices.filter { row[$0] != TokenTargets.ignored }
            truth.append(words.map { row[$0] })
            predicted.append(words.map { classes[start + $0] })
            start += row.count
        }
        let hits = zip(truth, predicted).map { actual, guess in
            (part: Double(zip(actual, guess).count { $0 == $1 }), whole: Double(actual.count))
        }
        let (right, words) = hits.reduce((0, 0)) { ($0.0 + $1.part, $0.1 + $1.whole) }
        let accuracy = ("accuracy", words > 0 ? right / words : nil)
        let hasOneAnswer = Findings.areAlike(predicted.flatMap { $0 }, truth: truth.flatMap { $0 })
        guard targets.scheme.hasSpans else {
            return Findings(
                metrics: [accuracy],
                perClass: Metrics.perClass(
                    truth: truth.flatMap { $0 }, predicted: predicted.flatMap { $0 },
                    classCount: logits.columns), rows: .shares(["accuracy": hits]),
                hasOneAnswer: hasOneAnswer)
        }
        let scheme = targets.scheme
        let types = Metrics.spans(truth: truth, predicted: predicted, scheme: scheme)
        let micro = types.map(\.scores).micro
        // Without spans 0, as in seqeval.
        func ratio(_ value: Double?) -> Double? { truth.isEmpty ? nil : value ?? 0 }
        let rows = zip(truth, predicted).map { actual, guess in
            Metrics.spans(truth: [actual], predicted: [guess], scheme: scheme).map(\.scores).micro
        }
        return Findings(
            metrics: [
                ("f1", ratio(micro.f1)), ("precision", ratio(micro.precision)),
                ("recall", ratio(micro.recall)),
                accuracy,
            ], perClass: types.map(\.scores), classNames: types.map(\.type),
            rows: .shares([
                "f1": rows.map { (2 * Double($0.correct), Double($0.support + $0.predicted)) },
                "precision": rows.map { (Double($0.correct), Double($0.predicted)) },
                "recall": rows.map { (Double($0.correct), Double($0.support)) }, "accuracy": hits,
            ]), hasOneAnswer: hasOneAnswer)
    }
}

struct SpanObjective: Objective {
    static let metrics = ["f1", "exact-match"]

    let targets: SpanTargets

    func loss(_ logits: Variable, _ members: [Int], divisor: Double, on tape: Tape) -> Double {
        var offsets = [0]
        for member in members {
            offsets.append((offsets.last ?? 0) + targets.windows[member].offsets.count)
        }
        return tape.spanCrossEntropy(
            logits, offsets: offsets, starts: members.map { targets.starts[$0] },
            ends: members.map { targets.ends[$0] }, divisor: divisor)
    }

    /// The best answer to each question over its windows; logits [T, 2] of all windows in order.
    static func answers(
        _ logits: Matrix, _ windows: [AnswerWindow], questions: Int, _ search: AnswerSearch
    ) -> [AnswerSearch.Found] {
        var byQuestion = [[(window: AnswerWindow, starts: [Float], ends: [Float])]](
            repeating: [], count: questions)
        var start = 0
        for window in windows {
            let rows = start..<(start + window.offsets.count)
            byQuestion[window.question].append(
                (window, rows.map { logits.row($0)[0] }, rows.map { logits.row($0)[1] }))
            start = rows.upperBound
        }
        return byQuestion.map(search.best)
    }

    func findings(_ logits: Matrix, _ options: AnswerOptions) -> Findings {
        var search = AnswerSearch()
        search.allowsNoAnswer = targets.allowsNoAnswer
        search.noAnswerThreshold = options.noAnswerThreshold
        let found = Self.answers(logits, targets.windows, questions: targets.questions.count, search)
        let predicted = zip(targets.questions, found).map { question, found in
            found.range.map { range in
                String(
                    decoding: (question.pair ?? "").utf8.dropFirst(range.lowerBound).prefix(range.count),
                    as: UTF8.self)
            } ?? ""
        }
        let known = targets.questions.map { question -> [String] in
            if case .answers(let answers)? = question.label { return answers.map(\.text) }
            return []
        }
        let scores = zip(predicted, known).map {
            AnswerMatch.scores($0, answers: $1, allowsNoAnswer: targets.allowsNoAnswer)
        }
        let count = Double(scores.count)
        return Findings(
            metrics: [
                ("f1", scores.isEmpty ? nil : scores.reduce(0) { $0 + $1.f1 } / count),
                ("exact-match", scores.isEmpty ? nil : scores.reduce(0) { $0 + $1.exact } / count),
            ],
            rows: .shares(["f1": scores.map { ($0.f1, 1) }, "exact-match": scores.map { ($0.exact, 1) }]),
            hasOneAnswer: Findings.areAlike(predicted, truth: known.map { $0.first ?? "" }))
    }
}
