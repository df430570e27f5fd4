import AdapterTools
import Adapters
import Foundation
import ModelFiles
import RunConfiguration
import RunRecords
import Tasks
import Training

extension ComparisonPlan.Heal {
    /// The settings of the run before the cut: fewer steps.
    package func before(_ settings: [String: String]) -> [String: String] {
        var settings = settings
        if let steps = settings["steps"].flatMap({ Int($0) }) {
            settings["steps"] = String(max(1, Int((Double(steps) * (1 - share)).rounded())))
        } else if let epochs = settings["epochs"].flatMap({ Double($0) }) {
            settings["epochs"] = String(epochs * (1 - share))
        }
        return settings
    }

    /// Whether some of so many steps come after the cut.
    func leavesSteps(of steps: Int) -> Bool { before(["steps": String(steps)])["steps"] != String(steps) }

    /// The settings of the run after the cut, which trains LoRA of the ranks that are left: what other methods alone read, and how
    /// a start is chosen, means nothing there.
    ///
    /// - Parameter steps: those that are left of the whole run's.
    package func after(_ settings: [String: String], steps: Int) -> [String: String] {
        // LoRA
        let method = FineTuningMethod.all.first { $0.keepsRanks && $0.addsToWeights } ?? .usual
        var kept = settings.filter { key, _ in
            method.reads(key) || !FineTuningMethod.all.contains { $0.reads(key) }
        }
        for key in ["epochs", "initial-rank", "lora-start", "activation-batches", "rank-pattern"] {
            kept[key] = nil
        }
        kept["method"] = method.name
        kept["steps"] = String(steps)
        return kept
    }
}

/// How the training of a trial, or a part of it, came out.
enum TrainEnding {
    case interrupted
    /// By its own fault
    case failed(String)
    case ended(RunRecord)
}

extension TrialRunner {
    /// In a run's folder, its adapter cut to a budget.
    static let cutName = "adapter-cut"
    /// From a trial's seed to that of its run after the cut
    private static let healSeeds: UInt64 = 1_000_000

    /// Of the run that goes on from a cut; beside that of the trial.
    func healFolder(_ id: String) -> URL { runFolder(id + "-heal") }

    /// Cuts the adapter of a trial to its budget by exact singular values.
    ///
    /// - Returns: the cut adapter; nil for a trial that is not cut.
    func cut(_ trial: Trial, _ result: inout TrialResult) throws -> URL? {
        guard trial.pruneFrom != nil, let budget = trial.budget else { return nil }
        let folder = runFolder(trial.id)
        let cut = folder.appendingPathComponent(Self.cutName)
        try? FileManager.default.removeItem(at: cut)
        let parameters = budget.parameters(perRank: try perRank())
        let shrinking = try AdapterShrinking.run(
            adapter: RunFolder(folder).best, modelFolder: nil, budget: .budget(.parameters(parameters)),
            output: cut, threads: threads)
        let before = result.adapterParameters ?? 0
        result.adapterParameters = shrinking.parameters
        result.trainableParameters = result.trainableParameters.map { $0 - before + shrinking.parameters }
        result.ranks = Dictionary(uniqueKeysWithValues: shrinking.sites.map { ($0.name, $0.rank) })
        return cut
    }

    /// The settings of the run that goes on from `cut`, as `adalora train` takes them.
    ///
    /// - Parameter wide: the run before the cut.
    func healFlags(
        _ trial: Trial, _ heal: ComparisonPlan.Heal, after wide: RunRecord, from cut: URL
    ) throws -> [(key: String, value: String)] {
        let whole = try RunConfig.load(
            yaml: nil, yamlName: "", overrides: flags(of: trial, pattern: nil, isWhole: true)
        ).config.totalSteps(stepsPerEpoch: wide.start.stepsPerEpoch)
        let left = whole - wide.start.totalSteps
        guard left > 0 else {
            throw TrainingError(
                .usage,
                "\(trial.id): 'heal: \(heal.share)' leaves none of \(whole) steps after the cut; give a larger share, or more steps"
            )
        }
        // What the run before the cut settled on.
        let file = RunFolder(wide.folder).config
        let config = try RunConfig.load(
            yaml: try String(contentsOf: file, encoding: .utf8), yamlName: file.path, overrides: []
        ).config
        let rate = config.resolvedHeadLearningRate
        var settings = heal.after(trial.settings, steps: left)
        settings["head-learning-rate"] =
            rate == trial.learningRate ? nil : String(rate * heal.rate)
        // The rows come in an order of their own: that of the first run has shown its beginning already.
        let seed = trial.seed &+ Self.healSeeds
        return base(settings, trial, output: healFolder(trial.id), seed: seed) + [
            ("learning-rate", String(trial.learningRate * heal.rate)), ("from-adapter", cut.path),
        ]
    }

    /// What the run says that went on from the cut; the run before it is described already.
    func describeHealed(_ record: RunRecord, after wide: RunRecord, _ result: inout TrialResult) throws {
        let before = result
        try describe(record, &result)
        // It is measured before its first step too.
        if let last = record.evaluations.last { result.setValidation(last) }
        result.bestStep = nil
        result.steps = (before.steps ?? 0) + (result.steps ?? 0)
        result.parametersAtStart = before.parametersAtStart
        result.peakMemoryBytes = [before.peakMemoryBytes, result.peakMemoryBytes].compactMap(\.self).max()
        result.warnings = (before.warnings + result.warnings).reduce(into: []) { list, text in
            if !list.contains(text) { list.append(text) }
        }
        result.setPace(wide.steps + record.steps)
    }
}

extension TrialResult {
    /// Metrics of an evaluation of the validation rows.
    mutating func setValidation(_ evaluation: RunRecord.Evaluation) {
        for metric in evaluation.metrics { validationMetrics[metric.name] = metric.value }
        validationMetrics["loss"] = evaluation.loss
    }

    /// The median time of a step, and the tokens of all of them a second.
    mutating func setPace(_ steps: [RunRecord.Step]) {
        let seconds = steps.map(\.seconds).sorted()
        guard !seconds.isEmpty else { return }
        secondsPerStep = seconds[seconds.count / 2]
        let tokens = steps.reduce(0) { $0 + $1.tokens }
        tokensPerSecond = Double(tokens) / max(seconds.reduce(0, +), 1e-9)
    }
}
