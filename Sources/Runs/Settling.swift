import AdapterTools
import Adapters
import Foundation
import Messages
import RunConfiguration
import Tasks
import Training
import Transformers

/// What a new run's model and rows make of the settings that nobody gave.
struct Settling {
    let config: RunConfig
    let warnings: [String]
    private let given: RunConfig
    private let poolingSource: String?

    /// - Parameter suited: what was given, for what the model reads.
    init(_ asGiven: RunConfig, _ suited: RunConfig, _ loaded: LoadedModel, _ trainingRows: Int) throws {
        given = asGiven
        let given = suited
        let asked = try given.pooling == nil && given.task.poolsRows ? Self.pooling(given, loaded) : nil
        let pooling = given.pooling ?? asked?.pooling ?? .pooler
        let ownHead = try StartingAdapter.pooling(given, loaded) != nil
        config = given.settled(
            by: SettlingFacts(
                trainingRows: trainingRows, pooling: pooling,
                hasOneMatrix: !ownHead
                    && loaded.backbone.architecture.hasOneMatrix(given.task.type.headForm(pooling)),
                isDecoder: loaded.backbone.architecture.isDecoder,
                longestSequence: Self.longestSequence(given, loaded.backbone)))
        if let stride = config.stride, config.hasIdleStride {
            throw TrainingError(
                .usage,
                "\(SettingName.stride) \(stride): the model reads windows of \(config.maxLength) tokens, which hardly move on; make it "
                    + "less than half of that")
        }
        poolingSource = asked?.source
        warnings = [asked?.warning].compactMap(\.self)
    }

    /// Tokens of a row beside the virtual ones that a method puts before them.
    private static func longestSequence(_ given: RunConfig, _ backbone: any Backbone) -> Int {
        let virtual = given.tuning.method.reads("virtual-tokens") ? given.tuning.virtual.count : 0
        return max(3, backbone.longestSequence - virtual)
    }

    /// The head of the adapter that the run goes on from, what the model's folder asks for, or else the architecture's
    /// own classifier, which needs the pooler that somebody trained.
    private static func pooling(_ given: RunConfig, _ loaded: LoadedModel) throws -> (
        pooling: Pooling, source: String?, warning: String?
    ) {
        if let own = try StartingAdapter.pooling(given, loaded) { return (own, "as the adapter's head", nil) }
        let backbone = loaded.backbone
        if backbone.architecture.isDecoder { return (backbone.architecture.ownPooling, nil, nil) }
        let hasPooler = backbone.architecture.hasPooler(.sequence(.pooler))
        let lacksPooler = hasPooler && backbone.pooler == nil
        // Where every weight trains, so does the pooler, and transformers' classifier opens the model.
        if given.tuning.method.trainsBackbone && !lacksPooler { return (.pooler, nil, nil) }
        if let stated = try StatedPooling(loaded.url) {
            return (stated.pooling, "by the model's \(stated.source)", stated.warning)
        }
        if lacksPooler { return (.mean, "as the model has no pooler", nil) }
        return hasPooler && backbone.hasUntrainedPooler
            ? (.mean, "as nobody trained the model's pooler", nil) : (.pooler, nil, nil)
    }

    /// `settings by model and rows: pooling mean (by the model's README.md), epochs 12, batch-size 16`
    var notes: [String] {
        let choices = config.choices(since: given).map { choice in
            let source: String? =
                switch choice.key {
                case "pooling": poolingSource
                case "max-length": "all that the model reads"
                default: nil
                }
            return "\(choice.key) \(choice.value)" + (source.map { " (\($0))" } ?? "")
        }
        return choices.isEmpty ? [] : ["settings by model and rows: " + choices.joined(separator: ", ")]
    }
}
