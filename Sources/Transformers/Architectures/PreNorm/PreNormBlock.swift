import Autodiff
import ModelFiles

/// One layer: attention over all rows and a feed-forward network, each on the norm of its input and added to it.
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

    init(_ weights: BackboneWeights, _ c: PatchConfiguration, _ traits: PatchTraits, layer: Int) throws {
        let names = traits.names
        let path = names.layer(layer)
        func linear(
            _ role: LinearSite.Role, _ name: String, _ outputs: Int, _ inputs: Int, hasBias: Bool = true
        ) throws -> LinearLayer {
            try weights.linear(
                LinearSite(layer: layer, role: role), "\(path).\(name)", outputs, inputs, hasBias: hasBias)
        }
        let (width, inner) = (c.hiddenSize, c.intermediateSize)
        attentionNorm = try weights.norm("\(path).\(names.attentionNorm)", width)
        query = try linear(.query, names.query, width, width, hasBias: c.hasAttentionBias)
        key = try linear(.key, names.key, width, width, hasBias: c.hasAttentionBias)
        value = try linear(.value, names.value, width, width, hasBias: c.hasAttentionBias)
        attentionOutput = try linear(.attentionOutput, names.attentionOutput, width, width)
        attentionScale =
            traits.hasLayerScale ? try weights.vector("\(path).\(names.attentionScale)", width) : nil
        feedForwardNorm = try weights.norm("\(path).\(names.feedForwardNorm)", width)
        feedForward =
            c.isGated
            ? .gated(
                gate: try linear(.gate, names.gate, inner, width),
                up: try linear(.up, names.up, inner, width), down: try linear(.down, names.down, width, inner)
            )
            : .plain(
                intermediate: try linear(.intermediate, names.intermediate, inner, width),
                output: try linear(.output, names.output, width, inner))
        feedForwardScale =
            traits.hasLayerScale ? try weights.vector("\(path).\(names.feedForwardScale)", width) : nil
    }

    /// hidden[T, C] one layer on; with `readsFirst` [B, C], the first row of each sequence.
    func callAsFunction(
        _ hidden: Variable, offsets: [Int], readsFirst: Bool, layer: Int, _ hooks: BackboneHooks,
        _ c: PatchConfiguration, on tape: Tape
    ) -> Variable {
        let normed = attentionNorm(hidden, epsilon: c.layerNormEpsilon, on: tape)
        let (kept, read) =
            readsFirst
            ? (tape.firstRows(hidden, offsets: offsets), tape.firstRows(normed, offsets: offsets))
            : (hidden, normed)
        // Query, key, value: in this order their gradients are summed.
        let query = query(read, on: tape)
        let seen = hooks.prefixed(
            key(normed, on: tape), value(normed, on: tape), offsets: offsets, layer: layer, on: tape)
        let context = tape.attention(
            query: query, key: seen.key, value: seen.value,
            queryOffsets: readsFirst ? Array(0...(offsets.count - 1)) : offsets, offsets: seen.offsets,
            heads: c.heads)
        let attended = sum(
            attentionOutput(context, on: tape), attentionScale, kept, .attention, hooks.blocks[layer],
            on: tape)
        return sum(
            fed(feedForwardNorm(attended, epsilon: c.layerNormEpsilon, on: tape), c, on: tape),
            feedForwardScale, attended, .feedForward, hooks.blocks[layer], on: tape)
    }

    private func fed(_ x: Variable, _ c: PatchConfiguration, on tape: Tape) -> Variable {
        switch feedForward {
        case .plain(let intermediate, let output):
            output(tape.gelu(intermediate(x, on: tape), form: c.activation, reusing: true), on: tape)
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
