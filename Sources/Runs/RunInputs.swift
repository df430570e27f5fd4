import AdapterTools
import Adapters
import Datasets
import Foundation
import Matrices
import Messages
import ModelFiles
import RunConfiguration
import Settings
import Tasks
import Tokenizers
import Training
import Transformers

/// Everything a run reads before its first step, checked against each other.
package struct RunInputs {
    /// With what model and rows decided
    package let config: RunConfig
    package let backbone: any Backbone
    /// Where the base is kept in another format than its files'.
    let packedBase: PackedBase?
    /// That the base was packed to, now or when its folder was written.
    let baseFormat: BaseFormat?
    /// Hung on `backbone`, until the run's own adapters take its place
    let startingAdapter: StartingAdapter?
    let tokenizer: Tokenizer
    /// As they were read
    package let rows: RunRows
    /// How rows become sequences
    package let limits: Tokenization
    package let train: TokenizedDataset
    /// Of the training rows
    package let objective: any Objective
    let validation: TokenizedDataset?
    package let task: any LearningTask
    /// Of labels that rows give as numbers
    private let labelNames: LabelNames?
    private let classWeights: [Double]?
    /// What a language model answers while it trains; nil where nothing is asked.
    let samples: SamplePrompts?
    /// By what to tell what a language model forgets; nil where nobody asks.
    let heldOutText: HeldOutText?
    /// What an adapter remembers of the training rows' columns.
    let columns: TrainedColumns?
    package let warnings: [String]
    /// How rows were held out, and which settings model and rows decided
    package let notes: [String]
    /// Of the validation rows, for messages
    let validationName: String
    /// Of all that decides the run's result beside its settings
    let fingerprints: [(name: String, hash: String)]
    /// The same as versions before SHA-256 recorded them; none for a new run.
    let earlierFingerprints: [(name: String, hash: String)]

    /// - Parameters:
    ///   - givenRows: rows in place of files.
    ///   - isResumed: the inputs are compared with a checkpoint's.
    package init(_ given: RunConfig, rows givenRows: GivenRows = .none, isResumed: Bool = false) throws {
        guard !given.tuning.hasAdvisedBudget else {
            throw TrainingError(
                .usage,
                "\(SettingName.budget) \(TuningSettings.advised): only adalora train and adalora advise look for one; give a number"
            )
        }
        let modelURL = URL(fileURLWithPath: given.model)
        let loaded = try LoadedModel(
            modelURL, maxLength: given.givenMaxLength ?? 1, baseFormat: given.usedBaseFormat)
        if given.tuning.method.trainsBackbone {
            try WholeModelFolder.requireFolder(
                modelURL, "\(SettingName.method) \(given.tuning.method.name)",
                advice: "give that, or train an adapter")
        }
        // An adapter to go on from may change weights.
        let earlierModel = isResumed ? loaded.earlierFingerprint : nil
        (backbone, tokenizer) = (loaded.backbone, loaded.tokenizer)
        var warnings = loaded.warnings
        let suited = given.suited(to: loaded.backbone.architecture)
        try Self.checkReading(suited.task, loaded)
        let rows = try RunRows(suited, givenRows)
        self.rows = rows
        let settling = try isResumed ? nil : Settling(given, suited, loaded, rows.train.examples.count)
        let config = settling?.config ?? suited
        self.config = config
        warnings += settling?.warnings ?? []
        startingAdapter = try config.tuning.fromAdapter.map {
            try StartingAdapter($0, loaded: loaded, config: config)
        }
        warnings += startingAdapter?.warnings ?? []
        warnings += Self.precisionWarnings(config)
        warnings += Self.poolerWarnings(loaded, config, goesOn: startingAdapter?.head != nil)

        let (trainData, validationData) = (rows.train, rows.validation)
        columns = TrainedColumns(
            read: trainData.columns, given: ColumnNames(config), labelSeparator: config.labelSeparator)
        validationName = config.validation ?? "the rows held out of \(config.train)"
        warnings += trainData.warnings + (validationData?.warnings ?? [])
        let learned = try config.task.type.init(
            learningFrom: trainData,
            TaskSettings(config, chat: config.givenChat(loaded.tokenizer), loaded))
        let task = try startingAdapter?.task(learned, rows: trainData.file) ?? learned
        self.task = task
        if let metric = config.bestMetric, metric != .loss, !task.metrics.contains(metric) {
            throw TrainingError(
                .usage,
                "\(SettingName.bestMetric) \(metric.rawValue) does not exist for these labels, which make no spans; use "
                    + (task.metrics + [.loss]).map(\.rawValue).joined(separator: " or "))
        }
        let findings = RowChecks.findings([trainData] + (validationData.map { [$0] } ?? []), config)
        if let error = findings.first(where: \.isError) { throw TrainingError(error.text) }
        warnings += findings.map(\.text)
        limits = Tokenization(loaded, config)
        labelNames = rows.labelNames
        let tokenized = try task.learned(trainData, limits)
        classWeights = try config.usedClassWeights.map { try Self.classWeights($0, tokenized, task) }
        train = classWeights.map { tokenized.weighted(by: $0) } ?? tokenized
        guard let objective = train.objective else { preconditionFailure("training rows without labels") }
        self.objective = objective
        validation = try validationData.map { [limits] in try task.tokenized($0, isLabelled: true, limits) }
        warnings += train.warnings(name: config.train, maxLength: config.maxLength)
        warnings += validation?.warnings(name: validationName, maxLength: config.maxLength) ?? []
        samples = try config.usedSamples.map {
            try SamplePrompts($0, loaded: loaded, chat: task.givenChat(loaded.tokenizer) ?? loaded.chat)
        }
        heldOutText = try config.usedForgetting.map {
            try HeldOutText($0, loaded: loaded, maxLength: config.maxLength, for: .forgetting)
        }
        self.warnings = warnings + (samples?.warnings ?? []) + (heldOutText?.warnings ?? [])
        (packedBase, baseFormat) = (loaded.packedBase, loaded.baseFormat)
        notes =
            rows.notes + (loaded.packedBase.map { [$0.note] } ?? []) + Self.precisionNotes(config)
            + (settling?.notes ?? [])
            + (heldOutText.map { ["forgetting is told by \($0.extent)"] } ?? [])

        let prints = InputPrints(
            config: config, pretrained: loaded.model, formats: loaded.formats,
            tokenized: [train] + (validation.map { [$0] } ?? []),
            classWeights: classWeights, images: loaded.images, startingAdapter: startingAdapter, rows: rows,
            given: givenRows)
        fingerprints = try prints.all(.sha256, model: loaded.fingerprint)
        earlierFingerprints = try earlierModel.map { try prints.all(.earlier, model: $0) } ?? []
    }

    /// Throws unless the model reads what the task's rows are.
    private static func checkReading(_ task: TaskKind, _ loaded: LoadedModel) throws {
        let isPair = loaded.backbone.pair != nil
        if task.readsPairs && isPair { return }
        if isPair || task.readsPairs {
            throw TrainingError(
                .usage,
                isPair
                    ? "\(loaded.url.path): this model reads texts and images side by side, of which \(SettingName.task) "
                        + "\(task.rawValue) means nothing; use \(SettingName.task) \(TaskKind.imageText.rawValue)"
                    : "\(loaded.url.path): \(SettingName.task) \(task.rawValue) takes a model with a tower for texts and one for "
                        + "images; give one that has, or another \(SettingName.task)")
        }
        guard task.readsImages != (loaded.images != nil) else { return }
        throw TrainingError(
            .usage,
            task.readsImages
                ? "\(loaded.url.path): \(SettingName.task) \(task.rawValue) is about images, and this model reads texts; give a model of "
                    + "images, or another \(SettingName.task)"
                : "\(loaded.url.path): this model reads images, of which \(SettingName.task) \(task.rawValue) means nothing; use "
                    + alternatives(
                        TaskKind.allCases.filter { $0.readsImages && !$0.readsPairs }.map {
                            "\(SettingName.task) \($0.rawValue)"
                        }))
    }

    /// - Parameter setting: `balanced`, or a file.
    private static func classWeights(_ setting: String, _ train: TokenizedDataset, _ task: any LearningTask)
        throws
        -> [Double]
    {
        let names = task.record.labels
        guard setting == RunConfig.balancedClassWeights else {
            return try ClassWeights.read(
                URL(fileURLWithPath: setting), labels: LabelSet(names: names, source: "the rows"))
        }
        return ClassWeights.balanced(train.objective?.classes ?? [], classCount: names.count)
    }
}

