import Settings

/// How a run trains. What is nil is chosen by the rules of the program `adalora`, which know the model and the rows: a run's
/// first events are notes that say what was chosen.
///
///     var settings = TrainingSettings()
///     settings.budget = .averageRank(4)
///     settings.epochs = 5
///     settings.others["importance"] = "sensitivity"
public struct TrainingSettings: Sendable, Equatable {
    /// What all adapted matrices share.
    public enum Budget: Sendable, Equatable {
        /// So many triplets a matrix in the mean
        case averageRank(Double)
        /// Of all matrices
        case triplets(Int)
        /// What the triplets of an [O, I] matrix cost is O + I + 1 each.
        case parameters(Int)
    }

    /// The budget that is left when allocation ends. nil for methods without one, and where a setting in ``others`` gives ranks.
    public var budget: Budget? = .averageRank(4)
    /// `adalora`, or another fine-tuning method by the name that the program has for it: `lora`, `dora`, `ia3`, `full` …
    public var method: String?
    /// Roles of the adapted matrices, of ``Model/roles``; nil for all.
    public var targets: [String]?
    /// Triplets of each matrix at the start
    public var initialRank: Int?
    /// Passes over the training rows. Not with ``steps``.
    public var epochs: Double?
    /// Updates of the parameters. Not with ``epochs``.
    public var steps: Int?
    /// Rows of a step
    public var batchSize: Int?
    /// The highest of the run; it rises to this from 0 and falls to 0.
    public var learningRate: Double?
    /// The highest of the head
    public var headLearningRate: Double?
    /// The longest row in tokens; longer ones are cut, which a warning counts.
    public var maxLength: Int?
    /// Of everything that is random. The same seed gives the same adapter to the bit, on any number of threads.
    public var seed: UInt64?
    /// nil for one on each core
    public var threads: Int?
    /// Further settings by their keys, with values as one would write them behind a flag: every setting that `adalora train
    /// --help` lists, without its dashes. Model, task, rows, validation and output are arguments of the run, not settings.
    public var others: [String: String] = [:]
    /// Starts also where the memory available is less than the run is estimated to need, which is an error otherwise.
    public var ignoresMemory = false

    /// An average rank of 4; all else is left to model and rows.
    public init() {}

    /// What arguments of a run say.
    private static let saidElsewhere = [
        "model", "train", "validation", "validation-fraction", "output", "task",
    ]

    /// Keys and values, as flags have them.
    func flags() throws(AdaLoRAError) -> [(key: String, value: String)] {
        var flags: [(key: String, value: String)] = []
        func add(_ key: String, _ value: String?) {
            if let value { flags.append((key, value)) }
        }
        switch budget {
        case .averageRank(let rank)?: add("average-rank", SettingText.number(rank))
        case .triplets(let count)?: add("budget", "\(count)")
        case .parameters(let count)?: add("budget-parameters", "\(count)")
        case nil: break
        }
        add("method", method)
        add("targets", targets.map { $0.joined(separator: ",") })
        add("initial-rank", initialRank.map { "\($0)" })
        add("epochs", epochs.map(SettingText.number))
        add("steps", steps.map { "\($0)" })
        add("batch-size", batchSize.map { "\($0)" })
        add("learning-rate", learningRate.map(SettingText.number))
        add("head-learning-rate", headLearningRate.map(SettingText.number))
        add("max-length", maxLength.map { "\($0)" })
        add("seed", seed.map { "\($0)" })
        add("threads", threads.map { "\($0)" })
        for (key, value) in others.sorted(by: { $0.key < $1.key }) {
            guard !Self.saidElsewhere.contains(key) else {
                throw AdaLoRAError(
                    .usage,
                    "the setting \(key) is an argument of the run; leave it out of TrainingSettings.others")
            }
            add(key, value)
        }
        return flags
    }
}
