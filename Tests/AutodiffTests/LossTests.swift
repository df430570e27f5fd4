import Autodiff
import Foundation
import Matrices
import Testing

@Suite struct LossTests {
    private let logits = normalMatrix(5, 4, seed: 70, deviation: 2)
    private let labels: [Int32] = [0, 3, 1, 1, 2]
    private let predictions = normalMatrix(6, 1, seed: 71)
    private let targets: [Float] = [0, 1.5, -2, 5, 0.25, 3]

    private func trainingTape() -> Tape {
        Tape(pool: poisonedPool(), parameterGradients: Matrix(rows: 1, columns: 0), dropoutStream: nil)
    }

    private func check(_ values: Matrix, _ loss: (Tape, Variable) -> Double) {
        let tape = trainingTape()
        let input = tape.input(values, needsGradient: true)
        _ = loss(tape, input)
        tape.backward()
        guard let gradient = input.gradient?.values else {
            Issue.record("no gradient")
            return
        }
        for index in 0..<values.count {
            let numeric = finiteDifference(values.pointer + index) {
                let tape = Tape(evaluatingWith: BufferPool())
                return loss(tape, tape.input(values))
            }
            // The loss is in Double: what remains is the stencil's h⁴/30 · f⁽⁵⁾ and the rounding of x ± h.
            #expect(abs(Double(gradient[index]) - numeric) < 1e-5)
        }
    }

    @Test func crossEntropyValue() {
        let tape = Tape(evaluatingWith: BufferPool())
        var expected = 0.0
        for (row, label) in labels.enumerated() {
            let values = (0..<4).map { Double(logits.row(row)[$0]) }
            expected += (log(values.reduce(0) { $0 + exp($1) }) - values[Int(label)]) / 7
        }
        // Only the differences from the largest logit are rounded to Float32.
        #expect(abs(tape.crossEntropy(tape.input(logits), labels: labels, divisor: 7) - expected) < 1e-6)
    }

    @Test func crossEntropyGradient() {
        check(logits) { [labels] in $0.crossEntropy($1, labels: labels, divisor: 7) }
    }

    @Test func crossEntropyOfFarApartLogits() {
        let tape = Tape(evaluatingWith: BufferPool())
        let far = Matrix(rows: 2, columns: 3, values: [1000, -1000, 0, 1000, -1000, 0])
        #expect(tape.crossEntropy(tape.input(far), labels: [0, 0], divisor: 2) == 0)
        // 1000 − (−1000), the tail sums being below Double's resolution.
        #expect(tape.crossEntropy(tape.input(far), labels: [1, 0], divisor: 1) == 2000)
    }

    @Test(arguments: 0..<4, [Float.nan, .infinity]) func aNonFiniteLogitIsNotHidden(column: Int, bad: Float) {
        let spoiled = Matrix(rows: 5, columns: 4, values: logits.values)
        spoiled.row(2)[column] = bad
        let tape = trainingTape()
        let input = tape.input(spoiled, needsGradient: true)
        #expect(!tape.crossEntropy(input, labels: labels, divisor: 1).isFinite)
        tape.backward()
        #expect(input.gradient.map { !Kernel.allFinite($0) } == true)
    }

    @Test func squaredErrorValue() {
        let tape = Tape(evaluatingWith: BufferPool())
        let expected = zip(predictions.values, targets).reduce(0.0) {
            $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1)) / 3
        }
        // The same sum in Double.
        #expect(
            abs(tape.squaredError(tape.input(predictions), targets: targets, divisor: 3) - expected) < 1e-12)
    }

    @Test func squaredErrorGradient() {
        check(predictions) { [targets] in $0.squaredError($1, targets: targets, divisor: 3) }
    }

    @Test func twoLossesOnOneVariableAdd() {
        check(logits) { [labels] in
            $0.crossEntropy($1, labels: labels, divisor: 7)
                + $0.crossEntropy($1, labels: labels.reversed(), divisor: 3)
        }
    }

    @Test func shardsAddUpToTheWholeStep() {
        let tape = Tape(evaluatingWith: BufferPool())
        let whole = tape.crossEntropy(tape.input(logits), labels: labels, divisor: 5)
        let first = logits.view(offset: 0, rows: 2, columns: 4)
        let second = logits.view(offset: 8, rows: 3, columns: 4)
        let parts =
            tape.crossEntropy(tape.input(first), labels: Array(labels[..<2]), divisor: 5)
            + tape.crossEntropy(tape.input(second), labels: Array(labels[2...]), divisor: 5)
        // Five additions in Double.
        #expect(abs(whole - parts) < 1e-14)
    }
}
