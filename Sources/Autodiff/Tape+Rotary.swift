import CVectorKernels
import Matrices

extension Tape {
    /// x[T, heads · D] with the pairs of each head turned by the angles of the row's position. Columns d and d + D/2 of a
    /// head are a pair, as Hugging Face's `rotate_half` has it.
    ///
    /// - Parameters:
    ///   - positions: one a row.
    ///   - reusing: nobody else reads x, the operation that made it included: its memory becomes the result. Traps where
    ///     somebody does.
    package func rotary(
        _ x: Variable, table: RotaryTable, positions: [Int32], heads: Int, reusing: Bool = false
    ) -> Variable {
        let (rows, pairs) = (x.rows, table.width / 2)
        precondition(
            x.columns == heads * table.width && positions.count == rows,
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
        avk_rotary(
            input.pointer, table.cosines.pointer, table.sines.pointer, positions, 1, out.value.pointer, rows,
            heads, pairs, 0)
        record(out) { [unowned self] g in
            guard let target = gradientTarget(of: x) else { return }
            avk_rotary(
                g.pointer, table.cosines.pointer, table.sines.pointer, positions, -1, target.matrix.pointer,
                rows, heads, pairs, target.accumulate ? 1 : 0)
        }
        return out
    }
}
