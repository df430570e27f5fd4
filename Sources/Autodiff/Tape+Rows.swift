import CVectorKernels
import Matrices

extension Tape {
    /// out[N, C]: some rows of x[T, C], in the order they are named; one may be named several times.
    package func rows(_ x: Variable, _ rows: [Int]) -> Variable {
        precondition(
            rows.allSatisfy { $0 >= 0 && $0 < x.rows }, "a row is named that [\(x.rows), \(x.columns)] lacks")
        let columns = x.columns
        let out = output(rows: rows.count, columns: columns, needsGradient: x.needsGradient)
        for (place, row) in rows.enumerated() {
            out.value.row(place).update(from: x.value.row(row), count: columns)
        }
        record(out) { [unowned self] g in
            guard let target = gradientTarget(of: x) else { return }
            if !target.accumulate { target.matrix.fill(0) }
            for (place, row) in rows.enumerated() { avk_add(g.row(place), target.matrix.row(row), columns) }
        }
        return out
    }

    /// out[T, N]: the columns `range` of x[T, C].
    package func columns(_ x: Variable, _ range: Range<Int>) -> Variable {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= x.columns, "columns \(range) of \(x.columns)")
        let out = output(rows: x.rows, columns: range.count, needsGradient: x.needsGradient)
        for row in 0..<x.rows {
            out.value.row(row).update(from: x.value.row(row) + range.lowerBound, count: range.count)
        }
        record(out) { [unowned self] g in
            guard let target = gradientTarget(of: x) else { return }
            if !target.accumulate { target.matrix.fill(0) }
            for row in 0..<g.rows {
                avk_add(g.row(row), target.matrix.row(row) + range.lowerBound, range.count)
            }
        }
        return out
    }
}
