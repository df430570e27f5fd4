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
        record(out) { [unowned self, x = x.place] g in
            guard let target = gradientTarget(of: x) else { return }
            if !target.accumulate { target.matrix.fill(0) }
            for (place, row) in rows.enumerated() { avk_add(g.row(place), target.matrix.row(row), columns) }
        }
        return out
    }
}
