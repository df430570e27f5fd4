import Tasks
import Transformers

/// The values that an unset property stands for.
extension RunConfig {
    /// Weights that train are no packed ones.
    package var usedBaseFormat: BaseFormat? { tuning.method.trainsBackbone ? nil : baseFormat }
    /// `precision`, where `auto` is Float32: also that of runs of versions before there was a choice. Weights that train are
    /// Float32.
    package var usedPrecision: Precision {
        precision == .bf16 && !tuning.method.trainsBackbone ? .bf16 : .float32
    }
    package var usedChatTemplate: String? { task.reads("chat-template") ? chatTemplate : nil }
    /// The longest row in tokens, special tokens included.
    package var maxLength: Int { givenMaxLength ?? task.type.usualMaxLength }
    package var usedLabelNames: String? { task.reads("label-names") ? labelNames : nil }
    package var usedSamples: String? { task.reads("samples") ? samples : nil }
    package var usedForgetting: String? { task.reads("forgetting") ? forgetting : nil }
    package var usedClassWeights: String? { task.reads("class-weights") ? classWeights : nil }

    /// Whether the run is evaluated.
    package var hasValidation: Bool { validation != nil || validationFraction != nil }

    /// Where none is given.
    package static var usualSeed: UInt64 { RunConfig().seed }

    /// `learningRate`, or else the usual one of the method.
    package var resolvedLearningRate: Double { learningRate ?? tuning.method.usualLearningRate }

    // `settled` gives each of these a value. Where a run of a version before it left one out, it was this.

    /// The head's learning rate: `headLearningRate`, or else the learning rate.
    package var resolvedHeadLearningRate: Double { headLearningRate ?? resolvedLearningRate }

    package var resolvedPooling: Pooling { pooling ?? .pooler }

    package var resolvedBatchSize: Int { batchSize ?? Self.usualBatchSize.many }

    package var resolvedSharedPrefix: SharedPrefix { sharedPrefix ?? .off }

    /// The metric of the best evaluation: `bestMetric`, or else the first of the task's; nil for token classification,
    /// where that depends on the tags.
    package var resolvedBestMetric: Metric? { bestMetric ?? task.usualMetric }

    /// `steps`, or else those of `epochs`, at least one.
    package func totalSteps(stepsPerEpoch: Int) -> Int {
        steps ?? max(1, Int((Double(stepsPerEpoch) * (epochs ?? Double(Self.fewestEpochs))).rounded(.up)))
    }

    /// How often a run evaluates: every so many steps and at the end.
    package func evaluations(totalSteps: Int, stepsPerEpoch: Int) -> Int {
        let every = evaluateEvery ?? stepsPerEpoch
        return totalSteps / every + (totalSteps % every == 0 ? 0 : 1)
    }

    /// Whether windows share so much that they hardly move on.
    package var hasIdleStride: Bool {
        task.reads("stride") && (stride.map { $0 >= maxLength / 2 } ?? false)
    }

    /// `stride`, or else 128, but at most a third of the longest row.
    package var resolvedStride: Int { stride ?? TaskSettings.usualStride(maxLength: maxLength) }
}
