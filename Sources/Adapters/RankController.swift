import Autodiff
import Matrices
import RankAllocation

/// Carries out AdaLoRA's allocation on a set of adapters: observes importance, chooses masks on schedule,
/// holds them, and at the end of budgeting cuts pruned triplets out. The trainer calls it at every step.
public final class RankController {
    public let schedule: BudgetSchedule
    public let measure: ImportanceMeasure
    /// Whether the running averages see weights before the update (paper) or after it (PEFT).
    public let weightsAfterUpdate: Bool
    public let beta1: Float
    public let beta2: Float
    public private(set) var averages: [TripletAverages]
    private let set: AdapterSet

    public init(
        set: AdapterSet, schedule: BudgetSchedule, measure: ImportanceMeasure, weightsAfterUpdate: Bool,
        beta1: Float, beta2: Float
    ) {
        self.set = set
        self.schedule = schedule
        self.measure = measure
        self.weightsAfterUpdate = weightsAfterUpdate
        self.beta1 = beta1
        self.beta2 = beta2
        averages = set.adapters.map {
            TripletAverages(outputs: $0.layer.outputs, rank: $0.factors.rank, inputs: $0.layer.inputs)
        }
    }

    /// Puts back what a checkpoint held.
    public func restore(averages: [TripletAverages]) { self.averages = averages }

    /// Takes the step's weights and gradients (orthogonality term and clipping included) into the averages.
    public func observe(step: Int, vector: ParameterVector, gradients: Matrix) {
        guard measure != .magnitude,
            schedule.observesImportance(at: step, peftCompatible: weightsAfterUpdate)
        else { return }
        for (index, adapter) in set.adapters.enumerated() {
            guard let lambda = adapter.factors.lambda else { continue }
            func gradient(_ parameter: Parameter) -> UnsafeBufferPointer<Float> {
                let range = vector.range(of: parameter)
                return UnsafeBufferPointer(start: gradients.pointer + range.lowerBound, count: range.count)
            }
            averages[index].observe(
                p: adapter.factors.p.values.buffer, pGradient: gradient(adapter.factors.p),
                lambda: lambda.values.buffer, lambdaGradient: gradient(lambda),
                q: adapter.factors.q.values.buffer, qGradient: gradient(adapter.factors.q),
                beta1: beta1, beta2: beta2)
        }
    }

    /// The score of each triplet now.
    public var scores: [[Float]] {
        zip(averages, set.adapters).map { average, adapter in
            average.scores(measure, lambda: adapter.factors.lambda?.values.values ?? [])
        }
    }

    /// After the update of step t: a new mask if one is due, then the mask in force is applied.
    /// Returns the allocation if one was made.
    public func allocate(after step: Int) throws -> Allocation? {
        var made: Allocation?
        if schedule.allocates(after: step) {
            let new = try RankAllocator.allocate(
                scores: scores, budget: schedule.budget(at: step), previous: set.adapters.map(\.mask))
            for (adapter, mask) in zip(set.adapters, new.keep) { adapter.mask = mask }
            made = new
        }
        if schedule.appliesMask(after: step) { for adapter in set.adapters { adapter.applyMask() } }
        return made
    }

    /// Cuts pruned triplets out of P, Λ and Q, of the optimizer's moments and the averages. The masked model
    /// computes the same before and after. Sites at rank 0 lose their adapter.
    ///
    /// `others` are the trainable parameters that follow the adapters in the vector (the head).
    /// Returns the new vector and, for each of its elements, the element of the old vector it came from.
    public func compact(_ vector: ParameterVector, others: [Parameter]) -> (
        vector: ParameterVector, source: [Int]
    ) {
        var source: [Int] = []
        var parameters: [Parameter] = []
        for (index, adapter) in set.adapters.enumerated() {
            let kept = adapter.mask.indices.filter { adapter.mask[$0] }
            averages[index].compact(keeping: kept)
            source += sources(of: adapter, kept: kept, in: vector)
            adapter.compact(keeping: kept)
            adapter.layer.adapter = kept.isEmpty ? nil : adapter
            parameters += adapter.parameters
        }
        for parameter in others { source += vector.range(of: parameter) }
        return (ParameterVector(parameters + others), source)
    }

    private func sources(of adapter: LowRankAdapter, kept: [Int], in vector: ParameterVector) -> [Int] {
        guard let lambda = adapter.factors.lambda else {
            return adapter.parameters.flatMap { Array(vector.range(of: $0)) }
        }
        let rank = adapter.factors.rank
        let (p, q) = (vector.range(of: adapter.factors.p), vector.range(of: adapter.factors.q))
        let inputs = adapter.layer.inputs
        var source: [Int] = []
        for row in 0..<adapter.layer.outputs {
            for index in kept { source.append(p.lowerBound + row * rank + index) }
        }
        for index in kept { source.append(vector.range(of: lambda).lowerBound + index) }
        for index in kept {
            source += (q.lowerBound + index * inputs)..<(q.lowerBound + (index + 1) * inputs)
        }
        return source
    }
}

extension LowRankAdapter {
    /// Keeps the triplets `kept` and forgets the others.
    package func compact(keeping kept: [Int]) {
        let (p, q) = (factors.p.values, factors.q.values)
        let newP = Matrix(rows: p.rows, columns: kept.count)
        let newQ = Matrix(rows: kept.count, columns: q.columns)
        for row in 0..<p.rows { for (to, from) in kept.enumerated() { newP.row(row)[to] = p.row(row)[from] } }
        for (to, from) in kept.enumerated() { newQ.row(to).update(from: q.row(from), count: q.columns) }
        let lambda = factors.lambda.map { old in
            Parameter(
                name: old.name,
                values: Matrix(rows: 1, columns: kept.count, values: kept.map { old.values.pointer[$0] }))
        }
        originalIndices = kept.map { originalIndices[$0] }
        mask = Array(repeating: true, count: kept.count)
        factors = LowRankFactors(
            p: Parameter(name: factors.p.name, values: newP), lambda: lambda,
            q: Parameter(name: factors.q.name, values: newQ), factor: factors.factor)
    }
}
