import Messages
import RankAllocation
import Settings
import Transformers

/// A budget of its own for each tower of a model of two, all said in one way: as triplets, as an average rank, or as
/// parameters.
package struct TowerBudgets: Sendable, Equatable {
    /// In the order of `LinearSite.Tower.allCases`
    private let budgets: [Budget]

    package init(text: Budget, vision: Budget) { budgets = [text, vision] }

    package subscript(tower: LinearSite.Tower) -> Budget {
        budgets[LinearSite.Tower.allCases.firstIndex(of: tower) ?? 0]
    }

    /// Whether these are said as the one setting does that `isOwn` knows.
    func are(_ isOwn: (Budget) -> Bool) -> Bool { budgets.allSatisfy(isOwn) }

    /// `text=24,vision=48`
    init(_ text: String, one: (SettingValue) throws -> Budget) throws {
        var given: [LinearSite.Tower: Budget] = [:]
        for part in try SettingValue(content: .text(text)).names() {
            let sides = part.split(separator: "=", omittingEmptySubsequences: false).map(Self.trimmed)
            guard sides.count == 2 else {
                throw ValueProblem("\(quoted(part)) is not a budget of a tower", "write \(Self.example)")
            }
            guard let tower = LinearSite.Tower(rawValue: sides[0]) else {
                throw ValueProblem(
                    "\(quoted(sides[0])) is not a tower",
                    "write \(Self.example), for \(alternatives(Self.names)) are what towers are called")
            }
            guard given[tower] == nil else {
                throw ValueProblem("the tower \(tower.rawValue) has two budgets", "give one of each tower")
            }
            given[tower] = try one(SettingValue(content: .text(sides[1])))
        }
        if let missing = LinearSite.Tower.allCases.first(where: { given[$0] == nil }) {
            throw ValueProblem(
                "the tower \(missing.rawValue) has no budget",
                "add \(missing.rawValue)=N, or give one number for both towers together")
        }
        budgets = LinearSite.Tower.allCases.compactMap { given[$0] }
    }

    /// As it is read.
    func text(_ one: (Budget) -> String?) -> String {
        zip(LinearSite.Tower.allCases, budgets).map { "\($0.rawValue)=\(one($1) ?? "")" }.joined(
            separator: ",")
    }

    private static var names: [String] { LinearSite.Tower.allCases.map(\.rawValue) }
    private static let example = "text=24,vision=48"

    private static func trimmed(_ part: Substring) -> String {
        String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}

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

/// Layers that share a budget, and it.
struct BudgetShare {
    /// nil where it is of all adapted layers
    let tower: LinearSite.Tower?
    var budget: Budget
    let layers: [LinearLayer]
    /// What a triplet of each layer costs in parameters
    let costs: [Int]

    /// - Parameter layers: all that are adapted
    init(_ budget: Budget, tower: LinearSite.Tower?, of layers: [LinearLayer]) {
        self.tower = tower
        self.budget = budget
        self.layers = layers.filter { tower == nil || $0.site.tower == tower }
        costs = self.layers.map {
            TripletCost.parameters(outputs: $0.outputs, inputs: $0.inputs, hasLambda: true)
        }
    }

    /// `the budget of 72 triplets`, `the text tower's budget of 24 triplets`
    var title: String {
        "the \(tower.map { "\($0.rawValue) tower's " } ?? "")budget of \(total) \(budget.unit.rawValue)"
    }

    /// ` in the text tower`; nothing where it is of all layers
    var place: String { tower.map { " in the \($0.rawValue) tower" } ?? "" }

    var counted: [Int] { budget.counted(costs) }
    var total: Int { budget.total(costs: costs) }

    /// That every matrix can have
    var largestRank: Int { layers.map { min($0.outputs, $0.inputs) }.min() ?? 1 }

    func initialRank(_ given: InitialRank?) -> Int {
        InitialRank.rank(given, budget: budget, costs: costs, largest: largestRank)
    }

    func check() throws {
        let most = counted.reduce(0) { $0 + $1 * largestRank }
        guard total > most else { return }
        throw AdapterError(
            description: "\(title) is more than \(layers.count) matrices of rank \(largestRank) "
                + "hold; give \(most) or less")
    }

    /// What `ranks` cost of it, by site.
    func spent(_ ranks: [LinearSite: Int]) -> Int {
        zip(layers, counted).reduce(0) { $0 + (ranks[$1.0.site] ?? 0) * $1.1 }
    }
}
