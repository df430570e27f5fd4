import Autodiff
import Matrices
import Testing

@Suite struct LayerNormTests {
    private let x = normalMatrix(4, 18, seed: 30, deviation: 1.5)
    private let residual = normalMatrix(4, 18, seed: 31)
    private let gamma = normalParameter("gamma", 1, 18, seed: 32)
    private let beta = normalParameter("beta", 1, 18, seed: 33)

    @Test func gradients() {
        GradientCheck(inputs: [x], parameters: [gamma, beta]) { [gamma, beta] tape, inputs in
            tape.layerNorm(inputs[0], gamma: gamma, beta: beta, epsilon: 1e-5)
        }.run()
    }

    @Test func gradientsWithResidual() {
        GradientCheck(inputs: [x, residual], parameters: [gamma, beta]) { [gamma, beta] tape, inputs in
            tape.layerNorm(inputs[0], adding: inputs[1], gamma: gamma, beta: beta, epsilon: 1e-5)
        }.run()
    }

    @Test func gradientsWithFrozenParameters() {
        GradientCheck(inputs: [x, residual], frozen: [gamma, beta]) { [gamma, beta] tape, inputs in
            tape.layerNorm(inputs[0], adding: inputs[1], gamma: gamma, beta: beta, epsilon: 1e-5)
        }.run()
    }

    /// One of the two may be trained alone, as when only biases are.
    @Test(arguments: [false, true]) func gradientsOfOneParameterAlone(trainGamma: Bool) {
        let (trained, frozen) = trainGamma ? (gamma, beta) : (beta, gamma)
        GradientCheck(inputs: [x], parameters: [trained], frozen: [frozen]) { [gamma, beta] tape, inputs in
            tape.layerNorm(inputs[0], gamma: gamma, beta: beta, epsilon: 1e-5)
        }.run()
    }

    @Test func parametersLearnWhenNothingBelowDoes() {
        GradientCheck(parameters: [gamma, beta]) { [x, residual, gamma, beta] tape, _ in
            tape.layerNorm(
                tape.input(x), adding: tape.input(residual), gamma: gamma, beta: beta, epsilon: 1e-5)
        }.run()
    }

    @Test func onlyTheSideThatNeedsAGradientGetsOne() {
        let tape = Tape(
            pool: poisonedPool(), parameterGradients: Matrix(rows: 1, columns: 0), dropoutStream: nil)
        let (a, b) = (tape.input(x), tape.input(residual, needsGradient: true))
        let out = tape.layerNorm(a, adding: b, gamma: gamma, beta: beta, epsilon: 1e-5)
        seedGradient(of: out, with: normalMatrix(4, 18, seed: 34))
        tape.backward()
        #expect(a.gradient == nil && b.gradient != nil)
    }
}
