import Autodiff
import Matrices
import Messages
import ModelFiles
import Transformers

/// (IA)³ (Liu et al. 2022): a trained vector l for each adapted matrix, which scales what the matrix gives, l ∘ (W·x + b), or,
/// of the feed-forward network's second matrix, what it reads, W·(l ∘ x) + b. All start at 1.
///
/// An [O, I] matrix has O parameters, or I where its input is scaled.
package final class IA3: FineTuning {
    package let adapters: AdapterSet

    package init(_ adapters: AdapterSet) { self.adapters = adapters }

    package var groups: [ParameterGroup] { [ParameterGroup(adapters.parameters)] }
    /// There are no triplets to look at.
    package func snapshot(workers: Workers) throws -> [SiteSnapshot] { [] }

    /// The matrices that read what the feed-forward network's activation gives.
    private static let scaledInputs: Set<LinearSite.Role> = [.output, .down]

    /// Keys, values, where queries share their matrix these too, and the feed-forward network's second matrix.
    @Sendable static func usualRoles(_ architecture: Architecture) -> [LinearSite.Role] {
        let usual: Set<LinearSite.Role> = [.key, .value, .qkv, .output, .down]
        return architecture.roles.filter(usual.contains)
    }

    convenience init(_ start: MethodStart) throws {
        let layers = try start.layers()
        if let trained = try start.trainedMatrices() { try Self.check(trained, layers, start.settings) }
        let old = Dictionary(
            uniqueKeysWithValues: (start.trained?.adapters ?? []).compactMap { adapter in
                (adapter.rule as? AxisScale).map { (adapter.site, $0) }
            })
        let adapters = layers.map { layer in
            let before = old[layer.site]
            let axis = before?.axis ?? (Self.scaledInputs.contains(layer.site.role) ? .inputs : .outputs)
            return LowRankAdapter(
                layer, scaling: axis, by: before.map { Matrix(copying: $0.scale.values) })
        }
        let set = AdapterSet(adapters: adapters, layers: layers)
        for layer in start.backbone.linearLayers { layer.adapter = nil }
        set.install()
        self.init(set)
    }

    /// Throws unless `trained` is (IA)³ on these layers alone.
    private static func check(_ trained: AdapterSet, _ layers: [LinearLayer], _ settings: TuningSettings)
        throws
    {
        guard trained.adapters.allSatisfy({ $0.rule is AxisScale }) else {
            throw AdapterError(
                description:
                    "\(SettingName.fromAdapter) with \(SettingName.method) \(settings.method.name) needs the vectors of "
                    + "\(AxisScale.kind), and the adapter is \(trained.kind); train it on with its own method, or start without it"
            )
        }
        let sites = Set(layers.map(\.site))
        guard let left = trained.adapters.first(where: { !sites.contains($0.site) }) else { return }
        throw AdapterError(
            description:
                "the adapter scales \(left.site), which \(SettingName.targets) leaves out; name all that it scales in "
                + "\(SettingName.targets)")
    }
}

extension FineTuningMethod {
    /// Its usual rate is the best of PEFT's own comparison.
    static let ia3 = FineTuningMethod(
        name: "ia3", size: "O, or I of the feed-forward's last", usualLearningRate: 5e-3,
        addsToWeights: false, peft: .ia3,
        allRoles: IA3.usualRoles, allRolesNote: "keys, values and the feed-forward network's last",
        rows: [TuningSettings.targetsRow],
        knob: { Knob("vectors", $0.targets.texts.joined(separator: ", ")) }, start: { try IA3($0) })
}

extension LowRankAdapter {
    /// Without any triplet: the vector alone.
    ///
    /// - Parameter scale: [1, O] or [1, I]; nil for ones.
    convenience init(_ layer: LinearLayer, scaling axis: AxisScale.Axis, by scale: Matrix?) {
        self.init(
            layer: AdaptedLayer(layer),
            factors: LowRankFactors(
                site: layer.site, b: Matrix(rows: layer.outputs, columns: 0),
                a: Matrix(rows: 0, columns: layer.inputs), factor: 1), dropout: 0)
        rule = AxisScale(layer, axis, scale: scale)
    }
}

extension PEFTForm {
    /// `ia3_l` (O, 1), or (1, I) for the modules in `feedforward_modules`. PEFT's own names of modules would take those that end
    /// alike as well, so that whole paths are written.
    package static let ia3 = PEFTForm(
        fits: { $0.rule is AxisScale }, type: "IA3",
        tensors: { adapter, path in
            guard let rule = adapter.rule as? AxisScale else { return [] }
            let values = rule.scale.values.values
            return [
                TensorToWrite(
                    name: path + AxisScale.suffix,
                    shape: rule.axis == .outputs ? [values.count, 1] : [1, values.count], values: values)
            ]
        },
        configure: { config, set, _, _ in
            for key in ["r", "lora_dropout", "bias"] { config[key] = nil }
            config[AdapterConfiguration.feedForwardKey] = .array(
                set.adapters.filter { ($0.rule as? AxisScale)?.axis == .inputs }.map {
                    .string($0.layer.modulePath)
                })
            config["init_ia3_weights"] = .bool(true)
        })
}

/// l of one layer.
///
/// Unchecked Sendable: values change only between steps.
final class AxisScale: UpdateRule, @unchecked Sendable {
    enum Axis: Sendable { case outputs, inputs }

    static let suffix = ".ia3_l"
    static let kind = "(IA)³"

    let name = AxisScale.kind
    let effect = "scales what matrices give or read"
    let axis: Axis
    /// [1, O] or [1, I]
    let scale: Parameter

    var parameters: [Parameter] { [scale] }

    init(_ layer: LinearLayer, _ axis: Axis, scale: Matrix?) {
        self.axis = axis
        let values = scale ?? Matrix(rows: 1, columns: axis == .outputs ? layer.outputs : layer.inputs)
        if scale == nil { values.fill(1) }
        self.scale = Parameter(name: "\(layer.site).l", vector: values)
    }

    var hasEffect: Bool { scale.values.buffer.contains { $0 != 1 } }

    func output(
        of x: Variable, weight: Weight, bias: Weight?, lowRank: LowRankFactors, dropout: Float,
        on tape: Tape
    ) -> Variable {
        switch axis {
        case .outputs: tape.scaledColumns(tape.linear(x, weight: weight, bias: bias), by: scale)
        case .inputs: tape.linear(tape.scaledColumns(x, by: scale), weight: weight, bias: bias)
        }
    }

    func finish(_ weight: Matrix) {
        let factors = scale.values.pointer
        for row in 0..<weight.rows {
            let values = weight.row(row)
            for column in 0..<weight.columns { values[column] *= factors[axis == .outputs ? row : column] }
        }
    }

    var changesBias: Bool { axis == .outputs }

    func finish(bias: Matrix) {
        for index in 0..<bias.count { bias.pointer[index] *= scale.values.pointer[index] }
    }
}
