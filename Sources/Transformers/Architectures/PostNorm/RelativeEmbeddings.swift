import Autodiff

/// The table of relative positions, which all layers share.
struct RelativeEmbeddings: Sendable {
    private let scheme: RelativeScheme
    /// `[2 · span, C]` of DeBERTa, `[buckets, heads]` of MPNet
    private let table: Weight
    private let norm: Norm?

    init(
        _ scheme: RelativeScheme, _ weights: BackboneWeights, _ c: EncoderConfiguration, _ names: EncoderNames
    ) throws {
        self.scheme = scheme
        switch scheme {
        case .bias:
            table = try weights.table(names.relativeTable, RelativeScheme.biasBuckets, c.heads)
            norm = nil
        case .disentangled(let attention):
            table = try weights.table(names.relativeTable, 2 * attention.span, c.hiddenSize)
            norm = attention.normsEmbeddings ? try weights.norm(names.relativeNorm, c.hiddenSize) : nil
        }
    }

    /// The table's rows for the distances that sequences of these lengths have.
    ///
    /// - Parameter readsFirst: between the first row of a sequence and the others only.
    func lookUp(offsets: [Int], readsFirst: Bool, epsilon: Float, on tape: Tape) -> RelativeLookup {
        let longest = zip(offsets, offsets.dropFirst()).reduce(0) { max($0, $1.1 - $1.0) }
        let rows = RelativeRows(
            queryRows: readsFirst ? 1 : longest, keyRows: longest, tableRow: scheme.tableRow)
        let values = tape.embedding([(table, rows.tableRows)])
        return RelativeLookup(
            scheme: scheme, values: norm.map { $0(values, epsilon: epsilon, on: tape) } ?? values,
            rows: rows)
    }
}

/// What one pass through the layers needs of the table.
struct RelativeLookup {
    let scheme: RelativeScheme
    /// `[E, C]` or `[E, heads]`, by `rows.tableRows`
    let values: Variable
    let rows: RelativeRows
}