/// Further rows, JSON Lines, by the rules of the run's.
extension RunInputs {
    /// - Parameter name: what messages call them.
    func dataset(_ rows: [UInt8], name: String, isLabelled: Bool) throws -> Dataset {
        let dataset = try Dataset.parse(
            rows, name: name, format: .jsonl,
            form: config.task.rowForm(labelSeparator: config.labelSeparator), columns: ColumnNames(config),
            requireLabels: isLabelled)
        return isLabelled ? try labelNames?.named(dataset) ?? dataset : dataset
    }

    func tokenized(_ rows: [UInt8], name: String, isLabelled: Bool) throws -> TokenizedDataset {
        try task.tokenized(dataset(rows, name: name, isLabelled: isLabelled), isLabelled: isLabelled, limits)
    }

    /// As a step learns from them.
    func learned(_ rows: [UInt8], name: String) throws -> TokenizedDataset {
        let data = try task.learned(dataset(rows, name: name, isLabelled: true), limits)
        return classWeights.map { data.weighted(by: $0) } ?? data
    }
}

extension RunInputs {
    private static func precisionNotes(_ config: RunConfig) -> [String] {
        config.usedPrecision == .bf16
            ? [
                "products with frozen weights take factors of bf16 and add in Float32; all else is Float32, and so is what "
                    + "the adapter answers after the run"
            ] : []
    }

