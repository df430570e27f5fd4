import Autodiff

/// Acts on what a part of a layer adds to its input, as the bottleneck adapters of Houlsby et al. (2019) do.
package protocol BlockAdapter: AnyObject, Sendable {
    /// What is added in place of `update`[T, C].
    func output(of update: Variable, in sum: BlockSum, on tape: Tape) -> Variable
}

/// The sum that a part of a layer ends in: its update, what that is added to, and in post-norm layers a norm over both.
package struct BlockSum {
    package let part: BlockPart
    /// [T, C]; in pre-norm layers as it was before the norm
    package let residual: Variable
    private let normed: ((_ update: Variable, _ tape: Tape) -> Variable)?

    /// - Parameter normed: the norm of `residual` + update; nil for none.
    init(
        _ part: BlockPart, _ residual: Variable,
        normed: ((_ update: Variable, _ tape: Tape) -> Variable)? = nil
    ) {
        (self.part, self.residual, self.normed) = (part, residual, normed)
    }

    /// What the part's sum is with this update: what comes out of the part.
    package func total(_ update: Variable, on tape: Tape) -> Variable {
        normed?(update, tape) ?? tape.add(update, residual)
    }
}

/// The parts of a layer that end in a sum with their input.
package enum BlockPart: Sendable { case attention, feedForward }

/// Rows that stand before those of every sequence: keys and values of a layer (prefix tuning, Li and Liang 2021), or
/// embeddings (prompt tuning, Lester et al. 2021).
package protocol RowPrefix: AnyObject, Sendable {
    /// N
    var count: Int { get }
    /// [N, columns] each; `columns` are those of what they stand before.
    func rows(columns: Int, on tape: Tape) -> [Variable]
}

/// Where a method acts beside the linear layers, which have hooks of their own. Variables that a hook gives may be used
/// by several layers.
///
/// Unchecked Sendable: the hooks are set before training starts and changed only between steps.
package final class BackboneHooks: @unchecked Sendable {
    /// By layer
    package var blocks: [Int: any BlockAdapter] = [:]
    /// By layer: two variables, keys and values, which no position turns. Where a model's layers are causal, the tokens of every
    /// sequence have the positions behind the longest of these prefixes, as behind keys and values that PEFT puts into a cache;
    /// an encoder's stay where they are. Not for models that attend by distance: a prefix has none.
    package var attention: [Int: any RowPrefix] = [:]
    /// One variable. Its rows have positions, which must leave room for the longest sequence; the hidden states that a model gives
    /// are without them, but for `HiddenRows.start`.
    package var input: (any RowPrefix)?

    /// Rows of the longest prefix of a layer.
    var attentionRows: Int { attention.values.reduce(0) { max($0, $1.count) } }

    /// Whether something in this layer may learn.
    func act(inLayer layer: Int) -> Bool { blocks[layer] != nil || attention[layer] != nil }

    /// Keys and values with the layer's prefix, and where their sequences begin.
    func prefixed(
        _ key: Variable, _ value: Variable, offsets: [Int], layer: Int, on tape: Tape
    ) -> (key: Variable, value: Variable, offsets: [Int]) {
        guard let prefix = attention[layer] else { return (key, value, offsets) }
        let rows = prefix.rows(columns: key.columns, on: tape)
        precondition(rows.count == 2, "a prefix of attention is keys and values, not \(rows.count) variables")
        return (
            tape.prepending(rows[0], to: key, offsets: offsets),
            tape.prepending(rows[1], to: value, offsets: offsets), Self.prefixed(offsets, by: prefix.count)
        )
    }

    /// Embeddings [T + B · N, E] with the prefix of the input.
    func prefixed(_ embeddings: Variable, _ prefix: any RowPrefix, offsets: [Int], on tape: Tape) -> Variable
    {
        let rows = prefix.rows(columns: embeddings.columns, on: tape)
        precondition(rows.count == 1, "a prefix of the input is one variable, not \(rows.count)")
        return tape.prepending(rows[0], to: embeddings, offsets: offsets)
    }

    /// Of sequences that are each `count` rows longer.
    static func prefixed(_ offsets: [Int], by count: Int) -> [Int] {
        offsets.enumerated().map { $1 + $0 * count }
    }
}

extension PackedBatch {
    /// With `count` tokens before each sequence that stand for no word, of a type 0.
    ///
    /// - Parameter id: one that the model does not skip.
    func prefixed(by count: Int, id: Int32) -> PackedBatch {
        PackedBatch(
            (0..<sequences).map { sequence in
                let rows = offsets[sequence]..<offsets[sequence + 1]
                return (
                    ids: Array(repeating: id, count: count) + ids[rows],
                    typeIDs: Array(repeating: 0, count: count) + typeIDs[rows]
                )
            })
    }

    /// Without the first `count` tokens of each sequence.
    func without(prefix count: Int) -> PackedBatch {
        PackedBatch(
            (0..<sequences).map { sequence in
                let rows = (offsets[sequence] + count)..<offsets[sequence + 1]
                return (ids: Array(ids[rows]), typeIDs: Array(typeIDs[rows]))
            })
    }
}
