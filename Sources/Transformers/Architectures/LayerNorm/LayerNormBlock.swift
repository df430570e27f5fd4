import Autodiff
import ModelFiles

/// One layer: attention and a feed-forward network, each on the norm of its input and added to it.
struct LayerNormBlock: Sendable {
    let qkv, attentionOutput, intermediate, output: LinearLayer
    let attentionNorm, feedForwardNorm: Norm
    private let layer: Int

    var linearLayers: [LinearLayer] { [qkv, attentionOutput, intermediate, output] }
    var isTrainable: Bool {
        linearLayers.contains(where: \.trains) || attentionNorm.trains || feedForwardNorm.trains
    }

    init(_ weights: BackboneWeights, _ c: LayerNormConfiguration, layer: Int) throws {
        self.layer = layer
        let path = "\(c.names.layer)\(layer)."
        func linear(
            _ role: LinearSite.Role, _ name: String, _ outputs: Int, _ inputs: Int, hasBias: Bool = true
        ) throws -> LinearLayer {
            try weights.linear(
                LinearSite(layer: layer, role: role), path + name, outputs, inputs, hasBias: hasBias,
                isConv1D: c.isConv1D, isTransposed: c.isStoredTransposed)
        }
        let (width, inner) = (c.hiddenSize, c.intermediateSize)
        attentionNorm = try weights.norm(path + c.names.attentionNorm, width)
        qkv = try linear(.qkv, c.names.qkv, 3 * width, width, hasBias: c.hasAttentionBias)
        attentionOutput = try linear(
            .attentionOutput, c.names.attentionOutput, width, width, hasBias: c.hasAttentionBias)
        feedForwardNorm = try weights.norm(path + c.names.feedForwardNorm, width)
        intermediate = try linear(.intermediate, c.names.intermediate, inner, width)
        output = try linear(.output, c.names.output, width, inner)
    }

    /// hidden[T, C] one layer on; with chosen rows theirs alone.
    func callAsFunction(
        _ hidden: Variable, _ pass: DecoderPass, chosen: ChosenRows?, _ hooks: BackboneHooks,
        _ c: LayerNormConfiguration, on tape: Tape
    ) -> Variable {
        let kept = chosen.map { tape.rows(hidden, $0.rows) } ?? hidden
        let attention = attention(hidden, addedTo: kept, pass, chosen: chosen, hooks, c, on: tape)
        if c.isParallel {
            let update = tape.add(feedForward(kept, hooks, c, on: tape), attention)
            return tape.add(update, kept)
        }
        let attended = tape.add(attention, kept)
        return tape.add(attended, feedForward(attended, hooks, c, on: tape))
    }

    private func attention(
        _ hidden: Variable, addedTo kept: Variable, _ pass: DecoderPass, chosen: ChosenRows?,
        _ hooks: BackboneHooks,
        _ c: LayerNormConfiguration, on tape: Tape
    ) -> Variable {
        let fused = qkv(attentionNorm(hidden, epsilon: c.normEpsilon, on: tape), on: tape)
        var queries = tape.columns(fused, c.columns(ofPart: 0), factor: c.queryFactor(layer: layer))
        if let chosen { queries = tape.rows(queries, chosen.queries) }
        var keys = tape.columns(fused, c.columns(ofPart: 1))
        let values = tape.columns(fused, c.columns(ofPart: 2))
        for turn in pass.rotary {
            let asked = chosen.map { $0.queries.map { turn.rows[$0] } } ?? turn.rows
            queries = tape.rotary(
                queries, table: turn.table, positions: asked, heads: c.heads, reusing: true)
            keys = tape.rotary(keys, table: turn.table, positions: turn.rows, heads: c.heads, reusing: true)
        }
        let seen = pass.seen(keys, values, hooks, layer: layer, on: tape)
        let context = tape.causalAttention(
            query: queries, key: seen.keys, value: seen.values,
            queryOffsets: chosen?.queryOffsets ?? pass.offsets, offsets: seen.offsets, paths: seen.paths,
            heads: c.heads, keyValueHeads: c.heads)
        let update = attentionOutput(chosen.map { tape.rows(context, $0.places) } ?? context, on: tape)
        return hooks.blocks[layer]?.output(of: update, in: BlockSum(.attention, kept), on: tape) ?? update
    }

    private func feedForward(
        _ hidden: Variable, _ hooks: BackboneHooks, _ c: LayerNormConfiguration, on tape: Tape
    ) -> Variable {
        let normed = feedForwardNorm(hidden, epsilon: c.normEpsilon, on: tape)
        let expanded = tape.gelu(
            intermediate(normed, on: tape), form: c.activation, reusing: true, remaking: output.readsInput)
        let update = output(expanded, on: tape)
        return hooks.blocks[layer]?.output(of: update, in: BlockSum(.feedForward, hidden), on: tape) ?? update
    }
}
