import Adapters
import Advice
import Foundation
import Matrices
import RunConfiguration
import Runs
import Tasks
import Training
import Transformers

/// The probe: a few short trainings and what they show. Everything is seeded; clocks are read for people alone.
struct RankProbe {
    /// How far it is.
    struct Progress {
        let part: ProbePlan.Part
        /// Of all its work
        let share: Double
        /// By the work that is left; nil where nothing tells yet
        let secondsLeft: Double?
    }

    let config: RunConfig
    let inputs: RunInputs
    let facts: AdviceFacts
    let plan: ProbePlan
    let threads: Int
    let checksMemory: Bool
    let onProgress: (Progress) -> Void

    func run() throws -> ProbeFindings {
        let training = ProbeTraining(config: config, inputs: inputs, batch: plan.batch, threads: threads)
        defer { training.clear() }
        let measured = try MeasuredRows(inputs, most: plan.heldOutRows, seed: config.seed)
        let watch = ProbeWatch(plan, onProgress)
        let usual = config.tuning.method.usualLearningRate

        _ = try training.trainer(
            rank: plan.wideRank, steps: plan.wideSteps, rate: usual, checkingMemory: checksMemory)
        watch.begin(.head)
        let (head, alone) = try self.alone(training, measured, usual, watch)
        watch.begin(.rates)
        let rates = try self.rates(training, measured, usual, head, watch)
        guard rates.isEmpty || RateChoice.best(rates) != nil else {
            throw TrainingError(
                .diverged,
                "the probe diverged with every learning rate that it tried; look at the rows and their labels"
            )
        }
        let rate = config.learningRate ?? RateChoice.best(rates)?.rate ?? usual
        let halves = self.halves

        var gradients: [ProbeFindings.SiteGradient] = []
        watch.begin(.gradients)
        if plan.does(.gradients) {
            gradients = try HalfGradients(
                trainer: training.trainer(rank: 1, steps: 2, rate: rate, head: head), data: inputs.train,
                seed: config.seed
            ).measured(halves) { watch.did(0.5) }
        }
        watch.begin(.narrow)
        let narrow = try plan.does(.narrow) ? trained(training, 1, rate, head, watch) : nil
        let narrowLoss = try narrow.map { try measured.loss($0.model) }
        watch.begin(.wide)
        let wide = try trained(training, plan.wideRank, rate, head, watch)
        let wideLoss = try measured.loss(wide.model)
        guard wideLoss.isFinite else {
            throw TrainingError(
                .diverged,
                "the probe's training ended with a loss that is not finite; look at the rows and their labels"
            )
        }
        watch.begin(.halves)
        let rankings = try HalfRankings.compared(wide, inputs.train, halves)
        let sites = try self.sites(wide)
        watch.begin(.cuts)
        let cuts = try self.cuts(wide, measured, watch)
        watch.end()
        return ProbeFindings(
            plan: plan, seed: config.seed, alone: alone,
            baseBits: facts.isLanguageModel ? alone.mean / log(2) : nil, rates: rates, rate: rate,
            gradients: gradients, narrow: narrowLoss, wide: wideLoss, sites: sites, halves: rankings,
            cuts: cuts, costs: watch.costs, metric: measured.metric?.rawValue)
    }

    /// Values of the head, trained alone on rows of the frozen model, and the loss with it; after as many steps more on the
    /// batches of the other trainings, where that is better. Without a head the base model's loss.
    private func alone(
        _ training: ProbeTraining, _ measured: MeasuredRows, _ rate: Double, _ watch: ProbeWatch
    ) throws -> (head: [[Float]]?, loss: HeldOutLoss) {
        training.clear()
        guard !facts.isLanguageModel else {
            let trainer = try training.trainer(rank: 1, steps: 2, rate: rate)
            training.clear()
            return (nil, try measured.loss(trainer.model))
        }
        // What the frozen model makes of the rows is kept, so that passes after the first cost next to nothing.
        let room = FrozenCache.Room(limit: Self.cacheBytes)
        let data = inputs.train.caching(in: FrozenCache(count: inputs.train.count, room: room))
        let rowBytes = facts.tokensPerRow * Double(inputs.backbone.sizes.hidden * 4)
        let rows = Array(
            BatchSampler(examples: data.count, batch: plan.batch, seed: config.seed).order(epoch: 0)
                .prefix(max(1, min(plan.headRows, Int(Double(Self.cacheBytes) / max(rowBytes, 1))))))
        let steps = Self.headPasses * ((rows.count + plan.batch - 1) / plan.batch)
        let solved = try training.trainer(rank: 0, steps: steps, rate: headRate)
        try training.run(solved, steps: steps, on: data, rows: rows) {
            watch.did(0.6 * Double($0) / Double(steps))
        }
        let head = solved.model.head.parameters.map(\.floats)
        let first = try measured.loss(solved.model)
        let longer = try training.trainer(rank: 0, steps: plan.wideSteps, rate: headRate, head: head)
        try training.run(longer, steps: plan.wideSteps, on: data) {
            watch.did(0.6 + 0.4 * Double($0) / Double(plan.wideSteps))
        }
        let second = try measured.loss(longer.model)
        return (head, second.mean < first.mean ? second : first)
    }

