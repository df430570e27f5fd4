/// The sensitivity averages of one adapter `ΔW = s·P·Λ·Q`, whose triplet `i` is column `i` of P, λ_i and row
/// `i` of Q.
///
/// All arrays are row-major: P `[O, R]`, λ `[R]`, Q `[R, I]`.
public struct TripletAverages: Sendable, Equatable {
    /// O, the rows of P.
    public let outputs: Int
    /// R, the number of triplets; it falls at compaction and may be 0.
    public private(set) var rank: Int
    /// I, the columns of Q.
    public let inputs: Int
    /// Averages of P, `[O, R]`.
    public private(set) var p: SensitivityAverages
    /// Averages of λ, `[R]`.
    public private(set) var lambda: SensitivityAverages
    /// Averages of Q, `[R, I]`.
    public private(set) var q: SensitivityAverages

    /// Averages that have not observed any step: all zero.
    public init(outputs: Int, rank: Int, inputs: Int) {
        precondition(
            outputs >= 1 && inputs >= 1 && rank >= 0,
            "an adapter needs outputs and inputs of at least 1 and a rank of at least 0, got "
                + "\(outputs) outputs, rank \(rank), \(inputs) inputs")
        self.init(
            outputs: outputs, rank: rank, inputs: inputs, p: SensitivityAverages(count: outputs * rank),
            lambda: SensitivityAverages(count: rank), q: SensitivityAverages(count: rank * inputs))
    }

    /// Restores averages, e.g. from a checkpoint; traps unless the counts are `O·R`, `R` and `R·I`.
    public init(
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
    public mutating func observe(
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
    /// with `s = Ī·Ū` or `s = Ī`. Products and sums are in Double, rounded once to Float. `magnitude` is
    /// `|λ_i|`.
    ///
    /// - Parameter lambda: the current λ, `[R]`; only `magnitude` reads its values.
    public func scores(_ measure: ImportanceMeasure, lambda: [Float]) -> [Float] {
        precondition(lambda.count == rank, "averages of rank \(rank) got \(lambda.count) values of λ")
        switch measure {
        case .magnitude: return lambda.map(\.magnitude)
        case .sensitivity: return scores(weightedByUncertainty: true)
        case .sensitivityOnly: return scores(weightedByUncertainty: false)
        }
    }

    /// Keeps the triplets at `kept`, in that order: columns of P, elements of λ, rows of Q.
    ///
    /// - Parameter kept: distinct indices below `rank`; none at all leaves rank 0.
    public mutating func compact(keeping kept: [Int]) {
        precondition(
            kept.allSatisfy { $0 >= 0 && $0 < rank },
            "cannot keep triplets \(kept) of an adapter of rank \(rank)")
        precondition(Set(kept).count == kept.count, "cannot keep a triplet twice: \(kept) of rank \(rank)")
        p = p.keepingColumns(kept, of: rank)
        lambda = lambda.keeping(kept)
        q = q.keepingRows(kept, of: inputs)
        rank = kept.count
    }

    private func scores(weightedByUncertainty: Bool) -> [Float] {
        func score(_ averages: SensitivityAverages, _ index: Int) -> Double {
            let sensitivity = Double(averages.sensitivity[index])
            return weightedByUncertainty ? sensitivity * Double(averages.uncertainty[index]) : sensitivity
        }
        var columnSums = [Double](repeating: 0, count: rank)
        for row in 0..<outputs {
            for triplet in 0..<rank {
                columnSums[triplet] += score(p, row * rank + triplet)
            }
        }
        return (0..<rank).map { triplet in
            var rowSum = 0.0
            for column in 0..<inputs {
                rowSum += score(q, triplet * inputs + column)
            }
            let total =
                score(lambda, triplet) + columnSums[triplet] / Double(outputs) + rowSum / Double(inputs)
            return Float(total)
        }
    }
}
