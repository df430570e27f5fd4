import Autodiff

/// One layer of a post-norm encoder: attention and a feed-forward network, each followed by a layer norm over the sum with its
/// input.
struct PostNormBlock: Sendable {
    let query, key, value, attentionOutput, intermediate, output: LinearLayer
    let attentionNorm, outputNorm: Norm
    /// Of relative positions, where the model has them and does not use `key` and `query` for it
    let positionKey, positionQuery: Dense?

    var linearLayers: [LinearLayer] { [query, key, value, attentionOutput, intermediate, output] }
    var isTrainable: Bool {
        linearLayers.contains(where: \.trains) || attentionNorm.trains || outputNorm.trains
            || [positionKey, positionQuery].contains { $0?.trains ?? false }
    }

    init(_ weights: BackboneWeights, _ c: EncoderConfiguration, _ names: EncoderNames, layer: Int) throws {
        let path = names.layer(layer)
        func linear(_ role: LinearSite.Role, _ name: String, _ outputs: Int, _ inputs: Int) throws
            -> LinearLayer
        {
            try weights.linear(LinearSite(layer: layer, role: role), "\(path).\(name)", outputs, inputs)
        }
        query = try linear(.query, names.query, c.hiddenSize, c.hiddenSize)
        key = try linear(.key, names.key, c.hiddenSize, c.hiddenSize)
        value = try linear(.value, names.value, c.hiddenSize, c.hiddenSize)
        attentionOutput = try linear(.attentionOutput, names.attentionOutput, c.hiddenSize, c.hiddenSize)
        intermediate = try linear(.intermediate, names.intermediate, c.intermediateSize, c.hiddenSize)
        output = try linear(.output, names.output, c.hiddenSize, c.intermediateSize)
        attentionNorm = try weights.norm("\(path).\(names.attentionNorm)", c.hiddenSize)
        outputNorm = try weights.norm("\(path).\(names.outputNorm)", c.hiddenSize)
        func ownProjection(_ name: String, _ isNeeded: (DisentangledAttention) -> Bool) throws -> Dense? {
            guard case .disentangled(let attention) = c.relative, !attention.sharesProjections,
                isNeeded(attention)
            else { return nil }
            return try weights.dense("\(path).\(name)", c.hiddenSize, c.hiddenSize)
        }
        positionKey = try ownProjection(names.positionKey, \.hasContentToPosition)
        positionQuery = try ownProjection(names.positionQuery, \.hasPositionToContent)
    }

    /// hidden[T, C] one layer on; with `readsFirst` [B, C], the first row of each sequence.
    ///
    /// - Parameters:
    ///   - layer: of `hooks`; several where layers share this block.
    func callAsFunction(
        _ hidden: Variable, offsets: [Int], relative: RelativeLookup?, readsFirst: Bool, layer: Int,
        _ hooks: BackboneHooks, _ c: EncoderConfiguration, on tape: Tape
    ) -> Variable {
        let read = readsFirst ? tape.firstRows(hidden, offsets: offsets) : hidden
        let queryOffsets = readsFirst ? Array(0...(offsets.count - 1)) : offsets
        // Query, key, value: in this order their gradients are summed.
        let query = query(read, on: tape)
        let seen = hooks.prefixed(
            key(hidden, on: tape), value(hidden, on: tape), offsets: offsets, layer: layer, on: tape)
        let context = tape.attention(
            query: query, key: seen.key, value: seen.value, queryOffsets: queryOffsets,
            offsets: seen.offsets, heads: c.heads, positions: relative.map { positions($0, on: tape) })
        // What an adapter gives may be read by its own backward pass.
        let adapter = hooks.blocks[layer]
        var update = attentionOutput(context, on: tape)
        if let adapter {
            let sum = BlockSum(.attention, read) { update, tape in
                attentionNorm(update, adding: read, epsilon: c.layerNormEpsilon, on: tape)
            }
            update = adapter.output(of: update, in: sum, on: tape)
        }
        let attended = attentionNorm(
            update, adding: read, epsilon: c.layerNormEpsilon, reusing: adapter == nil, on: tape)
        let expanded = tape.gelu(
            intermediate(attended, on: tape), form: c.activation, reusing: true, remaking: output.readsInput)
        update = output(expanded, on: tape)
        if let adapter {
            let sum = BlockSum(.feedForward, attended) { update, tape in
                outputNorm(update, adding: attended, epsilon: c.layerNormEpsilon, on: tape)
            }
            update = adapter.output(of: update, in: sum, on: tape)
        }
        return outputNorm(
            update, adding: attended, epsilon: c.layerNormEpsilon, reusing: adapter == nil, on: tape)
    }

    private func positions(_ relative: RelativeLookup, on tape: Tape) -> RelativePositions {
        switch relative.scheme {
        case .bias: return .bias(relative.values, relative.rows)
        case .disentangled(let attention):
            // Adapters on shared projections act here too, as PEFT's do, which wrap the module.
            func projected(_ own: Dense?, _ shared: LinearLayer) -> Variable {
                own.map { $0(relative.values, on: tape) } ?? shared(relative.values, on: tape)
            }
            return .disentangled(
                positionKey: attention.hasContentToPosition ? projected(positionKey, key) : nil,
                positionQuery: attention.hasPositionToContent ? projected(positionQuery, query) : nil,
                relative.rows)
        }
    }
}
