import CVectorKernels
import Matrices

extension Tape {
    /// x[T, C] · factor
    package func scaled(_ x: Variable, by factor: Float) -> Variable {
        let out = output(rows: x.rows, columns: x.columns, needsGradient: x.needsGradient)
        avk_scale(x.value.pointer, factor, out.value.pointer, out.value.count, 0)
        record(out) { [unowned self, x = x.place] g in
            guard let target = gradientTarget(of: x) else { return }
            avk_scale(g.pointer, factor, target.matrix.pointer, g.count, target.accumulate ? 1 : 0)
        }
        return out
    }

    /// x[T, C] · diag(factors), factors [1, C]
    package func scaledColumns(_ x: Variable, by factors: any Operand) -> Variable {
        let scales = factors.vector
        precondition(scales.count == x.columns, "\(scales.count) factors for \(x.columns) columns")
        let out = output(
            rows: x.rows, columns: x.columns, needsGradient: x.needsGradient || factors.isTrainable)
        Kernel.scaleColumns(x.value, by: scales, factor: 1, into: out.value)
        let input = out.needsGradient && factors.isTrainable ? x.saved() : nil
        record(out) { [unowned self, x = x.place] g in
            if let input, let gradient = gradient(of: factors) {
                Kernel.addColumnDots(g, input.value, factor: 1, into: gradient)
            }
            backwardScaledColumns(x, by: scales, g)
        }
        return out
    }

    /// Adds g[T, C] · diag(scales) to the gradient of x[T, C].
    package func backwardScaledColumns(_ x: GradientPlace, by scales: Matrix, _ g: Matrix) {
        guard let target = gradientTarget(of: x) else { return }
        if target.accumulate {
            let scaled = pool.matrix(rows: g.rows, columns: g.columns)
            Kernel.scaleColumns(g, by: scales, factor: 1, into: scaled)
            Kernel.add(scaled, into: target.matrix)
        } else {
            Kernel.scaleColumns(g, by: scales, factor: 1, into: target.matrix)
        }
    }

    /// Each row of x[T, C] times a factor of its own.
    package func scaledRows(_ x: Variable, by factors: [Float]) -> Variable {
        precondition(factors.count == x.rows, "\(factors.count) factors for \(x.rows) rows")
        let out = output(rows: x.rows, columns: x.columns, needsGradient: x.needsGradient)
        for (row, factor) in factors.enumerated() {
            avk_scale(x.value.row(row), factor, out.value.row(row), x.columns, 0)
        }
        record(out) { [unowned self, x = x.place] g in
            guard let target = gradientTarget(of: x) else { return }
            for (row, factor) in factors.enumerated() {
                avk_scale(g.row(row), factor, target.matrix.row(row), g.columns, target.accumulate ? 1 : 0)
            }
        }
        return out
    }

    /// cap · tanh(x / cap) of x[T, C]
    package func softCapped(_ x: Variable, at cap: Float) -> Variable {
        let out = output(rows: x.rows, columns: x.columns, needsGradient: x.needsGradient)
        out.value.copyValues(from: x.value)
        avk_soft_cap(out.value.pointer, 1, cap, out.value.count)
        guard out.needsGradient else { return out }
        let input = x.keepValue()
        record(out) { [unowned self, x = x.place] g in
            guard let target = gradientTarget(of: x) else { return }
            let slope = pool.matrix(rows: g.rows, columns: g.columns)
            slope.copyValues(from: g)
            avk_soft_cap_backward(input.pointer, 1, cap, slope.pointer, g.count)
            avk_scale(slope.pointer, 1, target.matrix.pointer, g.count, target.accumulate ? 1 : 0)
        }
        return out
    }
}
