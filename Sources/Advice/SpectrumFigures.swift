import Foundation

/// What a matrix's singular values say in one number each.
package enum SpectrumFigures {
    /// exp(−Σ p·ln p) with p = σ² / Σσ²: how many directions share the energy, as if evenly. 0 for a matrix of zeros.
    package static func effectiveRank(_ values: [Float]) -> Double {
        let energies = values.map { Double($0) * Double($0) }
        let total = energies.reduce(0, +)
        guard total > 0 else { return 0 }
        let entropy = energies.filter { $0 > 0 }.reduce(0.0) { sum, energy in
            let share = energy / total
            return sum - share * log(share)
        }
        return exp(entropy)
    }

    /// ‖W‖_F² / σ₁²
    ///
    /// - Parameter energy: ‖W‖_F², where `values` are the leading ones alone; nil where they are all.
    package static func stableRank(_ values: [Float], energy: Double? = nil) -> Double {
        guard let largest = values.max(), largest > 0 else { return 0 }
        let sum = energy ?? values.reduce(0.0) { $0 + Double($1) * Double($1) }
        return sum / (Double(largest) * Double(largest))
    }

    /// The least number of the largest `weights` that add up to this share of all; 0 where all are 0.
    package static func count(keeping share: Double, of weights: [Double]) -> Int {
        let total = weights.reduce(0, +)
        guard total > 0 else { return 0 }
        var (kept, count) = (0.0, 0)
        // Rounding of sums may leave the last one a little short of all.
        let goal = share * total * (1 - 1e-12)
        for weight in weights.sorted(by: >) where kept < goal {
            kept += weight
            count += 1
        }
        return count
    }

    /// The share of all that the largest n keep, for each n from 1 to as many as there are.
    package static func keptShares(_ weights: [Double]) -> [Double] {
        let total = weights.reduce(0, +)
        guard total > 0 else { return [] }
        var kept = 0.0
        return weights.sorted(by: >).map { weight in
            kept += weight
            return min(1, kept / total)
        }
    }
}
