import Autodiff
import CVectorKernels
import Foundation
import Matrices

extension KernelTimes {
    /// 512 rows as SmolLM2-135M has them: width 576, nine heads of 64 that share three of keys and values, gates of 1,536.
    static func addDecoder() throws {
        let (tokens, width, wide) = (512, 576, 1536)
        let rows = normal(tokens, width, seed: 20)
        let gamma = normal(1, width, seed: 21)
        let out = Matrix(rows: tokens, columns: width)
        // 1e-5: sums of 576 terms in different orders.
        try pair(
            "RMS norm 512x576", tolerance: 1e-5, output: out,
            kernel: {
                avk_rms_norm(rows.pointer, gamma.pointer, 1e-5, out.pointer, nil, tokens, width)
            },
            plain: {
                for row in 0..<tokens {
                    let (from, to) = (rows.row(row), out.row(row))
                    var squares: Float = 0
                    for i in 0..<width { squares += from[i] * from[i] }
                    let factor = 1 / (squares / Float(width) + 1e-5).squareRoot()
                    for i in 0..<width { to[i] = from[i] * factor * gamma.pointer[i] }
                }
            })
        let (gate, up) = (normal(tokens, wide, seed: 22), normal(tokens, wide, seed: 23))
        let gated = Matrix(rows: tokens, columns: wide)
        // 2e-6: the kernel's exponential is within 3e-7, and a few roundings.
        try pair(
            "gated SiLU 512x1536", tolerance: 2e-6, output: gated,
            kernel: { avk_gated_silu(gate.pointer, up.pointer, gated.pointer, gate.count) },
            plain: {
                for i in 0..<gate.count {
                    let value = gate.pointer[i]
                    gated.pointer[i] = value / (1 + expf(-value)) * up.pointer[i]
                }
            })
        try addCausalAttention(tokens: 256)
    }

    private static func addCausalAttention(tokens: Int) throws {
        let (heads, shared, width) = (9, 3, 64)
        let query = normal(tokens, heads * width, seed: 20)
        let out = Matrix(rows: tokens, columns: heads * width)
        let key = normal(tokens, shared * width, seed: 24)
        let value = normal(tokens, shared * width, seed: 25)
        let pool = BufferPool()
        // 1e-5: scores of order 8 rounded by 2e-6 go through the exponential.
        try pair(
            "causal attention \(tokens)x9x64", tolerance: 1e-5, output: out,
            kernel: {
                let tape = Tape(evaluatingWith: pool)
                let context = tape.causalAttention(
                    query: tape.input(query), key: tape.input(key), value: tape.input(value),
                    offsets: [0, tokens], heads: heads, keyValueHeads: shared)
                out.copyValues(from: context.value)
            },
            plain: {
                var powers = [Float](repeating: 0, count: tokens)
                for row in 0..<tokens {
                    for head in 0..<heads {
                        let (from, to) = (query.row(row) + head * width, out.row(row) + head * width)
                        let (keys, values) = (
                            key.pointer + head / 3 * width, value.pointer + head / 3 * width
                        )
                        var sum: Float = 0
                        for other in 0...row {
                            var score: Float = 0
                            for i in 0..<width { score += from[i] * keys[other * key.columns + i] }
                            powers[other] = expf(score / 8)
                            sum += powers[other]
                        }
                        for i in 0..<width { to[i] = 0 }
                        for other in 0...row {
                            let share = powers[other] / sum
                            for i in 0..<width { to[i] += share * values[other * key.columns + i] }
                        }
                    }
                }
            })
    }
}
