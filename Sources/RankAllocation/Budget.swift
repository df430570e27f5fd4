/// What may be spent on triplets over all adapted matrices.
///
/// Costs are those of one triplet of each matrix, in parameters (`TripletCost`); a budget in triplets does not ask
/// for them.
package enum Budget: Sendable, Hashable {
    case triplets(Int)
    /// Triplets per adapted matrix
    case averageRank(Double)
    case parameters(Int)

    package var unit: BudgetUnit {
        switch self {
        case .triplets, .averageRank: .triplets
        case .parameters: .parameters
        }
    }

    /// What a triplet of each matrix counts: 1, or its parameters.
    package func counted(_ costs: [Int]) -> [Int] {
        switch unit {
        case .triplets: costs.map { _ in 1 }
        case .parameters: costs
        }
    }

    /// The whole of it, in its unit.
    package func total(costs: [Int]) -> Int {
        switch self {
        case .triplets(let count), .parameters(let count): count
        case .averageRank(let rank): Int((rank * Double(costs.count)).rounded())
        }
    }

    /// Triplets per matrix that it pays for on average.
    package func averageRank(costs: [Int]) -> Double {
        if case .averageRank(let rank) = self { return rank }
        return Double(total(costs: costs)) / Double(counted(costs).reduce(0, +))
    }

    /// The budget spread evenly: one rank everywhere, and one more for as many matrices as there is left for.
    package func evenRanks(costs: [Int]) -> [Int] {
        let counted = counted(costs)
        let budget = total(costs: costs)
        let whole = max(1, counted.reduce(0, +))
        var left = budget % whole
        return counted.map { cost in
            guard left >= cost else { return budget / whole }
            left -= cost
            return budget / whole + 1
        }
    }
}

/// The numbers that make one triplet of an [O, I] matrix: a column of P, a row of Q, and λ where it is a number of its
/// own.
package enum TripletCost {
    package static func parameters(outputs: Int, inputs: Int, hasLambda: Bool) -> Int {
        outputs + inputs + (hasLambda ? 1 : 0)
    }
}

/// Triplets per adapted matrix at the start.
package enum InitialRank: Sendable, Equatable {
    case triplets(Int)
    /// Of the average rank that the budget allows, rounded up.
    case multiple(Double)

    /// The rank of each matrix. nil stands for 1.5 times the average rank that the budget allows (the paper's choice),
    /// but at least 8: a tight budget needs more to choose from, and that costs a few per cent of a step's time.
    ///
    /// - Parameters:
    ///   - costs: of one triplet of each matrix, at least one
    ///   - largest: the smallest of the matrices' own ranks, which limits a rank that nobody gave.
    package static func rank(_ given: InitialRank?, budget: Budget, costs: [Int], largest: Int) -> Int {
        precondition(!costs.isEmpty, "no adapted matrices have no average rank")
        let average = budget.averageRank(costs: costs)
        switch given {
        case .triplets(let rank): return rank
        case .multiple(let factor): return Int((factor * average).rounded(.up))
        case nil: return min(max(Int((1.5 * average).rounded(.up)), 8), largest)
        }
    }
}

/// What a budget counts. The raw values are the words for it in messages.
package enum BudgetUnit: String, Sendable, CaseIterable {
    /// Each triplet counts 1.
    case triplets
    /// A triplet counts its parameters, `O + I + 1`.
    case parameters
}