    private static func precisionWarnings(_ config: RunConfig) -> [String] {
        guard config.usedPrecision == .bf16, !BFloat16Products.isFast else { return [] }
        return [
            "this CPU has no products of bf16 (AVX512-BF16): plain loops give the same numbers, slower than "
                + "\(SettingName.precision) float32"
        ]
    }

    /// Of what the head reads through.
    ///
    /// - Parameter goesOn: the head was trained on this pooler before.
    private static func poolerWarnings(_ loaded: LoadedModel, _ config: RunConfig, goesOn: Bool) -> [String] {
        let form = config.task.type.headForm(config.resolvedPooling)
        let architecture = loaded.backbone.architecture
        var warnings: [String] = []
        if form == .sequence(.pooler), architecture.hasPooler(form), loaded.backbone.hasUntrainedPooler,
            !goesOn, !config.tuning.method.trainsBackbone
        {
            let name = loaded.backbone.pooler.map { oneLine($0.bias.name) } ?? ""
            warnings.append(
                "\(loaded.url.path): \(name) is 0 throughout, as in a pooler that nobody has trained, and the head "
                    + "reads through it; try \(SettingName.pooling) mean or \(SettingName.pooling) first")
        }
        if config.tuning.method.trainsBackbone, let pooling = form.pooling, !pooling.isOfTransformers {
            warnings.append(
                "the model of this run is for adalora alone: transformers' sequence classifiers have their own pooling, "
                    + "not \(pooling.rawValue); for one that they open train with \(SettingName.pooling) "
                    + architecture.ownPooling.rawValue
            )
        }
        return warnings
    }
}
