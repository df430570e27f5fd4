import Adapters
import Settings
import Tasks
import Transformers

/// Every setting, once. To add one: a property with its default in `RunConfig`, and a row here; for a method, in its
/// `TuningSettings`.
enum SettingTable {
    static let all = data + adapters + optimizer + allocation + run

    static let named = Dictionary(uniqueKeysWithValues: all.map { ($0.key, $0) })

    /// Keys that every run must give.
    static let required = [
        (key: "model", kind: "FOLDER"), (key: "train", kind: "FILE"), (key: "output", kind: "FOLDER"),
    ]

    /// Two ways to say one thing: a file or a command gives one of them at most.
    static let exclusive = [
        ("budget", "average-rank"), ("budget", "budget-parameters"), ("average-rank", "budget-parameters"),
        ("budget", "rank-pattern"), ("average-rank", "rank-pattern"), ("budget-parameters", "rank-pattern"),
        ("from-adapter", "rank-pattern"), ("validation", "validation-fraction"),
        ("epochs", "steps"),
    ]

    private static let data = [
        Setting<RunConfig>(
            "model", "Folder of the pretrained model", unset: "required",
            set: { $0.model = try $1.text() }, get: { path($0.model) }),
        Setting(
            "base-format", "Format in which a Float32, BF16 or F16 base is kept in memory, and trained over",
            choices: [BaseFormat.keep] + BaseFormat.all.map(\.name),
            idle: { $0.tuning.method.trainsBackbone ? "with method \($0.tuning.method.name)" : nil },
            set: {
                let names = [BaseFormat.keep] + BaseFormat.all.map(\.name)
                $0.baseFormat = BaseFormat.named(try $1.choice(among: names) { $0 })
            },
            get: { $0.baseFormat?.name ?? BaseFormat.keep }),
        Setting(
            "train", "File of training examples", unset: "required",
            set: { $0.train = try $1.text() }, get: { path($0.train) }),
        Setting(
            "validation", "File of validation examples",
            set: { $0.validation = try $1.orNone { try $0.text() } },
            get: { $0.validation.map(SettingText.text) }),
        Setting(
            "validation-fraction",
            "Share of the training examples to hold out as validation examples, in place of a file of them",
            idle: { $0.validation == nil ? nil : "with validation" },
            set: { $0.validationFraction = try $1.orNone { try $0.number(.aboveZeroToBelowOne) } },
            get: { $0.validationFraction.map(SettingText.number) }),
        Setting(
            "output", "Run folder to write", unset: "required",
            set: { $0.output = try $1.text() }, get: { path($0.output) }),
        Setting(
            "task", "What the head predicts", choices: RunConfig.Task.allCases.map(\.rawValue),
            set: { $0.task = try $1.choice() }, get: { $0.task.rawValue }),
        Setting(
            "text-column", "Column of the text, or two columns for pairs", unset: "by the columns' names",
            idle: unlessTaskReads("text-column"),
            set: { $0.textColumns = try $1.orNone(textColumns) },
            get: { $0.textColumns.map(SettingText.list) }),
        Setting(
            "label-column", "Column of the label, or of multi-label rows several columns of 0 and 1",
            unset: "by the columns' names", idle: unlessTaskReads("label-column"),
            set: { $0.labelColumn = try $1.orNone(labelColumn) },
            get: { $0.labelColumn.map(SettingText.text) }),
        Setting(
            "label-separator", "What stands between the labels of a multi-label row in CSV and TSV",
            unset: "| or, where no row has it, ; or ,",
            idle: unlessTaskReads("label-separator"),
            set: { $0.labelSeparator = try $1.orNone { try $0.text() } },
            get: { $0.labelSeparator.map(SettingText.text) }),
        Setting(
            "delimiter", "What stands between columns in CSV and TSV",
            choices: RunConfig.Delimiter.allCases.map(\.rawValue), unset: "by the file",
            set: { $0.delimiter = try $1.orNone(delimiter) }, get: { $0.delimiter?.rawValue }),
        Setting(
            "max-length", "Longest row in tokens, special tokens included", unset: usualLengths,
            set: { $0.givenMaxLength = try $1.orNone { try $0.wholeNumber(3...1_000_000) } },
            get: { $0.givenMaxLength.map { String($0) } }),
        Setting(
            "stride", "Tokens that two windows on a long context share",
            unset: "a third of max-length, at most 128", idle: unlessTaskReads("stride"),
            set: { $0.stride = try $1.orNone { try $0.wholeNumber(0...1_000_000) } },
            get: { $0.stride.map { String($0) } }),
        Setting(
            "long-rows", "What happens to longer rows", choices: RunConfig.LongRows.allCases.map(\.rawValue),
            set: { $0.longRows = try $1.choice() }, get: { $0.longRows.rawValue }),
        Setting(
            "train-on", "What of a conversation is learned", choices: TrainedParts.allCases.map(\.rawValue),
            idle: unlessTaskReads("train-on"),
            set: { $0.trainedParts = try $1.choice() }, get: { $0.trainedParts.rawValue }),
        Setting(
            "chat-template", "File of a chat template (Jinja) for the rows' conversations",
            unset: "the model's own", idle: unlessTaskReads("chat-template"),
            set: { $0.chatTemplate = try $1.orNone { try $0.text() } },
            get: { $0.chatTemplate.map(SettingText.text) }),
        Setting(
            "label-names",
            "File of names for labels that rows give as numbers: one a line from 0, or JSON with id2label",
            idle: unlessTaskReads("label-names"),
            set: { $0.labelNames = try $1.orNone { try $0.text() } },
            get: { $0.labelNames.map(SettingText.text) }),
        Setting(
            "image-flip", "Whether training shows half of the images mirrored, others in each epoch",
            choices: RunConfig.ImageFlip.allCases.map(\.rawValue), idle: unlessImagesRead("image-flip"),
            set: { $0.imageFlip = try $1.choice() }, get: { $0.imageFlip.rawValue }),
        Setting(
            "image-crop",
            "Smallest share of an image's area that training cuts out and shows in its place, another part in each epoch",
            unset: "none: images are shown whole", idle: unlessImagesRead("image-crop"),
            set: { $0.imageCrop = try $1.orNone { try $0.number(.aboveZeroTo(1)) } },
            get: { $0.imageCrop.map(SettingText.number) }),
    ]

