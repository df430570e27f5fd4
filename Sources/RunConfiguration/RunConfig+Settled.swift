import Adapters
import Tasks
import Transformers

/// What a run's model and rows say about settings that nobody gave.
package struct SettlingFacts: Sendable {
    package let trainingRows: Int
    /// As the model's folder asks for, or as its architecture's classifier does
    package let pooling: Pooling
    /// Whether the head is one matrix on a pooled row, which takes a higher rate than what lies below it.
    package let hasOneMatrix: Bool
    /// Whether a token sees those before it alone, so that beginnings can be shared.
    package let isDecoder: Bool
    /// The most tokens that the model reads as one row
    package let longestSequence: Int

    package init(
        trainingRows: Int, pooling: Pooling, hasOneMatrix: Bool, isDecoder: Bool, longestSequence: Int
    ) {
        self.trainingRows = trainingRows
        self.pooling = pooling
        self.hasOneMatrix = hasOneMatrix
        self.isDecoder = isDecoder
        self.longestSequence = longestSequence
    }
}

/// The defaults that depend on model and rows; measured in `Benchmarks/results/defaults`.
extension RunConfig {
    /// Fewer optimizer steps leave a small task half learned.
    static let fewestSteps = 300
    static let fewestEpochs = 3
    /// Up to how many rows are few, and take small batches: more steps for the same time.
    static let fewRows = 999
    static let usualBatchSize = (few: 16, many: 32)
    /// Of a new head of one matrix on a frozen model
    package static let usualHeadRate = 1e-2
    /// Of a run whose epochs are many
    static let mostEvaluations = 15

    /// The same for a model that reads images: what is asked of texts is asked of these.
    package var onImages: RunConfig {
        var config = self
        if let task = task.ofImages { config.task = task }
        return config
    }

    /// The same for a model of two towers, which has one task alone.
    package var onPairs: RunConfig {
        var config = self
        if task == .classification { config.task = .imageText }
        return config
    }

    /// The same for a model that reads so many tokens as one row: the task's usual length is no longer. What was given stays.
    package func fitting(longestSequence: Int) -> RunConfig {
        var config = self
        config.givenMaxLength = givenMaxLength ?? min(maxLength, longestSequence)
        return config
    }

    /// The given one, or what so many training rows take.
    package func batchSize(ofRows rows: Int) -> Int {
        batchSize ?? (rows <= Self.fewRows ? Self.usualBatchSize.few : Self.usualBatchSize.many)
    }

    /// The same with a value in each setting that model and rows decide. What was given stays.
    package func settled(by facts: SettlingFacts) -> RunConfig {
        var settled = fitting(longestSequence: facts.longestSequence)
        if precision == .auto { settled.precision = .float32 }
        if task.poolsRows { settled.pooling = pooling ?? facts.pooling }
        let batch = batchSize(ofRows: facts.trainingRows)
        settled.batchSize = batch
        if headLearningRate == nil { settled.headLearningRate = headRate(facts) }
        if facts.isDecoder { settled.sharedPrefix = sharedPrefix ?? .auto }
        let keepsExact =
            tuning.method.reads("triplet-steps") && tuning.adalora.resolvedOrthogonality == .exact
        if keepsExact, tuning.adalora.tripletSteps == nil {
            settled.tuning.adalora.tripletSteps = AdaLoRASettings.usualTripletSteps
        }
        if epochs == nil && steps == nil {
            let perStep = batch * accumulate
            settled.setEpochs(stepsPerEpoch: (facts.trainingRows + perStep - 1) / perStep)
        }
        return settled
    }

    /// Where nothing else trains, the learning rate is the head's.
    private func headRate(_ facts: SettlingFacts) -> Double {
        let method = tuning.method
        guard facts.hasOneMatrix, !method.trainsBackbone, method.trainsModel || learningRate == nil else {
            return resolvedLearningRate
        }
        return Self.usualHeadRate
    }

    /// The passes over the rows that a run makes unless told otherwise.
    package func epochsThatSuffice(stepsPerEpoch: Int) -> Int {
        max(Self.fewestEpochs, (Self.fewestSteps + stepsPerEpoch - 1) / max(1, stepsPerEpoch))
    }

    private mutating func setEpochs(stepsPerEpoch: Int) {
        let stepsPerEpoch = max(1, stepsPerEpoch)
        let passes = epochsThatSuffice(stepsPerEpoch: stepsPerEpoch)
        epochs = Double(passes)
        guard hasValidation, evaluateEvery == nil, passes > Self.mostEvaluations else { return }
        evaluateEvery = stepsPerEpoch * ((passes + Self.mostEvaluations - 1) / Self.mostEvaluations)
    }

    /// Keys of settings without a value that a run would give one.
    package var leftOpen: Set<String> {
        let settled: Set = [
            "max-length", "pooling", "head-learning-rate", "batch-size", "epochs", "evaluate-every",
            "triplet-steps", "shared-prefix",
        ]
        let open = settled.filter { SettingTable.named[$0]?.text(self) == nil }
        return precision == .auto ? open.union(["precision"]) : open
    }

    /// The settings whose values `settled` chose by model and rows, by key, for people.
    package func choices(since given: RunConfig) -> [(key: String, value: String)] {
        SettingTable.all.compactMap { setting in
            let isQuiet =
                ["triplet-steps", "precision", "shared-prefix"].contains(setting.key)
                || (setting.key == "max-length" && maxLength == task.type.usualMaxLength)
            guard !isQuiet, let value = setting.text(self), value != setting.text(given)
            else { return nil }
            return (setting.key, value)
        }
    }
}
