import CVectorKernels
import Matrices

extension Tape {
    /// x[T, heads · D] with the pairs of each head turned by the angles of the row's position, times the table's factor; where
    /// the table is narrower than D, a head's other columns stay as they are.
    ///
    /// - Parameters:
    ///   - positions: rows of the table, one a row.
    ///   - reusing: nobody else reads x, the operation that made it included: its memory becomes the result. Traps where
    ///     somebody does.
    package func rotary(
        _ x: Variable, table: RotaryTable, positions: [Int32], heads: Int, reusing: Bool = false
    ) -> Variable {
        let rows = x.rows
        precondition(
            x.columns % heads == 0 && x.columns / heads >= table.width && positions.count == rows,
            "\(positions.count) positions and \(heads) heads of \(table.width) for [\(rows), \(x.columns)]")
        for position in positions {
            precondition(
                position >= 0 && position < table.longest, "position \(position) of \(table.longest)")
        }
        let input = x.value
        let out =
            reusing
            ? Variable(value: x.takeMemory(), needsGradient: x.needsGradient)
            : output(rows: rows, columns: x.columns, needsGradient: x.needsGradient)
        table.turn(input, by: 1, positions, heads: heads, into: out.value, accumulate: false)
        record(out) { [unowned self, x = x.place] g in
            guard let target = gradientTarget(of: x) else { return }
            table.turn(g, by: -1, positions, heads: heads, into: target.matrix, accumulate: target.accumulate)
        }
        return out
    }
}

extension RotaryTable {
    /// - Parameter direction: −1 turns back.
    fileprivate func turn(
        _ x: Matrix, by direction: Float, _ positions: [Int32], heads: Int, into out: Matrix, accumulate: Bool
    ) {
        let (columns, half, adds): (Int, Int, Int32) = (x.columns / heads, width / 2, accumulate ? 1 : 0)
        if columns == width && pairs == .halves {
            avk_rotary(
                x.pointer, cosines.pointer, sines.pointer, positions, direction, out.pointer, x.rows, heads,
                half, adds)
        } else {
            avk_rotary_part(
                x.pointer, cosines.pointer, sines.pointer, positions, direction, out.pointer, x.rows, heads,
                columns, half, pairs == .neighbours ? 1 : 0, adds)
        }
    }
}
