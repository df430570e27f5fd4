import Autodiff
import Matrices

/// How the rows of a sequence become the one that the head reads: BERT's pooler (first row, dense, tanh), the
/// mean, or the first row itself.
public enum Pooling: String, CaseIterable, Sendable { case pooler, mean, first }

/// Pooling, dropout and a linear layer to K classes, or to one score.
public final class SequenceHead: Sendable {
    public let pooling: Pooling
    public let dropout: Float
    /// `[K, C]`
    public let weight: Parameter
    /// `[1, K]`
    public let bias: Parameter
    public var outputs: Int { weight.values.rows }
    private let pooler: (weight: Parameter, bias: Parameter)?

    /// A head whose encoder has no pooler to offer.
    public struct MissingPooler: Error, CustomStringConvertible {
        public var description: String {
            "the model has no pooler.dense weights, which pooling: pooler needs; use --pooling mean or first"
        }
    }

    /// Weights N(0, 0.02²), as BERT's initializer, and zero bias.
    public init(
        encoder: BertEncoder, outputs: Int, pooling: Pooling, dropout: Float, stream: RandomStream
    ) throws {
        if pooling == .pooler && encoder.pooler == nil { throw MissingPooler() }
        self.pooling = pooling
        self.dropout = dropout
        pooler = encoder.pooler
        let values = Matrix(rows: outputs, columns: encoder.configuration.hiddenSize)
        var stream = stream
        stream.fillNormal(values, deviation: 0.02)
        weight = Parameter(name: "classifier.weight", values: values)
        bias = Parameter(name: "classifier.bias", values: Matrix(rows: 1, columns: outputs))
    }

    /// logits[B, K] from hidden[T, C]
    public func logits(_ hidden: Variable, offsets: [Int], on tape: Tape) -> Variable {
        var pooled: Variable
        switch pooling {
        case .mean: pooled = tape.meanRows(hidden, offsets: offsets)
        case .first, .pooler: pooled = tape.firstRows(hidden, offsets: offsets)
        }
        if pooling == .pooler, let pooler {
            pooled = tape.tanh(tape.linear(pooled, weight: pooler.weight, bias: pooler.bias))
        }
        return tape.linear(tape.dropout(pooled, probability: dropout), weight: weight, bias: bias)
    }
}
