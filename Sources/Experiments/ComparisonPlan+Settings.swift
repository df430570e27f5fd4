import Adapters
import RunConfiguration

extension ComparisonPlan {
    /// Settings whose defaults decide the result of a run. A setting that is younger than this list counts where it is
    /// given: its default changes nothing of what was run without it. Budget, learning rate, seed and data are told
    /// apart otherwise.
    package static let decisive: Set<String> = [
        "task", "max-length", "long-rows", "method", "initial-rank", "targets", "scale", "adapter-dropout",
        "head-dropout", "head-learning-rate", "pooling", "initialize", "activation-batches", "weight-decay",
        "adam-beta1",
        "adam-beta2",
        "adam-epsilon", "gradient-clip", "schedule", "learning-rate-warmup", "epochs", "steps", "batch-size",
        "accumulate", "warmup-fraction", "final-fraction", "allocator", "allocate-every", "exchange-share",
        "importance",
        "importance-weights", "importance-beta1", "importance-beta2", "orthogonality", "orthogonality-weight",
        "triplet-steps",
    ]

    /// Every setting that decides what the runs of an arm do, by name: its own ones, the plan's, and the defaults.
    ///
    /// - Throws: `ComparisonError` for settings that no run accepts.
    package func effectiveSettings(of arm: Arm) throws -> [String: String] {
        try configuration(of: arm).effectiveSettings()
            .filter { Self.decisive.contains($0.key) || arm.settings.keys.contains($0.key) }
    }

    /// What trains in the runs of an arm; nil for settings that no run accepts, which a schedule tells of.
    func tuning(of arm: Arm) -> TuningSettings? { (try? configuration(of: arm))?.tuning }

    /// What the runs of an arm are told, but for their budget, learning rate and seed.
    ///
    /// - Throws: `ComparisonError` for settings that no run accepts.
    func configuration(of arm: Arm) throws -> RunConfig {
        var flags = arm.settings.map { (key: $0.key, value: $0.value) }
        flags += [("model", model), ("train", train), ("output", "-")]
        switch split {
        case .files(let validation, _): flags.append(("validation", validation))
        case .folds(let folds): flags.append(("validation-fraction", String(folds.validationFraction)))
        }
        if arm.patternOf != nil {
            guard arm.settings["method"].flatMap(FineTuningMethod.named)?.keepsRanks ?? false else {
                throw ComparisonError(
                    "arm \(arm.name): only LoRA takes a pattern; add 'method: lora' to its settings")
            }
            flags.append(("rank-pattern", "-"))
        } else if !arm.isBudgetless {
            flags.append(("budget-parameters", "1000000"))
        }
        do {
            for metric in [metric, search.metric] {
                _ = try RunConfig.load(
                    yaml: nil, yamlName: "", overrides: flags + [("best-metric", metric.rawValue)])
            }
            return try RunConfig.load(yaml: nil, yamlName: "", overrides: flags).config.suitedToModel
        } catch {
            throw ComparisonError("arm \(arm.name): \(error)")
        }
    }
}
