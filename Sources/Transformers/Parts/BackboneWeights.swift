import Autodiff
import ModelFiles

/// A layer norm's weights.
struct Norm: Sendable {
    let gamma: Weight
    let beta: Weight

    var trains: Bool { gamma.isTrainable || beta.isTrainable }

    /// - Parameter reusing: as `Tape.layerNorm` means it.
    func callAsFunction(
        _ x: Variable, adding residual: Variable? = nil, epsilon: Float, reusing: Bool = false, on tape: Tape
    ) -> Variable {
        tape.layerNorm(x, adding: residual, gamma: gamma, beta: beta, epsilon: epsilon, reusing: reusing)
    }
}

/// A linear layer that carries no adapter.
package struct Dense: Sendable {
    /// `[O, I]`
    package let weight: Weight
    /// `[1, O]`
    package let bias: Weight

    var trains: Bool { weight.isTrainable || bias.isTrainable }

    func callAsFunction(_ x: Variable, on tape: Tape) -> Variable {
        tape.linear(x, weight: weight, bias: bias)
    }
}

/// Takes the parts of a backbone out of a checkpoint, and lists what it took in that order.
final class BackboneWeights {
    let cursor: WeightCursor
    private let prefix: String
    private(set) var weights: [Weight] = []

    /// - Parameter prefix: of the architecture.
    init(_ source: any TensorSource, prefix: String) {
        cursor = WeightCursor(source, optionalPrefix: prefix)
        self.prefix = prefix
    }

    func table(_ name: String, _ rows: Int, _ columns: Int, isTransposed: Bool = false) throws -> Weight {
        taken(
            try cursor.matrix(
                name + ".weight", rows: rows, columns: columns, isTransposed: isTransposed))
    }

    /// [V, C] of a decoder, its own or that of the words; nil of a checkpoint of the backbone alone, for which transformers
    /// would draw one at random. Where both are in the file and differ, transformers ties nothing, whatever the config says.
    func output(_ name: String, words: (name: String, weight: Weight), isTied: Bool) throws -> Weight? {
        let isThere = cursor.contains(name + ".weight")
        if isTied && (!isThere || cursor.areSame(name + ".weight", words.name + ".weight")) {
            cursor.pass(over: name + ".weight")
            return words.weight
        }
        return isThere ? try table(name, words.weight.rows, words.weight.columns) : nil
    }

    func norm(_ name: String, _ width: Int) throws -> Norm {
        Norm(gamma: try vector(name + ".weight", width), beta: try vector(name + ".bias", width))
    }

    func dense(_ name: String, _ outputs: Int, _ inputs: Int) throws -> Dense {
        Dense(
            weight: try table(name, outputs, inputs), bias: try vector(name + ".bias", outputs))
    }

    /// A linear layer that can carry an adapter.
    ///
    /// - Parameters:
    ///   - isConv1D: transformers' module is its `Conv1D`, whose weight is [inputs, outputs].
    ///   - isTransposed: the file has it so.
    func linear(
        _ site: LinearSite, _ name: String, _ outputs: Int, _ inputs: Int, hasBias: Bool = true,
        isConv1D: Bool = false, isTransposed: Bool = false
    ) throws -> LinearLayer {
        LinearLayer(
            site: site, modulePath: prefix + name,
            weight: try table(name, outputs, inputs, isTransposed: isTransposed),
            bias: hasBias ? try vector(name + ".bias", outputs) : nil, isConv1D: isConv1D)
    }

    /// A matrix [rows, columns] that the file has in another shape, by its whole name.
    func shaped(_ name: String, _ rows: Int, _ columns: Int, shape: [Int]) throws -> Weight {
        taken(try cursor.matrix(name, rows: rows, columns: columns, shape: shape))
    }

    /// - Parameter shape: of the tensor, where that is not [count].
    func vector(_ name: String, _ count: Int, shape: [Int]? = nil) throws -> Weight {
        taken(try cursor.vector(name, count: count, shape: shape))
    }

    private func taken(_ weight: Weight) -> Weight {
        weights.append(weight)
        return weight
    }
}
