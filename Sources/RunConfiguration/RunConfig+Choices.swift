import Datasets
import Tasks
import Transformers

extension RunConfig {
    /// What the head predicts.
    package typealias Task = TaskKind

    /// The head that a run from an adapter starts with: the adapter's own, or a new one.
    package enum HeadStart: String, CaseIterable, Sendable { case adapter, fresh }

    /// How the rows of a sequence become the one that the head reads.
    package typealias Pooling = Transformers.Pooling

    /// What stands between the columns of a CSV or TSV file.
    package typealias Delimiter = Datasets.Delimiter

    /// How the learning rate falls after its warm-up.
    package enum LearningRateSchedule: String, CaseIterable, Sendable { case linear, cosine, constant }

    /// What happens to examples longer than `maxLength`: cut and counted, left out and counted, or refused.
    package typealias LongRows = TokenizedDataset.LongRows

    /// What is computed again instead of keeping it: nothing, the layout of weights for each product, the inside of each layer for
    /// the backward pass, or both.
    package enum Recompute: String, CaseIterable, Sendable {
        case none, weights, layers, all

        package var isOfWeights: Bool { self == .weights || self == .all }
        package var isOfLayers: Bool { self == .layers || self == .all }

        /// What would save more than a run does: first what saves most of a Float32 base for its time. What trains has no copies
        /// that could go.
        package static func savingMore(than config: RunConfig) -> [Recompute] {
            let trainsWeights = config.tuning.method.trainsBackbone
            return switch config.recompute {
            case .none: trainsWeights ? [.layers] : [.weights, .layers, .all]
            case .weights: trainsWeights ? [.layers] : [.all]
            case .layers: trainsWeights ? [] : [.all]
            case .all: []
            }
        }
    }

    /// In what products with frozen weights are computed: Float32, or factors of bf16 with sums of Float32.
    package enum Precision: String, CaseIterable, Sendable { case auto, float32, bf16 }
    /// Whether training shows half of the images mirrored.
    package enum ImageFlip: String, CaseIterable, Sendable { case off, on }
    /// Whether what rows begin with alike is computed once, where nothing is in the way.
    package enum SharedPrefix: String, CaseIterable, Sendable { case auto, off }
    /// How much memory what frozen layers make of the rows may take.
    package enum FrozenCacheSize: Sendable, Equatable {
        /// Half of what the run leaves of the machine's
        case auto
        case off
        case bytes(Int)
    }

    /// What an evaluation can be judged by.
    package typealias Metric = Tasks.Metric
}
