import Adapters
import Messages

/// Arms that were given one budget and ended with other numbers of parameters in their adapters.
struct ParameterMatch {
    /// Differences up to this share are none.
    static let tolerance = 0.02

    private let budget: Budget
    private let least: (arm: ComparisonPlan.Arm, parameters: Double)
    private let most: (arm: ComparisonPlan.Arm, parameters: Double)

    /// - Parameter cells: arms at the budget, with the mean parameters of their adapters at the end.
    /// - Returns: nil where they are as good as equal.
    init?(_ budget: Budget, _ cells: [(arm: ComparisonPlan.Arm, parameters: Double)]) {
        guard let least = cells.min(by: { $0.parameters < $1.parameters }),
            let most = cells.max(by: { $0.parameters < $1.parameters }),
            most.parameters > least.parameters * (1 + Self.tolerance)
        else { return nil }
        self.budget = budget
        self.least = least
        self.most = most
    }

    /// What differs, why, and what makes it equal.
    var sentence: String {
        let excess = Figures.fixed(100 * (most.parameters / least.parameters - 1), 1)
        return
            "unequal parameters at \(budget): \(most.arm.name) ends with \(Figures.whole(most.parameters)) in its adapters, "
            + "\(excess) % more than \(least.arm.name) with \(Figures.whole(least.parameters)). \(reason) \(remedy)"
    }

    private static func method(_ arm: ComparisonPlan.Arm) -> FineTuningMethod? {
        arm.settings["method"].map(FineTuningMethod.named) ?? FineTuningMethod.usual
    }

    /// Whole ranks in all its matrices.
    private static func hasWholeRanks(_ arm: ComparisonPlan.Arm) -> Bool {
        arm.patternOf == nil && method(arm)?.keepsRanks ?? false
    }

    private var reason: String {
        if let source = least.arm.patternOf ?? most.arm.patternOf {
            return "Ranks taken from \(source) cost what they cost in the other method, with or without a λ."
        }
        return Self.hasWholeRanks(least.arm)
            ? "\(least.arm.name) has one whole rank for all its matrices and leaves unspent what is less than one more."
            : "A budget is spent in whole triplets, and \(least.arm.name) leaves unspent what is less than one more."
    }

    /// A budget that the arm with the coarser parts spends whole suits both.
    private var remedy: String {
        guard Self.hasWholeRanks(least.arm) else {
            return "At larger budgets that is a smaller share"
        }
        let key = if case .averageRank = budget { " in place of 'average-ranks'" } else { "" }
        return
            "To make them equal, write 'budget-parameters: [\(Int(least.parameters.rounded()))]'\(key): what "
            + "\(least.arm.name) spends"
    }
}
