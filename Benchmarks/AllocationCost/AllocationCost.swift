import Adapters
import ArgumentParser
import Autodiff
import Datasets
import Foundation
import Matrices
import ModelFiles
import RankAllocation
import RunRecords
import Runs
import Tasks
import Tokenizers
import Training
import TrainingSteps
import Transformers

/// What allocation costs beside fixed-rank LoRA: whole steps on the same batches, taken in turns (A B B A …) in one
/// process, and the median of the pairwise ratios. The machine's own speed drifts, so seconds say little.
@main
struct AllocationCost: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Step time of AdaLoRA with exact allocation at every step over that of LoRA at equal ranks."
    )

    @Option(help: "Model folder.") var model = "models/minilm"
    @Option(help: "Training rows with real lengths.") var data = "data/wordnet/train.jsonl"
    @Option(help: "Initial rank of every matrix.") var rank = 3
    @Option(help: "Pairs of steps.") var pairs = 60
    @Option(help: "Worker threads.") var threads = 2
    @Option(help: "Examples per step.") var batchSize = 32

    func validate() throws {
        guard rank > 0, pairs > 1, threads > 0, batchSize > 0 else {
            throw ValidationError("rank, threads and batch size must be at least 1, pairs at least 2")
        }
    }

    func run() throws {
        KernelSelection.restartWithBestKernel()
        let rows = try Dataset.read(
            URL(fileURLWithPath: data), columns: ColumnNames(text: nil, label: nil), requireLabels: true)
        let labels = try LabelSet(from: rows)
        let truth = try Targets.classes(of: rows, labels: labels)
        let tokenizer = try Tokenizer(folder: URL(fileURLWithPath: model))
        let tokens = try TokenizedDataset(
            rows, Tokenization(tokenizer: tokenizer, maxLength: 128, longRows: .truncate)
        ) { kept in ClassObjective(truth: kept.map { truth[$0] }) }
        let sampler = BatchSampler(examples: tokens.count, batch: batchSize, seed: 1)
        let bench = Bench(
            model: URL(fileURLWithPath: model), data: tokens, labels: labels.names.count, rank: rank,
            pairs: pairs, threads: threads, sampler: sampler, order: sampler.order(epoch: 0))
        print(
            "rank \(rank), batches of \(batchSize), \(threads) threads, \(KernelSelection.currentKernel) kernels"
        )
        try bench.allocationAtEveryStep()
        try bench.compactedStep()
    }
}

struct Bench {
    let model: URL
    let data: TokenizedDataset
    let labels: Int
    let rank: Int
    let pairs: Int
    let threads: Int
    let sampler: BatchSampler
    let order: [Int]

    /// Exact triplets, importance and a new mask after each step, against LoRA of the initial rank.
    func allocationAtEveryStep() throws {
        let lora = try trainer(.lora, ranks: [:])
        for (name, exact) in [("exact triplets", true), ("squared penalty", false)] {
            let adalora = try trainer(.adalora, ranks: [:], exact: exact)
            report("AdaLoRA, \(name), allocating at every step / LoRA", try ratios(of: adalora, to: lora))
            if exact { try parts(adalora) }
        }
    }

    /// Pruned triplets cut out, against LoRA that has the very same rank in each matrix.
    func compactedStep() throws {
        let adalora = try trainer(.adalora, ranks: [:], exact: true, budgetingSteps: 4)
        for step in 1...4 { _ = try adalora.step(step, data: data, indices: batch(step)) }
        adalora.compact()
        let ranks = Dictionary(
            uniqueKeysWithValues: adalora.adapters.adapters.map { ($0.site, $0.rank) })
        let lora = try trainer(.lora, ranks: ranks)
        report(
            "AdaLoRA, compacted to \(ranks.values.reduce(0, +)) triplets / LoRA of the same ranks",
            try ratios(of: adalora, to: lora, from: 5))
    }

