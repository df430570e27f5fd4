import Matrices

/// Makes the optimizer's steps of exact triplets as long as LoRA's.
///
/// Adam moves each element by about the learning rate η, so how far a product moves depends on how it is split. LoRA moves a
/// column of B by η√O, and with it the product by c·η√O, where c = 1/√3 is the length of A's rows at their usual start. Of an
/// exact triplet the columns of P are unit vectors and λ = σ: a step of P moves the product by σ·η√O, which is nothing while
/// σ is small, and λ grows by η. So the same step is taken on B = P·σ/c and A = c·Q: in terms of P it is c/σ times as
/// long, in terms of Q 1/c times. σ + η stands in place of σ, so that a triplet near 0 takes finite steps; one at 0, which
/// only λ can move, takes its own. So does one with λ ≠ 0 whose column of P is 0 (`FactorInitialization.lora`): its P and Q
/// are LoRA's B and A as they stand.
package final class StepLengths {
    /// c
    package static let rowLength: Float = 1 / Float(3).squareRoot()

    private var before: [(p: Matrix, lambda: [Float], q: Matrix)] = []

    package init() {}

    /// Remembers the factors before the update.
    package func begin(_ set: AdapterSet) {
        before = set.adapters.map {
            (Matrix(copying: $0.factors.p.values), $0.lambda, Matrix(copying: $0.factors.q.values))
        }
    }

    /// Lengthens the steps that the update took.
    ///
    /// - Parameters:
    ///   - rate: η
    ///   - decay: the share of each weight that the update took off beside its step, which stays as it is.
    package func end(_ set: AdapterSet, rate: Double, decay: Double, workers: Workers) {
        let (adapters, before) = (set.adapters, before)
        let (rate, kept) = (Float(rate), Float(1 - decay))
        workers.run(tasks: adapters.count) { index, _ in
            let (old, factors) = (before[index], adapters[index].factors)
            let (p, q) = (factors.p.values, factors.q.values)
            let isLoRA = old.lambda.indices.map { triplet in
                old.lambda[triplet] != 0 && (0..<p.rows).allSatisfy { old.p.row($0)[triplet] == 0 }
            }
            let lengths = zip(old.lambda, isLoRA).map { lambda, isLoRA in
                lambda == 0 || isLoRA ? 1 : Self.rowLength / (abs(lambda) + rate)
            }
            for row in 0..<p.rows {
                let (new, start) = (p.row(row), old.p.row(row))
                for triplet in lengths.indices {
                    let from = kept * start[triplet]
                    new[triplet] = from + lengths[triplet] * (new[triplet] - from)
                }
            }
            for triplet in lengths.indices where !isLoRA[triplet] {
                let (new, start) = (q.row(triplet), old.q.row(triplet))
                for column in 0..<q.columns {
                    let from = kept * start[column]
                    new[column] = from + (new[column] - from) / Self.rowLength
                }
            }
        }
        self.before = []
    }
}
