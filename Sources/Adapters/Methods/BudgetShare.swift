import RankAllocation
import Transformers

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
