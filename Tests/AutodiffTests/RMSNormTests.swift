import Autodiff
import Matrices
import Testing

@Suite struct RMSNormTests {
    private let x = normalMatrix(4, 18, seed: 200, deviation: 1.5)
    private let gamma = normalParameter("gamma", 1, 18, seed: 201)

    @Test func values() {
        let out = evaluate { $0.rmsNorm($0.input(x), gamma: gamma, epsilon: 0.25) }
        for row in 0..<4 {
            let squares = (0..<18).reduce(0.0) { $0 + Double(x.row(row)[$1]) * Double(x.row(row)[$1]) }
            let root = (squares / 18 + 0.25).squareRoot()
            for column in 0..<18 {
                let expected = Double(x.row(row)[column]) / root * Double(gamma.values.pointer[column])
                // A few roundings of values of order 1 to 5.
                #expect(abs(Double(out[row * 18 + column]) - expected) < 3e-6)
            }
        }
    }

    @Test func gradients() {
        GradientCheck(inputs: [x], parameters: [gamma]) { [gamma] tape, inputs in
            tape.rmsNorm(inputs[0], gamma: gamma, epsilon: 0.25)
        }.run()
    }

    @Test func gradientsWithFrozenGamma() {
        GradientCheck(inputs: [x], frozen: [gamma]) { [gamma] tape, inputs in
            tape.rmsNorm(inputs[0], gamma: gamma, epsilon: 1e-5)
        }.run()
        let frozen = Weight(name: "gamma", vector: gamma.values)
        GradientCheck(inputs: [x]) { tape, inputs in
            tape.rmsNorm(inputs[0], gamma: frozen, epsilon: 1e-5)
        }.run()
    }

    @Test func gammaLearnsWhenNothingBelowDoes() {
        GradientCheck(parameters: [gamma]) { [x, gamma] tape, _ in
            tape.rmsNorm(tape.input(x), gamma: gamma, epsilon: 1e-5)
        }.run()
    }

    /// As in a residual stream, where the norm's input is read once more.
    @Test func gradientsAddUp() {
        GradientCheck(inputs: [x], parameters: [gamma]) { [gamma] tape, inputs in
            tape.add(inputs[0], tape.rmsNorm(inputs[0], gamma: gamma, epsilon: 1e-5))
        }.run()
    }

    @Test func nothingIsKeptWhereNothingLearns() {
        let pool = BufferPool()
        let tape = Tape(pool: pool, parameterGradients: Matrix(rows: 1, columns: 0), dropoutStream: nil)
        let out = tape.rmsNorm(tape.input(x), gamma: gamma, epsilon: 1e-5)
        #expect(!out.needsGradient)
        #expect(pool.allocations == 1, "the result alone")
    }

    /// Several heads side by side are as many rows; with an offset gamma is what is saved less 1.
    @Test(arguments: [Float(0), 1]) func headsAndOffset(offset: Float) {
        let small = normalParameter("gamma", 1, 6, seed: 202)
        let out = evaluate {
            $0.rmsNorm($0.input(x), gamma: small, epsilon: 1e-5, offset: offset, heads: 3)
        }
        let whole = Parameter(
            name: "gamma",
            values: Matrix(rows: 1, columns: 6, values: small.values.values.map { $0 + offset }))
        let apart = Matrix(rows: 12, columns: 6, values: x.values)
        #expect(out == evaluate { $0.rmsNorm($0.input(apart), gamma: whole, epsilon: 1e-5) })
        GradientCheck(inputs: [x], parameters: [small]) { [small] tape, inputs in
            tape.rmsNorm(inputs[0], gamma: small, epsilon: 1e-5, offset: offset, heads: 3)
        }.run()
    }
}
