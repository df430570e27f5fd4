import Autodiff

/// One row of several by attention that one learned query pays to all of them, and a feed-forward network behind it: PyTorch's
/// `MultiheadAttention`, whose query, key and value are rows of one matrix.
struct AttentionPool: Sendable {
    private let shape: PreNormShape
    /// [1, C]
    private let probe: Weight
    /// [3 · C, C] and [1, 3 · C]: of query, key and value, one below the other
    private let inputs: Dense
    private let output: Dense
    private let norm: Norm
    private let intermediate, feedForwardOutput: Dense

    /// - Parameter name: of its module.
    init(_ weights: BackboneWeights, _ name: String, _ shape: PreNormShape) throws {
        self.shape = shape
        let (width, attention) = (shape.width, "\(name).attention")
        probe = try weights.shaped("\(name).probe", 1, width, shape: [1, 1, width])
        inputs = Dense(
            weight: try weights.shaped(
                "\(attention).in_proj_weight", 3 * width, width, shape: [3 * width, width]),
            bias: try weights.vector("\(attention).in_proj_bias", 3 * width))
        output = try weights.dense("\(attention).out_proj", width, width)
        norm = try weights.norm("\(name).layernorm", width)
        intermediate = try weights.dense("\(name).mlp.fc1", shape.inner, width)
        feedForwardOutput = try weights.dense("\(name).mlp.fc2", width, shape.inner)
    }

    /// [B, C] of x[T, C]. One product makes the queries of x too, which nobody reads: a third of a small one.
    func callAsFunction(_ x: Variable, offsets: [Int], on tape: Tape) -> Variable {
        let width = shape.width
        func part(_ rows: Variable, _ index: Int) -> Variable {
            tape.columns(rows, ColumnBlocks(index * width..<(index + 1) * width))
        }
        let sequences = offsets.count - 1
        let rows = inputs(x, on: tape)
        let query = part(inputs(tape.embedding([(probe, [0])]), on: tape), 0)
        let context = tape.attention(
            query: tape.rows(query, Array(repeating: 0, count: sequences)), key: part(rows, 1),
            value: part(rows, 2), queryOffsets: Array(0...sequences), offsets: offsets, heads: shape.heads)
        let attended = output(context, on: tape)
        let fed = intermediate(norm(attended, epsilon: shape.epsilon, on: tape), on: tape)
        return tape.add(
            feedForwardOutput(tape.gelu(fed, form: shape.activation, reusing: true), on: tape), attended)
    }
}
