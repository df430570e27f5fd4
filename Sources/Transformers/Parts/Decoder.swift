import Autodiff
import Matrices

/// A backbone of causal layers one after another, a norm after the last: reads whole batches, or a sequence token by token.
protocol Decoder: Backbone {
    /// Of queries and keys, by scheme; none where positions are learned.
    var rotary: [RotaryTables] { get }
    /// `pad_token_id`, which classifiers pass over at the end of a text.
    var padding: Int32? { get }

    /// [T + B · N, C]: what the first layer reads of T tokens, with the N rows of a prefix before each of B sequences.
    ///
    /// - Parameters:
    ///   - offsets: where the sequences begin in `ids`.
    ///   - rows: where each one's rows, those of the prefix among them, stand in it.
    func embeddings(
        _ ids: [Int32], _ prefix: (any RowPrefix)?, offsets: [Int], rows: [SequencePart], on tape: Tape
    ) -> Variable
    func trains(layer: Int) -> Bool
    /// hidden[T, C] one layer on; with chosen rows theirs alone.
    func output(
        ofLayer layer: Int, _ hidden: Variable, _ pass: DecoderPass, chosen: ChosenRows?, on tape: Tape
    ) -> Variable
    /// The norm after the last layer
    func normed(_ hidden: Variable, on tape: Tape) -> Variable
}

extension Decoder {
    /// The last layer is computed of the rows that are read alone.
    func hiddenStates(
        _ batch: PackedBatch, rows: HiddenRows, after start: LayerInput?, recomputing: Bool, on tape: Tape,
        observe: ((Int, Variable) -> Void)?
    ) -> Variable {
        let prefix = hooks.input
        precondition(prefix == nil || start == nil, "what a layer reads, without the prefix of the input")
        let layout = DecoderLayout(
            batch, rows, padding: padding, prefix: prefix?.count ?? 0, before: hooks.attentionRows,
            isShared: sharesBeginnings(longest: batch.longest))
        let chosen = layout.chosen
        if let chosen, chosen.rows.isEmpty {
            return tape.output(rows: 0, columns: sizes.hidden, needsGradient: false)
        }
        let pass = DecoderPass(
            offsets: layout.offsets, paths: layout.paths, rotary: rotary.map { $0.rows(layout.parts) })
        var hidden =
            start.map { layout.computed($0.rows, on: tape) }
            ?? embeddings(layout.ids, prefix, offsets: batch.offsets, rows: layout.parts, on: tape)
        if start == nil { observe?(0, layout.all(hidden, on: tape)) }
        for layer in (start?.layer ?? 0)..<sizes.layers {
            let isLast = layer == sizes.layers - 1
            let isTrainable = hidden.needsGradient || trains(layer: layer) || hooks.act(inLayer: layer)
            func run(_ hidden: Variable, on tape: Tape) -> Variable {
                output(ofLayer: layer, hidden, pass, chosen: isLast ? chosen : nil, on: tape)
            }
            hidden =
                recomputing && !isLast && isTrainable
                ? tape.recomputed(hidden) { run($1, on: $0) } : run(hidden, on: tape)
            if !isLast { observe?(layer + 1, layout.all(hidden, on: tape)) }
        }
        hidden = layout.read(normed(hidden, on: tape), on: tape)
        observe?(sizes.layers, hidden)
        guard chosen == nil, let prefix else { return hidden }
        return tape.withoutPrefix(of: prefix.count, hidden, offsets: batch.offsets)
    }

    /// Where its position alone says how a row turns, be its sequence short or long. A prefix of the input stands before each
    /// sequence by itself; those of layers are kept once in any case, and each sequence sees them.
    func sharesBeginnings(longest: Int) -> Bool {
        let before = hooks.attentionRows
        return hooks.input == nil
            && !rotary.contains { $0.turnsOtherwise(before + longest, than: before + 1) }
    }

    func input(ofLayer layer: Int, _ batch: PackedBatch, after start: LayerInput?, on tape: Tape) -> Variable
    {
        precondition(hooks.input == nil, "what a layer reads, without the prefix of the input")
        let parts = zip(batch.offsets, batch.offsets.dropFirst()).map {
            SequencePart(length: $1 - $0, count: $1 - $0).behind(hooks.attentionRows)
        }
        let pass = DecoderPass(offsets: batch.offsets, rotary: rotary.map { $0.rows(parts) })
        var hidden =
            start?.rows ?? embeddings(batch.ids, nil, offsets: batch.offsets, rows: parts, on: tape)
        for before in (start?.layer ?? 0)..<layer {
            hidden = output(ofLayer: before, hidden, pass, chosen: nil, on: tape)
        }
        return hidden
    }

    func startCache() -> KeyValueCache? { KeyValueCache(layers: sizes.layers, columns: keyShape.columns) }

    /// Where the length of a sequence decides how its positions turn and now decides otherwise, all of its tokens are read
    /// again.
    func hiddenStates(_ ids: [Int32], after cache: KeyValueCache, on tape: Tape) -> Variable {
        precondition(!tape.isTraining && !ids.isEmpty, "tokens with kept keys on a tape that records")
        let prefix = cache.rows == 0 ? hooks.input : nil
        let (before, length) = (hooks.attentionRows, cache.rows + (prefix?.count ?? 0) + ids.count)
        if cache.rows > 0,
            rotary.contains(where: { $0.turnsOtherwise(before + length, than: before + cache.rows) })
        {
            let all = cache.ids + ids
            cache.removeAll()
            let hidden = hiddenStates(all, after: cache, on: tape)
            return tape.rows(hidden, Array(all.count - ids.count..<all.count))
        }
        let part = SequencePart(length: length, count: length - cache.rows).behind(before)
        var hidden = embeddings(ids, prefix, offsets: [0, ids.count], rows: [part], on: tape)
        let pass = DecoderPass(
            offsets: [0, part.count], rotary: rotary.map { $0.rows([part]) }, cache: cache)
        for layer in 0..<sizes.layers {
            hidden = output(ofLayer: layer, hidden, pass, chosen: nil, on: tape)
        }
        cache.finish(ids, rows: part.count)
        hidden = normed(hidden, on: tape)
        return prefix.map { tape.withoutPrefix(of: $0.count, hidden, offsets: [0, ids.count]) } ?? hidden
    }
}
