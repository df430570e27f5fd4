import Tasks

/// What `adalora compare` runs: arms × budgets × seeds on one task.
///
/// Made by `ComparisonPlan.read` from YAML only.
package struct ComparisonPlan: Sendable, Equatable {
    /// Learning rates tried for every arm before its reported runs, on the validation data.
    package struct Search: Sendable, Equatable {
        /// Ascending, each once. One rate means no search.
        package let learningRates: [Double]
        /// None of them is a seed of a reported run. Empty exactly without a search.
        package let seeds: [UInt64]
        /// The budget to search at; an arm without it takes its nearest one. nil takes an arm's smallest.
        package let budget: Budget?
        /// What the validation data judge the rates by. The loss tells rates apart that a few hundred rows leave
        /// equal by accuracy.
        package let metric: Metric
        /// Searches at each budget of an arm apart.
        package let isEachBudget: Bool
        /// Rates that a search may try beyond the ends of its grid, one by one, as long as the best one is the last there.
        package var widenings = 0

        /// False with a single learning rate.
        package var isNeeded: Bool { learningRates.count > 1 }
    }

    /// What arms have alike at a budget.
    package enum Matching: String, Sendable, CaseIterable {
        /// Trainable parameters of their adapters, and steps
        case parameters
        /// The same parameters, and the time of a run: arms whose steps are shorter make more of them.
        case time
    }

    /// Where the rows for validation and test are.
    package enum Split: Sendable, Equatable {
        /// Files, as written.
        case files(validation: String, test: String)
        case folds(Folds)
    }

    /// k-fold cross-validation on the training file: each fold is the test of runs that train on the others. Of what they
    /// would train on, a share is held out as validation rows, so that no search sees the fold it is tested on.
    package struct Folds: Sendable, Equatable {
        /// At least 2.
        package let count: Int
        /// Of the choice of rows.
        package let seed: UInt64
        /// Above 0 and below 1.
        package let validationFraction: Double

        /// Test rows for each row that is trained on.
        var testToTraining: Double { 1 / (Double(count - 1) * (1 - validationFraction)) }
    }

    /// Training that goes on after a cut. The steps are those of any other arm in all: fewer before the cut.
    package struct Heal: Sendable, Hashable {
        /// Of the steps, above 0 and below 1
        package let share: Double
        /// The learning rate as a share of the one before the cut, with a warm-up and a fall of its own
        package let rate: Double
    }

    /// One way to train.
    package struct Arm: Sendable, Equatable {
        package let name: String
        /// Lowercase letters, digits and hyphens; different for each arm.
        package let slug: String
        /// Settings of `adalora train`, those of the plan included.
        package let settings: [String: String]
        /// Empty for an arm without a budget.
        package let budgets: [Budget]
        /// Seeds of the reported runs at every budget.
        package let seeds: [UInt64]
        /// More seeds at some of the budgets.
        package let extraSeeds: [Budget: [UInt64]]
        /// As many as the plan's search has; different ones where an arm needs another range.
        package let learningRates: [Double]
        /// The arm whose final ranks this one starts with.
        package let patternOf: String?
        /// Trained at this many times the budget, then cut to it.
        package let pruneFrom: Double?
        /// What comes after the cut; nil for nothing.
        package var heal: Heal?

        /// True for an arm that is one point: no adapters, no budget.
        package var isBudgetless: Bool { budgets.isEmpty }
        /// The budgets, or the one point without a budget.
        package var points: [Budget?] { isBudgetless ? [nil] : budgets }

        /// Seeds of the reported runs at a point.
        package func seeds(at budget: Budget?) -> [UInt64] {
            seeds + (budget.flatMap { extraSeeds[$0] } ?? [])
        }
    }

    package let name: String
    /// Folder of the pretrained model, as written.
    package let model: String
    /// File of examples, as written: of all of them in a plan of folds.
    package let train: String
    package let split: Split
    package let metric: Metric
    /// Of all arms, ascending, each once.
    package let budgets: [Budget]
    package let search: Search
    package var matching = Matching.parameters
    /// The arm that the others are compared with.
    package let baseline: String
    /// In the order of the file.
    package let arms: [Arm]
    /// The file's text, for the report.
    package let source: String

    package func arm(_ name: String) -> Arm? { arms.first { $0.name == name } }

    package var folds: Folds? { if case .folds(let folds) = split { folds } else { nil } }

    /// From 1, or the one test without a fold.
    package var foldNumbers: [Int?] { folds.map { (1...$0.count).map(Optional.some) } ?? [nil] }

    /// The budgets at which an arm's learning rate is searched: one, or each of them; nil for an arm without.
    package func searchPoints(of arm: Arm) -> [Budget?] {
        guard search.isNeeded else { return [] }
        // The ranks of the source's search run exist only where the source searched.
        if let source = arm.patternOf.flatMap({ self.arm($0) }), !search.isEachBudget {
            return searchPoints(of: source)
        }
        return search.isEachBudget ? arm.points : [searchPoint(near: search.budget, of: arm)]
    }

    /// The budget whose search decides the learning rate at `budget`.
    package func searchPoint(of arm: Arm, for budget: Budget?) -> Budget? {
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
