/// The sensitivity averages of one adapter `ΔW = s·P·Λ·Q`, whose triplet `i` is column `i` of P, λ_i and row
/// `i` of Q.
///
/// All arrays are row-major: P `[O, R]`, λ `[R]`, Q `[R, I]`.
package struct TripletAverages: Sendable, Equatable {
    /// O, the rows of P.
    package let outputs: Int
    /// R, the number of triplets; `compact` and `reshape` change it, and it may be 0.
    package private(set) var rank: Int
    /// I, the columns of Q.
    package let inputs: Int
    /// Averages of P, `[O, R]`.
    package private(set) var p: SensitivityAverages
    /// Averages of λ, `[R]`.
    package private(set) var lambda: SensitivityAverages
    /// Averages of Q, `[R, I]`.
    package private(set) var q: SensitivityAverages

    /// Averages that have not observed any step: all zero.
    package init(outputs: Int, rank: Int, inputs: Int) {
        precondition(
            outputs >= 1 && inputs >= 1 && rank >= 0,
            "an adapter needs outputs and inputs of at least 1 and a rank of at least 0, got "
                + "\(outputs) outputs, rank \(rank), \(inputs) inputs")
        self.init(
            outputs: outputs, rank: rank, inputs: inputs, p: SensitivityAverages(count: outputs * rank),
            lambda: SensitivityAverages(count: rank), q: SensitivityAverages(count: rank * inputs))
    }

    /// Restores averages, e.g. from a checkpoint; traps unless the counts are `O·R`, `R` and `R·I`.
    package init(
        outputs: Int, rank: Int, inputs: Int, p: SensitivityAverages, lambda: SensitivityAverages,
        q: SensitivityAverages
    ) {
        precondition(p.count == outputs * rank, "P [\(outputs), \(rank)] got averages of \(p.count) values")
        precondition(lambda.count == rank, "λ [\(rank)] got averages of \(lambda.count) values")
        precondition(q.count == rank * inputs, "Q [\(rank), \(inputs)] got averages of \(q.count) values")
        self.outputs = outputs
        self.rank = rank
        self.inputs = inputs
        self.p = p
        self.lambda = lambda
        self.q = q
    }

    /// Takes in one step of all three arrays (eqs. 8–10); see `SensitivityAverages.observe`.
    ///
    /// Which weights are meant is the caller's choice: the paper takes them before the optimizer's update,
    /// PEFT and the authors' code after it.
    package mutating func observe(
        p: UnsafeBufferPointer<Float>, pGradient: UnsafeBufferPointer<Float>,
        lambda: UnsafeBufferPointer<Float>, lambdaGradient: UnsafeBufferPointer<Float>,
        q: UnsafeBufferPointer<Float>, qGradient: UnsafeBufferPointer<Float>, beta1: Float, beta2: Float
    ) {
        self.p.observe(weights: p, gradients: pGradient, beta1: beta1, beta2: beta2)
        self.lambda.observe(weights: lambda, gradients: lambdaGradient, beta1: beta1, beta2: beta2)
        self.q.observe(weights: q, gradients: qGradient, beta1: beta1, beta2: beta2)
    }

    /// The score of each triplet, `[R]` (eq. 7):
    ///
    ///     S_i = s(λ_i) + mean_j s(P_ji) + mean_j s(Q_ij)
    ///
    /// with `s = Ī·Ū` or, unweighted, `s = Ī`. Products and sums are in Double, rounded once to Float. The
    /// order of summation is fixed, and the score of a triplet depends on its own averages only, bit for bit,
    /// whatever other triplets there are.
    package func scores(weightedByUncertainty isWeighted: Bool) -> [Float] {
        let columnSums = p.columnSums(columns: rank, weightedByUncertainty: isWeighted)
        let values = lambda.rowSums(rows: rank, columns: 1, weightedByUncertainty: isWeighted)
        let rowSums = q.rowSums(rows: rank, columns: inputs, weightedByUncertainty: isWeighted)
        return (0..<rank).map { triplet in
            Float(
                values[triplet] + columnSums[triplet] / Double(outputs) + rowSums[triplet] / Double(inputs))
        }
    }

    /// Keeps the triplets at `kept`, in that order, and appends triplets that have not been observed yet.
    ///
    /// - Parameters:
    ///   - kept: distinct indices below `rank`; may be empty.
    ///   - count: how many new triplets, of averages 0, follow the kept ones.
    package mutating func reshape(keeping kept: [Int], adding count: Int) {
        precondition(
            kept.allSatisfy { $0 >= 0 && $0 < rank },
            "cannot keep triplets \(kept) of an adapter of rank \(rank)")
        precondition(Set(kept).count == kept.count, "cannot keep a triplet twice: \(kept) of rank \(rank)")
        precondition(count >= 0, "cannot add \(count) triplets to an adapter of rank \(rank)")
        p = p.keepingColumns(kept, of: rank, rows: outputs, adding: count)
        lambda = lambda.keepingRows(kept, of: 1, adding: count)
        q = q.keepingRows(kept, of: inputs, adding: count)
        rank = kept.count + count
    }

    /// Lets the averages follow a change of basis: afterwards those of triplet `i` are
    /// `Σ_j old_j · weights[j, i]`, for sensitivity and uncertainty alike.
    ///
    /// The weights of P are the squared cosines between its old and new columns, those of Q between its rows:
    /// a turned orthonormal basis gives weights that add up to 1, so totals are kept. A new scalar mixes several old ones,
    /// and this is an estimate of what its averages would be; for permutations, with signs or without, it is
    /// exact. An average of weight 0 takes no part, even if it is not finite.
    ///
    /// - Parameters:
    ///   - p: the weights of the columns of P, `[R, R]` row-major, none negative.
    ///   - lambda: the weights of the elements of λ, likewise.
    ///   - q: the weights of the rows of Q, likewise.
    package mutating func mix(p pWeights: [Float], lambda lambdaWeights: [Float], q qWeights: [Float]) {
        for (name, weights) in [("P", pWeights), ("λ", lambdaWeights), ("Q", qWeights)] {
            precondition(
                weights.count == rank * rank, "\(name) of rank \(rank) got \(weights.count) mixing weights")
            precondition(
                !weights.contains { $0 < 0 },
                "the mixing weights of \(name) include a negative one: \(weights)")
        }
        p = p.mixingColumns(by: pWeights, columns: rank)
        lambda = lambda.mixingRows(by: lambdaWeights, rows: rank)
        q = q.mixingRows(by: qWeights, rows: rank)
    }
}