    /// A part of an allocation alone, many times, as a share of the whole step around it.
    private func parts(_ trainer: Trainer) throws {
        guard let adalora = trainer.method as? AdaLoRA, let ranks = adalora.ranks else { return }
        let workers = trainer.model.workers
        let gradients = Matrix(rows: 1, columns: trainer.vector.count)
        gradients.fill(1e-3)
        let step = try median(
            (1...10).map { step in
                try seconds { _ = try trainer.step(step, data: data, indices: batch(step)) }
            })
        func part(_ name: String, _ body: () throws -> Void) throws {
            let time = try median((1...20).map { _ in try seconds(body) })
            print(
                "  \(name.padding(toLength: 34, withPad: " ", startingAt: 0))"
                    + String(format: "%7.3f ms %6.2f %% of a step", time * 1e3, 100 * time / step))
        }
        print(String(format: "  a step takes %.1f ms, of which", step * 1e3))
        try part("observing importance") {
            ranks.observe(step: 1, vector: trainer.vector, gradients: gradients, workers: workers)
        }
        try part("QR, SVD, moments, averages") {
            try adalora.makeTripletsExact(after: 1, in: trainer, workers: workers)
        }
        try part("scores") { _ = ranks.scores(workers: workers) }
        let scores = ranks.scores(workers: workers)
        let budget = ranks.schedule.finalBudget
        try part("selection") { _ = try RankAllocator.allocate(scores: scores, budget: budget) }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "allocation-cost-\(getpid())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let log = try EventLog(RunFolder(folder), offsets: nil)
        var line = 0
        try part("history: a line of triplets.jsonl") {
            line += 1
            try log.append(.triplets(.init(try ranks.snapshot(workers: workers), step: line)))
        }
        try part("history: spectra as written") {
            _ = try trainer.adapters.spectra(areExact: true, workers: workers)
        }
        try part("history: spectra without exactness") {
            _ = try trainer.adapters.spectra(areExact: false, workers: workers)
        }
    }

    private func trainer(
        _ method: AdapterPlan.Method, ranks: [LinearSite: Int], exact: Bool = false,
        budgetingSteps: Int = 1_000_000
    ) throws -> Trainer {
        let backbone = try PretrainedModel.open(model).openBackbone()
        var plan = AdapterPlan(
            method: method, roles: backbone.architecture.roles, rank: rank, scale: 1, dropout: 0,
            initialization: .orthonormal, seed: 1)
        plan.ranks = ranks
        let set = try AdapterSet(installing: plan, on: backbone.linearLayers)
        let head = try SequenceHead(
            backbone: backbone, outputs: labels, pooling: .pooler, dropout: 0.1,
            stream: RandomStream(seed: 1, purpose: "head"))
        let rate = LearningRate(peak: 1e-3, shape: .constant, warmupSteps: 0, totalSteps: 2 * budgetingSteps)
        let settings = TrainerSettings(learningRate: rate, headLearningRate: rate)
        var tuning: any FineTuning = LoRA(set)
        if method == .adalora {
            let triplets = rank * set.adapters.count
            var allocation = AllocationSettings(
                schedule: try BudgetSchedule(
                    initialBudget: triplets, finalBudget: triplets * 2 / 3, totalSteps: 2 * budgetingSteps,
                    warmupSteps: 0, finalSteps: budgetingSteps, interval: 1), measure: Sensitivity())
            allocation.keepsTripletsExact = exact
            tuning = AdaLoRA(
                set, ranks: RankController(set: set, settings: allocation),
                penalty: OrthogonalityPenalty(form: exact ? .none : .squared, weight: 0.1))
        }
        return Trainer(
            model: SequenceModel(backbone: backbone, head: head, workers: Workers(count: threads)),
            method: tuning, settings: settings)
    }

    /// Step times of `a` over those of `b` on the same batches, in turns; the first few pairs warm up.
    private func ratios(of a: Trainer, to b: Trainer, from first: Int = 1) throws -> [Double] {
        let warmUp = 5
        var ratios: [Double] = []
        for pair in 0..<(pairs + warmUp) {
            let step = first + pair
            let examples = batch(step)
            func time(_ trainer: Trainer) throws -> Double {
                try seconds { _ = try trainer.step(step, data: data, indices: examples) }
            }
            let (timeA, timeB): (Double, Double)
            if pair.isMultiple(of: 2) {
                timeA = try time(a)
                timeB = try time(b)
            } else {
                timeB = try time(b)
                timeA = try time(a)
            }
            if pair >= warmUp { ratios.append(timeA / timeB) }
        }
        return ratios
    }

    private func batch(_ step: Int) -> [Int] {
        Array(sampler.indices(step: (step - 1) % sampler.stepsPerEpoch + 1, order: order))
    }

    private func median(_ values: [Double]) -> Double { quantile(0.5, of: values) }

    private func quantile(_ share: Double, of values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted[Int((Double(sorted.count - 1) * share).rounded())]
    }

    private func report(_ name: String, _ ratios: [Double]) {
        print(
            "\(name): "
                + String(
                    format: "median %.3f (10–90 %%: %.3f–%.3f, %d pairs)", median(ratios),
                    quantile(0.1, of: ratios), quantile(0.9, of: ratios), ratios.count))
    }
}
