import CVectorKernels
import Foundation
import Testing

@Suite struct RMSNormKernelTests {
    private func kernel(_ x: [Float], _ gamma: [Float], epsilon: Float, rows: Int) -> (
        y: [Float], rrms: [Float]
    ) {
        var (y, rrms) = (x, [Float](repeating: .nan, count: rows))
        avk_rms_norm(x, gamma, epsilon, &y, &rrms, rows, gamma.count)
        return (y, rrms)
    }

    @Test(arguments: kernelSizes) func matchesTheReference(columns: Int) {
        let rows = 4
        let x = normalValues(rows * columns, seed: 300, deviation: 2)
        let gamma = normalValues(columns, seed: 301)
        let (y, rrms) = kernel(x, gamma, epsilon: 1e-5, rows: rows)
        for row in 0..<rows {
            let range = row * columns..<(row + 1) * columns
            let squares = range.reduce(0.0) { $0 + Double(x[$1]) * Double(x[$1]) }
            let root = (squares / Double(columns) + Double(Float(1e-5))).squareRoot()
            // Lanes keep the rounding of up to 1000 squares, all positive, near 1e-6; the root halves it.
            expectClose([rrms[row]], [1 / root], relative: 2e-6, absolute: 0)
            expectClose(
                Array(y[range]), zip(x[range], gamma).map { Double($0) / root * Double($1) }, relative: 3e-6,
                absolute: 0)
        }
        var yOnly = x
        avk_rms_norm(x, gamma, 1e-5, &yOnly, nil, rows, columns)
        #expect(yOnly == y, "without kept values the output has the same bits")
    }

