import Autodiff
import Foundation
import Matrices
import Testing

@Suite struct SimilarityTests {
    private let x = normalMatrix(4, 7, seed: 310)

    @Test func unitRows() {
        let y = evaluate { $0.unitRows($0.input(x)) }
        for row in 0..<4 {
            let values = (0..<7).map { Double(x.row(row)[$0]) }
            let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
            // One rounding each of the length's inverse and of the product.
            for column in 0..<7 { #expect(abs(Double(y[row * 7 + column]) - values[column] / length) < 2e-7) }
        }
        GradientCheck(inputs: [x]) { tape, inputs in tape.unitRows(inputs[0]) }.run()
        // A gradient is added to what is there.
        GradientCheck(inputs: [x]) { tape, inputs in
            tape.add(tape.unitRows(inputs[0]), tape.scaled(inputs[0], by: 0.5))
        }.run()
    }

    @Test func learnedTemperature() {
        let exponent = Parameter(name: "temperature", vector: Matrix(rows: 1, columns: 1, values: [0.75]))
        let y = evaluate { $0.scaled($0.input(x), byExponentialOf: exponent) }
        // Two roundings of values below 10.
        for (value, x) in zip(y, x.values) { #expect(abs(Double(value) - Double(x) * exp(0.75)) < 3e-6) }
        GradientCheck(inputs: [x], parameters: [exponent]) { tape, inputs in
            tape.scaled(inputs[0], byExponentialOf: exponent)
        }.run()
        GradientCheck(inputs: [x], parameters: [exponent]) { tape, inputs in
            tape.add(
                tape.scaled(inputs[0], byExponentialOf: exponent),
                tape.scaled(tape.unitRows(inputs[0]), byExponentialOf: exponent))
        }.run()
        let frozen = Parameter(name: "temperature", vector: Matrix(rows: 1, columns: 1, values: [-0.5]))
        GradientCheck(inputs: [x], frozen: [frozen]) { tape, inputs in
            tape.add(inputs[0], tape.scaled(inputs[0], byExponentialOf: frozen))
        }.run()
    }

    @Test func aVectorInEachRow() {
        let vector = normalParameter("bias", 1, 3, seed: 311)
        #expect(evaluate { $0.repeated(vector, rows: 2) } == vector.values.values + vector.values.values)
        GradientCheck(inputs: [x], parameters: [vector]) { tape, inputs in
            tape.beside(inputs[0], tape.repeated(vector, rows: 4))
        }.run()
    }
}
