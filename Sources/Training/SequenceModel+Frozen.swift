import Autodiff
import Matrices
import Tasks
import Transformers

/// Layers that give the same rows in each step are run once; the others go on from what is kept of them.
extension SequenceModel {
    /// What the first layer that may learn reads of a shard, or, where all layers are frozen, the rows that somebody reads; nil
    /// where none is.
    ///
    /// Frozen layers run on a tape of their own, by row: what they make of a sequence is then the same in any company, made
    /// now or kept.
    func frozenInput(
        _ data: TokenizedDataset, _ members: [Int], _ cache: FrozenCache, on tape: Tape
    ) -> LayerInput? {
        let layers = backbone.frozenLayers
        if layers == 0 { return nil }
        return LayerInput(
            layer: layers, rows: tape.input(frozenRows(data, members, layers: layers, cache, tape.pool)))
    }

    /// [N, C]: what so many layers make of the sequences, laid end to end.
    private func frozenRows(
        _ data: TokenizedDataset, _ members: [Int], layers: Int, _ cache: FrozenCache, _ pool: BufferPool
    ) -> Matrix {
        let kept = cache.entries(of: members, after: layers)
        var parts = kept.map { $0?.layers == layers ? $0?.rows : nil }
        // Where ranks moved, some rows are those of fewer layers.
        let missing = Dictionary(grouping: members.indices.filter { parts[$0] == nil }) {
            kept[$0]?.layers ?? 0
        }
        for (start, places) in missing.sorted(by: { $0.key < $1.key }) {
            let some = places.map { members[$0] }
            let before = start == 0 ? nil : Self.joined(places.compactMap { kept[$0]?.rows }, pool)
            let made = run(data, some, from: start, before, to: layers, pool)
            for (place, part) in zip(places, made) {
                parts[place] = part
                cache.keep(part, after: layers, of: members[place])
            }
        }
        return Self.joined(parts.compactMap(\.self), pool)
    }

    /// What layers `start` ..< `end` make of sequences, by sequence.
    ///
    /// - Parameter before: what the first of them reads; nil for the embeddings.
    private func run(
        _ data: TokenizedDataset, _ members: [Int], from start: Int, _ before: Matrix?, to end: Int,
        _ pool: BufferPool
    ) -> [Matrix] {
        let tape = Tape(evaluatingWith: pool, byRow: true)
        let batch = data.batch(members, isShared: false)
        let input = before.map { LayerInput(layer: start, rows: tape.input($0)) }
        var offsets = batch.offsets
        let made: Matrix
        if end == backbone.sizes.layers {
            let read = rowsRead(of: batch, members, data.objective)
            offsets = read.1
            made =
                backbone.hiddenStates(
                    batch, rows: read.0, after: input, recomputing: false, on: tape, observe: nil
                ).value
        } else {
            made = backbone.input(ofLayer: end, batch, after: input, on: tape).value
        }
        return zip(offsets, offsets.dropFirst()).map { made.rows($0..<$1) }
    }

    private static func joined(_ parts: [Matrix], _ pool: BufferPool) -> Matrix {
        let columns = parts.first?.columns ?? 0
        let all = pool.matrix(rows: parts.reduce(0) { $0 + $1.rows }, columns: columns)
        var row = 0
        for part in parts {
            all.row(row).update(from: part.pointer, count: part.count)
            row += part.rows
        }
        return all
    }

    /// Bytes of what frozen layers make of all sequences, where so many are frozen.
    package func frozenBytes(_ data: TokenizedDataset, layers: Int) -> Int {
        let rows =
            layers < backbone.sizes.layers
            ? data.tokens
            : head.rows == .all
                ? data.sequences.indices.reduce(0) { sum, member in
                    sum + (data.objective?.rowsRead(member)?.count ?? data.sequences[member].length)
                } : data.count
        return rows * backbone.sizes.hidden * MemoryLayout<Float>.size
    }
}
