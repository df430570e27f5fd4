import CVectorKernels
import Matrices

extension Tape {
    /// out[T, C] = Σ over tables of table[index[t]]: the sum of token, position and type embeddings.
    package func embedding(_ lookups: [(table: any Operand, indices: [Int32])]) -> Variable {
        precondition(!lookups.isEmpty, "an embedding needs a table")
        let rows = lookups[0].indices.count
        let columns = lookups[0].table.columns
        let out = output(
            rows: rows, columns: columns, needsGradient: lookups.contains { $0.table.isTrainable })
        for (number, lookup) in lookups.enumerated() {
            let table = lookup.table
            precondition(
                lookup.indices.count == rows && table.columns == columns,
                "\(table.name): \(lookup.indices.count) indices of width \(table.columns), \(rows) of \(columns)"
            )
            for index in lookup.indices {
                precondition(
                    index >= 0 && index < table.rows,
                    "\(table.name) has \(table.rows) rows, asked for \(index)")
            }
            table.gather(lookup.indices, into: out.value, adding: number > 0, pool: pool)
            table.leave()
        }
        record(out) { [unowned self] g in
            for lookup in lookups {
                guard let gradient = gradient(of: lookup.table) else { continue }
                for (row, index) in lookup.indices.enumerated() {
                    avk_add(g.row(row), gradient.row(Int(index)), columns)
                }
            }
        }
        return out
    }
}
