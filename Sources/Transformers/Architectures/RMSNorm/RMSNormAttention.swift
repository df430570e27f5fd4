import Autodiff

/// Causal attention with grouped queries, which rotary positions turn.
struct RMSNormAttention: Sendable {
    private let input: Input
    private let output: LinearLayer
    private let queryNorm, keyNorm: Weight?
    var norms: [Weight?] { [queryNorm, keyNorm] }
    private let layer: Int

    private enum Input: Sendable {
        case separate(query: LinearLayer, key: LinearLayer, value: LinearLayer)
        /// [query; key; value]
        case fused(LinearLayer)
    }

    var linearLayers: [LinearLayer] {
        switch input {
        case .separate(let query, let key, let value): [query, key, value, output]
        case .fused(let all): [all, output]
        }
    }

    init(_ weights: BackboneWeights, _ t: DecoderTraits, layer: Int) throws {
        self.layer = layer
        let path = "layers.\(layer).self_attn"
        func linear(_ role: LinearSite.Role, _ name: String, _ outputs: Int, _ inputs: Int, _ hasBias: Bool)
            throws -> LinearLayer
        {
            try weights.linear(
                LinearSite(layer: layer, role: role), "\(path).\(name)", outputs, inputs,
                hasBias: hasBias)
        }
        let (queries, keys, hasBias) = (t.queryColumns, t.keyColumns, t.bias.inputs)
        if let name = t.names.qkv {
            input = .fused(try linear(.qkv, name, queries + 2 * keys, t.hiddenSize, hasBias))
        } else {
            input = .separate(
                query: try linear(.query, "q_proj", queries, t.hiddenSize, hasBias),
                key: try linear(.key, "k_proj", keys, t.hiddenSize, hasBias),
                value: try linear(.value, "v_proj", keys, t.hiddenSize, hasBias))
        }
        output = try linear(.attentionOutput, "o_proj", t.hiddenSize, queries, t.bias.attentionOutput)
        switch t.queryKeyNorm {
        case .none: (queryNorm, keyNorm) = (nil, nil)
        case .heads:
            queryNorm = try weights.vector("\(path).q_norm.weight", t.headWidth)
            keyNorm = try weights.vector("\(path).k_norm.weight", t.headWidth)
        case .whole:
            queryNorm = try weights.vector("\(path).q_norm.weight", queries)
            keyNorm = try weights.vector("\(path).k_norm.weight", keys)
        }
    }

    /// What attention adds to the hidden rows x[T, C] was made of; with chosen rows, to those.
    func callAsFunction(
        _ x: Variable, _ pass: DecoderPass, chosen: ChosenRows?, _ hooks: BackboneHooks, _ t: DecoderTraits,
        on tape: Tape
    ) -> Variable {
        var (queries, keys, values) = projections(x, chosen: chosen, t, on: tape)
        let perHead = t.queryKeyNorm == .heads
        queries = t.norm(queries, queryNorm, heads: perHead ? t.heads : 1, on: tape)
        keys = t.norm(keys, keyNorm, heads: perHead ? t.keyValueHeads : 1, on: tape)
        if let scheme = t.layers[layer].rotary {
            let turn = pass.rotary[scheme]
            func asked(_ values: [Int32]) -> [Int32] {
                chosen.map { $0.queries.map { values[$0] } } ?? values
            }
            queries = tape.rotary(
                queries, table: turn.table, positions: asked(turn.rows), heads: t.heads, reusing: true)
            keys = tape.rotary(
                keys, table: turn.table, positions: turn.rows, heads: t.keyValueHeads, reusing: true)
            let factors = t.queryGrowth.map { growth in asked(turn.positions).map(growth.factor) } ?? []
            if factors.contains(where: { $0 != 1 }) { queries = tape.scaledRows(queries, by: factors) }
        }
        let seen = pass.seen(keys, values, hooks, layer: layer, on: tape)
        var scores = t.scores
        scores.window = t.layers[layer].window
        let context = tape.causalAttention(
            query: queries, key: seen.keys, value: seen.values,
            queryOffsets: chosen?.queryOffsets ?? pass.offsets, offsets: seen.offsets, paths: seen.paths,
            heads: t.heads, keyValueHeads: t.keyValueHeads, scores: scores)
        return output(chosen.map { tape.rows(context, $0.places) } ?? context, on: tape)
    }

    private func projections(_ x: Variable, chosen: ChosenRows?, _ t: DecoderTraits, on tape: Tape) -> (
        queries: Variable, keys: Variable, values: Variable
    ) {
        switch input {
        case .separate(let query, let key, let value):
            let read = chosen.map { tape.rows(x, $0.queries) } ?? x
            return (query(read, on: tape), key(x, on: tape), value(x, on: tape))
        case .fused(let all):
            let (rows, queries, keys) = (all(x, on: tape), t.queryColumns, t.keyColumns)
            let asked = tape.columns(rows, ColumnBlocks(0..<queries))
            return (
                chosen.map { tape.rows(asked, $0.queries) } ?? asked,
                tape.columns(rows, ColumnBlocks(queries..<queries + keys)),
                tape.columns(rows, ColumnBlocks(queries + keys..<queries + 2 * keys))
            )
        }
    }
}
