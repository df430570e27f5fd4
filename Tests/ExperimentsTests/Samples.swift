import Experiments
import Foundation

enum Samples {
    static let settingNames = [
        "model", "train", "validation", "output", "task", "method", "budget", "average-rank",
        "budget-parameters",
        "initial-rank", "targets", "importance", "orthogonality", "learning-rate", "head-learning-rate",
        "epochs",
        "steps", "batch-size", "seed", "threads", "allocator",
    ]

    static let yaml = """
        name: wordnet
        model: models/minilm
        train: data/wordnet/train.jsonl
        validation: data/wordnet/validation.jsonl
        test: data/wordnet/test.jsonl
        metric: macro-f1
        average-ranks: [1, 2]
        seeds: [42, 43, 44]
        search: {learning-rates: [1e-3, 3e-3, 6e-3], seeds: [7], average-rank: 2}
        baseline: LoRA
        settings: {epochs: 3}
        arms:
          - {name: LoRA, settings: {method: lora}}
          - {name: AdaLoRA, settings: {method: adalora, targets: [query, key]}, extra-seeds: {average-ranks: [1], seeds: [45, 46]}}
          - {name: pattern, pattern-of: AdaLoRA, settings: {method: lora}}
          - {name: pruned LoRA, settings: {method: lora}, prune-from: 2}
          - {name: head only, settings: {method: head}, budgetless: true}

        """

    static func plan(_ text: String = yaml) throws -> ComparisonPlan {
        try ComparisonPlan.read(yaml: text, file: "plan.yaml", settings: settingNames)
    }

    static func problems(_ text: String) -> [String] {
        do {
            _ = try plan(text)
            return []
        } catch let error as ComparisonError {
            return error.problems
        } catch {
            return ["\(error)"]
        }
    }

    static let fingerprints = ["train": "1f", "test": "2e", "model": "3d"]

    /// Results that depend on the trial only: arms differ by a constant, seeds by another.
    static func result(_ trial: Trial) -> TrialResult {
        var result = TrialResult(of: trial, status: .ok)
        let arm = ["LoRA": 0.50, "AdaLoRA": 0.54, "pattern": 0.53, "pruned LoRA": 0.48, "head only": 0.21]
        let rate = trial.learningRate == 3e-3 ? 0.0 : -0.05
        let noise =
            Double(trial.seed % 5) * 0.004 + (trial.arm == "AdaLoRA" ? Double(trial.seed % 3) * 0.01 : 0)
        let value = (arm[trial.arm] ?? 0.4) + rate + noise + (trial.budget?.amount ?? 0) * 0.02
        result.validationMetrics = ["macro-f1": value, "accuracy": value + 0.2]
        result.testMetrics =
            trial.stage == .report ? ["macro-f1": value, "accuracy": value + 0.2, "loss": nil] : [:]
        result.trainableParameters = 163_625 + Int((trial.budget?.amount ?? 0) * 41_472)
        result.parametersAtStart = trial.arm == "AdaLoRA" ? 260_000 : result.trainableParameters
        result.adapterParameters = trial.budget.map { Int($0.amount * 41_472) }
        result.ranks = trial.budget == nil ? [:] : ["layer.0.query": 1, "layer.0.key": 3]
        result.steps = 939
        result.secondsPerStep = 0.1236
        result.tokensPerSecond = 4321.5
        result.peakMemoryBytes = 412_345_678
        result.bestStep = 900
        result.machine = "2 cores"
        result.commit = "abc1234"
        result.kernel = "Haswell"
        result.started = "2026-11-24T12:00:00Z"
        return result
    }

    /// Runs trials until none is runnable.
    static func run(
        _ schedule: TrialSchedule, from start: [TrialResult] = [], limit: Int = .max,
        _ result: (Trial) -> TrialResult = Samples.result
    ) -> [TrialResult] {
        var results = start
        while results.count - start.count < limit, let trial = schedule.state(completed: results).next.first {
            results.append(result(trial))
        }
        return results
    }

    static func temporaryFolder() -> URL {
        FileManager.default.temporaryDirectory.appendingPathComponent("comparison-\(UUID().uuidString)")
    }
}

/// The same numbers in every run of a test.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        var z = state
        z = (z ^ (z >> 33)) &* 0xFF51_AFD7_ED55_8CCD
        return z ^ (z >> 33)
    }

    mutating func normal() -> Double {
        let first = Double.random(in: Double.leastNormalMagnitude..<1, using: &self)
        return (-2 * log(first)).squareRoot() * cos(2 * .pi * Double.random(in: 0..<1, using: &self))
    }
}
