import Foundation

/// What the singular values of a matrix say about it.
package struct Spectrum: Sendable, Equatable {
    /// σ, descending, of at least 0; NaN where training diverged.
    package let values: [Double]
    /// The share of each value in the energy Σσ². Empty when the energy is 0 or not finite.
    package let shares: [Double]
    /// The share of each value and those before it; the last is 1. Empty as `shares`.
    package let cumulative: [Double]

    /// `values` descend.
    package init(_ values: [Double]) {
        self.values = values
        guard let largest = values.first, largest > 0, values.allSatisfy(\.isFinite) else {
            shares = []
            cumulative = []
            return
        }
        // Relative to the largest, so that squares neither overflow nor vanish.
        let squares = values.map { ($0 / largest) * ($0 / largest) }
        var sums: [Double] = []
        var sum = 0.0
        for square in squares {
            sum += square
            sums.append(sum)
        }
        shares = squares.map { $0 / sum }
        cumulative = sums.map { $0 / sum }
    }

    /// That of the block-diagonal matrix of all `parts`.
    package init(joining parts: [Spectrum]) {
        let values = parts.flatMap(\.values)
        self.init(values.contains(where: \.isNaN) ? values : values.sorted(by: >))
    }

    package var rank: Int { values.count }

    package var isFinite: Bool { values.allSatisfy(\.isFinite) }

    package var largest: Double? { isFinite ? values.first : nil }

    package var smallest: Double? { isFinite ? values.last : nil }

    /// Σσ², the squared Frobenius norm; nil where it is not finite.
    package var energy: Double? {
        let sum = values.reduce(0) { $0 + $1 * $1 }
        return sum.isFinite ? sum : nil
    }

    /// exp of the entropy of σᵢ/Σσ, from 1 to the rank (Roy and Vetterli, "The effective rank", EUSIPCO 2007).
    package var effectiveRank: Double? {
        guard !shares.isEmpty else { return nil }
        let sum = values.reduce(0) { $0 + $1 / values[0] }
        let entropy = values.reduce(0.0) { total, value in
            let share = value / values[0] / sum
            return share > 0 ? total - share * log(share) : total
        }
        return exp(entropy)
    }

    /// Σσ²/σ₁², from 1 to the rank.
    package var stableRank: Double? { shares.first.map { 1 / $0 } }

    /// The fewest values that hold `fraction` of the energy.
    package func count(holding fraction: Double) -> Int? {
        // Sums that meet the fraction exactly may round to just below it.
        cumulative.firstIndex { $0 >= fraction * (1 - 1e-12) }.map { $0 + 1 }
    }
}