    /// A task of texts becomes one of images on a model that reads these.
    private static func unlessImagesRead(_ key: String) -> @Sendable (RunConfig) -> String? {
        {
            $0.task.reads(key) || ($0.task.ofImages?.reads(key) ?? false)
                ? nil : "with task \($0.task.rawValue)"
        }
    }

    /// `128, 512 with task causal-lm; no more than the model reads`
    private static var usualLengths: String {
        let usual = RunConfig().maxLength
        let others = RunConfig.Task.allCases.filter { $0.type.usualMaxLength != usual }
        return "\(usual)" + others.map { ", \($0.type.usualMaxLength) with task \($0.rawValue)" }.joined()
            + "; no more than the model reads"
    }

    private static let adapters =
        tuning(TuningSettings.rows) + headStart + tuning(TuningSettings.methodRows) + head
        + tuning(TuningSettings.startRows)

    private static let allocation = tuning(TuningSettings.allocationRows)

    private static func tuning(_ rows: [Setting<TuningSettings>]) -> [Setting<RunConfig>] {
        rows.map { $0.within(\.tuning) }
    }

    private static let headStart = [
        Setting<RunConfig>(
            "head-start", "With from-adapter, the head's start",
            choices: RunConfig.HeadStart.allCases.map(\.rawValue),
            idle: { $0.tuning.fromAdapter == nil ? "without from-adapter" : nil },
            set: { $0.headStart = try $1.choice() }, get: { $0.headStart.rawValue })
    ]

    private static let head = [
        Setting<RunConfig>(
            "head-dropout", "Dropout on the head's input",
            set: { $0.headDropout = try $1.number(.zeroToBelowOne) },
            get: { SettingText.number($0.headDropout) }),
        Setting(
            "pooling", "What the head reads", choices: RunConfig.Pooling.allCases.map(\.rawValue),
            unset: "as the model's folder asks for, or its classifier does",
            idle: { $0.task.poolsRows ? nil : "with task \($0.task.rawValue), which reads every row" },
            set: { $0.pooling = try $1.orNone { try $0.choice() } }, get: { $0.pooling?.rawValue }),
    ]

