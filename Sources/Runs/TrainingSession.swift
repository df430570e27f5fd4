import AdapterTools
import Adapters
import Foundation
import Matrices
import ModelFiles
import RankAllocation
import RunConfiguration
import RunRecords
import Tasks
import Training
import Transformers

/// One run of `adalora train`: from a configuration to a run folder.
package final class TrainingSession {
    /// With what model and rows decided
    package let config: RunConfig
    package let folder: RunFolder
    private let inputs: RunInputs
    private let trainer: Trainer
    private let sampler: BatchSampler
    private let records: SessionRecords
    private let totalSteps: Int
    private let threads: Int
    private let stepChecks: StepChecks
    /// Of the process that writes
    private let log: EventLog?
    /// The processes that train together, of which the first writes
    private let exchange: any GradientExchange
    /// Whether the first process's state is taken over after each step, for others come to other bits
    private let sharesState: Bool
    /// nil where nobody asks.
    private let samples: SampleAnswering?
    private let forgetting: Forgetting?
    /// Two runs that write one folder would ruin it.
    private let lock: FolderLock?
    private var progress = Progress()
    /// What `classes.json` holds
    private var classResults = ClassResults([])
    private var startWarnings: [String] = []
    /// The rows, with what frozen layers make of them kept
    private let caches: FrozenCaches
    /// What a person should know of the run's rows before it begins.
    package let notes: [String]
    /// What the start record says about the program and the machine.
    package var environment: [(name: String, value: String)] = []

    /// Reads and checks all inputs; a new run's folder is created only when everything is right.
    ///
    /// - Parameters:
    ///   - rows: in place of files; the run keeps them where the settings name them.
    ///   - resume: where to go on with the run in the configuration's output folder; nil for a new run.
    ///   - ignoringMemory: start also where the memory available is less than the run is estimated to need.
    ///   - exchange: the processes that train together.
    ///   - usualThreads: where the configuration says nothing; nil for all cores.
    ///   - allowingOtherKernels: train also where products round otherwise in one of them than in others.
    package init(
        _ given: RunConfig, rows: GivenRows = .none, resume: ResumePoint?, ignoringMemory: Bool = false,
        exchange: any GradientExchange = SoleProcess(), allowingOtherKernels: Bool = false,
        usualThreads: Int? = nil
    ) throws {
        self.exchange = exchange
        var memory = MemoryGuard(isIgnored: ignoringMemory)
        folder = RunFolder(URL(fileURLWithPath: given.output))
        inputs = try RunInputs(given, rows: rows, isResumed: resume != nil)
        config = inputs.config
        try ProcessAgreement.check(config, inputs, exchange, allowingOtherKernels: allowingOtherKernels)
        sharesState = allowingOtherKernels && exchange.processes > 1
        threads = config.threads ?? usualThreads ?? ProcessInfo.processInfo.activeProcessorCount
        sampler = BatchSampler(
            examples: inputs.train.count, batch: config.resolvedBatchSize * config.accumulate,
            seed: config.seed)
        totalSteps = config.totalSteps(stepsPerEpoch: sampler.stepsPerEpoch)
        let assembly = TrainerAssembly(
            config, inputs, totalSteps: totalSteps, threads: threads, exchange: exchange)
        try memory.checkState(inputs, config, threads: threads)
        trainer = try assembly.trainer(isResumed: resume != nil)
        let load = RunLoad(trainer.model, inputs, sampler, totalSteps: totalSteps)
        caches = FrozenCaches(
            config, inputs, trainer.model,
            MemoryEstimate(trainer, inputs, load, config, threads: threads, start: memory.start),
            totalSteps: totalSteps, epochSteps: sampler.stepsPerEpoch,
            evaluations: config.evaluations(totalSteps: totalSteps, stepsPerEpoch: sampler.stepsPerEpoch))
        notes = inputs.notes + load.notes + caches.notes
        try memory.check(caches.memory, config, threads: threads)
        let (model, trainsBackbone) = (trainer.model, config.tuning.method.trainsBackbone)
        samples = try inputs.samples.map { [trainer, inputs] in try SampleAnswering($0, inputs, trainer) }
        // Before a checkpoint gives weights that were trained
        forgetting = inputs.heldOutText.map { Forgetting($0, model, trainsBackbone: trainsBackbone) }
        records = SessionRecords(
            config: config, inputs: inputs, trainer: trainer, stepsPerEpoch: sampler.stepsPerEpoch,
            totalSteps: totalSteps, threads: threads, sharedPrefix: load.training.sharedPrefix)
        stepChecks = StepChecks(
            config: config, totalSteps: totalSteps, stepsPerEpoch: sampler.stepsPerEpoch,
            plan: trainer.method.rankPlan)
        startWarnings = inputs.warnings + trainer.method.warnings + stepChecks.warnings + memory.warnings
        if let resume {
            lock = exchange.leads ? try FolderLock(folder.url) : nil
            let found = try folder.checkpoint(at: resume)
            let checkpoint = found.checkpoint
            try checkpoint.checkUnchanged(
                config, inputs.fingerprints + [Checkpoint.kernels], earlier: inputs.earlierFingerprints,
                allowingOtherKernels: sharesState)
            try folder.checkUnfinished(checkpoint, config, totalSteps: totalSteps)
            try folder.checkBest(checkpoint.progress, advice: found.advice)
            try trainer.restore(checkpoint.trainer)
            progress = checkpoint.progress
            let classes = ClassResults.resumed(folder, after: progress.step, best: progress.bestStep)
            classResults = classes.results
            startWarnings += found.warnings + classes.warnings
            if progress.step > 0 { try samples?.takeBase(from: folder) }
            try ProcessAgreement.check(trainer, step: progress.step, exchange)
            if exchange.leads {
                folder.removeLeftovers()
                folder.leaveCheckpoints(after: progress.step, at: resume)
            }
            log =
                exchange.leads
                ? try EventLog(folder, offsets: checkpoint.offsets, hasSamples: samples != nil) : nil
        } else if exchange.leads {
            try folder.create()
            lock = try FolderLock(folder.url)
            try AtomicFile.write(Data(config.yaml().utf8), to: folder.config)
            try rows.write()
            log = try EventLog(folder, offsets: nil, hasSamples: samples != nil)
        } else {
            (lock, log) = (nil, nil)
        }
    }

    /// Trains to the end, or until `shouldStop` says so, which is asked after each step and within evaluations; the state
    /// is then saved.
    package func run(
        shouldStop: @escaping () -> Bool, onEvent: @escaping (TrainingEvent) -> Void
    ) throws -> RunRecord.End {
        let agreed = AgreedStop(exchange, shouldStop)
        do {
            return try run(unless: agreed.callAsFunction, onEvent)
        } catch let error as ExchangeError where error.kind == .lost {
            // Of the step that was at work nothing has been applied.
            if log != nil { try saveCheckpoint { try log?.append($0) } }
            throw error
        }
    }

    private func run(
        unless shouldStop: () throws -> Bool, _ onEvent: @escaping (TrainingEvent) -> Void
    ) throws -> RunRecord.End {
        let clock = ContinuousClock()
        let started = clock.now
        let earlier = progress.seconds
        func emit(_ event: TrainingEvent) throws {
            try log?.append(event)
            onEvent(event)
        }
        if sharesState { try SharedState.take(trainer, exchange) }
        try emit(.started(startRecord, isEvaluationDue: progress.isEvaluationDue))
        for warning in startWarnings { try emit(.warning(warning)) }
        if progress.step == 0, try !start(unless: shouldStop, emit) { return try finish(.interrupted, emit) }
        var epoch = -1
        var order: [Int] = []
        while !isStoppedEarly && (progress.step < totalSteps || progress.isEvaluationDue) {
            // Due already where the run was stopped within an evaluation.
            if !progress.isEvaluationDue {
                if sampler.epoch(ofStep: progress.step + 1) != epoch {
                    epoch = sampler.epoch(ofStep: progress.step + 1)
                    order = sampler.order(epoch: epoch)
                }
                try step(order, emit)
            }
            progress.seconds = earlier + (clock.now - started).seconds
            if progress.isEvaluationDue {
                progress.isEvaluationDue = try !look(unless: shouldStop, emit)
                progress.seconds = earlier + (clock.now - started).seconds
            }
            let isLast = isStoppedEarly || (progress.step == totalSteps && !progress.isEvaluationDue)
            if try shouldStop() && !isLast { return try finish(.interrupted, emit) }
            if progress.step % ProcessAgreement.every == 0 {
                try ProcessAgreement.check(trainer, step: progress.step, exchange)
            }
            if !isLast && config.checkpointEvery > 0 && progress.step % config.checkpointEvery == 0 {
                try saveCheckpoint(emit)
            }
        }
        return try finish(isStoppedEarly ? .stoppedEarly : .completed, emit)
    }

    private var isStoppedEarly: Bool {
        config.earlyStopping.map { progress.evaluationsWithoutImprovement >= $0 } ?? false
    }

    /// What stands in the run folder before the first step. False if `shouldStop` said so before the end; then nothing
    /// has happened.
    private func start(unless shouldStop: () throws -> Bool, _ emit: (TrainingEvent) throws -> Void) throws
        -> Bool
    {
        let goesOn = config.tuning.fromAdapter != nil
        var answers: [SampleAnswers] = []
        if let samples {
            guard let first = try samples.firstAnswers(goesOn: goesOn, unless: shouldStop) else {
                return false
            }
            answers = first
        }
        // Where a run from an adapter stands: with its own head, what the adapter reaches. A language model has its head too.
        if let validation = caches.validation, goesOn || inputs.task.headForm.isOwn {
            let started = ContinuousClock.now
            guard let (evaluation, more) = try measured(validation, unless: shouldStop) else { return false }
            try keepClasses(evaluation, 0, isBest: false)
            try emit(record(evaluation, more, 0, isBest: false, since: started))
        }
        try log?.append(answers)
        try log?.appendRanks(trainer.adapters.ranked.ranks, step: 0)
        return true
    }

    /// - Parameter order: the examples of the step's epoch.
    private func step(_ order: [Int], _ emit: (TrainingEvent) throws -> Void) throws {
        let started = ContinuousClock.now
        let step = progress.step + 1
        let data = caches.train.inEpoch(sampler.epoch(ofStep: step))
        prepare(step + 1, order)
        let result = try trainer.step(
            step, data: data, indices: Array(sampler.indices(step: step, order: order)))
        if sharesState { try SharedState.take(trainer, exchange) }
        progress.step = step
        progress.tokens += result.tokens
        if let allocation = result.allocation {
            try emit(.allocation(.init(allocation, step: step)))
            try log?.appendRanks(allocation.ranks, step: step)
            if let snapshot = allocation.snapshot { try emit(.triplets(.init(snapshot, step: step))) }
        }
        try emit(
            .step(records.step(result, step: step, seconds: (ContinuousClock.now - started).seconds)))
        if step == trainer.method.rankPlan?.schedule.lastBudgetingStep { try compact(step, emit) }
        progress.isEvaluationDue =
            (inputs.validation != nil || samples != nil) && evaluates(after: step)
    }

    /// Begins to read the images of a step while the one before it runs.
    private func prepare(_ step: Int, _ order: [Int]) {
        guard let images = caches.train.images, step <= totalSteps else { return }
        let epoch = sampler.epoch(ofStep: step)
        let own = epoch == sampler.epoch(ofStep: step - 1) ? order : sampler.order(epoch: epoch)
        images.prepare(
            caches.train.unkept(
                sampler.indices(step: step, order: own), of: trainer.model.backbone.frozenLayers),
            epoch: epoch)
    }

    private func compact(_ step: Int, _ emit: (TrainingEvent) throws -> Void) throws {
        let before = trainer.trainableParameters
        trainer.compact()
        try emit(
            .compaction(
                .init(
                    step: step, ranks: trainer.adapters.ranked.ranks, parametersBefore: before,
                    parametersAfter: trainer.trainableParameters)))
    }

    private func evaluates(after step: Int) -> Bool {
        if step == totalSteps { return true }
        return step % (config.evaluateEvery ?? sampler.stepsPerEpoch) == 0
    }

    /// Evaluates, where there are rows for it, and answers the prompts. False if `shouldStop` said so before the end; then
    /// nothing has happened.
    private func look(unless shouldStop: () throws -> Bool, _ emit: (TrainingEvent) throws -> Void) throws
        -> Bool
    {
        var answers: [SampleAnswers] = []
        if let samples {
            guard let found = try samples.answers(step: progress.step, unless: shouldStop) else {
                return false
            }
            answers = found
        }
        if let validation = caches.validation, try !evaluate(validation, unless: shouldStop, emit) {
            return false
        }
        try log?.append(answers)
        return true
    }

    /// nil if `shouldStop` said so before the end.
    private func measured(_ data: TokenizedDataset, unless shouldStop: () throws -> Bool) throws -> (
        evaluation: Evaluation, more: [RunRecord.Metric]
    )? {
        guard let evaluation = try trainer.evaluate(data, unless: shouldStop) else { return nil }
        try data.checkImages()
        guard let forgetting else { return (evaluation, []) }
        if try shouldStop() { return nil }
        return (evaluation, try trainer.method.masked { try forgetting.measured() }.metrics)
    }

    /// False if `shouldStop` said so before the end; then nothing has happened.
    private func evaluate(
        _ data: TokenizedDataset, unless shouldStop: () throws -> Bool, _ emit: (TrainingEvent) throws -> Void
    ) throws -> Bool {
        let started = ContinuousClock.now
        let step = progress.step
        guard let (evaluation, more) = try measured(data, unless: shouldStop) else { return false }
        // Before its last allocation the model still holds more than the budget: not an adapter to keep.
        let isWithinBudget = trainer.method.rankPlan.map { step >= $0.schedule.lastBudgetingStep } ?? true
        if evaluation.hasOneAnswer != progress.hasOneAnswer {
            progress.hasOneAnswer = evaluation.hasOneAnswer
            try emit(
                .warning(
                    evaluation.answersWarning(
                        name: "step \(step), \(inputs.validationName)",
                        advice: stepChecks.adviceForOneAnswer(inputs.backbone.architecture))))
        }
        let metric = config.resolvedBestMetric ?? inputs.task.metrics[0]
        let value = evaluation.value(of: metric)
        var isBest = false
        if !isWithinBudget {
            try keepClasses(evaluation, step, isBest: false)
            try emit(record(evaluation, more, step, isBest: false, since: started))
            return true
        }
        if let value, value.isFinite {
            isBest = progress.bestValue.map { metric.isBetter(value, than: $0) } ?? true
        }
        if isBest {
            progress.bestValue = value
            progress.bestStep = step
            progress.evaluationsWithoutImprovement = 0
            try writeResult(to: isFull ? folder.model : folder.adapter)
        } else {
            progress.evaluationsWithoutImprovement += 1
        }
        try keepClasses(evaluation, step, isBest: isBest)
        try emit(record(evaluation, more, step, isBest: isBest, since: started))
        return true
    }

    private func keepClasses(_ evaluation: Evaluation, _ step: Int, isBest: Bool) throws {
        let labels = inputs.task.record.labels
        guard exchange.leads,
            let classes = ClassResults.Evaluation(evaluation, labels: labels, step: step, isBest: isBest)
        else { return }
        classResults = classResults.adding(classes)
        try ClassResultsFile.write(classResults, to: folder)
    }

    private func record(
        _ evaluation: Evaluation, _ more: [RunRecord.Metric], _ step: Int, isBest: Bool,
        since started: ContinuousClock.Instant
    ) -> TrainingEvent {
        .evaluation(
            .init(
                step: step, loss: evaluation.loss,
                metrics: evaluation.metrics.map { .init(name: $0.name, value: $0.value) } + more,
                isBest: isBest,
                seconds: (ContinuousClock.now - started).seconds))
    }

    private func finish(_ reason: RunRecord.End.Reason, _ emit: (TrainingEvent) throws -> Void) throws
        -> RunRecord.End
    {
        try saveCheckpoint(emit)
        if reason != .interrupted {
            try log?.appendRanks(trainer.adapters.ranked.ranks, step: progress.step)
            try emit(.triplets(.init(try trainer.snapshot(), step: progress.step)))
            try writeResult(to: isFull ? folder.lastModel : folder.lastAdapter)
            if progress.bestStep == nil {
                try writeResult(to: isFull ? folder.model : folder.adapter)
            }
        }
        let end = RunRecord.End(
            reason: reason, step: progress.step, bestStep: progress.bestStep,
            ranks: trainer.adapters.ranked.ranks,
            trainableParameters: writer.trainableParameters,
            tokens: progress.tokens, seconds: progress.seconds, peakMemoryBytes: ProcessMemory().peak ?? 0)
        try emit(.finished(end))
        try log?.sync()
        return end
    }

    private func saveCheckpoint(_ emit: (TrainingEvent) throws -> Void) throws {
        guard let log else { return }
        let url = folder.checkpoint(step: progress.step)
        try emit(.checkpoint(.init(step: progress.step, folder: url.lastPathComponent)))
        try log.sync()
        try Checkpoint(
            progress: progress, offsets: log.offsets, configuration: config.yaml(),
            fingerprints: inputs.fingerprints + [Checkpoint.kernels], trainer: trainer.state
        ).write(to: url)
        folder.removeCheckpoints(keeping: config.keepCheckpoints)
    }

    private var startRecord: RunRecord.Start {
        records.start(after: progress.step, environment: environment)
    }

    private var isFull: Bool { writer.isWholeModel }
    private var writer: ResultWriter { ResultWriter(config: config, inputs: inputs, trainer: trainer) }

    private func writeResult(to url: URL) throws {
        if exchange.leads { try writer.write(to: url, step: progress.step) }
    }

    /// Matrices with ranks, in the model's order; empty for methods without.
    package var sites: [RunRecord.Site] { trainer.adapters.ranked.adapters.map { .init($0.layer) } }
    /// In the order of `sites`
    package var ranks: [Int] { trainer.adapters.ranked.ranks }
}

extension Duration {
    package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
