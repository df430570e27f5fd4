import Adapters
import Messages
import RankAllocation
import RunRecords

/// Runs of one budget that ended with other numbers of parameters in their adapters: what differs, why, and what makes it
/// equal.
struct ComparedBudgets: Sendable {
    /// A sentence or two for each budget.
    let notes: [String]

    /// Differences up to this share are none.
    private static let tolerance = 0.02

    init(_ runs: [ReportedRun]) {
        let spent = runs.compactMap(Spent.init)
        let budgets = spent.map(\.budget).reduce(into: [Budget]()) { if !$0.contains($1) { $0.append($1) } }
        notes = budgets.compactMap { budget in Self.note(budget, spent.filter { $0.budget == budget }) }
    }

    private struct Budget: Equatable {
        let amount: Int
        let unit: BudgetUnit
    }

    /// What a run that went to its end has in its adapters.
    private struct Spent {
        let name: String
        let budget: Budget
        let parameters: Int
        /// Trained in all before it pruned; nil where nothing was pruned.
        let atStart: Int?
        /// One rank for all its matrices.
        let isWhole: Bool

        init?(_ run: ReportedRun) {
            let start = run.record.start
            guard let end = run.record.end, !start.sites.isEmpty,
                let method = FineTuningMethod.named(start.method)
            else { return nil }
            name = run.name
            atStart = start.initialBudget > start.finalBudget ? start.trainableParameters : nil
            isWhole = method.keepsRanks && Set(end.ranks).count == 1
            budget = Budget(amount: start.finalBudget, unit: start.budgetUnit)
            let usual = TuningSettings(method: method)
            parameters = zip(start.sites, end.ranks).reduce(0) { sum, entry in
                let (site, rank) = entry
                return sum
                    + (site.parameters(rank: rank)
                        ?? usual.parameters(outputs: site.outputs, inputs: site.inputs, rank: rank))
            }
        }
    }

    private static func note(_ budget: Budget, _ runs: [Spent]) -> String? {
        guard let least = runs.min(by: { $0.parameters < $1.parameters }),
            let most = runs.max(by: { $0.parameters < $1.parameters }),
            Double(most.parameters) > Double(least.parameters) * (1 + tolerance)
        else { return nil }
        let excess = Figures.fixed(100 * (Double(most.parameters) / Double(least.parameters) - 1), 1)
        let what =
            "\(most.name) and \(least.name) have the same budget, \(Figures.grouped(budget.amount)) \(budget.unit.rawValue), but "
            + "\(most.name) ends with \(Figures.grouped(most.parameters)) parameters in its adapters, \(excess) % more than "
            + "\(Figures.grouped(least.parameters)). "
        let why =
            budget.unit == .triplets
            ? "A triplet of a large matrix has more parameters than one of a small matrix, and where there is a λ it counts."
            : "Budgets are spent in whole triplets, a fixed rank in whole ranks of all matrices: what is left is unspent."
        return what + why + remedy([least, most]) + pruning([most, least])
    }

    private static func pruning(_ runs: [Spent]) -> String {
        runs.compactMap { run in
            run.atStart.map {
                " Until it prunes \(run.name) trains more: \(Figures.grouped($0)) in all at the start."
            }
        }.joined()
    }

    /// What the run of coarser parts spends, the other can spend too.
    private static func remedy(_ runs: [Spent]) -> String {
        let whole = runs.filter(\.isWhole)
        guard whole.count < 2, let run = whole.first ?? runs.first else { return "" }
        return
            " \(SettingName.budgetParameters) \(run.parameters) for both makes them equal but for less than a triplet."
    }
}
