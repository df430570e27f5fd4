import Foundation

/// How far two halves of the data agree.
package enum HalfComparison {
    /// How many of the directions of one half's gradient the other half's gradient confirms.
    ///
    /// - Parameter projections: m[i, j] = u_iᵀ·G_B·v_j `[k][k]`, with u_i, v_i the singular vectors of G_A. Those off the diagonal
    ///   are what chance gives: a direction counts where m[i, i] is above three times their root mean square.
    package static func alignedDirections(_ projections: [[Double]]) -> Int {
        let count = projections.count
        guard count > 1 else { return 0 }
        var sum = 0.0
        for (i, row) in projections.enumerated() {
            for (j, value) in row.enumerated() where i != j { sum += value * value }
        }
        let noise = (sum / Double(count * (count - 1))).squareRoot()
        return projections.indices.count { projections[$0][$0] > 3 * noise }
    }

    /// Spearman's rank correlation, ties at their mean rank; nil where one side is constant or there are fewer than 3.
    package static func rankCorrelation(_ one: [Double], _ other: [Double]) -> Double? {
        guard one.count == other.count, one.count > 2 else { return nil }
        let (x, y) = (ranks(one), ranks(other))
        let mean = Double(x.count + 1) / 2
        var (xy, xx, yy) = (0.0, 0.0, 0.0)
        for (a, b) in zip(x, y) {
            xy += (a - mean) * (b - mean)
            xx += (a - mean) * (a - mean)
            yy += (b - mean) * (b - mean)
        }
        guard xx > 0, yy > 0 else { return nil }
        return xy / (xx * yy).squareRoot()
    }

    private static func ranks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
        var ranks = [Double](repeating: 0, count: values.count)
        var start = 0
        while start < order.count {
            var end = start
            while end + 1 < order.count, values[order[end + 1]] == values[order[start]] { end += 1 }
            for place in start...end { ranks[order[place]] = Double(start + end) / 2 + 1 }
            start = end + 1
        }
        return ranks
    }

    /// Which share of the n largest of one side is among the n largest of the other. Chance gives n / count.
    package static func overlap(_ one: [Double], _ other: [Double], top count: Int) -> Double {
        guard count > 0 else { return 0 }
        func largest(_ values: [Double]) -> Set<Int> {
            Set(values.indices.sorted { (-values[$0], $0) < (-values[$1], $1) }.prefix(count))
        }
        let shared = largest(one).intersection(largest(other)).count
        return Double(shared) / Double(min(count, one.count))
    }
}
