import Autodiff

/// What the layers share while a decoder reads a batch.
struct DecoderPass {
    /// Where the sequences begin in the hidden rows, and the end: B + 1 entries.
    let offsets: [Int]
    /// By scheme, for each hidden row
    let rotary: [RotaryRows]
    /// Of the one sequence whose last rows these are.
    var cache: KeyValueCache?

    /// Keys and values that the rows see, with those kept of rows before, and where their sequences begin.
    func seen(_ keys: Variable, _ values: Variable, layer: Int, on tape: Tape) -> (
        keys: Variable, values: Variable, offsets: [Int]
    ) {
        guard let cache else { return (keys, values, offsets) }
        let all = cache.extend(layer: layer, keys: keys.value, values: values.value)
        return (tape.input(all.keys), tape.input(all.values), [0, all.keys.rows])
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
