import Autodiff

/// One layer: attention over all rows, or those up to its own, and a feed-forward network, each on the norm of its input and added to it.
struct PreNormBlock: Sendable {
    private let query, key, value, attentionOutput: LinearLayer
    private let feedForward: FeedForward
    private let attentionNorm, feedForwardNorm: Norm
    /// [1, C] each: factors of what the parts add
    private let attentionScale, feedForwardScale: Weight?

    private enum FeedForward: Sendable {
        case plain(intermediate: LinearLayer, output: LinearLayer)
        case gated(gate: LinearLayer, up: LinearLayer, down: LinearLayer)
    }

    var linearLayers: [LinearLayer] {
        switch feedForward {
        case .plain(let intermediate, let output):
            [query, key, value, attentionOutput, intermediate, output]
        case .gated(let gate, let up, let down): [query, key, value, attentionOutput, gate, up, down]
        }
    }
    var isTrainable: Bool {
        linearLayers.contains(where: \.trains) || attentionNorm.trains || feedForwardNorm.trains
            || [attentionScale, feedForwardScale].contains { $0?.isTrainable ?? false }
    }

    init(
        _ weights: BackboneWeights, _ shape: PreNormShape, _ names: PatchNames, tower: LinearSite.Tower?,
        layer: Int
    ) throws {
        let path = names.layer(layer)
        func linear(
            _ role: LinearSite.Role, _ name: String, _ outputs: Int, _ inputs: Int, hasBias: Bool = true
        ) throws -> LinearLayer {
            try weights.linear(
                LinearSite(tower: tower, layer: layer, role: role), "\(path).\(name)", outputs, inputs,
                hasBias: hasBias)
        }
        let (width, inner) = (shape.width, shape.inner)
        attentionNorm = try weights.norm("\(path).\(names.attentionNorm)", width)
        query = try linear(.query, names.query, width, width, hasBias: shape.hasAttentionBias)
        key = try linear(.key, names.key, width, width, hasBias: shape.hasAttentionBias)
        value = try linear(.value, names.value, width, width, hasBias: shape.hasAttentionBias)
        attentionOutput = try linear(.attentionOutput, names.attentionOutput, width, width)
        attentionScale =
            shape.hasLayerScale ? try weights.vector("\(path).\(names.attentionScale)", width) : nil
        feedForwardNorm = try weights.norm("\(path).\(names.feedForwardNorm)", width)
        feedForward =
            shape.isGated
            ? .gated(
                gate: try linear(.gate, names.gate, inner, width),
                up: try linear(.up, names.up, inner, width), down: try linear(.down, names.down, width, inner)
            )
            : .plain(
                intermediate: try linear(.intermediate, names.intermediate, inner, width),
                output: try linear(.output, names.output, width, inner))
        feedForwardScale =
            shape.hasLayerScale ? try weights.vector("\(path).\(names.feedForwardScale)", width) : nil
    }

    /// hidden[T, C] one layer on; [B, C] where one row of each sequence is read.
    func callAsFunction(
        _ hidden: Variable, offsets: [Int], rows: PreNormStack.Rows, layer: Int, _ hooks: BackboneHooks,
        _ shape: PreNormShape, on tape: Tape
    ) -> Variable {
        let normed = attentionNorm(hidden, epsilon: shape.epsilon, on: tape)
        let (kept, read) = (
            tape.taken(rows, of: hidden, offsets: offsets), tape.taken(rows, of: normed, offsets: offsets)
        )
        // Query, key, value: in this order their gradients are summed.
        let query = query(read, on: tape)
        let seen = hooks.prefixed(
            key(normed, on: tape), value(normed, on: tape), offsets: offsets, layer: layer, on: tape)
        let queryOffsets = rows == .all ? offsets : Array(0...(offsets.count - 1))
        let context =
            shape.isCausal
            ? tape.causalAttention(
                query: query, key: seen.key, value: seen.value, queryOffsets: queryOffsets,
                offsets: seen.offsets, heads: shape.heads, keyValueHeads: shape.heads)
            : tape.attention(
                query: query, key: seen.key, value: seen.value, queryOffsets: queryOffsets,
                offsets: seen.offsets, heads: shape.heads)
        let attended = sum(
            attentionOutput(context, on: tape), attentionScale, kept, .attention, hooks.blocks[layer],
            on: tape)
        return sum(
            fed(feedForwardNorm(attended, epsilon: shape.epsilon, on: tape), shape, on: tape),
            feedForwardScale, attended, .feedForward, hooks.blocks[layer], on: tape)
    }

    private func fed(_ x: Variable, _ shape: PreNormShape, on tape: Tape) -> Variable {
        switch feedForward {
        case .plain(let intermediate, let output):
            output(
                tape.gelu(
                    intermediate(x, on: tape), form: shape.activation, reusing: true,
                    remaking: output.readsInput),
                on: tape)
        case .gated(let gate, let up, let down):
            down(tape.gated(gate(x, on: tape), up(x, on: tape), by: .silu), on: tape)
        }
    }

    private func sum(
        _ update: Variable, _ scale: Weight?, _ residual: Variable, _ part: BlockPart,
        _ adapter: (any BlockAdapter)?, on tape: Tape
    ) -> Variable {
        let scaled = scale.map { tape.scaledColumns(update, by: $0) } ?? update
        let added = adapter?.output(of: scaled, in: BlockSum(part, residual), on: tape) ?? scaled
        return tape.add(added, residual)
    }
}

extension Tape {
    /// [B, C], one row of each sequence of x[T, C], or all of x
    fileprivate func taken(_ rows: PreNormStack.Rows, of x: Variable, offsets: [Int]) -> Variable {
        switch rows {
        case .all: x
        case .first: firstRows(x, offsets: offsets)
        case .last: self.rows(x, offsets.dropFirst().map { $0 - 1 })
        }
    }
}
