import Autodiff
import ModelFiles

/// A layer norm's weights.
struct Norm: Sendable {
    let gamma: Parameter
    let beta: Parameter

    /// - Parameter reusing: as `Tape.layerNorm` means it.
    func callAsFunction(
        _ x: Variable, adding residual: Variable? = nil, epsilon: Float, reusing: Bool = false, on tape: Tape
    ) -> Variable {
        tape.layerNorm(x, adding: residual, gamma: gamma, beta: beta, epsilon: epsilon, reusing: reusing)
    }
}

/// A linear layer that carries no adapter.
struct Dense: Sendable {
    /// `[O, I]`
    let weight: Parameter
    /// `[1, O]`
    let bias: Parameter

    func callAsFunction(_ x: Variable, on tape: Tape) -> Variable {
        tape.linear(x, weight: weight, bias: bias)
    }
}

/// Takes the parts of an encoder out of a checkpoint, and lists what it took in that order.
final class EncoderWeights {
    let cursor: WeightCursor
    private(set) var parameters: [Parameter] = []

    init(_ cursor: WeightCursor) { self.cursor = cursor }

    func table(_ name: String, _ rows: Int, _ columns: Int) throws -> Parameter {
        try take(name + ".weight", rows, columns)
    }

    func norm(_ name: String, _ width: Int) throws -> Norm {
        Norm(gamma: try take(name + ".weight", 1, width), beta: try take(name + ".bias", 1, width))
    }

    func dense(_ name: String, _ outputs: Int, _ inputs: Int) throws -> Dense {
        Dense(
            weight: try take(name + ".weight", outputs, inputs), bias: try take(name + ".bias", 1, outputs))
    }

    private func take(_ name: String, _ rows: Int, _ columns: Int) throws -> Parameter {
        let parameter = try cursor.parameter(name, rows: rows, columns: columns)
        parameters.append(parameter)
        return parameter
    }
}
