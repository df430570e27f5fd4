import Autodiff
import Foundation
import Matrices
import Testing

@Suite struct ElementwiseTests {
    private let x = normalMatrix(6, 19, seed: 20, deviation: 1.5)

    @Test func geluValues() {
        let y = evaluate { $0.gelu($0.input(x)) }
        for (value, x) in zip(y, x.values) {
            // A few roundings of a value of order 1.
            #expect(abs(Double(value) - 0.5 * Double(x) * erfc(-Double(x) / 2.0.squareRoot())) < 5e-7)
        }
    }

    @Test func geluGradients() {
        GradientCheck(inputs: [x]) { tape, inputs in tape.gelu(inputs[0]) }.run()
        GradientCheck(inputs: [x]) { tape, inputs in tape.gelu(inputs[0], form: .tanh) }.run()
        GradientCheck(inputs: [x]) { tape, inputs in tape.gelu(inputs[0], form: .quick) }.run()
    }

    @Test func quickGELUValues() {
        let y = evaluate { $0.gelu($0.input(x), form: .quick) }
        for (value, x) in zip(y, x.values) {
            // A few roundings of a value of order 1.
            #expect(abs(Double(value) - Double(x) / (1 + exp(-1.702 * Double(x)))) < 5e-7)
        }
        // With the slope, the values are the same.
        let tape = Tape(
            pool: poisonedPool(), parameterGradients: Matrix(rows: 1, columns: 0), dropoutStream: nil)
        #expect(tape.gelu(tape.input(x, needsGradient: true), form: .quick).value.values == y)
    }

    private let up = normalMatrix(6, 19, seed: 23)

    @Test func addValues() {
        let y = evaluate { $0.add($0.input(x), $0.input(up)) }
        // One correctly rounded operation.
        #expect(y == zip(x.values, up.values).map { $0 + $1 })
    }

    @Test func addGradients() {
        GradientCheck(inputs: [x, up]) { tape, inputs in
            tape.add(tape.add(inputs[0], inputs[1]), inputs[0])
        }.run()
        GradientCheck(inputs: [x]) { tape, inputs in tape.add(inputs[0], inputs[0]) }.run()
    }

    @Test func onlyTheSideThatNeedsAGradientGetsOne() {
        for side in 0..<2 {
            let tape = Tape(
                pool: poisonedPool(), parameterGradients: Matrix(rows: 1, columns: 0), dropoutStream: nil)
            let inputs = [x, up].enumerated().map { tape.input($1, needsGradient: $0 == side) }
            let out = tape.add(inputs[0], inputs[1])
            seedGradient(of: out, with: normalMatrix(6, 19, seed: 24))
            tape.backward()
            #expect(inputs[side].gradient != nil && inputs[1 - side].gradient == nil)
        }
    }

    @Test func tanhValues() {
        let y = evaluate { $0.tanh($0.input(x)) }
        // The C library rounds tanh in Float32 to about one unit.
        for (value, x) in zip(y, x.values) { #expect(abs(Double(value) - Foundation.tanh(Double(x))) < 2e-7) }
    }

    @Test func tanhGradients() {
        GradientCheck(inputs: [x]) { tape, inputs in tape.tanh(inputs[0]) }.run()
    }

    @Test func dropoutGradients() {
        GradientCheck(inputs: [x], dropoutSeed: 21) { tape, inputs in
            tape.dropout(inputs[0], probability: 0.3)
        }.run()
    }

    @Test func dropoutGradientsHaveTheMaskOfTheValues() {
        let tape = Tape(
            pool: poisonedPool(), parameterGradients: Matrix(rows: 1, columns: 0),
            dropoutStream: RandomStream(seed: 22, purpose: "dropout"))
        let ones = Matrix(rows: 40, columns: 50)
        ones.fill(1)
        let input = tape.input(ones, needsGradient: true)
        let out = tape.dropout(input, probability: 0.5)
        let values = out.value.values
        seedGradient(of: out, with: ones)
        tape.backward()
        #expect(input.gradient?.values == values)
        #expect(Set(values) == [0, 2])
    }

    @Test func eachDropoutDrawsAMaskOfItsOwnAndAStreamRepeats() {
        func masks(_ seed: UInt64) -> [[Float]] {
            let tape = Tape(
                pool: poisonedPool(), parameterGradients: Matrix(rows: 1, columns: 0),
                dropoutStream: RandomStream(seed: seed, purpose: "dropout"))
            let input = tape.input(x)
            return (0..<3).map { _ in tape.dropout(input, probability: 0.5).value.values }
        }
        let first = masks(1)
        #expect(first[0] != first[1] && first[1] != first[2] && first[0] != first[2])
        #expect(masks(1) == first && masks(2)[0] != first[0])
    }

    @Test func dropoutIsTheIdentityWithoutProbabilityStreamOrTraining() {
        let gradients = Matrix(rows: 1, columns: 0)
        let stream = RandomStream(seed: 1, purpose: "dropout")
        let tapes = [
            (Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: stream), Float(0)),
            (Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil), 0.5),
            (Tape(evaluatingWith: BufferPool()), 0.5),
        ]
        for (tape, probability) in tapes {
            let input = tape.input(x)
            #expect(tape.dropout(input, probability: probability).place === input.place)
        }
    }
}
