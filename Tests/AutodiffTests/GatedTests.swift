import Autodiff
import Foundation
import Matrices
import Testing

@Suite struct GatedTests {
    private let gate = normalMatrix(6, 19, seed: 20, deviation: 2)
    private let up = normalMatrix(6, 19, seed: 23)
    static let activations: [GateActivation] = [.silu, .geluTanh]

    private func reference(_ activation: GateActivation, _ x: Double) -> Double {
        switch activation {
        case .silu: x / (1 + exp(-x))
        case .geluTanh: x / 2 * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        }
    }

    /// Gates in the first columns, what they let through in the others.
    private func fused(_ gate: Matrix, _ up: Matrix) -> Matrix {
        Matrix(
            rows: 6, columns: 38,
            values: (0..<6).flatMap { row in
                [gate, up].flatMap { Array(UnsafeBufferPointer(start: $0.row(row), count: 19)) }
            })
    }

    @Test(arguments: activations) func values(_ activation: GateActivation) {
        let y = evaluate { $0.gated($0.input(gate), $0.input(up), by: activation) }
        for (value, (x, up)) in zip(y, zip(gate.values, up.values)) {
            // A few roundings of values of order 1 to 10.
            #expect(abs(Double(value) - reference(activation, Double(x)) * Double(up)) < 3e-6)
        }
        let halves = evaluate { $0.gated($0.input(fused(gate, up)), by: activation) }
        // A row's end is no vector's.
        for (a, b) in zip(halves, y) { #expect(abs(a - b) < 1e-6) }
        #expect(halves.count == y.count)
    }

    @Test(arguments: activations) func gradients(_ activation: GateActivation) {
        GradientCheck(inputs: [gate, up]) { tape, inputs in
            tape.gated(inputs[0], inputs[1], by: activation)
        }.run()
        GradientCheck(inputs: [fused(gate, up)]) { tape, inputs in tape.gated(inputs[0], by: activation) }
            .run()
    }

    /// Each of the two alone, and both as one variable.
    @Test(arguments: activations) func gradientsOfOneInput(_ activation: GateActivation) {
        GradientCheck(inputs: [gate]) { [up] tape, inputs in
            tape.gated(inputs[0], tape.input(up), by: activation)
        }.run()
        GradientCheck(inputs: [up]) { [gate] tape, inputs in
            tape.gated(tape.input(gate), inputs[0], by: activation)
        }.run()
        GradientCheck(inputs: [gate]) { tape, inputs in tape.gated(inputs[0], inputs[0], by: activation) }
            .run()
    }

    @Test(arguments: activations) func gradientsAddUp(_ activation: GateActivation) {
        GradientCheck(inputs: [gate, up]) { tape, inputs in
            tape.add(
                tape.gated(inputs[0], inputs[1], by: activation),
                tape.gated(inputs[1], inputs[0], by: activation))
        }.run()
        GradientCheck(inputs: [fused(gate, up)]) { tape, inputs in
            tape.add(tape.gated(inputs[0], by: activation), tape.gated(inputs[0], by: activation))
        }.run()
    }

    @Test(arguments: activations) func onlyTheSideThatNeedsAGradientGetsOne(_ activation: GateActivation) {
        for side in 0..<2 {
            let tape = Tape(
                pool: poisonedPool(), parameterGradients: Matrix(rows: 1, columns: 0), dropoutStream: nil)
            let inputs = [gate, up].enumerated().map { tape.input($1, needsGradient: $0 == side) }
            let out = tape.gated(inputs[0], inputs[1], by: activation)
            seedGradient(of: out, with: normalMatrix(6, 19, seed: 24))
            tape.backward()
            #expect(inputs[side].gradient != nil && inputs[1 - side].gradient == nil)
        }
    }
}
