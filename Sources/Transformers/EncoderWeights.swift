import Autodiff
import ModelFiles

/// A layer norm's weights.
struct Norm: Sendable {
    let gamma: Weight
    let beta: Weight

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
    let weight: Weight
    /// `[1, O]`
    let bias: Weight

    func callAsFunction(_ x: Variable, on tape: Tape) -> Variable {
        tape.linear(x, weight: weight, bias: bias)
    }
}

/// Takes the parts of an encoder out of a checkpoint, and lists what it took in that order.
final class EncoderWeights {
    let cursor: WeightCursor
    private(set) var weights: [Weight] = []

    init(_ cursor: WeightCursor) { self.cursor = cursor }

    func table(_ name: String, _ rows: Int, _ columns: Int) throws -> Weight {
        taken(try cursor.matrix(name + ".weight", rows: rows, columns: columns))
    }

    func norm(_ name: String, _ width: Int) throws -> Norm {
        Norm(gamma: try vector(name + ".weight", width), beta: try vector(name + ".bias", width))
    }

    func dense(_ name: String, _ outputs: Int, _ inputs: Int) throws -> Dense {
        Dense(
            weight: try table(name, outputs, inputs), bias: try vector(name + ".bias", outputs))
    }

    private func vector(_ name: String, _ count: Int) throws -> Weight {
        taken(try cursor.vector(name, count: count))
    }

    private func taken(_ weight: Weight) -> Weight {
        weights.append(weight)
        return weight
    }
}
