import CVectorKernels
import Foundation
import Testing

@Suite struct SoftmaxTests {
    private func kernel(_ x: [Float], scale: Float, rows: Int) -> [Float] {
        var y = x
        avk_softmax_rows(&y, scale, rows, x.count / rows)
        return y
    }

    @Test(arguments: kernelSizes) func matchesTheReference(columns: Int) {
        let rows = 3
        let x = normalValues(rows * columns, seed: 50, deviation: 4)
        let y = kernel(x, scale: 0.125, rows: rows)
        for row in 0..<rows {
            let range = row * columns..<(row + 1) * columns
            // exp: 3e-7; its argument (below 8) rounded twice: 1e-6; the sum and its reciprocal: a few roundings.
            expectClose(
                Array(y[range]), softmaxReference(Array(x[range]), scale: 0.125), relative: 2e-6, absolute: 0)
            // Lanes keep the rounding of a sum of up to 1000 values near 1e-6.
            #expect(abs(y[range].reduce(0.0) { $0 + Double($1) } - 1) < 2e-6)
        }
    }

    @Test(arguments: [5, 16, 33]) func farApartValues(columns: Int) {
        for winner in 0..<columns {
            for gap: Float in [200, 1e6, 1e30] {
                var x = [Float](repeating: -gap, count: columns)
                x[winner] = gap
                let y = kernel(x, scale: 1, rows: 1)
                #expect(y[winner] == 1)
                // The exponential ends at exp(−87), which stands for zero.
                for index in y.indices where index != winner { #expect(y[index] < 2e-38) }
            }
        }
    }

    @Test func equalValuesShare() {
        for level: Float in [-1e30, 0, 1e30] {
            let y = kernel([Float](repeating: level, count: 16), scale: 1, rows: 1)
            // 1/16 is exact, exp(0) is 1.
            #expect(y.allSatisfy { $0 == 0.0625 })
        }
    }

    @Test func aNaNTakesItsWholeRowAndNoOther() {
        let columns = 21
        for position in 0..<columns {
            var x = normalValues(3 * columns, seed: 51)
            x[columns + position] = .nan
            let y = kernel(x, scale: 1, rows: 3)
            #expect(y[columns..<2 * columns].allSatisfy { $0.isNaN })
            #expect(
                y[..<columns].allSatisfy { $0.isFinite } && y[(2 * columns)...].allSatisfy { $0.isFinite })
        }
    }

    @Test func infinitiesAreNotHidden() {
        #expect(kernel([0, .infinity, 1], scale: 1, rows: 1).contains { $0.isNaN })
        #expect(kernel([-.infinity, -.infinity], scale: 1, rows: 1).allSatisfy { $0.isNaN })
    }

    @Test(arguments: kernelSizes) func backward(columns: Int) {
        let rows = 3
        let p = kernel(normalValues(rows * columns, seed: 52), scale: 1, rows: rows)
        let g = normalValues(rows * columns, seed: 53)
        var out = g
        avk_softmax_backward_rows(p, &out, 0.25, rows, columns)
        var (expected, bounds): ([Double], [Double]) = ([], [])
        for row in 0..<rows {
            let range = row * columns..<(row + 1) * columns
            let dot = sumWithBound(range.map { Double(p[$0]) * Double(g[$0]) })
            for index in range {
                let value = 0.25 * Double(p[index])
                expected.append(value * (Double(g[index]) - dot.sum))
                // The dot's error, and a few roundings of the terms.
                bounds.append(value * (dot.bound + 4 * roundoff * (abs(Double(g[index])) + abs(dot.sum))))
            }
        }
        expectClose(out, expected, bounds: bounds)
    }
}

@Suite struct LayerNormKernelTests {
    private struct Result {
        var y: [Float]
        var normalized: [Float]
        var rstd: [Float]
    }

    private func kernel(
        _ x: [Float], residual: [Float]?, gamma: [Float], beta: [Float], epsilon: Float, rows: Int
    ) -> Result {
        var result = Result(
            y: [Float](repeating: 0, count: x.count), normalized: [Float](repeating: 0, count: x.count),
            rstd: [Float](repeating: 0, count: rows))
        avk_layer_norm(
            x, residual, gamma, beta, epsilon, &result.y, &result.normalized, &result.rstd, rows, gamma.count)
        return result
    }

    private func reference(_ s: [Double], epsilon: Float) -> (normalized: [Double], rstd: Double) {
        let mean = s.reduce(0, +) / Double(s.count)
        let variance = s.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(s.count)
        let rstd = 1 / (variance + Double(epsilon)).squareRoot()
        return (s.map { ($0 - mean) * rstd }, rstd)
    }

    @Test(arguments: kernelSizes, [false, true]) func matchesTheReference(columns: Int, adding: Bool) {
        let rows = 4
        let x = normalValues(rows * columns, seed: 60, deviation: 2).map { $0 + 1 }
        let residual = adding ? normalValues(rows * columns, seed: 61) : nil
        let gamma = normalValues(columns, seed: 62)
        let beta = normalValues(columns, seed: 63)
        let result = kernel(x, residual: residual, gamma: gamma, beta: beta, epsilon: 1e-5, rows: rows)
        for row in 0..<rows {
            let range = row * columns..<(row + 1) * columns
            // The sum x + residual is rounded to Float32 once, by both.
            let expected = reference(range.map { Double(x[$0] + (residual?[$0] ?? 0)) }, epsilon: 1e-5)
            // Values of order 1 with a mean of order 1, each rounded a few times.
            expectClose(Array(result.normalized[range]), expected.normalized, relative: 2e-6, absolute: 2e-6)
            expectClose([result.rstd[row]], [expected.rstd], relative: 2e-6, absolute: 0)
            let y = zip(expected.normalized, zip(gamma, beta)).map { $0 * Double($1.0) + Double($1.1) }
            expectClose(Array(result.y[range]), y, relative: 5e-6, absolute: 5e-6)
        }
        var yOnly = [Float](repeating: 0, count: x.count)
        avk_layer_norm(x, residual, gamma, beta, 1e-5, &yOnly, nil, nil, rows, columns)
        #expect(yOnly == result.y, "without kept values the output has the same bits")
    }

