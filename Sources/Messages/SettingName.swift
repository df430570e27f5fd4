/// Settings that messages of the libraries name. They leave to this how the program spells them; a test binds each to an
/// option that it has.
package enum SettingName: String, CaseIterable, CustomStringConvertible, Sendable {
    case allClasses = "all-classes"
    case allocateEvery = "allocate-every"
    case allocator
    case allowDifferentKernels = "allow-different-kernels"
    case anyBaseName = "any-base-name"
    case averageRank = "average-rank"
    case baseFormat = "base-format"
    case baseName = "base-name"
    case batchSize = "batch-size"
    case bestMetric = "best-metric"
    case bias
    case biasLayers = "bias-layers"
    case biasRoles = "bias-roles"
    case budget
    case budgetParameters = "budget-parameters"
    case chatTemplate = "chat-template"
    case checkpointEvery = "checkpoint-every"
    case data
    case dataFormat = "data-format"
    case delimiter
    case epochs
    case figure
    case finalFraction = "final-fraction"
    case forgetting
    case format
    case fromAdapter = "from-adapter"
    case gradientClip = "gradient-clip"
    case head
    case headLearningRate = "head-learning-rate"
    case headStart = "head-start"
    case frozenCache = "frozen-cache"
    case ignoreMemory = "ignore-memory"
    case initialRank = "initial-rank"
    case keep
    case labelColumn = "label-column"
    case labelNames = "label-names"
    case labelSeparator = "label-separator"
    case labels
    case learningRate = "learning-rate"
    case longRows = "long-rows"
    case maxLength = "max-length"
    case mergedType = "merged-type"
    case method
    case model
    case output
    case pooling
    case precision
    case promptText = "prompt-text"
    case ranks
    case recompute
    case reductionFactor = "reduction-factor"
    case resume
    case samples
    case scale
    case steps
    case stride
    case svd
    case targets
    case task
    case text
    case textColumn = "text-column"
    case threads
    case to
    case trainOn = "train-on"
    case validation
    case validationFraction = "validation-fraction"
    case virtualTokens = "virtual-tokens"
    case wait
    case warmupFraction = "warmup-fraction"

    package var description: String { "--" + rawValue }
}
