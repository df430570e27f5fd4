import Messages

extension ComparisonTable {
    /// What the numbers show and no more: one line for each arm with pairs, by budget, and a last one that
    /// counts.
    package var conclusions: [String] {
        var lines: [String] = []
        var counts = (better: 0, worse: 0, open: 0)
        for row in rows {
            guard let difference = row.difference else { continue }
            lines.append(sentence(row, difference))
            guard let includesZero = difference.includesZero, difference.count >= Self.fewestSeeds else {
                counts.open += 1
                continue
            }
            if includesZero {
                counts.open += 1
            } else if plan.metric.isBetter(difference.mean, than: 0) {
                counts.better += 1
            } else {
                counts.worse += 1
            }
        }
        guard !lines.isEmpty else {
            return ["No run of another arm has a partner of \(plan.baseline) yet: nothing can be concluded."]
        }
        let all = counts.better + counts.worse + counts.open
        lines.append(
            "Of \(Figures.counted(all, "comparison")) with \(plan.baseline), \(counts.better) "
                + "\(counts.better == 1 ? "shows" : "show") an arm better, \(counts.worse) worse, "
                + "\(counts.open) undecided." + chance(all))
        return lines
    }

    /// Runs of fewer seeds support no claim.
    static let fewestSeeds = 3

    /// What is left to chance.
    private func chance(_ comparisons: Int) -> String {
        let expected = 0.05 * Double(comparisons)
        return
            " A difference counts as shown where both the bootstrap interval and \(student) exclude 0; "
            + "among so many, about \(Figures.fixed(expected, 1)) would be shown by chance alone."
    }

    private var student: String {
        plan.folds == nil ? "Student's t over seeds" : "Nadeau and Bengio's t over folds"
    }

    private func sentence(_ row: Row, _ difference: PairedDifference) -> String {
        let place = row.budget.map { "At \($0): " } ?? "Without a budget: "
        let amount = Figures.fixed(abs(difference.mean), 4)
        let isZero = Figures.signed(difference.mean) == Figures.fixed(0, 4)
        let direction =
            isZero
            ? "is level with \(plan.baseline)"
            : "is \(difference.mean > 0 ? "above" : "below") \(plan.baseline) by \(amount)"
        let note = plan.metric.isHigherBetter ? "" : ", lower being better"
        var text =
            "\(place)\(row.arm) \(direction) \(Figures.interval(difference.interval)) in "
            + "\(plan.metric.rawValue)\(note) (n = \(difference.count)); "
        text += verdict(difference)
        let missing = row.expectedPairs - row.pairs.count
        if missing > 0 { text += " \(missing) of \(Figures.counted(row.expectedPairs, "pair")) missing." }
        return text
    }

    private func verdict(_ difference: PairedDifference) -> String {
        if difference.foldCount == 1 { return "a single fold shows nothing about other training rows." }
        guard let includesZero = difference.includesZero else { return "one pair shows nothing." }
        if difference.levels == .rows {
            return "a single seed: the interval covers test rows only and shows nothing about other seeds."
        }
        if difference.interval?.contains(0) ?? true { return "the interval includes 0: no difference shown." }
        if includesZero {
            let interval = Figures.interval(difference.studentInterval)
            let test =
                difference.foldCount > 0
                ? "Nadeau and Bengio's t over \(difference.foldCount) folds"
                : "Student's t over \(difference.count) seeds"
            return "the interval excludes 0, but \(test), \(interval), does not: undecided."
        }
        let quality = plan.metric.isBetter(difference.mean, than: 0) ? "better" : "worse"
        return difference.count < Self.fewestSeeds
            ? "the interval excludes 0, but \(difference.count) \(difference.foldCount > 0 ? "runs" : "seeds") are too few to trust it."
            : "the interval excludes 0: \(quality) on this test data."
    }
}
