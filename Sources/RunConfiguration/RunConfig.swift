import Adapters
import Tasks
import Transformers

/// Everything that decides what `adalora train` does.
///
/// A configuration is made by `load` only and cannot be changed outside this module. The initial values below
/// are the only copy of each default; `SettingTable` gives each property its key, help and range.
///
///     let loaded = try RunConfig.load(
///         yaml: text, yamlName: "run.yaml", overrides: [("learning-rate", "1e-3")])
///     loaded.config.resolvedLearningRate  // 0.001
package struct RunConfig: Sendable, Equatable {
    // Data and model. Paths are kept as given: relative ones mean what the caller makes of them.

    /// The folder of the pretrained model.
    package internal(set) var model = ""
    /// In which the base is kept in memory; nil as its files have it.
    package internal(set) var baseFormat: BaseFormat?
    /// The file of training examples.
    package internal(set) var train = ""
    /// The file of validation examples; without it and `validationFraction` nothing is evaluated.
    package internal(set) var validation: String?
    /// The share of the training examples that is held out as validation examples; nil exactly when `validation` is set, or
    /// nothing is evaluated.
    package internal(set) var validationFraction: Double?
    /// The run folder.
    package internal(set) var output = ""
    package internal(set) var task = Task.classification
    /// One column, or two for pairs; nil lets the file's column names decide.
    package internal(set) var textColumns: [String]?
    /// nil lets the file's column names decide. For multi-label also several with commas between them.
    package internal(set) var labelColumn: String?
    /// What stands between the labels of a multi-label row in CSV and TSV; nil leaves it to the file.
    package internal(set) var labelSeparator: String?
    /// What stands between columns in CSV and TSV; nil leaves it to the file.
    package internal(set) var delimiter: Delimiter?
    /// nil leaves it to the task, see `maxLength`.
    package internal(set) var givenMaxLength: Int?
    /// Tokens that two windows on one context share; nil follows from `maxLength`, see `resolvedStride`.
    package internal(set) var stride: Int?
    package internal(set) var longRows = LongRows.truncate
    /// What of a conversation is learned
    package internal(set) var trainedParts = TrainedParts.answers
    /// A chat template in place of the model's, a file of Jinja
    package internal(set) var chatTemplate: String?
    /// A file that names the labels which rows give as numbers.
    package internal(set) var labelNames: String?
    /// Whether training shows half of the images mirrored.
    package internal(set) var imageFlip = ImageFlip.off
    /// The smallest share of an image's area that training may show in its place; nil shows all of it.
    package internal(set) var imageCrop: Double?

    // What trains.

    /// The method, and the settings of all methods: they own them.
    package internal(set) var tuning = TuningSettings()
    /// Of a run that goes on from an adapter
    package internal(set) var headStart = HeadStart.adapter
    package internal(set) var headDropout = 0.1
    /// nil leaves it to the model, see `settled`.
    package internal(set) var pooling: Pooling?

    // Optimizer.

    /// nil leaves it to the method, see `resolvedLearningRate`.
    package internal(set) var learningRate: Double?
    /// nil leaves it to the head's form, see `settled`.
    package internal(set) var headLearningRate: Double?
    package internal(set) var weightDecay = 0.0
    package internal(set) var beta1 = 0.9
    package internal(set) var beta2 = 0.999
    package internal(set) var adamEpsilon = 1e-8
    /// The largest global gradient norm; 0 does not clip.
    package internal(set) var gradientClip = 1.0
    package internal(set) var learningRateSchedule = LearningRateSchedule.linear
    /// The share of all steps over which the learning rate rises from 0.
    package internal(set) var learningRateWarmup = 0.06
    /// Passes over the training data; nil when `steps` is set, or leaves it to the rows, see `settled`.
    package internal(set) var epochs: Double?
    /// Optimizer steps; nil when `epochs` is set.
    package internal(set) var steps: Int?
    /// Examples per forward and backward pass; nil leaves it to the rows, see `settled`.
    package internal(set) var batchSize: Int?
    /// Batches per optimizer step.
    package internal(set) var accumulate = 1
    /// `balancedClassWeights`, or a file of weights; nil counts each row or word once.
    package internal(set) var classWeights: String?

    // The run.

    package internal(set) var seed: UInt64 = 42
    /// nil uses all cores.
    package internal(set) var threads: Int?
    package internal(set) var recompute = Recompute.none
    /// `auto` leaves it to the version, see `settled`.
    package internal(set) var precision = Precision.auto
    /// nil leaves it to the model, see `settled`.
    package internal(set) var sharedPrefix: SharedPrefix?
    package internal(set) var frozenCache = FrozenCacheSize.auto
    /// Optimizer steps between checkpoints; 0 writes one only at the end and on interruption.
    package internal(set) var checkpointEvery = 0
    package internal(set) var keepCheckpoints = 2
    /// Optimizer steps between evaluations; nil evaluates after each epoch.
    package internal(set) var evaluateEvery: Int?
    /// A file of prompts that a language model answers while it trains
    package internal(set) var samples: String?
    /// A file of text by which to tell what a language model forgets
    package internal(set) var forgetting: String?
    /// Evaluations without improvement after which training stops; nil never stops early.
    package internal(set) var earlyStopping: Int?
    /// What decides which evaluation is the best; nil leaves it to the task, see `resolvedBestMetric`.
    package internal(set) var bestMetric: Metric?

    package static let balancedClassWeights = "balanced"

    /// The defaults, without the paths that every run must give.
    init() {}
}
