import CVectorKernels
import Matrices

extension Tape {
    /// out[B, C]: the first row of each sequence of x[T, C]; `offsets` has B + 1 entries.
    package func firstRows(_ x: Variable, offsets: [Int]) -> Variable {
        checkOffsets(offsets, rows: x.value.rows)
        let columns = x.value.columns
        let out = output(rows: offsets.count - 1, columns: columns, needsGradient: x.needsGradient)
        for sequence in 0..<(offsets.count - 1) {
            out.value.row(sequence).update(from: x.value.row(offsets[sequence]), count: columns)
        }
        record(out) { [unowned self, x = x.place] g in
            guard let target = gradientTarget(of: x) else { return }
            if !target.accumulate { target.matrix.fill(0) }
            for sequence in 0..<(offsets.count - 1) {
                avk_add(g.row(sequence), target.matrix.row(offsets[sequence]), columns)
            }
        }
        return out
    }

    /// out[B, C]: the mean of the rows of each sequence of x[T, C].
    package func meanRows(_ x: Variable, offsets: [Int]) -> Variable {
        checkOffsets(offsets, rows: x.value.rows)
        let columns = x.value.columns
        let out = output(rows: offsets.count - 1, columns: columns, needsGradient: x.needsGradient)
        for sequence in 0..<(offsets.count - 1) {
            let row = out.value.row(sequence)
            row.update(repeating: 0, count: columns)
            let range = offsets[sequence]..<offsets[sequence + 1]
            for token in range { avk_add(x.value.row(token), row, columns) }
            let share = 1 / Float(range.count)
            for column in 0..<columns { row[column] *= share }
        }
        record(out) { [unowned self, x = x.place] g in
            guard let target = gradientTarget(of: x) else { return }
            if !target.accumulate { target.matrix.fill(0) }
            for sequence in 0..<(offsets.count - 1) {
                let range = offsets[sequence]..<offsets[sequence + 1]
                let share = 1 / Float(range.count)
                let source = g.row(sequence)
                for token in range {
                    let row = target.matrix.row(token)
                    for column in 0..<columns { row[column] += source[column] * share }
                }
            }
        }
        return out
    }

    private func checkOffsets(_ offsets: [Int], rows: Int) {
        precondition(
            offsets.first == 0 && offsets.last == rows
                && zip(offsets, offsets.dropFirst()).allSatisfy { $0 < $1 },
            "offsets \(offsets) do not cut \(rows) rows into sequences")
    }
}
