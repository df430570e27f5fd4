import CVectorKernels
import Foundation
import Testing

@Suite struct SoftCapKernelTests {
    @Test(arguments: kernelSizes) func matchesTheReference(count: Int) {
        // From far below where tanh bends to where it is flat.
        let x = normalValues(count, seed: 400, deviation: 30).enumerated().map {
            $1 * pow(10, -Float($0 % 6))
        }
        for (factor, cap): (Float, Float) in [(1, 30), (0.25, 2)] {
            var y = x
            avk_soft_cap(&y, factor, cap, count)
            let inward = x.map { Double($0) * Double(factor / cap) }
            expectClose(y, inward.map { Double(cap) * tanh($0) }, relative: 5e-7, absolute: 0)
            let g = normalValues(count, seed: 401)
            var back = g
            avk_soft_cap_backward(x, factor, cap, &back, count)
            // 1 − tanh² loses the digits that it shares with 1.
            expectClose(
                back, zip(g, inward).map { Double($0) * Double(factor) * (1 - tanh($1) * tanh($1)) },
                bounds: g.map { abs(Double($0)) * Double(factor) * 1e-6 })
        }
    }

    @Test func whatIsNotFinite() {
        var x: [Float] = [.nan, .infinity, -.infinity, 1e30, -1e30]
        avk_soft_cap(&x, 1, 4, 5)
        #expect(x[0].isNaN && Array(x[1...]) == [4, -4, 4, -4])
    }

    @Test(arguments: kernelSizes) func exponentialsOfCappedRows(columns: Int) {
        let cap: Float = 3
        var logits = normalValues(2 * columns, seed: 402, deviation: 4)
        avk_soft_cap(&logits, 1, cap, logits.count)
        let (top, factor): ([Float], [Float]) = ([3, 2.5], [0.5, 2])
        var x = logits
        avk_exp_rows_capped(&x, top, factor, cap, 2, columns)
        let expected = logits.enumerated().map { index, z in
            let row = index / columns
            return exp(Double(z) - Double(top[row])) * Double(factor[row])
                * (1 - Double(z / cap) * Double(z / cap))
        }
        // As above, and an exponential to 3e-7.
        expectClose(
            x, expected,
            bounds: logits.indices.map { index in
                let row = index / columns
                return 1e-6 * exp(Double(logits[index] - top[row])) * Double(factor[row])
            })
    }
}

@Suite struct GatedGELUKernelTests {
    @Test(arguments: kernelSizes) func matchesTheReference(count: Int) {
        let (gate, up) = (normalValues(count, seed: 410, deviation: 3), normalValues(count, seed: 411))
        var y = [Float](repeating: .nan, count: count)
        avk_gated_gelu_tanh(gate, up, &y, count)
        var (value, slope) = (y, y)
        avk_gelu_tanh(gate, &value, &slope, count)
        expectClose(y, zip(value, up).map { Double($0) * Double($1) }, relative: 2e-7, absolute: 1e-30)
        let (g, old) = (normalValues(count, seed: 412), normalValues(count, seed: 413))
        for (adding, start): (Int32, Float) in [(0, .nan), (1, 0)] {
            var toGate = old.map { $0 + start }
            var toUp = toGate
            avk_gated_gelu_tanh_backward(g, gate, up, &toGate, adding, &toUp, adding, count)
            let base = old.map { adding == 1 ? Double($0) : 0 }
            let products = g.indices.map { Double(g[$0]) * Double(up[$0]) * Double(slope[$0]) }
            let others = zip(g, value).map { Double($0) * Double($1) }
            for (found, terms) in [(toGate, products), (toUp, others)] {
                expectClose(
                    found, zip(base, terms).map { $0 + $1 },
                    bounds: zip(base, terms).map { 4 * roundoff * (abs($0) + abs($1)) + 1e-30 })
            }
        }
    }
}

@Suite struct ScaleKernelTests {
    @Test(arguments: kernelSizes) func scales(count: Int) {
        let (x, old) = (normalValues(count, seed: 420), normalValues(count, seed: 421))
        var out = [Float](repeating: .nan, count: count)
        avk_scale(x, -0.3, &out, count, 0)
        #expect(out == x.map { $0 * -0.3 })
        out = old
        avk_scale(x, -0.3, &out, count, 1)
        let terms = zip(x, old).map { (Double($0) * Double(Float(-0.3)), Double($1)) }
        expectClose(
            out, terms.map { $0 + $1 }, bounds: terms.map { 2 * roundoff * (abs($0) + abs($1)) })
    }
}

