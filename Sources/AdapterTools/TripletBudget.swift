import Adapters
import Matrices
import RankAllocation
import Training
import Transformers

/// What may stay where updates are cut by singular values, over all adapted matrices.
package enum TripletBudget: Sendable, Equatable {
    /// A triplet counts without λ, which can be folded into either factor.
    case budget(Budget)
    /// As few triplets as keep this share of Σ‖ΔW‖_F²
    case energy(Double)

    /// The largest singular values of the whole model that this pays for. Nothing at all is an error.
    func choose(from sites: [UpdateTriplets]) throws -> (set: AdapterSet, sites: [AdapterSet.Truncated]) {
        guard sites.contains(where: { $0.energy > 0 }) else {
            throw TrainingError("the update is 0 in every matrix; there is nothing to keep of it")
        }
        var costs: [Int]?
        let limit: Int
        switch self {
        case .budget(let budget):
            let each = sites.map(\.layer.pairParameters)
            costs = budget.unit == .parameters ? each : nil
            limit = budget.total(costs: each)
        case .energy(let share): limit = Self.count(sites, keeping: share)
        }
        // A triplet of value 0 is worth no budget, however much there is.
        let live = sites.reduce(0) { $0 + $1.singularValues.count { $0 > 0 } }
        let chosen = try AdapterSet.choosing(
            from: sites, budget: costs == nil ? min(limit, live) : limit, costs: costs)
        guard chosen.sites.contains(where: { $0.rank > 0 }) else {
            throw TrainingError(.usage, "a budget of \(limit) keeps nothing; give a larger one")
        }
        return chosen
    }

    private static func count(_ sites: [UpdateTriplets], keeping share: Double) -> Int {
        let goal = share * sites.reduce(0) { $0 + $1.energy }
        var (kept, count) = (0.0, 0)
        for value in sites.flatMap(\.singularValues).sorted(by: >) where kept < goal && value > 0 {
            kept += Double(value) * Double(value)
            count += 1
        }
        return count
    }
}

/// What a cut left of one adapted matrix.
package struct CutSite: Sendable {
    package let name: String
    /// nil where nothing was cut from adapters
    package let rankBefore: Int?
    package let rank: Int
    /// ‖ΔW − cut ΔW‖_F / ‖ΔW‖_F
    package let relativeError: Double
    /// ‖ΔW‖_F² before, and of what is left
    package let energy: Double
    package let keptEnergy: Double

    static func list(_ set: AdapterSet, _ sites: [AdapterSet.Truncated], before: [Int]? = nil) -> [CutSite] {
        sites.indices.map { index in
            CutSite(
                name: "\(set.adapters[index].site)", rankBefore: before?[index], rank: sites[index].rank,
                relativeError: sites[index].relativeError, energy: sites[index].energy,
                keptEnergy: sites[index].keptEnergy)
        }
    }
}

extension AdapterSet {
    /// Parameters without λ, which can be folded into either factor.
    var foldedParameterCount: Int {
        zip(layers, ranks).reduce(0) { $0 + $1.1 * $1.0.pairParameters }
    }
}

extension LinearLayer {
    /// What a triplet without λ costs.
    var pairParameters: Int {
        TripletCost.parameters(outputs: outputs, inputs: inputs, hasLambda: false)
    }
}
