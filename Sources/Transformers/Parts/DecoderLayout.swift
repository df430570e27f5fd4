import Autodiff

/// The rows that a decoder computes of a batch: those of its sequences, or of the tree of what they begin with alike.
struct DecoderLayout {
    /// Without the rows of a prefix
    let ids: [Int32]
    /// Where the sequences, or the tree's segments, begin in the hidden rows, and the end.
    let offsets: [Int]
    /// Where their rows stand in whole sequences
    let parts: [SequencePart]
    let paths: KeyPaths?
    /// Of the last layer; nil for all.
    let chosen: ChosenRows?
    /// For each row that is read which of the rows computed it is; nil where they are the same.
    private let places: [Int]?
    private let tree: TokenTree?

    /// - Parameters:
    ///   - prefix: rows before each sequence.
    ///   - before: positions before these.
    ///   - isShared: whether what sequences begin with alike may be computed once.
    init(_ batch: PackedBatch, _ rows: HiddenRows, padding: Int32?, prefix: Int, before: Int, isShared: Bool)
    {
        let read = batch.indices(of: rows, padding: padding)
        guard isShared, let tree = batch.tree else {
            (ids, paths, places, tree) = (batch.ids, nil, nil, nil)
            chosen = read.map { ChosenRows($0, of: batch, prefix: prefix) }
            let offsets = BackboneHooks.prefixed(batch.offsets, by: prefix)
            self.offsets = offsets
            parts = zip(offsets, offsets.dropFirst()).map {
                SequencePart(length: $1 - $0, count: $1 - $0).behind(before)
            }
            return
        }
        self.tree = tree
        (ids, offsets, paths) = (tree.ids, tree.offsets, tree.paths)
        parts = tree.segments.map { $0.part.behind(before) }
        guard let read else {
            (chosen, places) = (nil, tree.rows)
            return
        }
        let rows = read.map { tree.rows[$0] }
        let computed = Set(rows).sorted()
        chosen = ChosenRows(computed, offsets: tree.offsets)
        let place = Dictionary(uniqueKeysWithValues: zip(computed, computed.indices))
        places = rows.compactMap { place[$0] }
    }

    /// The rows that are read, of the last layer's; one that several sequences have is several of them.
    func read(_ hidden: Variable, on tape: Tape) -> Variable {
        places.map { tape.rows(hidden, $0) } ?? hidden
    }

    /// Of the rows of all tokens those that are computed: of one that several sequences have, that of the first of them.
    func computed(_ rows: Variable, on tape: Tape) -> Variable {
        tree.map { tape.rows(rows, $0.firstPlaces) } ?? rows
    }

    /// The rows of all tokens of another layer
    func all(_ hidden: Variable, on tape: Tape) -> Variable {
        tree.map { tape.rows(hidden, $0.rows) } ?? hidden
    }
}
