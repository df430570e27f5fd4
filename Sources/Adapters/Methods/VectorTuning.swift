import Autodiff
import Messages
import ModelFiles
import Settings
import Transformers

/// Some of the model's own vectors train, and nothing is added to it: its biases (BitFit, Ben Zaken et al. 2022), or its layer
/// norms (Zhao et al. 2023).
package final class VectorTuning: FineTuning {
    package let adapters = AdapterSet.none
    package let changed: ChangedParts
    package let groups: [ParameterGroup]

    /// - Parameter weights: of `backbone`, in its order.
    package init(_ weights: [Weight], of backbone: any Backbone) throws {
        changed = try ChangedParts(training: weights, of: backbone)
        for weight in weights { weight.thaw() }
        groups = changed.groups
    }

    static func biases(_ start: MethodStart) throws -> VectorTuning {
        let biases = start.ownVectors.filter(\.isBias)
        return try VectorTuning(start.settings.biases.chosen(from: biases, start), of: start.backbone)
    }

    /// Weights and biases of every norm.
    static func norms(_ start: MethodStart) throws -> VectorTuning {
        let norms = start.ownVectors.filter(\.isOfNorm)
        guard !norms.isEmpty else {
            throw AdapterError(
                description:
                    "\(SettingName.method) \(start.settings.method.name): \(start.backbone.architecture.name) has no layer "
                    + "norms; use another method")
        }
        return try VectorTuning(norms.map(\.weight), of: start.backbone)
    }
}

extension FineTuningMethod {
    /// Rates of vectors are higher than those of matrices: with 1e-4 norms learned nothing in PEFT's own comparison.
    static let bitfit = FineTuningMethod(
        name: "bitfit", size: "O with a bias and one for each column of a norm", usualLearningRate: 1e-3,
        addsToWeights: false, trainsOwnVectors: true,
        rows: BiasSettings.rows, knob: { $0.biases.knob }, start: { try VectorTuning.biases($0) })

    static let norms = FineTuningMethod(
        name: "norms", size: "two for each column of a norm, or one without biases", usualLearningRate: 1e-3,
        addsToWeights: false, trainsOwnVectors: true, knob: { _ in Knob("norms", AdaptedRoles.allName) },
        start: { try VectorTuning.norms($0) })
}

extension BiasSettings {
    var knob: Knob {
        let named = roles.joined(separator: ", ")
        let places =
            layers.map { " of layers " + $0.sorted().map { String($0) }.joined(separator: ", ") } ?? ""
        return Knob("biases", named + places)
    }

    static let rows = [
        Setting<TuningSettings>(
            "bias-roles",
            "Biases that method bitfit trains: of these matrices, of norms, of what stands outside the layers",
            choices: roleNames,
            set: { settings, value in
                settings.biases.roles = try value.names().map { name in
                    try SettingValue(content: .text(name)).choice(among: roleNames, named: \.self)
                }
            },
            get: {
                let roles = $0.biases.roles
                return roles == [AdaptedRoles.allName] ? AdaptedRoles.allName : SettingText.list(roles)
            }),
        Setting(
            "bias-layers",
            "Layers whose biases method bitfit trains, like 0,1,8-11, in each tower of two; of all those outside layers too",
            unset: AdaptedRoles.allName,
            set: { $0.biases.layers = $1.isNull ? nil : try layers($1) },
            get: { $0.biases.layers.map { SettingText.list($0.sorted().map { String($0) }) } }),
    ]

    private static let mostLayers = 10_000

    static func layers(_ value: SettingValue) throws -> Set<Int>? {
        let names = try value.names()
        if names == [AdaptedRoles.allName] { return nil }
        var layers: Set<Int> = []
        for name in names {
            let ends = name.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2,
                0...last ~= first, last < mostLayers
            else {
                throw ValueProblem(
                    "\(quoted(name)) is neither a layer nor a range of layers", "write them like 0,1,8-11")
            }
            layers.formUnion(first...last)
        }
        return layers
    }