    /// `by method: 0.003, and 0.0001 for full`
    private static var usualRates: String {
        let usual = RunConfig().tuning.method.usualLearningRate
        let others = FineTuningMethod.all.filter { $0.usualLearningRate != usual }
        return "by method: \(SettingText.number(usual))"
            + others.map { ", and \(SettingText.number($0.usualLearningRate)) for \($0.name)" }.joined()
    }

    private static let optimizer = [
        Setting<RunConfig>(
            "learning-rate", "Highest learning rate", unset: usualRates,
            set: { $0.learningRate = try $1.orNone { try $0.number(.aboveZeroTo(1000)) } },
            get: { $0.learningRate.map(SettingText.number) }),
        Setting(
            "head-learning-rate", "Highest learning rate of the head",
            unset:
                "\(SettingText.number(RunConfig.usualHeadRate)) for a new head of one matrix on a frozen model, or "
                + "the learning rate",
            set: { $0.headLearningRate = try $1.orNone { try $0.number(.aboveZeroTo(1000)) } },
            get: { $0.headLearningRate.map(SettingText.number) }),
        Setting(
            "weight-decay", "Decoupled weight decay of AdamW",
            set: { $0.weightDecay = try $1.number(.zeroTo(1000)) },
            get: { SettingText.number($0.weightDecay) }),
        Setting(
            "adam-beta1", "Decay of AdamW's average gradient",
            set: { $0.beta1 = try $1.number(.zeroToBelowOne) }, get: { SettingText.number($0.beta1) }),
        Setting(
            "adam-beta2", "Decay of AdamW's average squared gradient",
            set: { $0.beta2 = try $1.number(.zeroToBelowOne) }, get: { SettingText.number($0.beta2) }),
        Setting(
            "adam-epsilon", "Term that keeps AdamW's denominator above 0",
            set: { $0.adamEpsilon = try $1.number(.aboveZeroTo(1)) },
            get: { SettingText.number($0.adamEpsilon) }),
        Setting(
            "gradient-clip", "Largest global gradient norm, 0 for no limit",
            set: { $0.gradientClip = try $1.number(.zeroTo(1_000_000)) },
            get: { SettingText.number($0.gradientClip) }),
        Setting(
            "schedule", "How the learning rate falls after its warm-up",
            choices: RunConfig.LearningRateSchedule.allCases.map(\.rawValue),
            set: { $0.learningRateSchedule = try $1.choice() }, get: { $0.learningRateSchedule.rawValue }),
        Setting(
            "learning-rate-warmup", "Share of the steps over which the learning rate rises",
            set: { $0.learningRateWarmup = try $1.number(.zeroToBelowOne) },
            get: { SettingText.number($0.learningRateWarmup) }),
        Setting(
            "epochs", "Passes over the training data",
            unset: "\(RunConfig.fewestEpochs), or as many as make \(RunConfig.fewestSteps) steps",
            set: { $0.epochs = try $1.orNone { try $0.number(.aboveZeroTo(1_000_000)) } },
            get: { $0.epochs.map(SettingText.number) }),
        Setting(
            "steps", "Optimizer steps, in place of epochs",
            set: { $0.steps = try $1.orNone { try $0.wholeNumber(1...1_000_000_000) } },
            get: { $0.steps.map { String($0) } }),
        Setting(
            "batch-size", "Examples per forward and backward pass",
            unset:
                "\(RunConfig.usualBatchSize.many), or \(RunConfig.usualBatchSize.few) up to \(RunConfig.fewRows) rows",
            set: { $0.batchSize = try $1.orNone { try $0.wholeNumber(1...1_000_000) } },
            get: { $0.batchSize.map { String($0) } }),
        Setting(
            "accumulate", "Batches per optimizer step",
            set: { $0.accumulate = try $1.wholeNumber(1...1_000_000) }, get: { String($0.accumulate) }),
        Setting(
            "class-weights",
            "Weights of classes in the training loss, not in evaluations: balanced (rows / (classes * rows of the "
                + "class)) or a file, JSON or lines of label and weight",
            idle: unlessTaskReads("class-weights"),
            set: { $0.classWeights = try $1.orNone { try $0.text() } },
            get: { $0.classWeights.map(SettingText.text) }),
    ]
}
