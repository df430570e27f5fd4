import CVectorKernels
import Matrices

/// A sum of rows, each times a factor: what an image's size makes of positions that were learned for another.
package struct RowSum: Sendable {
    package let terms: [(row: Int, factor: Float)]

    package init(_ terms: [(row: Int, factor: Float)]) { self.terms = terms }
}

extension Tape {
    /// out[N, C]: row n is the n-th of these sums of rows of x[T, C].
    package func combined(_ x: Variable, _ sums: [RowSum]) -> Variable {
        precondition(
            sums.allSatisfy { $0.terms.allSatisfy { $0.row >= 0 && $0.row < x.rows } },
            "a sum of rows that [\(x.rows), \(x.columns)] lacks")
        let columns = x.columns
        let out = output(rows: sums.count, columns: columns, needsGradient: x.needsGradient)
        for (place, sum) in sums.enumerated() {
            let row = out.value.row(place)
            row.update(repeating: 0, count: columns)
            for term in sum.terms {
                let source = x.value.row(term.row)
                for column in 0..<columns { row[column] += term.factor * source[column] }
            }
        }
        record(out) { [unowned self, x = x.place] g in
            guard let target = gradientTarget(of: x) else { return }
            if !target.accumulate { target.matrix.fill(0) }
            for (place, sum) in sums.enumerated() {
                let source = g.row(place)
                for term in sum.terms {
                    let row = target.matrix.row(term.row)
                    for column in 0..<columns { row[column] += term.factor * source[column] }
                }
            }
        }
        return out
    }

    /// out[T, A + B]: the columns of y[T, B] behind those of x[T, A].
    package func beside(_ x: Variable, _ y: Variable) -> Variable {
        precondition(x.rows == y.rows, "[\(y.rows), \(y.columns)] beside [\(x.rows), \(x.columns)]")
        let (first, second) = (x.columns, y.columns)
        let out = output(
            rows: x.rows, columns: first + second, needsGradient: x.needsGradient || y.needsGradient)
        for row in 0..<x.rows {
            out.value.row(row).update(from: x.value.row(row), count: first)
            (out.value.row(row) + first).update(from: y.value.row(row), count: second)
        }
        record(out) { [unowned self, x = x.place, y = y.place] g in
            for (place, start) in [(x, 0), (y, first)] {
                guard let target = gradientTarget(of: place) else { continue }
                if !target.accumulate { target.matrix.fill(0) }
                for row in 0..<g.rows {
                    avk_add(g.row(row) + start, target.matrix.row(row), place.columns)
                }
            }
        }
        return out
    }
}
