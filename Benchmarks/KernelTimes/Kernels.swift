import CVectorKernels
import Foundation
import Matrices

extension KernelTimes {
    /// Rows as a step of MiniLM has them: 512 tokens of width 384, feed-forward width 1536.
    static func addElementwise() throws {
        let (tokens, width, wide) = (512, 384, 1536)
        let x = normal(tokens, wide, seed: 1)
        let y = Matrix(rows: tokens, columns: wide)
        // 1e-6: the kernel's exponential is within 3e-7, its erf within a few roundings.
        try pair(
            "gelu 512x1536", tolerance: 1e-6, output: y,
            kernel: { avk_gelu(x.pointer, y.pointer, nil, x.count) },
            plain: {
                for i in 0..<x.count {
                    let value = x.pointer[i]
                    y.pointer[i] = 0.5 * value * (1 + erff(value * Float(0.5).squareRoot()))
                }
            })
        let scores = normal(tokens, 64, seed: 2)
        let shares = Matrix(rows: tokens, columns: 64)
        try pair(
            "softmax 512x64", tolerance: 1e-6, output: shares,
            kernel: {
                shares.copyValues(from: scores)
                avk_softmax_rows(shares.pointer, 0.25, tokens, 64)
            },
            plain: {
                for row in 0..<tokens {
                    let (from, to) = (scores.row(row), shares.row(row))
                    var top = -Float.infinity
                    for i in 0..<64 { top = max(top, from[i] * 0.25) }
                    var sum: Float = 0
                    for i in 0..<64 {
                        to[i] = expf(from[i] * 0.25 - top)
                        sum += to[i]
                    }
                    for i in 0..<64 { to[i] /= sum }
                }
            })
        let rows = normal(tokens, width, seed: 3)
        let (gamma, beta) = (normal(1, width, seed: 4), normal(1, width, seed: 5))
        let out = Matrix(rows: tokens, columns: width)
        // 1e-5: sums of 384 terms in different orders.
        try pair(
            "layer norm 512x384", tolerance: 1e-5, output: out,
            kernel: {
                avk_layer_norm(
                    rows.pointer, nil, gamma.pointer, beta.pointer, 1e-12, out.pointer, nil, nil, tokens,
                    width)
            },
            plain: {
                for row in 0..<tokens {
                    let (from, to) = (rows.row(row), out.row(row))
                    var mean: Float = 0
                    for i in 0..<width { mean += from[i] }
                    mean /= Float(width)
                    var variance: Float = 0
                    for i in 0..<width { variance += (from[i] - mean) * (from[i] - mean) }
                    let factor = 1 / (variance / Float(width) + 1e-12).squareRoot()
                    for i in 0..<width {
                        to[i] = (from[i] - mean) * factor * gamma.pointer[i] + beta.pointer[i]
                    }
                }
            })
        try addAdamW(count: 250_000)
    }

    private static func addAdamW(count: Int) throws {
        let gradient = normal(1, count, seed: 6)
        let (weights, m, v) = (
            Matrix(rows: 1, columns: count), Matrix(rows: 1, columns: count), Matrix(rows: 1, columns: count)
        )
        func reset() {
            for state in [weights, m, v] { state.fill(0.5) }
        }
        try pair(
            "adamw 250000", tolerance: 1e-6, output: weights,
            kernel: {
                reset()
                avk_adamw(
                    weights.pointer, m.pointer, v.pointer, gradient.pointer, count, 1, 1e-3, 0.9, 0.999, 1e-8,
                    0.01,
                    0.1, 0.001)
            },
            plain: {
                reset()
                for i in 0..<count {
                    let g = gradient.pointer[i]
                    m.pointer[i] = 0.9 * m.pointer[i] + 0.1 * g
                    v.pointer[i] = 0.999 * v.pointer[i] + 0.001 * g * g
                    let update = m.pointer[i] / 0.1 / ((v.pointer[i] / 0.001).squareRoot() + 1e-8)
                    weights.pointer[i] -= 1e-3 * (0.01 * weights.pointer[i] + update)
                }
            })
    }

    /// The frozen product of a layer, and the skinny ones of an adapter.
    static func addProducts() throws {
        for (tokens, outputs, inputs) in [(512, 384, 384), (512, 12, 384), (512, 384, 12)] {
            let (x, w) = (normal(tokens, inputs, seed: 7), normal(outputs, inputs, seed: 8))
            let out = Matrix(rows: tokens, columns: outputs)
            // 1e-4: sums of up to 384 terms of size 1 in different orders.
            try pair(
                "product \(tokens)x\(inputs)x\(outputs)", tolerance: 1e-4, output: out,
                kernel: { Product.multiplyTransposed(x, w, into: out) },
                plain: {
                    for t in 0..<tokens {
                        let row = x.row(t)
                        for o in 0..<outputs {
                            let weights = w.row(o)
                            var sum: Float = 0
                            for i in 0..<inputs { sum += row[i] * weights[i] }
                            out.row(t)[o] = sum
                        }
                    }
                })
        }
    }
}
