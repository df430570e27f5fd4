import Messages
import RankAllocation
import Settings
import Transformers

extension TuningSettings {
    /// Reads a budget, `300`, or one for each tower, `text=100,vision=200`, in the way of one setting.
    ///
    /// - Parameters:
    ///   - isOwn: whether that setting says a budget
    ///   - one: a number of it
    mutating func readBudget(
        _ value: SettingValue, isOwn: (Budget) -> Bool, one: (SettingValue) throws -> Budget
    ) throws {
        switch value.content {
        case .null: clearBudget(ifSaidBy: isOwn)
        case .text(let text) where text.contains("="), .quotedText(let text) where text.contains("="):
            towerBudgets = try TowerBudgets(text, one: one)
            (budget, hasAdvisedBudget) = (nil, false)
        case .other("a mapping"):
            throw ValueProblem("a mapping is not a budget", "write towers in one line: text=24,vision=48")
        default:
            budget = try one(value)
            (towerBudgets, hasAdvisedBudget) = (nil, false)
        }
    }

    /// Unsetting one way to say the budget leaves a budget that was said another way.
    private mutating func clearBudget(ifSaidBy isOwn: (Budget) -> Bool) {
        if budget.map(isOwn) ?? false { budget = nil }
        if towerBudgets?.are(isOwn) ?? false { towerBudgets = nil }
    }

    /// The text that `readBudget` reads.
    func budgetText(_ one: (Budget) -> String?) -> String? {
        if let towerBudgets {
            return towerBudgets.are { one($0) != nil } ? SettingText.text(towerBudgets.text(one)) : nil
        }
        return budget.flatMap(one)
    }

    /// Whether a budget is given.
    var saysBudget: Bool { budget != nil || towerBudgets != nil || hasAdvisedBudget }

    /// The adapted layers with the budgets that they share, in the order of towers where each has one.
    func budgetShares(of layers: [LinearLayer]) throws -> [BudgetShare] {
        guard let towerBudgets else {
            guard let budget else {
                throw AdapterError(description: "method \(method.name) has no budget; give one")
            }
            return [BudgetShare(budget, tower: nil, of: layers)]
        }
        guard layers.allSatisfy({ $0.site.tower != nil }) else {
            throw AdapterError(
                description:
                    "budgets of towers (text=…, vision=…) need a model of two, and this one has none; give one number as "
                    + "\(SettingName.budget), \(SettingName.averageRank) or \(SettingName.budgetParameters)")
        }
        return try LinearSite.Tower.allCases.map { tower in
            let share = BudgetShare(towerBudgets[tower], tower: tower, of: layers)
            guard !share.layers.isEmpty else {
                throw AdapterError(
                    description:
                        "the \(tower.rawValue) tower has a budget and no adapted matrix; name more \(SettingName.targets), or "
                        + "give one number as \(SettingName.budget)")
            }
            return share
        }
    }
}
