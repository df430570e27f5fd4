import Foundation
import Transformers

/// The log-likelihood of each choice after its question, a sum over its tokens. What is learned of a question is its right
/// choice: cross-entropy, a mean over the tokens of all of them.
struct ChoiceObjective: Objective {
    /// Of all sequences
    let words: NextTokenObjective
    let questions: [ChoiceRows.Question]
    /// Sequences of right choices
    private let right: Set<Int>

    init(words: NextTokenObjective, questions: [ChoiceRows.Question]) {
        (self.words, self.questions) = (words, questions)
        right = Set(
            questions.compactMap { question in
                question.choices.answer.map { question.members.lowerBound + $0 }
            })
    }

    func weight(of members: [Int]) -> Double { words.weight(of: members.filter(right.contains)) }
    func rowsRead(_ member: Int) -> [Int]? { words.rowsRead(member) }

    func loss(_ rows: ShardRows, divisor: Double) -> Double {
        words.loss(rows, divisor: divisor, where: right.contains)
    }

    func meter(_ options: AnswerOptions, outputs: Int) -> any Meter {
        ChoiceMeter(objective: self, sequences: questions.last?.members.upperBound ?? 0)
    }

    func madeUp(lengths: [Int]) -> any Objective { words.madeUp(lengths: lengths) }
}

/// What a model makes of a question's choices.
struct ChoiceAnswer {
    /// log p(choice | question) of each
    let logLikelihoods: [Double]
    /// The same by character of the choice
    let normalized: [Double]

    /// - Parameter losses: of all sequences, −log p of each
    init(_ question: ChoiceRows.Question, losses: [Double]) {
        logLikelihoods = losses[question.members].map { -$0 }
        normalized = zip(logLikelihoods, question.lengths).map { $0 / $1 }
    }

    /// The first of the likeliest.
    static func best(_ values: [Double]) -> Int {
        values.indices.reduce(0) { values[$1] > values[$0] ? $1 : $0 }
    }
}

private struct ChoiceMeter: Meter {
    let objective: ChoiceObjective
    let losses: RowResults<Double>

    var kept: [any ExchangedResults] { [losses] }

    init(objective: ChoiceObjective, sequences: Int) {
        self.objective = objective
        losses = RowResults(count: sequences)
    }

    func read(_ rows: ShardRows) {
        losses.put(objective.words.scores(rows).map(\.loss), at: rows.members)
    }

    func evaluation() -> Evaluation {
        let losses = self.losses.all
        let weight = objective.weight(of: Array(losses.indices))
        var loss = 0.0
        var answered: [(plain: Int, normalized: Int, truth: Int)] = []
        for question in objective.questions {
            guard let truth = question.choices.answer else { continue }
            loss += losses[question.members.lowerBound + truth] / weight
            let answer = ChoiceAnswer(question, losses: losses)
            answered.append(
                (ChoiceAnswer.best(answer.logLikelihoods), ChoiceAnswer.best(answer.normalized), truth))
        }
        func hits(_ chosen: (Int, Int, Int) -> Bool) -> [(part: Double, whole: Double)] {
            answered.map { (chosen($0.plain, $0.normalized, $0.truth) ? 1 : 0, 1) }
        }
        let (plain, normalized) = (
            hits { one, _, truth in one == truth }, hits { _, one, truth in one == truth }
        )
        func share(_ hits: [(part: Double, whole: Double)]) -> Double? {
            hits.isEmpty ? nil : hits.reduce(0) { $0 + $1.part } / Double(hits.count)
        }
        return Evaluation(
            loss: loss, metrics: [(.accuracyNormalized, share(normalized)), (.accuracy, share(plain))],
            rows: .shares([.accuracyNormalized: normalized, .accuracy: plain]),
            hasOneAnswer: Evaluation.areAlike(answered.map(\.normalized), truth: answered.map(\.truth)))
    }
}

extension Metric {
    /// The share of questions whose right choice has the highest log-likelihood by character (`acc_norm` of
    /// EleutherAI's lm-evaluation-harness)
    package static let accuracyNormalized = Metric("accuracy-normalized")
}