    /// Throws where one of the roles, or a layer, has none.
    func chosen(from parts: [TrainableVector], _ start: MethodStart) throws -> [Weight] {
        let model = start.backbone.architecture.name
        guard !parts.isEmpty else {
            throw AdapterError(
                description:
                    "\(SettingName.method) \(start.settings.method.name): \(model) has no biases; use method norms, lora or "
                    + "ia3")
        }
        for role in roles where role != AdaptedRoles.allName && !parts.contains(where: { $0.role == role }) {
            var present: [String] = []
            for part in parts where !present.contains(part.role) { present.append(part.role) }
            throw AdapterError(
                description:
                    "\(SettingName.biasRoles) \(role): no such part of \(model) has a bias; those that have are "
                    + present.joined(separator: ", "))
        }
        // The layers of two towers have the same numbers.
        let count =
            start.backbone.pair == nil
            ? start.backbone.sizes.layers : (parts.compactMap(\.layer).max() ?? -1) + 1
        if let layer = layers?.sorted().first(where: { $0 >= count }) {
            throw AdapterError(
                description:
                    "\(SettingName.biasLayers): the model has layers 0 to \(count - 1), and no layer \(layer)"
            )
        }
        let isAll = roles.contains(AdaptedRoles.allName)
        let chosen = parts.filter { part in
            (isAll || roles.contains(part.role))
                && (layers.map { layers in part.layer.map(layers.contains) ?? false } ?? true)
        }
        guard !chosen.isEmpty else {
            throw AdapterError(
                description:
                    "no bias is of \(SettingName.biasRoles) \(roles.joined(separator: ",")) and in these "
                    + "\(SettingName.biasLayers); name other roles, or all layers")
        }
        return chosen.map(\.weight)
    }
}

/// A vector of the model that may train: a bias, or a norm's weight.
struct TrainableVector {
    let weight: Weight
    let isBias: Bool
    let isOfNorm: Bool
    /// A matrix's role, or one of `BiasSettings`'
    let role: String
    /// nil outside the layers
    let layer: Int?
}

extension MethodStart {
    /// Biases that train beside adapters, from now on.
    func biases(beside set: AdapterSet) throws -> ChangedParts {
        if settings.bias == .none { return .none }
        let adapted = Set(set.layers.compactMap { $0.bias.map(ObjectIdentifier.init) })
        let weights = ownVectors.filter { part in
            part.isBias && (settings.bias == .all || adapted.contains(ObjectIdentifier(part.weight)))
        }.map(\.weight)
        guard !weights.isEmpty else {
            throw AdapterError(
                description:
                    "\(SettingName.bias) \(settings.bias.rawValue): \(backbone.architecture.name) has no such biases; leave "
                    + "it out")
        }
        let changed = try ChangedParts(training: weights, of: backbone)
        for weight in weights { weight.thaw() }
        return changed
    }

    /// All of the model that its head reads, in its order.
    var ownVectors: [TrainableVector] {
        let matrices = Dictionary(
            backbone.linearLayers.compactMap { layer in layer.bias.map { (ObjectIdentifier($0), layer.site) }
            },
            uniquingKeysWith: { first, _ in first })
        let pooler = backbone.pooler
        let output = backbone.architecture.outputName(.vocabulary) + "."
        let named = ChangedParts.named(backbone)
        let norms = ChangedParts.norms(named)
        return named.compactMap { name, weight in
            let (isBias, isOfNorm) = (name.hasSuffix(".bias"), norms.contains(ChangedParts.module(of: name)))
            guard isBias || isOfNorm else { return nil }
            if weight === pooler?.bias {
                guard readsPooler else { return nil }
                return TrainableVector(
                    weight: weight, isBias: true, isOfNorm: false, role: BiasSettings.pooler, layer: nil)
            }
            // Of the matrix that gives words, which another head does not read.
            if name.hasPrefix(output), !readsOutput { return nil }
            if let site = matrices[ObjectIdentifier(weight)] {
                return TrainableVector(
                    weight: weight, isBias: true, isOfNorm: false, role: site.role.rawValue, layer: site.layer
                )
            }
            let layer = name.split(separator: ".").lazy.compactMap { Int($0) }.first
            let isInside = layer != nil || (isOfNorm && !name.contains("embed"))
            return TrainableVector(
                weight: weight, isBias: isBias, isOfNorm: isOfNorm,
                role: isInside ? BiasSettings.norm : BiasSettings.embeddings, layer: layer)
        }
    }
}

extension ChangedParts {
    /// Those that train
    var groups: [ParameterGroup] {
        let trained = weights.compactMap(\.parameter)
        return trained.isEmpty ? [] : [ParameterGroup(trained)]
    }
}
