import AdapterTools
import Datasets
import Foundation
import Matrices
import Messages
import ModelFiles
import RunConfiguration
import RunRecords
import Runs
import Tasks
import Training

/// Runs one trial of a comparison: `adalora train` in a process of its own, so that its peak memory is its own and
/// nothing of one run reaches the next; then the test.
package struct TrialRunner {
    let plan: ComparisonPlan
    let store: ResultStore
    let threads: Int?
    let origin: Origin
    /// Of a plan with folds.
    private let folds: FoldFiles?

    init(plan: ComparisonPlan, folds: FoldFiles?, store: ResultStore, threads: Int?, origin: Origin) {
        self.plan = plan
        self.folds = folds
        self.store = store
        self.threads = threads
        self.origin = origin
    }

    /// The files of a trial.
    private func data(_ trial: Trial) -> FoldFiles.Paths {
        switch plan.split {
        case .files(let validation, let test):
            return .init(train: plan.train, validation: validation, test: test)
        case .folds:
            guard let folds, let fold = trial.fold else { preconditionFailure("\(trial.id) is of no fold") }
            return folds.paths(fold, in: store.folder)
        }
    }

    func runFolder(_ id: String) -> URL { store.folder.appendingPathComponent("runs/\(id)") }

    /// What all runs of a trial are told.
    func base(
        _ settings: [String: String], _ trial: Trial, output: URL, seed: UInt64
    ) -> [(key: String, value: String)] {
        let data = data(trial)
        var flags = settings.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) }
        flags += [
            ("model", plan.model), ("train", data.train), ("validation", data.validation),
            ("output", output.path), ("seed", String(seed)),
            // Once, after the last step: a best step would favor who evaluates more.
            ("evaluate-every", "1000000000"), ("best-metric", plan.metric.rawValue),
        ]
        if let threads { flags.append(("threads", String(threads))) }
        return flags
    }

    /// The settings of a trial as `adalora train` takes them.
    ///
    /// - Parameters:
    ///   - pattern: the final ranks of the trial that this one takes its ranks from.
    ///   - isWhole: with all its steps, also where some of them come after a cut.
    func flags(
        of trial: Trial, pattern: [String: Int]?, isWhole: Bool = false
    ) throws -> [(key: String, value: String)] {
        let settings = isWhole ? trial.settings : trial.heal?.before(trial.settings) ?? trial.settings
        let flags =
            base(settings, trial, output: runFolder(trial.id), seed: trial.seed) + [
                ("learning-rate", String(trial.learningRate))
            ]
        if let pattern {
            return flags + [("rank-pattern", try write(pattern, for: trial.id).path)]
        }
        guard let budget = trial.budget else { return flags }
        if case .averageRank(let rank) = budget, ["fixed", "exchange"].contains(trial.settings["allocator"]) {
            // These start with equal whole ranks, which cost a λ each more than LoRA's.
            let matrices = try adaptedMatrices(trial.settings)
            let whole = rank * (trial.pruneFrom ?? 1)
            let cost = Double(try perRank() + matrices.count)
            return flags + [("budget-parameters", String(Int((whole * cost).rounded())))]
        }
        let parameters = Double(budget.parameters(perRank: try perRank()))
        return flags + [("budget-parameters", String(Int((parameters * (trial.pruneFrom ?? 1)).rounded())))]
    }

    private func adaptedMatrices(_ settings: [String: String]) throws -> [RunRecord.Site] {
        let flags =
            [("model", plan.model), ("train", plan.train), ("output", "-"), ("method", "lora")]
            + [("average-rank", "1")] + (settings["targets"].map { [("targets", $0)] } ?? [])
        return try RunRecord.Site.adapted(
            by: RunConfig.load(yaml: nil, yamlName: "", overrides: flags).config)
    }

    /// Σ (outputs + inputs) over the matrices that the baseline adapts: what average rank 1 stands for in every arm.
    package func perRank() throws -> Int {
        let baseline = plan.arm(plan.baseline)?.settings ?? [:]
        return try adaptedMatrices(baseline).reduce(0) { $0 + $1.pairParameters }
    }

    private func write(_ pattern: [String: Int], for id: String) throws -> URL {
        let folder = store.folder.appendingPathComponent("patterns")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var json = JSONObject()
        for (site, rank) in pattern.sorted(by: { $0.key < $1.key }) { json[site] = JSONValue(rank) }
        let file = folder.appendingPathComponent("\(id).json")
        try AtomicFile.write(Data(JSONValue.object(json).text().utf8), to: file)
        return file
    }

    /// nil when the run was interrupted; it goes on next time where it stopped.
    ///
    /// - Parameters:
    ///   - truthID: what the true classes of the test rows are stored as.
    ///   - every: between two looks at how far the run is.
    func run(
        _ trial: Trial, truthID: String, pattern: [String: Int]?, every: Duration, isInterrupted: () -> Bool,
        onProgress: (RunProgress) -> Void
    ) throws -> TrialResult? {
        var result = TrialResult(of: trial, status: .ok)
        result.started = ISO8601DateFormatter().string(from: Date())
        result.machine = origin.machine
        result.commit = origin.commit
        let other = OtherWork()
        func train(
            _ flags: [(key: String, value: String)], _ folder: URL
        ) throws -> TrainEnding {
            try self.train(
                flags, folder, trial, every: every, isInterrupted: isInterrupted, onProgress: onProgress)
        }
        let wide: RunRecord
        switch try train(try flags(of: trial, pattern: pattern), runFolder(trial.id)) {
        case .interrupted: return nil
        case .failed(let reason):
            result.status = .failed(reason)
            return result
        case .ended(let record):
            try describe(record, &result)
            wide = record
        }
        let cut = try cut(trial, &result)
        var adapter = cut ?? RunFolder(runFolder(trial.id)).best
        if let cut, let heal = trial.heal {
            let folder = healFolder(trial.id)
            switch try train(try healFlags(trial, heal, after: wide, from: cut), folder) {
            case .interrupted: return nil
            case .failed(let reason):
                result.status = .failed(reason)
                return result
            case .ended(let record): try describeHealed(record, after: wide, &result)
            }
            adapter = RunFolder(folder).last
        }
        result.otherCores = other?.cores
        guard Self.needsWeights(trial) else { return result }
        onProgress(RunProgress(wide, stage: .testing))
        try test(trial, truthID, adapter, &result)
        return result
    }

    /// `adalora train` with these settings.
    private func train(
        _ flags: [(key: String, value: String)], _ folder: URL, _ trial: Trial, every: Duration,
        isInterrupted: () -> Bool, onProgress: (RunProgress) -> Void
    ) throws -> TrainEnding {
        _ = try RunConfig.load(yaml: nil, yamlName: "", overrides: flags)
        if isInterrupted() { return .interrupted }
        let process = TrainProcess(folder: folder, needsWeights: Self.needsWeights(trial))
        var watch = RunWatch(folder, every: every)
        let status = try process.run(flags) {
            if let record = watch.look() { onProgress(RunProgress(record)) }
            return isInterrupted()
        }
        // A run that ended while somebody interrupted is a result all the same.
        if status != 0 && (isInterrupted() || [SIGINT, SIGTERM, SIGUSR1].contains(status - 128)) {
            return .interrupted
        }
        if status != 0 {
            let reason = process.lastError ?? "adalora train ended with status \(status)"
            // A budget it cannot have and divergence are the run's own fault; bad data, a full disk or a killed process
            // say nothing about an arm.
            guard status == ExitStatus.usage || status == ExitStatus.diverged else {
                throw TrainingError("\(trial.id): \(reason)")
            }
            return .failed(reason)
        }
        return .ended(try RunReader.record(of: folder))
    }

    private static func needsWeights(_ trial: Trial) -> Bool {
        trial.stage == .report || trial.pruneFrom != nil
    }

    /// What the run's own records say.
    func describe(_ record: RunRecord, _ result: inout TrialResult) throws {
        guard let end = record.end else {
            throw TrainingError("\(record.folder.path): the run has no end record")
        }
        let best = record.evaluations.last { $0.isBest } ?? record.evaluations.last
        if let best { result.setValidation(best) }
        result.bestStep = end.bestStep
        result.steps = end.step
        result.trainableParameters = end.trainableParameters
        result.parametersAtStart = record.start.trainableParameters
        result.peakMemoryBytes = end.peakMemoryBytes
        result.kernel = record.start.kernel
        result.warnings = record.warnings
        result.adapterParameters = record.adapterParameters(end.ranks)
        result.ranks = Dictionary(uniqueKeysWithValues: zip(record.start.sites.map(\.name), end.ranks))
        result.setPace(record.steps)
    }

    /// Measures what was trained on the test rows; what was cut and trained no more on the validation rows too.
    private func test(_ trial: Trial, _ truthID: String, _ adapter: URL, _ result: inout TrialResult) throws {
        let model = try OpenedAdapter(adapter, modelFolder: nil)
        if trial.pruneFrom != nil, trial.heal == nil {
            result.validationMetrics = Self.metrics(
                try evaluate(model, data(trial).validation, trial, &result))
            if let text = trial.settings["forgetting"] {
                let metrics = try ForgettingMetrics.of(model, text: text, workers: Workers(threads: threads))
                for metric in metrics.metrics { result.validationMetrics[metric.name] = metric.value }
            }
        }
        guard trial.stage == .report else { return }
        let evaluation = try evaluate(model, data(trial).test, trial, &result)
        result.testMetrics = Self.metrics(evaluation)
        let (predicted, truth): (Predictions, Predictions)
        switch evaluation.rows {
        case .classes(let classes, let known): (predicted, truth) = (.classes(classes), .classes(known))
        case .scores(let scores, let known): (predicted, truth) = (.scores(scores), .scores(known))
        case .shares(let shares):
            // They are judged already.
            predicted = .shares(
                Dictionary(
                    uniqueKeysWithValues: shares.map { metric, rows in
                        (metric.rawValue, rows.map { Share(part: $0.part, whole: $0.whole) })
                    }))
            truth = predicted
        }
        try store.write(predicted, id: trial.id)
        try store.write(truth, id: truthID)
    }

    private func evaluate(
        _ model: OpenedAdapter, _ file: String, _ trial: Trial, _ result: inout TrialResult
    ) throws -> Evaluation {
        let form = model.rowForm(labelSeparator: trial.settings["label-separator"])
        guard let arm = plan.arm(trial.arm) else { preconditionFailure("no arm is called \(trial.arm)") }
        let data = try plan.rows(file, of: arm, form: form)
        let (evaluation, _, warnings) = try model.evaluate(data, workers: Workers(threads: threads))
        for warning in warnings where !result.warnings.contains(warning) { result.warnings.append(warning) }
        return evaluation
    }

    private static func metrics(_ evaluation: Evaluation) -> [String: Double?] {
        var metrics: [String: Double?] = ["loss": evaluation.loss]
        for metric in evaluation.metrics { metrics[metric.name] = metric.value }
        return metrics
    }

    /// Records stay: they make the pictures.
    func removeWeights(_ id: String) {
        for run in [RunFolder(runFolder(id)), RunFolder(healFolder(id))] {
            let cut = run.url.appendingPathComponent(Self.cutName)
            for url in [run.checkpoints, run.adapter, run.lastAdapter, cut, run.model, run.lastModel] {
                try? FileManager.default.removeItem(at: url)
            }
        }
    }
}
