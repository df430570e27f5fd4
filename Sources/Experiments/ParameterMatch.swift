import Adapters
import Messages

/// Arms that were given one budget and ended with other numbers of parameters in their adapters.
struct ParameterMatch {
    /// Differences up to this share are none.
    static let tolerance = 0.02

    /// An arm at the budget.
    struct Cell {
        let arm: ComparisonPlan.Arm
        /// Of its adapters at the end, mean over its runs.
        let parameters: Double
        /// What a rank more costs an arm with one rank for all its matrices; nil for one that spends triplet by triplet, or
        /// takes its ranks from another arm.
        let perRank: Double?

        /// - Parameter ranks: at the end.
        init(_ arm: ComparisonPlan.Arm, parameters: Double, ranks: MeanRanks?) {
            self.arm = arm
            self.parameters = parameters
            let method = arm.settings["method"].map(FineTuningMethod.named) ?? FineTuningMethod.usual
            let isWhole = arm.patternOf == nil && method?.keepsRanks ?? false
            let rank = ranks.flatMap { Set($0.bySite.values).count == 1 ? $0.bySite.values.first : nil } ?? 0
            perRank = isWhole && rank > 0 ? parameters / rank : nil
        }
    }

    private let budget: Budget
    private let cells: [Cell]
    private let least: Cell
    private let most: Cell

    /// - Returns: nil where they are as good as equal.
    init?(_ budget: Budget, _ cells: [Cell]) {
        guard let least = cells.min(by: { $0.parameters < $1.parameters }),
            let most = cells.max(by: { $0.parameters < $1.parameters }),
            most.parameters > least.parameters * (1 + Self.tolerance)
        else { return nil }
        self.budget = budget
        self.cells = cells
        self.least = least
        self.most = most
    }

    /// What differs, why, and what makes it equal.
    var sentence: String {
        let excess = Figures.fixed(100 * (most.parameters / least.parameters - 1), 1)
        return
            "unequal parameters at \(budget): \(most.arm.name) ends with \(Figures.whole(most.parameters)) in its adapters, "
            + "\(excess) % more than \(least.arm.name) with \(Figures.whole(least.parameters)). \(reason)"
    }

    private var reason: String {
        let name = least.arm.name
        if let source = least.arm.patternOf ?? most.arm.patternOf {
            return "Ranks taken from \(source) cost what they cost in the other method, with or without a λ"
        }
        guard least.perRank != nil else {
            return
                "A budget is spent in whole triplets, and \(name) leaves unspent what is less than one more. At larger budgets "
                + "that is a smaller share"
        }
        let why =
            "\(name) has the same whole rank in all its matrices and leaves unspent what is less than one more. "
        guard let common = Self.common(cells.compactMap(\.perRank), near: most.parameters) else {
            return why + "No budget up to \(Self.ranksTried) ranks suits all arms"
        }
        let key = if case .averageRank = budget { " in place of 'average-ranks'" } else { "" }
        return why + "All arms can spend 'budget-parameters: [\(common)]'\(key)"
    }

    private static let ranksTried = 16

    /// The budget nearest to `parameters` that arms of whole ranks spend but for the tolerance.
    static func common(_ perRank: [Double], near parameters: Double) -> Int? {
        guard let coarsest = perRank.max() else { return nil }
        func isSpent(_ budget: Double) -> Bool {
            perRank.allSatisfy { cost in
                // A quotient that rounding left just below a whole number is one.
                let rest = budget - (budget / cost + 1e-9).rounded(.down) * cost
                return rest <= tolerance * budget
            }
        }
        let tried: [Double] = (1...ranksTried).map { Double($0) * coarsest }
        let nearest = tried.filter(isSpent).min { abs($0 - parameters) < abs($1 - parameters) }
        return nearest.map { Int($0.rounded()) }
    }
}
