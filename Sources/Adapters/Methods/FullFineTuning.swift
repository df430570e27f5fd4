import Transformers

/// Every weight of the backbone trains.
final class FullFineTuning: FineTuning {
    let adapters = AdapterSet.none
    let groups: [ParameterGroup]

    init(_ backbone: any Backbone) { groups = [ParameterGroup(backbone.weights.map { $0.thaw() })] }
}

extension FineTuningMethod {
    /// Its usual rate is that of a pretrained model's weights.
    static let full = FineTuningMethod(
        name: "full", usualLearningRate: 1e-4, trainsBackbone: true,
        knob: { _ in Knob("weights", AdaptedRoles.allName) }, start: { FullFineTuning($0.backbone) })
}