    private static let headPasses = 10
    private static let cacheBytes = 1_000_000_000

    private var headRate: Double { config.resolvedHeadLearningRate }

    /// What short runs with each rate come to. A rate that somebody gave is not looked for.
    private func rates(
        _ training: ProbeTraining, _ measured: MeasuredRows, _ usual: Double, _ head: [[Float]]?,
        _ watch: ProbeWatch
    ) throws -> [ProbeFindings.Rate] {
        guard plan.does(.rates), config.learningRate == nil else { return [] }
        let count = ProbePlan.rateFactors.count
        return try ProbePlan.rateFactors.enumerated().map { at, factor in
            let rate = factor * usual
            let trainer = try training.trainer(
                rank: plan.wideRank, steps: plan.rateSteps, rate: rate, head: head)
            do {
                try training.run(trainer, steps: plan.rateSteps, on: inputs.train) {
                    watch.did((Double(at) + Double($0) / Double(plan.rateSteps)) / Double(count))
                }
            } catch let error as TrainingError where error.kind == .diverged {
                return ProbeFindings.Rate(rate: rate, loss: nil)
            }
            let loss = try measured.loss(trainer.model)
            return ProbeFindings.Rate(rate: rate, loss: loss.isFinite ? loss : nil)
        }
    }

    private func trained(
        _ training: ProbeTraining, _ rank: Int, _ rate: Double, _ head: [[Float]]?, _ watch: ProbeWatch
    ) throws -> Trainer {
        let trainer = try training.trainer(rank: rank, steps: plan.wideSteps, rate: rate, head: head)
        try training.run(trainer, steps: plan.wideSteps, on: inputs.train) {
            watch.did(Double($0) / Double(plan.wideSteps))
        }
        return trainer
    }

    /// Rows that the head did not learn from, as far as there are such.
    private var halves: (one: [Int], other: [Int]) {
        let order = BatchSampler(examples: inputs.train.count, batch: plan.batch, seed: config.seed)
            .order(epoch: 0)
        let count = max(1, min(plan.halfRows, order.count / 2))
        let last = Array(order.suffix(2 * count))
        return (Array(last.prefix(count)), Array(last.suffix(count)))
    }

    private func sites(_ trainer: Trainer) throws -> [ProbeFindings.Site] {
        let snapshots = try trainer.snapshot()
        return zip(trainer.adapters.layers, snapshots).map { layer, snapshot in
            ProbeFindings.Site(
                name: "\(layer.site)", role: layer.site.role.rawValue, layer: layer.site.layer,
                learned: snapshot.spectrum.values, importance: snapshot.importance.map(Double.init))
        }
    }

    private func cuts(_ trainer: Trainer, _ measured: MeasuredRows, _ watch: ProbeWatch) throws
        -> [ProbeFindings.Cut]
    {
        let triplets = try trainer.adapters.updateTriplets(workers: trainer.model.workers)
        let ranks = ProbePlan.cutRanks(below: plan.wideRank)
        return try ranks.enumerated().map { at, rank in
            let cut = try AdapterSet.choosing(from: triplets, budget: rank * triplets.count, costs: nil).set
            cut.install()
            defer { watch.did(Double(at + 1) / Double(ranks.count)) }
            return ProbeFindings.Cut(rank: Double(rank), loss: try measured.loss(trainer.model))
        }
    }
}

/// Tells how far a probe is, and what its parts took.
final class ProbeWatch {
    private let plan: ProbePlan
    private let onProgress: (RankProbe.Progress) -> Void
    private let started = ContinuousClock.now
    private var partStarted = ContinuousClock.now
    private var part: ProbePlan.Part?
    private(set) var costs: [ProbeFindings.Cost] = []

    init(_ plan: ProbePlan, _ onProgress: @escaping (RankProbe.Progress) -> Void) {
        self.plan = plan
        self.onProgress = onProgress
    }

    func begin(_ next: ProbePlan.Part) {
        end()
        guard plan.does(next) else { return }
        part = next
        partStarted = .now
        did(0)
    }

    func end() {
        guard let part else { return }
        costs.append(.init(part: part, seconds: (ContinuousClock.now - partStarted).seconds))
        self.part = nil
    }

    /// - Parameter share: of the part's work
    func did(_ share: Double) {
        guard let part else { return }
        let all = plan.products.values.reduce(0, +)
        let before = costs.reduce(0) { $0 + (plan.products[$1.part] ?? 0) }
        let done = all > 0 ? (before + min(share, 1) * (plan.products[part] ?? 0)) / all : 0
        let seconds = (ContinuousClock.now - started).seconds
        onProgress(
            RankProbe.Progress(
                part: part, share: done,
                secondsLeft: done > 0.02 ? seconds * (1 - done) / done : nil))
    }
}
