import Adapters
import Autodiff
import Foundation
import Matrices
import RankAllocation
import RunRecords
import Transformers

/// What a trainer needs to know about the optimization, resolved from the configuration.
public struct TrainerSettings: Sendable {
    public var learningRate: LearningRate
    public var headLearningRate: LearningRate
    public var beta1: Float = 0.9
    public var beta2: Float = 0.999
    public var epsilon: Float = 1e-8
    public var weightDecay: Float = 0
    /// Largest global gradient norm, 0 for none.
    public var clip: Double = 1
    public var penalty = OrthogonalityPenalty(form: .none, weight: 0)
    public var seed: UInt64 = 42

    public init(learningRate: LearningRate, headLearningRate: LearningRate) {
        self.learningRate = learningRate
        self.headLearningRate = headLearningRate
    }
}

/// One optimizer step after the other, in one visible order.
public final class Trainer {
    public let model: SequenceModel
    public let adapters: AdapterSet
    /// nil for fixed ranks and for the head alone
    public let ranks: RankController?
    public let settings: TrainerSettings
    public private(set) var vector: ParameterVector
    public private(set) var optimizer: AdamW
    public private(set) var isCompacted = false
    private var gradients: Matrix
    /// The adapters' gradient without penalty and clipping, where the importance asks for it.
    private var taskGradients: Matrix?
    private var shardGradients: [Matrix] = []

    /// What a step reports.
    public struct StepResult: Sendable {
        public let loss: Double
        public let orthogonality: Double
        public let gradientNorm: Double
        public let rate: Double
        public let tokens: Int
        public let allocation: AllocationOutcome?
    }

    /// - Parameter encoderWeights: weights of the encoder that train too; all of them for full fine-tuning.
    public init(
        model: SequenceModel, adapters: AdapterSet, ranks: RankController?, encoderWeights: [Parameter] = [],
        settings: TrainerSettings
    ) {
        self.model = model
        self.adapters = adapters
        self.ranks = ranks
        self.settings = settings
        vector = ParameterVector(adapters.parameters + encoderWeights + model.head.parameters)
        gradients = Matrix(rows: 1, columns: vector.count)
        optimizer = AdamW(
            count: vector.count, beta1: settings.beta1, beta2: settings.beta2, epsilon: settings.epsilon,
            weightDecay: settings.weightDecay)
    }

    public var trainableParameters: Int { vector.count }
    private var headStart: Int {
        vector.count - model.head.parameters.reduce(0) { $0 + $1.values.count }
    }

    /// Step t on the examples `indices`: gradient, orthogonality term, clipping, then observe importance →
    /// AdamW → hold the mask → re-factorize → allocate and mask Λ. Nothing is changed if the loss or a gradient is not finite.
    public func step(_ step: Int, data: TokenizedDataset, indices: [Int]) throws -> StepResult {
        let (loss, tokens) = model.lossAndGradient(
            data, indices: indices, into: gradients, shardGradients: &shardGradients, seed: settings.seed,
            step: step)
        if let ranks, ranks.observesTaskGradient { keepTaskGradient() }
        let orthogonality = settings.penalty.addGradient(of: adapters, in: vector, to: gradients)
        let norm = gradients.sumOfSquares.squareRoot()
        guard loss.isFinite, orthogonality.isFinite, norm.isFinite else {
            throw TrainingError(
                .diverged,
                "step \(step): the \(loss.isFinite ? "gradient" : "loss") is not finite (loss \(loss), gradient norm \(norm)); "
                    + "nothing was updated. Lower --learning-rate, or set --gradient-clip")
        }
        if settings.clip > 0 && norm > settings.clip {
            // PyTorch's clip_grad_norm_ divides by norm + 1e-6.
            let factor = Float(settings.clip / (norm + 1e-6))
            for index in 0..<gradients.count { gradients.pointer[index] *= factor }
        }
        if let ranks, !ranks.settings.weightsAfterUpdate { observe(step, ranks) }
        let rate = settings.learningRate.value(at: step)
        optimizer.update(vector.values, gradients: gradients, range: 0..<headStart, step: step, rate: rate)
        optimizer.update(
            vector.values, gradients: gradients, range: headStart..<vector.count, step: step,
            rate: settings.headLearningRate.value(at: step))
        if let ranks, ranks.settings.weightsAfterUpdate { observe(step, ranks) }
        ranks?.holdMask(after: step)
        try makeTripletsExact(after: step)
        let allocation =
            try ranks?.allocate(after: step, workers: model.workers)
            ?? exchange(after: step, data: data, indices: indices)
        return StepResult(
            loss: loss, orthogonality: orthogonality, gradientNorm: norm, rate: rate, tokens: tokens,
            allocation: allocation)
    }