    @Test func aNaNTakesItsWholeRowAndNoOther() {
        let columns = 19
        let gamma = [Float](repeating: 1, count: columns)
        for position in 0..<columns {
            var x = normalValues(3 * columns, seed: 302)
            x[columns + position] = .nan
            let y = kernel(x, gamma, epsilon: 1e-5, rows: 3).y
            for index in y.indices { #expect(y[index].isNaN == (columns..<2 * columns).contains(index)) }
        }
    }

    @Test func zerosStayZero() {
        let zeros = [Float](repeating: 0, count: 16)
        #expect(kernel(zeros, normalValues(16, seed: 303), epsilon: 1e-6, rows: 1).y.allSatisfy { $0 == 0 })
    }

    @Test(arguments: kernelSizes) func backward(columns: Int) {
        let rows = 3
        let (g, x) = (normalValues(rows * columns, seed: 304), normalValues(rows * columns, seed: 305))
        let (gamma, old) = (normalValues(columns, seed: 306), normalValues(rows * columns, seed: 307))
        let rrms: [Float] = [0.5, 1.25, 3]
        var (expected, bounds): ([Double], [Double]) = ([], [])
        for row in 0..<rows {
            let range = row * columns..<(row + 1) * columns
            let w = range.map { Double(g[$0]) * Double(gamma[$0 - range.lowerBound]) }
            let dot = sumWithBound(zip(w, range).map { $0 * Double(x[$1]) })
            let r = Double(rrms[row])
            let share = r * r * r / Double(columns)
            for (value, index) in zip(w, range) {
                let along = share * Double(x[index])
                expected.append(r * value - along * dot.sum)
                let size = r * abs(value) + abs(along * dot.sum)
                bounds.append(abs(along) * dot.bound + 8 * roundoff * size)
            }
        }
        var out = [Float](repeating: .nan, count: g.count)
        avk_rms_norm_backward(g, x, rrms, gamma, &out, rows, columns, 0)
        expectClose(out, expected, bounds: bounds)

        out = old
        avk_rms_norm_backward(g, x, rrms, gamma, &out, rows, columns, 1)
        let sums = zip(expected, old).map { $0 + Double($1) }
        expectClose(out, sums, bounds: zip(bounds, sums).map { $0 + 2 * roundoff * abs($1) })
    }

    @Test(arguments: kernelSizes) func theGradientOfGammaAccumulates(columns: Int) {
        let rows = 9
        let (g, x) = (normalValues(rows * columns, seed: 308), normalValues(rows * columns, seed: 309))
        let rrms = (0..<rows).map { 0.5 + Float($0) / 8 }
        let old = normalValues(columns, seed: 310)
        var out = old
        avk_rms_norm_gamma_accumulate(g, x, rrms, &out, rows, columns)
        let sums = (0..<columns).map { (column: Int) -> (sum: Double, bound: Double) in
            var terms = [Double(old[column])]
            for row in 0..<rows {
                let index = row * columns + column
                terms.append(Double(g[index]) * Double(x[index]) * Double(rrms[row]))
            }
            return sumWithBound(terms)
        }
        expectClose(out, sums.map(\.sum), bounds: sums.map { 2 * $0.bound })
    }
}

@Suite struct CausalSoftmaxTests {
    /// Rows of triangles and of the ends of longer sequences: 1 row to as many as columns.
    @Test(arguments: [(1, 1), (1, 40), (3, 3), (5, 37), (40, 40), (64, 100)])
    func isTheSoftmaxOfWhatARowSees(rows: Int, columns: Int) {
        var x = normalValues(rows * columns, seed: 320, deviation: 4)
        let before = x
        // What is not to be seen is not read.
        for row in 0..<rows {
            for column in columns - rows + row + 1..<columns { x[row * columns + column] = .nan }
        }
        avk_softmax_causal_rows(&x, 0.25, rows, columns)
        let g = normalValues(rows * columns, seed: 321)
        var out = g
        for row in 0..<rows {
            for column in columns - rows + row + 1..<columns { out[row * columns + column] = .nan }
        }
        avk_softmax_causal_backward_rows(x, &out, 0.25, rows, columns)
        for row in 0..<rows {
            let seen = columns - rows + row + 1
            let range = row * columns..<row * columns + seen
            var p = Array(before[range])
            avk_softmax_rows(&p, 0.25, 1, seen)
            var expected = Array(g[range])
            avk_softmax_backward_rows(p, &expected, 0.25, 1, seen)
            #expect(Array(x[range]) == p && Array(out[range]) == expected)
            let rest = row * columns + seen..<(row + 1) * columns
            #expect(x[rest].allSatisfy { $0 == 0 } && out[rest].allSatisfy { $0 == 0 })
        }
    }
}

@Suite struct RotaryKernelTests {
    /// Halves of less than a vector, of one and of more.
    @Test(arguments: [1, 3, 8, 16, 19, 64]) func matchesTheReference(half: Int) {
        let (rows, heads) = (5, 3)
        let positions: [Int32] = [2, 0, 3, 3, 1]
        let cosines = normalValues(4 * half, seed: 330)
        let sines = normalValues(4 * half, seed: 331)
        let x = normalValues(rows * heads * 2 * half, seed: 332)
        let old = normalValues(x.count, seed: 333)
        for direction: Float in [1, -1] {
            var (expected, bounds) = (old.map { _ in 0.0 }, old.map { _ in 0.0 })
            for row in 0..<rows {
                for head in 0..<heads {
                    for pair in 0..<half {
                        let first = (row * heads + head) * 2 * half + pair
                        let angle = Int(positions[row]) * half + pair
                        let (c, s) = (Double(cosines[angle]), Double(sines[angle] * direction))
                        let (a, b) = (Double(x[first]), Double(x[first + half]))
                        expected[first] = a * c - b * s
                        expected[first + half] = b * c + a * s
                        bounds[first] = 3 * roundoff * (abs(a * c) + abs(b * s))
                        bounds[first + half] = 3 * roundoff * (abs(b * c) + abs(a * s))
                    }
                }
            }
            var out = [Float](repeating: .nan, count: x.count)
            avk_rotary(x, cosines, sines, positions, direction, &out, rows, heads, half, 0)
            expectClose(out, expected, bounds: bounds)

            var inPlace = x
            inPlace.withUnsafeMutableBufferPointer {
                avk_rotary(
                    $0.baseAddress, cosines, sines, positions, direction, $0.baseAddress, rows, heads, half, 0
                )
            }
            #expect(inPlace == out)

            out = old
            avk_rotary(x, cosines, sines, positions, direction, &out, rows, heads, half, 1)
            let sums = zip(expected, old).map { $0 + Double($1) }
            expectClose(out, sums, bounds: zip(bounds, sums).map { $0 + 2 * roundoff * abs($1) })
        }
    }
}
