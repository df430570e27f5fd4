import CVectorKernels
import Glibc
import Matrices

/// What makes the product of two rows a similarity, with its temperature and bias. Of one row a sequence, so that plain loops serve.
extension Tape {
    /// x / ‖x‖ of each row of x[B, C]
    package func unitRows(_ x: Variable) -> Variable {
        let columns = x.columns
        let out = output(rows: x.rows, columns: columns, needsGradient: x.needsGradient)
        let inverses = (0..<x.rows).map { row in
            1 / Float(Self.dot(x.value.row(row), x.value.row(row), columns).squareRoot())
        }
        for (row, inverse) in inverses.enumerated() {
            avk_scale(x.value.row(row), inverse, out.value.row(row), columns, 0)
        }
        guard out.needsGradient else { return out }
        let y = out.keepValue()
        record(out) { [unowned self, x = x.place] g in
            guard let target = gradientTarget(of: x) else { return }
            // (g − y (y·g)) / ‖x‖
            for (row, inverse) in inverses.enumerated() {
                let along = Float(Self.dot(y.row(row), g.row(row), columns))
                for column in 0..<columns {
                    let slope = (g.row(row)[column] - y.row(row)[column] * along) * inverse
                    let place = target.matrix.row(row) + column
                    place.pointee = target.accumulate ? place.pointee + slope : slope
                }
            }
        }
        return out
    }

    /// e^exponent · x of x[B, C] and exponent [1, 1]: a temperature that is learned by its logarithm
    package func scaled(_ x: Variable, byExponentialOf exponent: any Operand) -> Variable {
        precondition(exponent.count == 1, "\(exponent.name) of \(exponent.count) numbers as one exponent")
        let factor = expf(exponent.vector.pointer[0])
        let out = output(
            rows: x.rows, columns: x.columns, needsGradient: x.needsGradient || exponent.isTrainable)
        avk_scale(x.value.pointer, factor, out.value.pointer, out.value.count, 0)
        // The result is its own derivative by the exponent.
        let y = exponent.isTrainable && out.needsGradient ? out.keepValue() : nil
        record(out) { [unowned self, x = x.place] g in
            if let y, let gradient = gradient(of: exponent) {
                gradient.pointer[0] += Float(Self.dot(y.pointer, g.pointer, g.count))
            }
            guard let target = gradientTarget(of: x) else { return }
            avk_scale(g.pointer, factor, target.matrix.pointer, g.count, target.accumulate ? 1 : 0)
        }
        return out
    }

    /// out[B, C]: `vector`[1, C] in each row
    package func repeated(_ vector: any Operand, rows: Int) -> Variable {
        let columns = vector.columns
        let out = output(rows: rows, columns: columns, needsGradient: vector.isTrainable)
        avk_fill_rows(vector.vector.pointer, out.value.pointer, rows, columns)
        record(out) { [unowned self] g in
            guard let gradient = gradient(of: vector) else { return }
            avk_column_sums_accumulate(g.pointer, gradient.pointer, rows, columns)
        }
        return out
    }

    private static func dot(_ first: UnsafePointer<Float>, _ second: UnsafePointer<Float>, _ count: Int)
        -> Double
    {
        (0..<count).reduce(0) { $0 + Double(first[$1]) * Double(second[$1]) }
    }
}