    /// With exact orthogonality: P, Λ, Q become the exact singular triplets of the same ΔW. Otherwise nothing.
    public func makeTripletsExact(after step: Int) throws {
        guard let ranks, ranks.settings.keepsTripletsExact else { return }
        do {
            try ranks.refactorize(
                after: step, vector, firstMoments: optimizer.firstMoments,
                secondMoments: optimizer.secondMoments,
                workers: model.workers)
        } catch let failure as Factorization.Failure {
            throw TrainingError(
                .diverged,
                "step \(step): the adapters cannot be factorized (\(failure)); the update made them infinite or "
                    + "undefined. Lower --learning-rate, or set --gradient-clip")
        }
    }

    private func keepTaskGradient() {
        if taskGradients?.count != gradients.count {
            taskGradients = Matrix(rows: 1, columns: gradients.count)
        }
        taskGradients?.copyValues(from: gradients)
    }

    private func observe(_ step: Int, _ ranks: RankController) {
        ranks.observe(
            step: step, vector: vector,
            gradients: ranks.observesTaskGradient ? taskGradients ?? gradients : gradients,
            workers: model.workers)
    }

    /// Swaps the worst triplets for new ones, where the step asks for it. The directions of the new ones come from
    /// the gradient of this step's examples at the updated weights.
    private func exchange(after step: Int, data: TokenizedDataset, indices: [Int]) throws
        -> AllocationOutcome?
    {
        guard let ranks, let (plan, scores) = try ranks.planExchange(after: step, workers: model.workers)
        else { return nil }
        let probes = ranks.probes(for: plan)
        if !plan.isEmpty {
            gradients.fill(0)
            model.probe(data, indices: indices, backwardInto: gradients)
        }
        let (reshaped, outcome) = try ranks.exchange(
            plan, scores: scores, probes: probes, after: step, vector: vector, others: headParameters,
            workers: model.workers)
        if let reshaped {
            take(reshaped)
            fillNewMoments(step)
        }
        return outcome
    }

    /// Second moments of triplets made after `step` start at the mean of their site's others: from 0, with the step
    /// count of the whole run, their first updates would be several times the learning rate.
    private func fillNewMoments(_ step: Int) {
        for adapter in adapters.adapters {
            let isNew = adapter.book.births.map { $0 == step }
            let (rank, old) = (isNew.count, isNew.count { !$0 })
            guard old > 0, old < rank, let lambda = adapter.factors.lambda else { continue }
            for parameter in [adapter.factors.p, lambda, adapter.factors.q] {
                let range = vector.range(of: parameter)
                let moments = optimizer.secondMoments.pointer + range.lowerBound
                // Element e belongs to row e / (elements per triplet) of Q, to column e mod R of P and λ.
                let isQ = parameter === adapter.factors.q
                func triplet(_ element: Int) -> Int { isQ ? element / adapter.layer.inputs : element % rank }
                var sum = 0.0
                for element in 0..<range.count { sum += Double(moments[element]) }
                let mean = Float(sum / Double(range.count / rank * old))
                for element in 0..<range.count where isNew[triplet(element)] { moments[element] = mean }
            }
        }
    }

    /// Cuts pruned triplets out, once the mask is final.
    public func compact() {
        guard let ranks, !isCompacted else { return }
        take(ranks.compact(vector, others: headParameters))
        isCompacted = true
    }

    private var headParameters: [Parameter] { model.head.parameters }

    private func take(_ reshaped: RankController.Reshaped) {
        optimizer.gather(reshaped.source)
        take(reshaped.vector)
    }

    private func take(_ vector: ParameterVector) {
        self.vector = vector
        gradients = Matrix(rows: 1, columns: vector.count)
        shardGradients = []
    }

    /// All triplets as they are now.
    func snapshot() throws -> [SiteSnapshot] {
        try ranks?.snapshot(workers: model.workers) ?? adapters.snapshot(workers: model.workers)
    }

    /// Evaluates the masked model: between allocations a pruned λ may have regrown, which must not count.
    public func evaluate(_ data: TokenizedDataset) -> Evaluation { masked { Evaluation(model, data) } }

