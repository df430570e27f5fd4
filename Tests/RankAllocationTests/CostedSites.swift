/// Sites with whole-number scores and costs, so that tests can compare scores per cost exactly, by
/// cross-multiplication.
struct CostedSites: CustomStringConvertible {
    struct Position: Hashable {
        let site, index: Int
    }

    let scores: [[Int]]
    let costs: [Int]

    /// Up to 6 sites with up to `largestRank` triplets; scores and costs come from few values, so that many
    /// tie. Every other draw has equal costs.
    init(largestRank: Int, using numbers: inout SeededNumbers) {
        let largestCost = Bool.random(using: &numbers) ? 1 : 7
        let base = Int.random(in: 1...5, using: &numbers)
        scores = (0..<Int.random(in: 1...6, using: &numbers)).map { _ in
            (0..<Int.random(in: 0...largestRank, using: &numbers)).map { _ in
                Int.random(in: 0...9, using: &numbers)
            }
        }
        costs = scores.map { _ in base * Int.random(in: 1...largestCost, using: &numbers) }
    }

    var description: String { "scores \(scores), costs \(costs)" }

    var floats: [[Float]] { scores.map { $0.map { Float($0) } } }

    var positions: [Position] {
        scores.indices.flatMap { site in scores[site].indices.map { Position(site: site, index: $0) } }
    }

    var total: Int { positions.reduce(0) { $0 + costs[$1.site] } }

    /// Whether the first triplet's score per cost is strictly higher.
    func isHigher(_ first: Position, _ second: Position) -> Bool {
        scores[first.site][first.index] * costs[second.site]
            > scores[second.site][second.index] * costs[first.site]
    }

    /// Whether the first triplet comes before the second: ties by lower site, then lower index.
    func precedes(_ first: Position, _ second: Position) -> Bool {
        if isHigher(first, second) { return true }
        if isHigher(second, first) { return false }
        return (first.site, first.index) < (second.site, second.index)
    }
}