@Suite struct WindowSoftmaxTests {
    /// Windows narrower than a block, as wide as it, and wider than all columns.
    @Test(arguments: [(1, 1, 1), (1, 40, 7), (5, 37, 1), (40, 40, 9), (64, 100, 37), (64, 100, 500)])
    func isTheSoftmaxOfWhatARowSees(rows: Int, columns: Int, window: Int) {
        func seen(_ row: Int) -> Range<Int> {
            let end = columns - rows + row + 1
            return row * columns + max(0, end - window)..<row * columns + end
        }
        let (before, g) = (
            normalValues(rows * columns, seed: 430, deviation: 4), normalValues(rows * columns, seed: 431)
        )
        // What is not to be seen is not read.
        func hidden(_ values: [Float]) -> [Float] {
            values.enumerated().map { seen($0 / columns).contains($0) ? $1 : .nan }
        }
        var (x, out) = (hidden(before), hidden(g))
        avk_softmax_window_rows(&x, 0.25, window, rows, columns)
        avk_softmax_window_backward_rows(x, &out, 0.25, window, rows, columns)
        for row in 0..<rows {
            let range = seen(row)
            var p = Array(before[range])
            avk_softmax_rows(&p, 0.25, 1, p.count)
            var expected = Array(g[range])
            avk_softmax_backward_rows(p, &expected, 0.25, 1, p.count)
            #expect(Array(x[range]) == p && Array(out[range]) == expected)
            for index in row * columns..<(row + 1) * columns where !range.contains(index) {
                #expect(x[index] == 0 && out[index] == 0)
            }
        }
    }
}

@Suite struct RotaryPartKernelTests {
    /// A whole head and a part of one, pairs of halves and of neighbours, of less than a vector and of more.
    @Test(arguments: [(1, 2), (3, 6), (3, 10), (8, 20), (19, 38), (32, 64)], [false, true])
    func matchesTheReference(sizes: (half: Int, width: Int), neighbours: Bool) {
        let (rows, heads, half, width) = (4, 3, sizes.half, sizes.width)
        let positions: [Int32] = [2, 0, 3, 1]
        let (cosines, sines) = (normalValues(4 * half, seed: 440), normalValues(4 * half, seed: 441))
        let x = normalValues(rows * heads * width, seed: 442)
        let old = normalValues(x.count, seed: 443)
        for direction: Float in [1, -1] {
            var (expected, bounds) = (x.map(Double.init), x.map { _ in 0.0 })
            for row in 0..<rows {
                for head in 0..<heads {
                    for pair in 0..<half {
                        let start = (row * heads + head) * width
                        let first = start + (neighbours ? 2 * pair : pair)
                        let second = first + (neighbours ? 1 : half)
                        let angle = Int(positions[row]) * half + pair
                        let (c, s) = (Double(cosines[angle]), Double(sines[angle] * direction))
                        let (a, b) = (Double(x[first]), Double(x[second]))
                        (expected[first], expected[second]) = (a * c - b * s, b * c + a * s)
                        bounds[first] = 3 * roundoff * (abs(a * c) + abs(b * s))
                        bounds[second] = 3 * roundoff * (abs(b * c) + abs(a * s))
                    }
                }
            }
            let flag: Int32 = neighbours ? 1 : 0
            var out = [Float](repeating: .nan, count: x.count)
            avk_rotary_part(
                x, cosines, sines, positions, direction, &out, rows, heads, width, half, flag, 0)
            expectClose(out, expected, bounds: bounds)
            var inPlace = x
            inPlace.withUnsafeMutableBufferPointer {
                avk_rotary_part(
                    $0.baseAddress, cosines, sines, positions, direction, $0.baseAddress, rows, heads, width,
                    half, flag, 0)
            }
            #expect(inPlace == out)
            out = old
            avk_rotary_part(
                x, cosines, sines, positions, direction, &out, rows, heads, width, half, flag, 1)
            let sums = zip(expected, old).map { $0 + Double($1) }
            expectClose(out, sums, bounds: zip(bounds, sums).map { $0 + 2 * roundoff * (abs($1) + 1) })
        }
    }
}
