import Autodiff

/// What the layers share while a decoder reads a batch.
struct DecoderPass {
    /// Where the sequences begin in the hidden rows, and the end: B + 1 entries.
    let offsets: [Int]
    /// Where sequences begin alike, which of the hidden rows each one sees; those of `offsets` are then what it has alone.
    var paths: KeyPaths?
    /// By scheme, for each hidden row
    let rotary: [RotaryRows]
    /// Of the one sequence whose last rows these are.
    var cache: KeyValueCache?

    /// Keys and values that the rows see.
    struct Seen {
        let keys: Variable
        let values: Variable
        /// Where their sequences begin
        let offsets: [Int]
        let paths: KeyPaths?
    }

    /// With those kept of rows before, and behind the layer's prefix: one before all paths, which begin with it.
    func seen(_ keys: Variable, _ values: Variable, _ hooks: BackboneHooks, layer: Int, on tape: Tape) -> Seen
    {
        var (keys, values, starts) = (keys, values, paths == nil ? offsets : [0, keys.rows])
        if let cache {
            let all = cache.extend(layer: layer, keys: keys.value, values: values.value)
            (keys, values, starts) = (tape.input(all.keys), tape.input(all.values), [0, all.keys.rows])
        }
        let seen = hooks.prefixed(keys, values, offsets: starts, layer: layer, on: tape)
        let prefix = hooks.attention[layer]?.count ?? 0
        return Seen(
            keys: seen.key, values: seen.value, offsets: seen.offsets,
            paths: prefix == 0 ? paths : paths?.behind(prefix))
    }
}

/// Rows of the last layer that somebody reads, of which alone it is then computed.
struct ChosenRows {
    let rows: [Int]
    /// From each sequence's first chosen row to its end: query rows of causal attention are a sequence's last ones.
    let queries: [Int]
    /// Where the sequences begin in `queries`.
    let queryOffsets: [Int]
    /// Where the chosen rows stand in `queries`.
    let places: [Int]

    /// - Parameter rows: in rising order.
    init(_ rows: [Int], offsets: [Int]) {
        precondition(
            zip(rows, rows.dropFirst()).allSatisfy(<) && (rows.first ?? 0) >= 0
                && (rows.last ?? -1) < (offsets.last ?? 0),
            "chosen rows that do not rise, or are not among \(offsets.last ?? 0)")
        self.rows = rows
        var (queries, starts, places): ([Int], [Int], [Int]) = ([], [0], [])
        var next = 0
        for end in offsets.dropFirst() {
            if next < rows.count, rows[next] < end {
                let (first, place) = (rows[next], queries.count)
                while next < rows.count, rows[next] < end {
                    places.append(place + rows[next] - first)
                    next += 1
                }
                queries += first..<end
            }
            starts.append(queries.count)
        }
        (self.queries, queryOffsets, self.places) = (queries, starts, places)
    }

    /// Rows of a batch, where they stand once `prefix` rows are before each sequence.
    init(_ rows: [Int], of batch: PackedBatch, prefix: Int) {
        var sequence = 0
        let moved = rows.map { row in
            while sequence + 1 < batch.sequences, row >= batch.offsets[sequence + 1] { sequence += 1 }
            return row + (sequence + 1) * prefix
        }
        self.init(moved, offsets: BackboneHooks.prefixed(batch.offsets, by: prefix))
    }
}
