import Messages

/// Why the data do not tell which rank they need.
package struct DataDoubt: Sendable, Equatable {
    package enum Kind: String, Sendable { case tiny, degenerate, unbalanced, unmeasurable }

    package let kind: Kind
    package let sentence: String

    /// Fewer rows tell nothing: a handful of them decides every figure.
    package static let fewestRows = 50
    /// Of rows to measure losses on
    package static let fewestHeldOut = 16
    /// Above which share of one class a loss says little of the others
    package static let largestShare = 0.95
    /// Above which share of one class the next must have so many
    package static let largeShare = 0.8
    package static let fewestOfClass = 10

    /// All that stands in the way, worst first.
    package static func all(_ facts: AdviceFacts) -> [DataDoubt] {
        var doubts: [DataDoubt] = []
        switch facts.question {
        case .classes(let counts), .wordClasses(let counts):
            if counts.count(where: { $0 > 0 }) < 2 {
                doubts.append(
                    DataDoubt(
                        kind: .degenerate,
                        sentence:
                            "The training rows have one class alone: there is nothing to learn to tell apart."
                    ))
            } else if let doubt = imbalance(counts, isOfWords: facts.question.isOfWords) {
                doubts.append(doubt)
            }
        case .scores(let lowest, let highest):
            if lowest == highest {
                doubts.append(
                    DataDoubt(
                        kind: .degenerate,
                        sentence: "All scores are \(Figures.plain(lowest)): there is nothing to learn."))
            }
        case .places: break
        case .words(let learned):
            if learned == 0 {
                doubts.append(
                    DataDoubt(kind: .degenerate, sentence: "No token of the training rows is learned."))
            }
        }
        if facts.rows < fewestRows {
            doubts.append(
                DataDoubt(
                    kind: .tiny,
                    sentence:
                        "\(Figures.counted(facts.rows, "training row")) are too few to tell ranks apart "
                        + "(\(fewestRows) at least): a handful of them would decide."))
        } else if facts.heldOutRows < fewestHeldOut {
            doubts.append(
                DataDoubt(
                    kind: .unmeasurable,
                    sentence: "\(Figures.counted(facts.heldOutRows, "row")) to measure on are too few "
                        + "(\(fewestHeldOut) at least); give more validation rows."))
        }
        return doubts
    }

    private static func imbalance(_ counts: [Int], isOfWords: Bool) -> DataDoubt? {
        let sorted = counts.sorted(by: >)
        let total = counts.reduce(0, +)
        let share = Double(sorted[0]) / Double(max(total, 1))
        // Tags of words are mostly "none", which is no fault.
        guard (share > largestShare && !isOfWords) || (share > largeShare && sorted[1] < fewestOfClass)
        else { return nil }
        return DataDoubt(
            kind: .unbalanced,
            sentence: "\(Figures.percent(share)) of the labels are of one class, the next has "
                + "\(Figures.grouped(sorted[1])): a loss over all rows tells hardly anything of the rare ones."
        )
    }
}
