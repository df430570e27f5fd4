/// Something that is said about ranks before anybody has looked at the data, with where it comes from.
package struct AdviceRule: Sendable {
    /// What a rule makes of a run.
    package enum Word: Sendable, Equatable {
        /// A rank for every matrix on average, and between which ones it usually lies
        case usual(rank: Double, ClosedRange<Double>)
        case atMost(Double)
        case atLeast(Double)
        /// What others say, told for comparison: the answer does not follow it.
        case others(Double)
        /// Dropout on the adapters' input
        case dropout(Double)
        /// Nothing that changes the rank
        case note
    }

    /// What a rule says of one run.
    package struct Saying: Sendable, Equatable {
        package let rule: String
        package let word: Word
        package let sentence: String
        package let source: String
    }

    /// For tables and JSON
    package let name: String
    /// When it applies, for people
    package let condition: String
    package let source: String
    /// nil where it does not apply.
    let says: @Sendable (AdviceFacts) -> (word: Word, sentence: String)?

    package init(
        _ name: String, when condition: String, source: String,
        says: @escaping @Sendable (AdviceFacts) -> (word: Word, sentence: String)?
    ) {
        self.name = name
        self.condition = condition
        self.source = source
        self.says = says
    }

    package func saying(_ facts: AdviceFacts) -> Saying? {
        says(facts).map { Saying(rule: name, word: $0.word, sentence: $0.sentence, source: source) }
    }
}

/// What all rules together say.
package struct RuleAnswer: Sendable, Equatable {
    /// Triplets a matrix, on average
    package let rank: Double
    package let range: ClosedRange<Double>
    /// Of the rule by row count that other tools have, to be compared with
    package let rankByRows: Double
    /// nil leaves it as it is.
    package let dropout: Double?
    /// In the order of the table
    package let sayings: [AdviceRule.Saying]

    package init(_ facts: AdviceFacts, rules: [AdviceRule] = AdviceRules.all) {
        sayings = rules.compactMap { $0.saying(facts) }
        var (rank, range) = (4.0, 1.0...16.0)
        var (most, least) = (Double(facts.largestRank), 1.0)
        var (byRows, dropout): (Double, Double?) = (8, nil)
        for saying in sayings {
            switch saying.word {
            case .usual(let usual, let around): (rank, range) = (usual, around)
            case .atMost(let limit): most = min(most, limit)
            case .atLeast(let limit): least = max(least, limit)
            case .others(let other): byRows = other
            case .dropout(let share): dropout = share
            case .note: break
            }
        }
        // What the matrices can hold stands above all.
        least = min(least, Double(facts.largestRank))
        most = max(most, least)
        func bounded(_ value: Double) -> Double { min(max(value, least), most) }
        self.rank = bounded(rank)
        self.range = bounded(range.lowerBound)...bounded(range.upperBound)
        rankByRows = min(byRows, Double(facts.largestRank))
        self.dropout = dropout
    }
}
