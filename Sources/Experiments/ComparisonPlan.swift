import Tasks

/// What `adalora compare` runs: arms × budgets × seeds on one task.
///
/// Made by `ComparisonPlan.read` from YAML only.
public struct ComparisonPlan: Sendable, Equatable {
    /// Learning rates tried for every arm before its reported runs, on the validation data.
    public struct Search: Sendable, Equatable {
        /// Ascending, each once. One rate means no search.
        public let learningRates: [Double]
        /// None of them is a seed of a reported run. Empty exactly without a search.
        public let seeds: [UInt64]
        /// The budget to search at; an arm without it takes its nearest one. nil takes an arm's smallest.
        public let budget: Budget?
        /// What the validation data judge the rates by. The loss tells rates apart that a few hundred rows leave
        /// equal by accuracy.
        public let metric: Metric
        /// Searches at each budget of an arm apart.
        public let isEachBudget: Bool

        /// False with a single learning rate.
        public var isNeeded: Bool { learningRates.count > 1 }
    }

    /// One way to train.
    public struct Arm: Sendable, Equatable {
        public let name: String
        /// Lowercase letters, digits and hyphens; different for each arm.
        public let slug: String
        /// Settings of `adalora train`, those of the plan included.
        public let settings: [String: String]
        /// Empty for an arm without a budget.
        public let budgets: [Budget]
        /// Seeds of the reported runs at every budget.
        public let seeds: [UInt64]
        /// More seeds at some of the budgets.
        public let extraSeeds: [Budget: [UInt64]]
        /// As many as the plan's search has; different ones where an arm needs another range.
        public let learningRates: [Double]
        /// The arm whose final ranks this one starts with.
        public let patternOf: String?
        /// Trained at this many times the budget, then cut to it.
        public let pruneFrom: Double?

        /// True for an arm that is one point: no adapters, no budget.
        public var isBudgetless: Bool { budgets.isEmpty }
        /// The budgets, or the one point without a budget.
        public var points: [Budget?] { isBudgetless ? [nil] : budgets }

        /// Seeds of the reported runs at a point.
        public func seeds(at budget: Budget?) -> [UInt64] {
            seeds + (budget.flatMap { extraSeeds[$0] } ?? [])
        }
    }

    public let name: String
    /// Folder of the pretrained model, as written.
    public let model: String
    /// Files of examples, as written.
    public let train: String
    public let validation: String
    public let test: String
    public let metric: Metric
    /// Of all arms, ascending, each once.
    public let budgets: [Budget]
    public let search: Search
    /// The arm that the others are compared with.
    public let baseline: String
    /// In the order of the file.
    public let arms: [Arm]
    /// The file's text, for the report.
    public let source: String

    public func arm(_ name: String) -> Arm? { arms.first { $0.name == name } }

    /// The budgets at which an arm's learning rate is searched: one, or each of them; nil for an arm without.
    public func searchPoints(of arm: Arm) -> [Budget?] {
        guard search.isNeeded else { return [] }
        // The ranks of the source's search run exist only where the source searched.
        if let source = arm.patternOf.flatMap({ self.arm($0) }), !search.isEachBudget {
            return searchPoints(of: source)
        }
        return search.isEachBudget ? arm.points : [searchPoint(near: search.budget, of: arm)]
    }

    /// The budget whose search decides the learning rate at `budget`.
    public func searchPoint(of arm: Arm, for budget: Budget?) -> Budget? {
        let points = searchPoints(of: arm)
        return points.contains(budget) ? budget : points.first ?? nil
    }

    private func searchPoint(near wanted: Budget?, of arm: Arm) -> Budget? {
        guard let wanted else { return arm.budgets.min { $0.amount < $1.amount } }
        return arm.budgets.min {
            let distances = (abs($0.amount - wanted.amount), abs($1.amount - wanted.amount))
            return distances.0 == distances.1 ? $0.amount < $1.amount : distances.0 < distances.1
        }
    }
}
