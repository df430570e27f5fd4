import Autodiff
import Foundation
import Matrices
import Testing

func normalMatrix(_ rows: Int, _ columns: Int, seed: UInt64, deviation: Double = 1) -> Matrix {
    let matrix = Matrix(rows: rows, columns: columns)
    var stream = RandomStream(seed: seed, purpose: "test values")
    stream.fillNormal(matrix, deviation: deviation)
    return matrix
}

func normalParameter(
    _ name: String, _ rows: Int, _ columns: Int, seed: UInt64, deviation: Double = 1
) -> Parameter {
    Parameter(name: name, values: normalMatrix(rows, columns, seed: seed, deviation: deviation))
}

/// A pool whose free buffers are full of NaN, so that reading one before it is written shows.
func poisonedPool() -> BufferPool {
    let pool = BufferPool()
    for size in [64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512] {
        let matrices = (0..<12).map { _ in pool.matrix(rows: 1, columns: size) }
        for matrix in matrices { matrix.fill(.nan) }
    }
    return pool
}

/// Starts a backward pass at `variable` as a loss would that has this gradient.
func seedGradient(of variable: Variable, with gradient: Matrix) { variable.gradient = gradient }

/// The derivative of a function of one element, by the five-point stencil (8(f₁ − f₋₁) − (f₂ − f₋₂)) / 12h.
func finiteDifference(
    _ element: UnsafeMutablePointer<Float>, step: Float = 0.03125, _ value: () -> Double
) -> Double {
    let kept = element.pointee
    func at(_ steps: Float) -> Double {
        element.pointee = kept + steps * step
        return value()
    }
    // The steps as Float32 took them, which a kept value of order 1 rounds by 1e-7.
    let difference = 8 * (at(1) - at(-1)) - (at(2) - at(-2))
    element.pointee = kept
    return difference / (12 * Double(step))
}

/// Compares the tape's gradients with central finite differences of Σ weights ⊙ output, summed in Double
/// with fixed random weights.
///
/// The step is 1/32: the stencil's own error is h⁴/30 · f⁽⁵⁾, about 3e-8 · f⁽⁵⁾. The outputs are Float32 of order
/// 1 to 10, and their rounding of 1e-7 to 1e-6, times the square root of their number, over h gives up to 1e-4.
/// The tolerance of 1e-3 · max(1, |gradient|) leaves room for ten times that; a wrong factor, a missed term or
/// transposition is of order 1.
struct GradientCheck {
    var inputs: [Matrix] = []
    var parameters: [Parameter] = []
    /// Not to be trained and not to be differentiated, but must not change.
    var frozen: [Parameter] = []
    var dropoutSeed: UInt64?
    var tolerance = 1e-3
    let build: (Tape, [Variable]) -> Variable

    init(
        inputs: [Matrix] = [], parameters: [Parameter] = [], frozen: [Parameter] = [],
        dropoutSeed: UInt64? = nil, build: @escaping (Tape, [Variable]) -> Variable
    ) {
        self.inputs = inputs
        self.parameters = parameters
        self.frozen = frozen
        self.dropoutSeed = dropoutSeed
        self.build = build
    }

    private func tape(_ gradients: Matrix) -> Tape {
        Tape(
            pool: poisonedPool(), parameterGradients: gradients,
            dropoutStream: dropoutSeed.map { RandomStream(seed: $0, purpose: "dropout") })
    }

    private func weights(like output: Matrix) -> Matrix {
        normalMatrix(output.rows, output.columns, seed: 4242)
    }

    private func loss(_ gradients: Matrix) -> Double {
        let tape = tape(gradients)
        let output = build(tape, inputs.map { tape.input($0, needsGradient: true) }).value
        // Nothing is seeded, so this only drops what was recorded.
        tape.backward()
        return zip(output.values, weights(like: output).values).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }

    func run(sourceLocation: SourceLocation = #_sourceLocation) {
        let vector = ParameterVector(parameters)
        let gradients = Matrix(rows: 1, columns: vector.count)
        // A power of two that the gradients must be added to.
        gradients.fill(0.5)
        let before = frozen.map(\.values.values)

        let tape = tape(gradients)
        let variables = inputs.map { tape.input($0, needsGradient: true) }
        let output = build(tape, variables)
        #expect(output.value.values.allSatisfy { $0.isFinite }, sourceLocation: sourceLocation)
        seedGradient(of: output, with: weights(like: output.value))
        tape.backward()

        for (number, (input, variable)) in zip(inputs, variables).enumerated() {
            guard let gradient = variable.gradient else {
                Issue.record("no gradient reached input \(number)", sourceLocation: sourceLocation)
                continue
            }
            compare(gradient.values, of: input, "input \(number)", gradients, sourceLocation)
        }
        for parameter in parameters {
            let analytic = vector.range(of: parameter).map { gradients.pointer[$0] - 0.5 }
            compare(analytic, of: parameter.values, parameter.name, gradients, sourceLocation)
        }
        #expect(frozen.map(\.values.values) == before, sourceLocation: sourceLocation)
    }

    private func compare(
        _ analytic: [Float], of matrix: Matrix, _ name: String, _ gradients: Matrix,
        _ sourceLocation: SourceLocation
    ) {
        var misses = 0
        var first = ""
        for index in 0..<matrix.count {
            let numeric = finiteDifference(matrix.pointer + index) { loss(gradients) }
            let error = abs(Double(analytic[index]) - numeric)
            if error <= tolerance * max(1, abs(numeric)) { continue }
            misses += 1
            if misses == 1 { first = "[\(index)] is \(analytic[index]), numerically \(numeric)" }
        }
        if misses > 0 {
            Issue.record(
                "\(name): \(misses) of \(matrix.count) gradients differ; \(first)",
                sourceLocation: sourceLocation)
        }
    }
}

/// The values of what `body` builds on an evaluation tape.
func evaluate(_ body: (Tape) -> Variable) -> [Float] {
    body(Tape(evaluatingWith: poisonedPool())).value.values
}
