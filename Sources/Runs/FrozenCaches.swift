import Messages
import RunConfiguration
import Tasks
import Training
import Transformers

/// What a run keeps of what its model's frozen layers make of the rows.
///
/// A row has the same bits whether it is kept or made again, so that a run that goes on may keep more or less.
struct FrozenCaches {
    let train: TokenizedDataset
    let validation: TokenizedDataset?
    /// The estimate of the run with what is kept.
    let memory: MemoryEstimate
    /// Of what is read again, how much there is room for; 0 where nothing is kept from the first step on.
    let share: Double
    /// Layers that nothing changes from the first step on.
    private let layers: Int
    private let allLayers: Int
    private let bytes: Int

    /// - Parameters:
    ///   - memory: of the run without it.
    ///   - epochSteps: steps after which the training rows are read again.
    ///   - evaluations: how often the validation rows are read.
    init(
        _ config: RunConfig, _ inputs: RunInputs, _ model: SequenceModel, _ memory: MemoryEstimate,
        totalSteps: Int, epochSteps: Int, evaluations: Int
    ) {
        (allLayers, layers) = (model.backbone.sizes.layers, model.backbone.frozenLayers)
        guard !config.tuning.method.trainsBackbone else {
            (train, validation, self.memory, share, bytes) = (inputs.train, inputs.validation, memory, 0, 0)
            return
        }
        let left = memory.available.map { max(0, $0 - memory.total) } ?? 0
        let limit =
            switch config.frozenCache {
            case .auto: left / 2
            case .off: 0
            case .bytes(let bytes): bytes
            }
        let (room, none) = (FrozenCache.Room(limit: limit), FrozenCache.Room(limit: 0))
        // What augmentation makes of an image is another one in each epoch.
        let isAugmented = inputs.train.images?.isAugmented ?? false
        let (trainsAgain, evaluatesAgain) = (totalSteps > epochSteps && !isAugmented, evaluations > 1)
        train = inputs.train.caching(
            in: FrozenCache(count: inputs.train.count, room: trainsAgain ? room : none))
        validation = inputs.validation.map {
            $0.caching(in: FrozenCache(count: $0.count, room: evaluatesAgain ? room : none))
        }
        var needed = 0
        if layers > 0 {
            if trainsAgain { needed += model.frozenBytes(inputs.train, layers: layers) }
            if let validation, evaluatesAgain { needed += model.frozenBytes(validation, layers: layers) }
        }
        bytes = min(needed, limit)
        share = needed > 0 ? Double(bytes) / Double(needed) : 0
        self.memory = memory.adding(.init(name: "rows of frozen layers", bytes: bytes))
    }

    /// `layers 0–3 are frozen: what they make of the rows is kept, 210 MB`
    var notes: [String] {
        guard share > 0 else { return [] }
        let which =
            layers == allLayers
            ? "all layers are" : layers == 1 ? "layer 0 is" : "layers 0–\(layers - 1) are"
        let part = share < 1 ? " of \(Int(share * 100)) % of the rows" : " of the rows"
        return [
            "\(which) frozen: what \(layers == 1 ? "it makes" : "they make")\(part) is kept, \(Figures.bytes(bytes))"
        ]
    }
}
