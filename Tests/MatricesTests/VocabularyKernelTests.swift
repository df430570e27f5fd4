import CVectorKernels
import Foundation
import Testing

@Suite struct LogSumExpTests {
    /// Rows in one part, and in parts of 1, 5 and the rest.
    @Test(arguments: kernelSizes) func matchesTheReference(columns: Int) {
        let rows = 3
        let x = normalValues(rows * columns, seed: 60, deviation: 4)
        let cuts = [0, min(1, columns), min(6, columns), columns]
        for parts in [[0..<columns], zip(cuts, cuts.dropFirst()).map { $0..<$1 }] {
            var top = [Float](repeating: -.infinity, count: rows)
            var sum = [Double](repeating: 0, count: rows)
            for part in parts {
                let values = (0..<rows).flatMap { row in part.map { x[row * columns + $0] } }
                avk_log_sum_exp_rows(values, &top, &sum, rows, part.count)
            }
            for row in 0..<rows {
                let values = x[row * columns..<(row + 1) * columns].map(Double.init)
                #expect(Double(top[row]) == values.max())
                let expected = values.reduce(0) { $0 + exp($1 - Double(top[row])) }
                // exp's 3e-7, and its argument, below 32 in magnitude, rounded once: 32 · 2⁻²⁴ = 2e-6. The sum is in Double.
                #expect(abs(sum[row] - expected) <= 2.5e-6 * expected, "\(columns), row \(row)")
            }
        }
    }

    /// A later part may hold a far larger value, an earlier one may; what is e⁸⁷ times smaller counts for nothing.
    @Test func farApartParts() {
        for (first, second) in [(Float(-1000), Float(1000)), (1000, -1000), (-1e30, 1e30)] {
            var top = [-Float.infinity]
            var sum = [0.0]
            avk_log_sum_exp_rows([first, first], &top, &sum, 1, 2)
            avk_log_sum_exp_rows([second, second], &top, &sum, 1, 2)
            // The exponential ends at exp(−87), which is below Double's resolution beside 2.
            #expect(top == [max(first, second)] && sum == [2])
        }
    }

    @Test func aNaNIsNotHidden() {
        for position in 0..<21 {
            var x = [Float](repeating: 1, count: 42)
            x[position] = .nan
            var top = [Float](repeating: -.infinity, count: 2)
            var sum = [0.0, 0.0]
            avk_log_sum_exp_rows(x, &top, &sum, 2, 21)
            #expect(sum[0].isNaN && sum[1] == 21)
            avk_log_sum_exp_rows([1, 1], &top, &sum, 2, 1)
            #expect(sum[0].isNaN && sum[1] == 22)
        }
        var (top, sum) = ([-Float.infinity], [0.0])
        avk_log_sum_exp_rows([0, .infinity], &top, &sum, 1, 2)
        #expect(sum[0].isNaN)
    }

    @Test(arguments: kernelSizes) func exponentialsOfRows(columns: Int) {
        var x = normalValues(2 * columns, seed: 61, deviation: 4)
        let before = x.map(Double.init)
        let (top, factor): ([Float], [Float]) = ([3, 20], [0.5, 2])
        avk_exp_rows(&x, top, factor, 2, columns)
        let expected = before.indices.map { index in
            exp(before[index] - Double(top[index / columns])) * Double(factor[index / columns])
        }
        // exp's 3e-7, its argument below 40 rounded once, and the product.
        expectClose(x, expected, relative: 3e-6, absolute: 0)
    }
}
