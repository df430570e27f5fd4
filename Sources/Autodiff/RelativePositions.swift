/// Which rows of a table of relative positions the distances i − j between query rows i and key rows j fall on.
///
/// Each distance has a slot, in falling order from that of the last query row and key row 0, so that those of one query
/// row lie side by side in the order of the keys: slot = farthest − i + j. Neighboring slots may share a row (buckets).
package struct RelativeRows: Sendable, Equatable {
    /// The distance of slot 0.
    let farthest: Int
    /// For each slot the number of its entry in `tableRows`, E in all.
    let entries: [Int]
    /// The rows of the table in use: what to look up.
    package let tableRows: [Int32]

    /// - Parameters:
    ///   - queryRows: of the longest sequence; query row i stands at position i.
    ///   - keyRows: of the longest sequence.
    ///   - tableRow: the row of a distance.
    package init(queryRows: Int, keyRows: Int, tableRow: (_ distance: Int) -> Int) {
        precondition(
            queryRows > 0 && keyRows > 0, "distances of \(queryRows) query and \(keyRows) key rows")
        farthest = queryRows - 1
        var entries: [Int] = []
        var tableRows: [Int32] = []
        for slot in 0..<(queryRows + keyRows - 1) {
            let row = Int32(tableRow(queryRows - 1 - slot))
            if tableRows.last != row { tableRows.append(row) }
            entries.append(tableRows.count - 1)
        }
        self.entries = entries
        self.tableRows = tableRows
    }
}

/// What attention adds to its scores for the distance between a query row i and a key row j.
package enum RelativePositions {
    /// q_i·positionKey[i − j] + k_j·positionQuery[i − j], both `[E, C]` by `tableRows`; nil for a term that the model
    /// lacks. The scores of n terms are divided by √(n·D). He et al. 2021, "DeBERTa", as transformers computes it.
    case disentangled(positionKey: Variable?, positionQuery: Variable?, RelativeRows)
    /// bias[i − j, head], `[E, heads]` by `tableRows`, added after the division by √D. Raffel et al. 2020, "T5".
    case bias(Variable, RelativeRows)
}
