import Autodiff

/// One layer: attention and a gated feed-forward network, each added to its input, with the norms of the traits.
struct RMSNormBlock: Sendable {
    private let attention: RMSNormAttention
    private let feedForward: GatedFeedForward
    private let beforeAttention, afterAttention, beforeFeedForward, afterFeedForward: Weight?
    private let layer: Int

    var linearLayers: [LinearLayer] { attention.linearLayers + feedForward.linearLayers }
    var isTrainable: Bool {
        let norms = [beforeAttention, afterAttention, beforeFeedForward, afterFeedForward] + attention.norms
        return linearLayers.contains(where: \.trains) || norms.contains { $0?.isTrainable ?? false }
    }

    init(_ weights: BackboneWeights, _ t: DecoderTraits, layer: Int) throws {
        self.layer = layer
        attention = try RMSNormAttention(weights, t, layer: layer)
        feedForward = try GatedFeedForward(weights, t, layer: layer)
        func norm(_ name: String) throws -> Weight {
            try weights.vector("layers.\(layer).\(name)_layernorm.weight", t.hiddenSize)
        }
        beforeAttention = t.norms == .after ? nil : try norm("input")
        switch t.norms {
        case .before:
            beforeFeedForward = try norm("post_attention")
            (afterAttention, afterFeedForward) = (nil, nil)
        case .around:
            afterAttention = try norm("post_attention")
            beforeFeedForward = try norm("pre_feedforward")
            afterFeedForward = try norm("post_feedforward")
        case .after:
            afterAttention = try norm("post_attention")
            beforeFeedForward = nil
            afterFeedForward = try norm("post_feedforward")
        }
    }

    /// hidden[T, C] one layer on; with chosen rows theirs alone.
    func callAsFunction(
        _ hidden: Variable, _ pass: DecoderPass, chosen: ChosenRows?, _ hooks: BackboneHooks,
        _ t: DecoderTraits, on tape: Tape
    ) -> Variable {
        let read = t.norm(hidden, beforeAttention, on: tape)
        var update = attention(read, pass, chosen: chosen, hooks, t, on: tape)
        let kept = chosen.map { tape.rows(hidden, $0.rows) } ?? hidden
        let attended = added(update, to: kept, after: .attention, afterAttention, hooks, t, on: tape)
        update = feedForward(t.norm(attended, beforeFeedForward, on: tape), t, on: tape)
        return added(update, to: attended, after: .feedForward, afterFeedForward, hooks, t, on: tape)
    }

    private func added(
        _ update: Variable, to input: Variable, after part: BlockPart, _ norm: Weight?,
        _ hooks: BackboneHooks, _ t: DecoderTraits, on tape: Tape
    ) -> Variable {
        var update = t.norm(update, norm, on: tape)
        if t.residualFactor != 1 { update = tape.scaled(update, by: t.residualFactor) }
        if let adapter = hooks.blocks[layer] {
            update = adapter.output(of: update, in: BlockSum(part, input), on: tape)
        }
        return tape.add(input, update)
    }
}

extension DecoderTraits {
    /// The norm of x[T, C]; x where there is none.
    ///
    /// - Parameter heads: how many the weights serve.
    func norm(_ x: Variable, _ gamma: Weight?, heads: Int = 1, on tape: Tape) -> Variable {
        guard let gamma else { return x }
        return tape.rmsNorm(x, gamma: gamma, epsilon: normEpsilon, offset: normOffset, heads: heads)
    }
}

/// down(activation(gate(x)) ⊙ up(x))
private struct GatedFeedForward: Sendable {
    private let input: Input
    private let down: LinearLayer

    private enum Input: Sendable {
        case separate(gate: LinearLayer, up: LinearLayer)
        /// [gate; up]
        case fused(LinearLayer)
    }

    var linearLayers: [LinearLayer] {
        switch input {
        case .separate(let gate, let up): [gate, up, down]
        case .fused(let both): [both, down]
        }
    }

    init(_ weights: BackboneWeights, _ t: DecoderTraits, layer: Int) throws {
        func linear(_ role: LinearSite.Role, _ name: String, _ outputs: Int, _ inputs: Int) throws
            -> LinearLayer
        {
            try weights.linear(
                LinearSite(layer: layer, role: role), "layers.\(layer).\(name)", outputs, inputs,
                hasBias: t.bias.feedForward)
        }
        let width = t.intermediateSize
        if let name = t.names.gateUp {
            input = .fused(try linear(.gateUp, name, 2 * width, t.hiddenSize))
        } else {
            input = .separate(
                gate: try linear(.gate, "mlp.gate_proj", width, t.hiddenSize),
                up: try linear(.up, "mlp.up_proj", width, t.hiddenSize))
        }
        down = try linear(.down, t.names.down, t.hiddenSize, width)
    }

    func callAsFunction(_ x: Variable, _ t: DecoderTraits, on tape: Tape) -> Variable {
        switch input {
        case .separate(let gate, let up):
            down(tape.gated(gate(x, on: tape), up(x, on: tape), by: t.activation), on: tape)
        case .fused(let both): down(tape.gated(both(x, on: tape), by: t.activation), on: tape)
        }
    }
}