    /// As above, or nil if `shouldStop` said so before the end.
    func evaluate(_ data: TokenizedDataset, unless shouldStop: () -> Bool) -> Evaluation? {
        masked { Evaluation(model, data, unless: shouldStop) }
    }

    private func masked<Result>(_ body: () -> Result) -> Result {
        let lambdas = adapters.adapters.map { $0.factors.lambda?.values.values }
        for adapter in adapters.adapters { adapter.applyMask() }
        defer {
            for (adapter, lambda) in zip(adapters.adapters, lambdas) {
                if let lambda { adapter.factors.lambda?.values.copyValues(from: lambda) }
            }
        }
        return body()
    }

    /// The tensors of a checkpoint.
    func checkpoint(
        progress: Progress, offsets: EventLog.Offsets, configuration: String,
        fingerprints: [(name: String, hash: String)]
    ) -> Checkpoint {
        let averages = ranks?.averages ?? []
        var progress = progress
        progress.isCompacted = isCompacted
        return Checkpoint(
            progress: progress, offsets: offsets, configuration: configuration, fingerprints: fingerprints,
            triplets: adapters.adapters.map(\.book), masks: adapters.adapters.map(\.mask),
            values: vector.values.values, firstMoments: optimizer.firstMoments.values,
            secondMoments: optimizer.secondMoments.values,
            sensitivity: averages.flatMap { $0.p.sensitivity + $0.lambda.sensitivity + $0.q.sensitivity },
            uncertainty: averages.flatMap { $0.p.uncertainty + $0.lambda.uncertainty + $0.q.uncertainty })
    }

    /// Puts everything back; a checkpoint of another shape is an error, after which this trainer is of no use.
    func restore(_ checkpoint: Checkpoint) throws {
        func mismatch(_ what: String) -> TrainingError {
            TrainingError(
                "the checkpoint's \(what) do not fit this configuration; resume from another checkpoint")
        }
        let sites = adapters.adapters
        guard checkpoint.masks.count == sites.count, checkpoint.triplets.count == sites.count else {
            throw mismatch("sites")
        }
        for (site, saved) in zip(sites, checkpoint.triplets) {
            let rank = saved.originalIndices.count
            let largest = min(site.layer.outputs, site.layer.inputs)
            guard rank <= largest, saved.initialRank <= largest,
                ranks != nil || rank == site.factors.rank
            else { throw mismatch("triplets") }
        }
        guard zip(checkpoint.triplets, checkpoint.masks).allSatisfy({ $0.originalIndices.count == $1.count })
        else { throw mismatch("masks") }
        if let ranks {
            take(
                ranks.restoreShapes(
                    checkpoint.triplets, dropEmpty: checkpoint.progress.isCompacted, others: headParameters))
            isCompacted = checkpoint.progress.isCompacted
        }
        guard
            [checkpoint.values, checkpoint.firstMoments, checkpoint.secondMoments].allSatisfy({
                $0.count == vector.count
            })
        else { throw mismatch("parameters") }
        for (site, mask) in zip(sites, checkpoint.masks) { site.mask = mask }
        vector.values.copyValues(from: checkpoint.values)
        optimizer.restore(firstMoments: checkpoint.firstMoments, secondMoments: checkpoint.secondMoments)
        if let ranks { ranks.restore(averages: try Self.averages(checkpoint, like: ranks.averages)) }
    }

    private static func averages(_ checkpoint: Checkpoint, like shapes: [TripletAverages]) throws
        -> [TripletAverages]
    {
        let expected = shapes.reduce(0) { $0 + $1.p.count + $1.lambda.count + $1.q.count }
        guard checkpoint.sensitivity.count == expected, checkpoint.uncertainty.count == expected else {
            throw TrainingError(
                "the checkpoint holds \(checkpoint.sensitivity.count) importance averages, \(expected) are needed; "
                    + "resume from another checkpoint")
        }
        var offset = 0
        func next(_ count: Int) -> SensitivityAverages {
            defer { offset += count }
            return SensitivityAverages(
                sensitivity: Array(checkpoint.sensitivity[offset..<offset + count]),
                uncertainty: Array(checkpoint.uncertainty[offset..<offset + count]))
        }
        return shapes.map { shape in
            let (p, lambda, q) = (next(shape.p.count), next(shape.lambda.count), next(shape.q.count))
            return TripletAverages(
                outputs: shape.outputs, rank: shape.rank, inputs: shape.inputs, p: p, lambda: lambda, q: q)
        }
    }
}
