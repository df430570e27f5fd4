import Autodiff
import Matrices

extension LowRankAdapter {
    /// Keeps the triplets `kept` and appends a new one with λ = 0.
    func reshape(keeping kept: [Int], adding newborn: Newborn?, after step: Int) {
        let (p, q) = (factors.p.values, factors.q.values)
        let lambda = self.lambda
        resize(to: kept.count + (newborn == nil ? 0 : 1))
        let (newP, newQ) = (factors.p.values, factors.q.values)
        for row in 0..<p.rows { for (to, from) in kept.enumerated() { newP.row(row)[to] = p.row(row)[from] } }
        for (to, from) in kept.enumerated() {
            newQ.row(to).update(from: q.row(from), count: q.columns)
            factors.lambda?.values.pointer[to] = lambda[from]
        }
        book.keep(kept)
        guard let newborn else { return }
        for row in 0..<p.rows { newP.row(row)[kept.count] = newborn.p[row] }
        for column in 0..<q.columns { newQ.row(kept.count)[column] = newborn.q[column] }
        book.add(after: step)
    }

    /// New factors of `rank`, all zeros, every triplet alive.
    func resize(to rank: Int) {
        factors = LowRankFactors(
            p: Parameter(name: factors.p.name, values: Matrix(rows: layer.outputs, columns: rank)),
            lambda: factors.lambda.map {
                Parameter(name: $0.name, values: Matrix(rows: 1, columns: rank))
            }, q: Parameter(name: factors.q.name, values: Matrix(rows: rank, columns: layer.inputs)),
            factor: factors.factor)
        mask = Array(repeating: true, count: rank)
    }
}

/// The directions of a new triplet: unit vectors p `[O]` and q `[I]`.
struct Newborn {
    let p: [Float]
    let q: [Float]
}
