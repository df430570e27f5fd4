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

    private struct Weighted: Decodable {
        let logits: [Float]
        let labels: [Int32]
        let weights: [Double]
        let loss: Double
        let gradient: [Double]
    }

    /// PyTorch's CrossEntropyLoss(weight=…), a mean over the weights of the labelled rows (scripts/goldens/scores.py).
    @Test func weightedCrossEntropyAsInPyTorch() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Goldens/scores/weighted_loss.json")
        let cases = try JSONDecoder().decode([Weighted].self, from: Data(contentsOf: file))
        try #require(cases.count == 2)
        for line in cases {
            let values = Matrix(rows: line.labels.count, columns: 3, values: line.logits)
            let divisor = line.labels.reduce(0) { $0 + ($1 < 0 ? 0 : line.weights[Int($1)]) }
            let tape = trainingTape()
            let input = tape.input(values, needsGradient: true)
            let loss = tape.crossEntropy(
                input, labels: line.labels, weights: line.weights, divisor: divisor)
            // PyTorch computes in Float32.
            #expect(abs(loss - line.loss) < 1e-6)
            tape.backward()
            let gradient = try #require(input.gradient?.values)
            for (ours, theirs) in zip(gradient, line.gradient) { #expect(abs(Double(ours) - theirs) < 1e-7) }
            check(values) {
                $0.crossEntropy($1, labels: line.labels, weights: line.weights, divisor: divisor)
            }
        }
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

    /// Rows without a label: as if they were not there.
    @Test func ignoredRowsDoNotCount() {
        let tape = trainingTape()
        let input = tape.input(logits, needsGradient: true)
        let partly: [Int32] = [0, Tape.ignoredLabel, 1, Tape.ignoredLabel, 2]
        let loss = tape.crossEntropy(input, labels: partly, divisor: 3)
        tape.backward()
        let kept = Matrix(
            rows: 3, columns: 4, values: [0, 2, 4].flatMap { row in (0..<4).map { logits.row(row)[$0] } })
        let alone = Tape(evaluatingWith: BufferPool())
        #expect(loss == alone.crossEntropy(alone.input(kept), labels: [0, 1, 2], divisor: 3))
        #expect(input.gradient?.values[4..<8].allSatisfy { $0 == 0 } == true)
        check(logits) { $0.crossEntropy($1, labels: partly, divisor: 3) }
    }

    /// By hand: logits 0 cost ln 2 each, whatever is true; 2 costs ln(1 + e²) if false, that less 2 if true.
    @Test func binaryCrossEntropyValue() {
        let tape = Tape(evaluatingWith: BufferPool())
        let values = Matrix(rows: 2, columns: 2, values: [0, 2, 2, 0])
        let sum = 2 * log(2.0) + 2 * log(1 + exp(2.0)) - 2
        let loss = tape.binaryCrossEntropy(tape.input(values), sets: [[1], []], divisor: 2)
        #expect(abs(loss - sum / 4) < 1e-12)  // rounding in Double
        let far = Matrix(rows: 1, columns: 2, values: [1000, -1000])
        #expect(tape.binaryCrossEntropy(tape.input(far), sets: [[0]], divisor: 1) == 0)
        #expect(tape.binaryCrossEntropy(tape.input(far), sets: [[1]], divisor: 1) == 1000)
    }

    @Test func binaryCrossEntropyGradient() {
        check(logits) { $0.binaryCrossEntropy($1, sets: [[], [0], [1, 3], [0, 1, 2, 3], [2]], divisor: 7) }
    }

    /// By hand: over two tokens with equal logits start and end cost ln 2 each, over one token nothing.
    @Test func spanCrossEntropyValue() {
        let tape = Tape(evaluatingWith: BufferPool())
        let values = Matrix(rows: 3, columns: 2, values: [1, 5, 1, 5, 9, -9])
        let loss = tape.spanCrossEntropy(
            tape.input(values), offsets: [0, 2, 3], starts: [0, 0], ends: [1, 0], divisor: 2)
        #expect(abs(loss - log(2.0) / 2) < 1e-12)  // rounding in Double
    }

    @Test func spanCrossEntropyGradient() {
        check(normalMatrix(6, 2, seed: 72)) {
            $0.spanCrossEntropy($1, offsets: [0, 1, 4, 6], starts: [0, 1, 0], ends: [0, 2, 1], divisor: 5)
        }
    }

    @Test(arguments: [Float.nan, .infinity]) func newLossesDoNotHideWhatIsNotFinite(bad: Float) {
        let tape = Tape(evaluatingWith: BufferPool())
        let values = Matrix(rows: 2, columns: 2, values: [0, 1, bad, 2])
        #expect(!tape.binaryCrossEntropy(tape.input(values), sets: [[0], []], divisor: 1).isFinite)
        #expect(
            !tape.spanCrossEntropy(tape.input(values), offsets: [0, 2], starts: [0], ends: [1], divisor: 1)
                .isFinite)
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