    @Test func aLargeMeanCostsOnlyItsOwnRounding() {
        let x = normalValues(768, seed: 64).map { $0 + 1000 }
        let ones = [Float](repeating: 1, count: 768)
        let zeros = [Float](repeating: 0, count: 768)
        let result = kernel(x, residual: nil, gamma: ones, beta: zeros, epsilon: 1e-12, rows: 1)
        // The mean of 1000 is known to a few units of 6e-5; a one-pass variance would miss by 1e-1.
        let expected = reference(x.map(Double.init), epsilon: 1e-12).normalized
        expectClose(result.y, expected, relative: 2e-5, absolute: 2e-4)
    }

    @Test func constantRowsGiveBeta() {
        let beta = normalValues(16, seed: 65)
        let gamma = [Float](repeating: 1, count: 16)
        let x = [Float](repeating: 3, count: 16)
        #expect(kernel(x, residual: nil, gamma: gamma, beta: beta, epsilon: 1e-12, rows: 1).y == beta)
    }

    @Test func aNonFiniteValueTakesItsWholeRowAndNoOther() {
        let columns = 19
        let gamma = [Float](repeating: 1, count: columns)
        let beta = [Float](repeating: 0, count: columns)
        for bad in [Float.nan, .infinity, -.infinity] {
            for position in 0..<columns {
                var x = normalValues(3 * columns, seed: 66)
                x[columns + position] = bad
                let y = kernel(x, residual: nil, gamma: gamma, beta: beta, epsilon: 1e-5, rows: 3).y
                #expect(y[columns..<2 * columns].contains { $0.isNaN })
                #expect(!bad.isNaN || y[columns..<2 * columns].allSatisfy { $0.isNaN })
                #expect(
                    y[..<columns].allSatisfy { $0.isFinite } && y[(2 * columns)...].allSatisfy { $0.isFinite }
                )
            }
        }
    }

    @Test(arguments: kernelSizes) func backward(columns: Int) {
        let rows = 3
        let g = normalValues(rows * columns, seed: 67)
        let n = normalValues(rows * columns, seed: 68)
        let gamma = normalValues(columns, seed: 69)
        let rstd: [Float] = [0.5, 1.25, 3]
        let old = normalValues(rows * columns, seed: 70)
        var (expected, bounds): ([Double], [Double]) = ([], [])
        for row in 0..<rows {
            let range = row * columns..<(row + 1) * columns
            let w = range.map { Double(g[$0]) * Double(gamma[$0 - range.lowerBound]) }
            let sum = sumWithBound(w)
            let dot = sumWithBound(zip(w, range).map { $0 * Double(n[$1]) })
            let (count, r) = (Double(columns), Double(rstd[row]))
            for (value, index) in zip(w, range) {
                let normalized = Double(n[index])
                expected.append(r * (value - sum.sum / count - normalized * dot.sum / count))
                let size = abs(value) + abs(sum.sum) / count + abs(normalized * dot.sum) / count
                bounds.append(r * ((sum.bound + abs(normalized) * dot.bound) / count + 6 * roundoff * size))
            }
        }
        var out = [Float](repeating: .nan, count: g.count)
        avk_layer_norm_backward(g, n, rstd, gamma, &out, rows, columns, 0)
        expectClose(out, expected, bounds: bounds)

        out = old
        avk_layer_norm_backward(g, n, rstd, gamma, &out, rows, columns, 1)
        let sums = zip(expected, old).map { $0 + Double($1) }
        expectClose(out, sums, bounds: zip(bounds, sums).map { $0 + 2 * roundoff * abs($1) })
    }

    @Test(arguments: kernelSizes) func parameterGradientsAccumulate(columns: Int) {
        let rows = 9
        let g = normalValues(rows * columns, seed: 71)
        let n = normalValues(rows * columns, seed: 72)
        let (oldGamma, oldBeta) = (normalValues(columns, seed: 73), normalValues(columns, seed: 74))
        var (gamma, beta) = (oldGamma, oldBeta)
        avk_layer_norm_parameters_accumulate(g, n, &gamma, &beta, rows, columns)
        let indices = (0..<columns).map { column in (0..<rows).map { $0 * columns + column } }
        let gammas = indices.enumerated().map { column, elements in
            sumWithBound([Double(oldGamma[column])] + elements.map { Double(g[$0]) * Double(n[$0]) })
        }
        let betas = indices.enumerated().map { column, elements in
            sumWithBound([Double(oldBeta[column])] + elements.map { Double(g[$0]) })
        }
        expectClose(gamma, gammas.map(\.sum), bounds: gammas.map(\.bound))
        expectClose(beta, betas.map(\.sum), bounds: betas.map(\.bound))
    }
}
