import Reports

/// Mean final ranks of some runs, such as the seeds of one arm at one budget.
package struct MeanRanks: Sendable, Equatable {
    /// By site, `layer.3.query`. A run without the site counts as rank 0.
    package let bySite: [String: Double]

    /// - Parameter runs: final ranks by site; those without any are no runs with ranks.
    /// - Returns: nil where no run has ranks.
    package init?(_ runs: [[String: Int]]) {
        let runs = runs.filter { !$0.isEmpty }
        guard !runs.isEmpty else { return nil }
        var sums: [String: Int] = [:]
        for run in runs { for (site, rank) in run { sums[site, default: 0] += rank } }
        bySite = sums.mapValues { Double($0) / Double(runs.count) }
    }

    /// Triplets in all.
    package var total: Double { bySite.sorted { $0.key < $1.key }.reduce(0) { $0 + $1.value } }

    /// Triplets at some places of a model; nil where it has no site there.
    func sum(tower: String?, layers: [Int], roles: [String]) -> Double? {
        let found = layers.flatMap { layer in
            roles.compactMap { bySite[RankGrid.Place(tower: tower, layer: layer, role: $0).name] }
        }
        return found.isEmpty ? nil : found.reduce(0, +)
    }
}
