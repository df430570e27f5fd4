import AdapterTools
import Adapters
import Foundation
import Matrices
import Messages
import RunConfiguration
import Training
import Transformers

/// Puts a trainer together from a configuration and what it names.
package struct TrainerAssembly {
    let config: RunConfig
    let inputs: RunInputs
    let totalSteps: Int
    let workers: Workers
    let exchange: any GradientExchange

    package init(
        _ config: RunConfig, _ inputs: RunInputs, totalSteps: Int, threads: Int,
        exchange: any GradientExchange = SoleProcess()
    ) {
        self.config = config
        self.inputs = inputs
        self.totalSteps = totalSteps
        workers = Workers(count: threads)
        self.exchange = exchange
    }

    /// - Parameter isResumed: a checkpoint will give shapes and values, so that no data need be looked at for them.
    package func trainer(isResumed: Bool) throws -> Trainer {
        let backbone = inputs.backbone
        let head = try inputs.startingAdapter?.head ?? freshHead()
        let model = SequenceModel(
            backbone: backbone, head: head, workers: workers, recomputesLayers: config.recompute.isOfLayers,
            sharing: BeginningSharing(config), exchange: exchange)
        let start = MethodStart(
            settings: config.tuning, backbone: backbone, totalSteps: totalSteps, seed: config.seed,
            isResumed: isResumed, trained: inputs.startingAdapter?.set,
            headForm: inputs.task.headForm, workers: workers,
            lookAtBatches: { try lookAtBatches($0, of: model, $1) },
            readRanks: { try RankPattern(URL(fileURLWithPath: $0)).ranks(of: $1) },
            readTokens: startingTokens)
        let trainer = Trainer(
            model: model, method: try unchanged(model) { try config.tuning.method.start(start) },
            settings: settings)
        let longest = backbone.longestSequence
        guard config.maxLength <= longest else {
            throw TrainingError(
                .usage,
                "\(SettingName.maxLength) \(config.maxLength) and \(backbone.sizes.positions - longest) virtual tokens are more than the "
                    + "\(backbone.sizes.positions) positions of the model; use \(SettingName.maxLength) \(longest) or less"
                    + (inputs.startingAdapter == nil ? ", or fewer \(SettingName.virtualTokens)" : ""))
        }
        if let prompt = inputs.samples?.prompts.first(where: { $0.ids.count > longest }) {
            throw TrainingError(
                .usage,
                "\(SettingName.samples): the prompt \(quoted(prompt.text)) has \(prompt.ids.count) tokens, the model beside its "
                    + "virtual tokens only \(longest) positions; shorten it, or remove it")
        }
        guard trainer.trainableParameters > 0 else {
            throw TrainingError(
                .usage,
                "\(SettingName.method) \(config.tuning.method.name) trains nothing with \(SettingName.task) \(config.task.rawValue), whose head is the "
                    + "model's own; use \(SettingName.method) \(FineTuningMethod.withAdapters)")
        }
        switch config.recompute {
        case .none: break
        case .layers: backbone.outputMatrix?.readInPassing()
        case .weights, .all: backbone.readInPassing()
        }
        // What was looked at until here, of adapters that must not change the model, is told in Float32.
        if config.usedPrecision == .bf16 {
            for weight in backbone.weights { weight.multiplyInBFloat16() }
        }
        return trainer
    }

    /// Refuses a trainer of this assembly whose steps need more memory than there is.
    package func checkMemory(of trainer: Trainer) throws {
        let sampler = BatchSampler(
            examples: inputs.train.count, batch: config.resolvedBatchSize * config.accumulate,
            seed: config.seed)
        let load = RunLoad(trainer.model, inputs, sampler, totalSteps: totalSteps)
        var memory = MemoryGuard(isIgnored: false)
        try memory.check(
            MemoryEstimate(trainer, inputs, load, config, threads: workers.count, start: nil), config,
            threads: workers.count)
    }

    private func startingTokens(_ text: String?, _ count: Int) -> [Int32] {
        if let text { return inputs.tokenizer.encode(text, maxLength: .max).ids }
        var ids: [Int32] = []
        for sequence in inputs.train.sequences where ids.count < count { ids += sequence.ids }
        return ids
    }

    private func freshHead() throws -> SequenceHead {
        let head = try SequenceHead(
            backbone: inputs.backbone, outputs: inputs.task.outputs, form: inputs.task.headForm,
            dropout: Float(config.headDropout),
            stream: RandomStream(seed: config.seed, purpose: "initialize head"))
        if let bias = inputs.objective.startingBias(outputs: head.outputs) {
            head.startBias(at: bias)
        }
        return head
    }

    /// The method that `begin` makes; where the run goes on from an adapter, its logits must not change.
    private func unchanged(_ model: SequenceModel, _ begin: () throws -> any FineTuning) throws
        -> any FineTuning
    {
        if inputs.startingAdapter == nil { return try begin() }
        let samples = LogitCheck.samples(
            inputs.tokenizer, of: inputs.backbone, maxLength: config.maxLength,
            outputs: model.head.tokenOutputs)
        let before = model.logits(samples)
        let method = try begin()
        let difference = LogitDifference(before, model.logits(samples))
        guard difference.isWithin(LogitCheck.tolerance(model.backbone)) else {
            throw TrainingError(
                "the start of the run is not the adapter in \(SettingName.fromAdapter): \(difference)")
        }
        return method
    }

    private func lookAtBatches(_ count: Int, of model: SequenceModel, _ body: () throws -> Void) throws {
        let sampler = BatchSampler(
            examples: inputs.train.count, batch: config.resolvedBatchSize, seed: config.seed)
        let order = sampler.order(epoch: 0)
        for batch in 1...min(count, sampler.stepsPerEpoch) {
            model.probe(
                inputs.train, indices: Array(sampler.indices(step: batch, order: order)), backwardInto: nil)
            try inputs.train.checkImages()
            try body()
        }
    }

    private var settings: TrainerSettings {
        let shape: LearningRate.Shape =
            switch config.learningRateSchedule {
            case .linear: .linear
            case .cosine: .cosine
            case .constant: .constant
            }
        func rate(_ peak: Double) -> LearningRate {
            LearningRate(
                peak: peak, shape: shape,
                warmupSteps: Int((config.learningRateWarmup * Double(totalSteps)).rounded()),
                totalSteps: totalSteps)
        }
        var settings = TrainerSettings(
            learningRate: rate(config.resolvedLearningRate),
            headLearningRate: rate(config.resolvedHeadLearningRate))
        settings.beta1 = Float(config.beta1)
        settings.beta2 = Float(config.beta2)
        settings.epsilon = Float(config.adamEpsilon)
        settings.weightDecay = Float(config.weightDecay)
        settings.clip = config.gradientClip
        settings.seed = config.seed
        return settings
    }
}
