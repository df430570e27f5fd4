import Matrices
import Messages
import ModelFiles
import Settings
import Transformers

/// Bottleneck adapters in every layer, as AdapterHub's library computes them: s·(up·act(down·x + b) + b') is added to what a
/// part of the layer adds to its input.
///
/// In a layer whose parts stand side by side (GPT-NeoX) both are added to the layer's input.
final class Bottleneck: FineTuning {
    let adapters: AdapterSet
    let groups: [ParameterGroup]

    init(_ start: MethodStart) throws {
        let (settings, sizes) = (start.settings.bottleneck, start.backbone.sizes)
        let fresh = {
            try (0..<sizes.layers).map {
                try BottleneckAdapter.fresh(settings, hidden: sizes.hidden, layer: $0, seed: start.seed)
            }
        }
        adapters = AdapterSet(parts: try start.trainedParts(BottleneckAdapter.self) ?? fresh())
        groups = [ParameterGroup(adapters.parameters)]
        adapters.hangParts(on: start.backbone)
    }
}

extension Bottleneck {
    static let rows: [Setting<TuningSettings>] = [
        Setting(
            "bottleneck-kind",
            "Bottleneck adapters: houlsby after attention and feed-forward network of each layer, pfeiffer after the latter, "
                + "parallel beside it; of 2·d·b + b + d parameters each at width b in a model of width d",
            choices: BottleneckKind.allCases.map(\.rawValue), idle: ifKept,
            set: { $0.bottleneck.kind = try $1.choice() }, get: { $0.bottleneck.kind.rawValue }),
        Setting(
            "bottleneck-width", "The width b of bottleneck adapters, in place of reduction-factor",
            unset: "the model's width / reduction-factor", idle: ifKept,
            set: { $0.bottleneck.width = try $1.orNone { try $0.wholeNumber(1...100_000) } },
            get: { $0.bottleneck.width.map { String($0) } }),
        Setting(
            "reduction-factor",
            "The model's width over that of its bottleneck adapters, whose width is rounded down",
            unset: "AdapterHub's: 16, parallel 2",
            idle: { ifKept($0) ?? ($0.bottleneck.width == nil ? nil : "with bottleneck-width") },
            set: { $0.bottleneck.reductionFactor = try $1.orNone { try $0.number(.aboveZeroTo(100_000)) } },
            get: { $0.bottleneck.reductionFactor.map(SettingText.number) }),
        Setting(
            "bottleneck-scaling", "Factor of the output of bottleneck adapters",
            unset: "AdapterHub's: 1, parallel 4", idle: ifKept,
            set: { $0.bottleneck.scaling = try $1.orNone { try $0.number(.aboveZeroTo(1_000_000)) } },
            get: { $0.bottleneck.scaling.map(SettingText.number) }),
    ]

    private static func ifKept(_ settings: TuningSettings) -> String? {
        settings.fromAdapter == nil ? nil : "with from-adapter, whose adapters are kept as they are"
    }
}

extension FineTuningMethod {
    /// AdapterHub's usual rate is 1e-4, at batches and steps many times ours.
    static let bottleneck = FineTuningMethod(
        name: "bottleneck", usualLearningRate: 1e-3, addsToWeights: false, parts: .bottleneck,
        rows: Bottleneck.rows, knob: { $0.bottleneck.knob },
        check: { settings, rules in
            guard settings.bottleneck.width != nil, settings.bottleneck.reductionFactor != nil,
                settings.fromAdapter == nil, rules.areKnown("bottleneck-width", "reduction-factor")
            else { return }
            rules.add(
                "\(rules.mention("reduction-factor")): bottleneck-width says the width already; leave out one of them"
            )
        },
        start: { try Bottleneck($0) })
}

extension PartForm {
    private static let largestWidth = 1_000_000

    /// A form of this program: PEFT has none. `layers.N.PART.bottleneck.down` (b, d), `.down.bias` (b), `.up` (d, b),
    /// `.up.bias` (d), where PART is `attention` or `output`.
    static let bottleneck = PartForm(
        type: "BOTTLENECK", fits: { $0 is BottleneckAdapter },
        tensors: { parts in
            parts.flatMap(\.parameters).map { parameter in
                TensorToWrite(
                    name: PEFTForm.prefix + parameter.name, shape: parameter.savedShape,
                    values: parameter.values.values)
            }
        },
        configure: { config, parts in
            guard let adapter = parts.first as? BottleneckAdapter else { return }
            config["bottleneck_kind"] = .string(adapter.place.rawValue)
            config["bottleneck_width"] = JSONValue(adapter.feedForward.width)
            config["non_linearity"] = .string(adapter.activation.rawValue)
            config["scaling"] = .number(Double(adapter.scaling))
        },
        read: { folder, backbone in
            let (kind, activation) = (
                try folder.choice("bottleneck_kind", of: BottleneckKind.self),
                try folder.choice("non_linearity", of: BottleneckActivation.self)
            )
            let width = try folder.count("bottleneck_width", 1...largestWidth)
            guard let scaling = folder.json["scaling"]?.double, Float(scaling).isFinite else {
                throw folder.fault("scaling", "missing or not a number", AdapterConfiguration.asSaved)
            }
            func pair(_ layer: Int, _ part: String) throws -> BottleneckPair {
                let name = BottleneckAdapter.name(layer, part)
                let shapes = BottleneckPair.shapes(width: width, hidden: backbone.sizes.hidden)
                let values = try zip([".down", ".down.bias", ".up", ".up.bias"], shapes).map {
                    suffix, shape in
                    try folder.tensors.matrix(
                        PEFTForm.prefix + name + suffix, shape, rows: shape.count == 1 ? 1 : shape[0],
                        columns: shape[shape.count - 1])
                }
                return BottleneckPair(name, values)
            }
            return try (0..<backbone.sizes.layers).map { layer in
                BottleneckAdapter(
                    kind, activation, scaling: Float(scaling), layer: layer,
                    attention: kind == .houlsby ? try pair(layer, "attention") : nil,
                    feedForward: try pair(layer, "output"))
            }
        }, other: AdapterHub.form)
}
