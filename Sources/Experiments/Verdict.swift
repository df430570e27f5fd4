import Messages
import Tasks

/// Whether the best adaptive method beats the best fixed one at a budget.
///
/// Each is the best of its kind by the validation rows of its reported runs. The test rows, by which the two are compared, choose
/// nothing: there is one comparison a budget, however many methods there are.
package struct Verdict: Sendable {
    package enum Outcome: String, Sendable {
        case better, worse
        /// Within the noise, or of too few seeds
        case open
        /// There are not both kinds, or their runs share no seed.
        case missing
    }

    package struct Choice: Sendable, Equatable {
        package let arm: String
        /// Mean of the compared metric on the validation rows
        package let validation: Double
        /// Methods of its kind that it was chosen from
        package let candidates: Int
    }

    package let budget: Budget
    package let adaptive: Choice?
    package let fixed: Choice?
    /// Adaptive minus fixed on the test rows, by seed
    package let difference: PairedDifference?
    package let outcome: Outcome

    init(
        budget: Budget, adaptive: Choice?, fixed: Choice?, difference: PairedDifference?, metric: Metric
    ) {
        self.budget = budget
        self.adaptive = adaptive
        self.fixed = fixed
        self.difference = difference
        guard adaptive != nil, fixed != nil, let difference else {
            outcome = .missing
            return
        }
        guard difference.includesZero == false, difference.count >= ComparisonTable.fewestSeeds else {
            outcome = .open
            return
        }
        outcome = metric.isBetter(difference.mean, than: 0) ? .better : .worse
    }

    /// The best of rows by the validation rows; nil where none has a figure. One seed may be luck: rows of too few take part only
    /// where all are such.
    static func choose(_ rows: [ComparisonTable.Row], _ metric: Metric) -> Choice? {
        let known = rows.compactMap { row -> (arm: String, mean: Double, count: Int)? in
            let values = row.results.compactMap { $0.validation(metric) }.filter(\.isFinite)
            guard values.count == row.count, let summary = Summary(values) else { return nil }
            return (row.arm, summary.mean, summary.count)
        }
        let trusted = known.filter { $0.count >= ComparisonTable.fewestSeeds }
        // The first of equals, as the plan has them.
        let candidates = trusted.isEmpty ? known : trusted
        var best: (arm: String, mean: Double, count: Int)?
        for one in candidates where best.map({ metric.isBetter(one.mean, than: $0.mean) }) ?? true {
            best = one
        }
        return best.map { Choice(arm: $0.arm, validation: $0.mean, candidates: candidates.count) }
    }
}

extension ComparisonTable {
    /// The first line of the report.
    package var answer: String {
        guard !verdicts.isEmpty else {
            return "**Adaptive against fixed: no budget is compared.**"
        }
        let counts = verdicts.map(\.outcome)
        let head: String
        if counts.allSatisfy({ $0 == .missing }) {
            head = "Adaptive against fixed: not answered"
        } else if counts.allSatisfy({ $0 == .better }) {
            head = "Adaptive beats fixed beyond the noise"
        } else if counts.contains(.better) {
            head = "Adaptive beats fixed beyond the noise at some budgets only"
        } else {
            head = "Adaptive does not beat fixed beyond the noise"
        }
        let partial = reported.finished < reported.total ? "So far: " : ""
        return "**\(partial)\(head).** " + verdicts.map(sentence).joined(separator: " ")
    }

    private func sentence(_ verdict: Verdict) -> String {
        let place = "At \(verdict.budget)"
        guard let adaptive = verdict.adaptive else { return "\(place) there is no adaptive method yet." }
        guard let fixed = verdict.fixed else { return "\(place) there is no fixed method yet." }
        guard let difference = verdict.difference else {
            return "\(place) \(adaptive.arm) and \(fixed.arm) share no seed yet."
        }
        let figures =
            "\(Figures.difference(difference)) in \(plan.metric.rawValue) (n = \(difference.count))"
        let pair =
            "the best adaptive one of \(adaptive.candidates), \(adaptive.arm),"
        let other = "the best fixed one of \(fixed.candidates), \(fixed.arm)"
        switch verdict.outcome {
        case .better: return "\(place) \(pair) beats \(other): \(figures)."
        case .worse: return "\(place) \(pair) is worse than \(other): \(figures)."
        case .open, .missing:
            let few =
                difference.count < Self.fewestSeeds ? "too few seeds to tell" : "within the noise"
            return "\(place) \(pair) does not differ from \(other) by more than noise: \(figures), \(few)."
        }
    }

    /// How the first line was found.
    package var answerMethod: String {
        func list(_ kind: ArmKind) -> String {
            let names = plan.names(kind)
            return names.isEmpty ? "none" : names.joined(separator: ", ")
        }
        return
            "The best method of a kind is the best by validation \(plan.metric.rawValue) of its reported runs, so that choosing the "
            + "best of several leaves the test rows, which compare the two, untouched: one comparison a budget. Beyond the noise "
            + "means that both the bootstrap interval and Student's t exclude 0, with at least \(Self.fewestSeeds) pairs. Fixed "
            + "methods without a budget take part where they train no more than the arms at it. "
            + "Adaptive: \(list(.adaptive)). Fixed: \(list(.fixed)). Controls, which take no part: \(list(.control))."
    }
}
