import Autodiff
import Foundation
import Matrices
import ModelFiles
import Transformers

extension PEFTFolder {
    /// What a folder brought beside the head.
    package struct Loaded: Sendable {
        package let set: AdapterSet
        /// Weights of the model that it changes outside the adapted matrices
        package let changed: ChangedParts
        /// What a person should know about its files
        package let warnings: [String]

        package init(set: AdapterSet, changed: ChangedParts, warnings: [String]) {
            (self.set, self.changed, self.warnings) = (set, changed, warnings)
        }
    }

    /// Loads the adapters of a folder onto the layers of `backbone`, its other changes into the backbone's weights, and the
    /// head's weights into `head`; for inference. Written here or by PEFT. The tensors must match the model and the
    /// configuration exactly: none missing, none left over.
    ///
    /// - Parameters:
    ///   - base: where the head's weights are if the adapter has none (PEFT saves only `modules_to_save`).
    ///   - takesHead: false leaves `head` as it is, and the adapter's own aside.
    package static func load(
        _ folder: URL, onto backbone: any Backbone, head: SequenceHead, base: (any TensorSource)? = nil,
        takesHead: Bool = true
    ) throws -> Loaded {
        if let parts = try PartFolder(folder) {
            return try parts.load(onto: backbone, head: head, base: base, takesHead: takesHead)
        }
        let config = try AdapterConfiguration(folder.appendingPathComponent(configurationFile))
        let store = try openWeights(folder)
        let reader = PEFTReader(store: store, architecture: backbone.architecture)
        var adapters: [LowRankAdapter] = []
        var adapted: [LinearLayer] = []
        for layer in backbone.linearLayers {
            guard let adapter = try adapter(for: layer, config, reader) else { continue }
            adapters.append(adapter)
            adapted.append(layer)
            layer.adapter = adapter.acts ? adapter : nil
        }
        if takesHead { try load(head, reader, base: base) } else { leaveHead(head, reader) }
        // PEFT has biases beside LoRA only: one that does nothing carries them.
        let isCarrier = config.kind == .lora && config.trainsBiases && !adapters.contains(where: \.hasUpdate)
        let changed = try ChangedParts(
            backbone: backbone, head: takesHead ? head : nil, config, reader)
        if isCarrier && changed.isBiases {
            for layer in adapted { layer.adapter = nil }
            (adapters, adapted) = ([], [])
        }
        return Loaded(
            set: AdapterSet(adapters: adapters, layers: adapted), changed: changed,
            warnings: config.warnings(isConv1D: backbone.linearLayers.contains(where: \.isConv1D)))
    }

    /// Marks the tensors of any head as taken.
    private static func leaveHead(_ head: SequenceHead, _ reader: PEFTReader) {
        let modules = (head.modules + ["qa_outputs"]).map { "\(PEFTForm.prefix)\($0)." }
        for name in reader.store.names where modules.contains(where: name.hasPrefix) {
            // The backbone's own pooler, where names have no prefix, is no head.
            if !reader.isOfBackboneAlone { reader.take(name) }
        }
    }

    /// nil where the folder has none for this layer, and says none.
    private static func adapter(
        for layer: LinearLayer, _ config: AdapterConfiguration, _ reader: PEFTReader
    ) throws -> LowRankAdapter? {
        let module = reader.path(layer.modulePath)
        let path = PEFTForm.prefix + module
        switch config.kind {
        case .ia3: return try scaling(layer, path, module, config, reader)
        case .norms: return nil
        case .adalora, .lora: break
        }
        let suffix = config.weightSuffix
        let name = "\(path).lora_A\(suffix)"
        guard let info = reader.store.tensor(name) else {
            guard config.adapts(module) else { return nil }
            throw PEFTReader.missing(name, in: reader.store, "target_modules names its module")
        }
        let kept = info.shape.first ?? 0
        try config.check(kept, of: module, tensor: name, in: reader.store)
        guard kept <= min(layer.outputs, layer.inputs) else {
            throw ModelFileError(
                file: reader.store.path, place: name,
                problem: "rank \(kept) is more than a matrix [\(layer.outputs), \(layer.inputs)] can have",
                advice: "merge the adapter with PEFT instead")
        }
        let q = try reader.matrix(name, [kept, layer.inputs])
        let p = PEFTRows.read(
            try reader.matrix("\(path).lora_B\(suffix)", [layer.outputs, kept]), order: layer.rowOrder)
        let factor = try config.factor(of: module, rank: kept)
        let factors =
            !config.hasSingularValues
            ? try started(config, layer, b: p, a: q, factor: factor, reader)
            : LowRankFactors(
                site: layer.site, p: p,
                lambda: try reader.matrix("\(path).lora_E", [kept, 1], rows: 1, columns: kept), q: q,
                factor: factor)
        let adapter = LowRankAdapter(
            layer: AdaptedLayer(layer), factors: factors, dropout: 0, initialRank: config.rank)
        if config.hasMagnitudes && kept > 0 {
            let magnitude = try reader.matrix(
                path + RowMagnitude.suffix, [layer.outputs], rows: 1, columns: layer.outputs)
            // A rank of zeros, where nothing can ever grow, stands for none.
            let isEmpty = [p, q].allSatisfy { $0.buffer.allSatisfy { $0 == 0 } }
            if isEmpty { adapter.resize(to: 0) }
            adapter.rule = RowMagnitude(
                layer, adapter.factors, magnitude: PEFTRows.read(magnitude, order: layer.rowOrder))
        }
        return adapter
    }

    /// (IA)³'s; its shape tells what is scaled, and the configuration must not say otherwise.
    private static func scaling(
        _ layer: LinearLayer, _ path: String, _ module: String, _ config: AdapterConfiguration,
        _ reader: PEFTReader
    ) throws -> LowRankAdapter? {
        let name = path + AxisScale.suffix
        guard let info = reader.store.tensor(name) else {
            guard config.adapts(module) else { return nil }
            throw PEFTReader.missing(name, in: reader.store, "target_modules names its module")
        }
        let isInput = config.scalesInput(module) ?? (info.shape.first == 1)
        if isInput {
            let scale = try reader.matrix(name, [1, layer.inputs])
            return LowRankAdapter(layer, scaling: .inputs, by: scale)
        }
        let scale = try reader.matrix(name, [layer.outputs, 1], rows: 1, columns: layer.outputs)
        return LowRankAdapter(layer, scaling: .outputs, by: PEFTRows.read(scale, order: layer.rowOrder))
    }

    /// B and A, less the part of the layer's weight that they started at, where the configuration says so: PEFT takes it off
    /// again when it opens such a folder.
    private static func started(
        _ config: AdapterConfiguration, _ layer: LinearLayer, b: Matrix, a: Matrix, factor: Float,
        _ reader: PEFTReader
    ) throws -> LowRankFactors {
        let rank = a.rows
        guard rank > 0, let start = config.weightStart else {
            return LowRankFactors(site: layer.site, b: b, a: a, factor: factor)
        }
        let convert =
            "convert it to plain LoRA with PEFT (save_pretrained with path_initial_model_for_weight_conversion)"
        func fault(_ problem: String) -> ModelFileError {
            ModelFileError(
                file: reader.store.path, place: layer.modulePath,
                problem: "start \(start.rawValue) \(problem)", advice: convert)
        }
        guard layer.weight.isOfFloats else {
            throw fault("was taken out of whole weights, and this base keeps them packed")
        }
        guard factor > 0 else { throw fault("has a factor that is not above 0") }
        if start == .olora, layer.isConv1D { throw fault("is not PEFT's own on transformers' Conv1D") }
        guard 2 * rank <= min(layer.outputs, layer.inputs) else {
            throw fault(
                "makes an adapter of twice the rank, more than a matrix [\(layer.outputs), \(layer.inputs)] can have"
            )
        }
        guard
            let origin = try WeightStart.factors(
                start, of: layer, rank: rank, factor: factor, isWhole: true,
                stream: RandomStream(seed: 0, purpose: "not used"))
        else { return LowRankFactors(site: layer.site, b: b, a: a, factor: factor) }
        return .standingAlone(layer.site, b: b, a: a, less: origin, factor: factor)
    }

    /// - Parameter prefix: before the names that the head's tensors have in transformers' whole model
    static func load(
        _ head: SequenceHead, _ reader: PEFTReader, prefix: String = PEFTForm.prefix,
        base: (any TensorSource)?
    ) throws {
        for parameter in head.parameters {
            let values = parameter.values
            let own = prefix + parameter.name
            if reader.store.tensor(own) == nil, let base, base.tensor(parameter.name) == nil {
                // PEFT saves the classifier unasked, but not the new dense layer before it (DeBERTa's pooler).
                throw ModelFileError(
                    kind: .missing, file: reader.store.path, place: parameter.name,
                    problem: "neither the adapter nor the base model has this part of the head",
                    advice:
                        "save it with the adapter (PEFT: modules_to_save \(head.modules.joined(separator: ", ")))"
                )
            }
            let source =
                reader.store.tensor(own) == nil ? base.map { (PEFTReader(store: $0), parameter.name) } : nil
            let (weights, name) = source ?? (reader, own)
            values.copyValues(
                from: try weights.matrix(
                    name, parameter.savedShape, rows: values.rows, columns: values.columns))
        }
    }

    /// The files of weights in a folder of another program's; empty where they are in `weightsFile`.
    package static func otherFiles(of folder: URL) -> [String] {
        func isThere(_ name: String) -> Bool {
            FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path)
        }
        let forms = FineTuningMethod.all.compactMap(\.parts?.other)
        guard !isThere(weightsFile), let form = forms.first(where: { isThere($0.weightsFile) }) else {
            return []
        }
        return [form.weightsFile] + (isThere(form.headFile) ? [form.headFile] : [])
    }

    /// The base model that an adapter names as its own; nil where it names none.
    package static func baseModel(of folder: URL) throws -> String? {
        if let parts = try PartFolder(folder) { return parts.baseModel }
        return try AdapterConfiguration(folder.appendingPathComponent(configurationFile)).baseModel
    }

    /// What PEFT calls the task of an adapter (`SEQ_CLS`); nil when it does not say.
    package static func taskType(of folder: URL) throws -> String? {
        if let parts = try PartFolder(folder) { return parts.taskType }
        return try AdapterConfiguration(folder.appendingPathComponent(configurationFile)).taskType
    }

    /// Whether an adapter was trained on the backbone alone, without any head.
    package static func isOfBackboneAlone(_ folder: URL, _ architecture: Architecture) throws -> Bool {
        // Parts have no module's name in the files of some forms; of these the head is looked for.
        try PartFolder(folder) == nil && PEFTReader.isOfBackboneAlone(openWeights(folder), architecture)
    }

    /// The outputs of the classifier in an adapter folder; nil when it has none.
    ///
    /// - Parameters:
    ///   - name: of the classifier's weight [K, C] in transformers.
    ///   - inputs: C
    package static func outputs(of folder: URL, classifier name: String, inputs: Int) throws -> Int? {
        if let parts = try PartFolder(folder) { return try parts.outputs(classifier: name, inputs: inputs) }
        return try outputs(
            of: try openWeights(folder), classifier: PEFTForm.prefix + name, inputs: inputs)
    }

    /// The same of a model's weights.
    package static func outputs(of store: any TensorSource, classifier name: String, inputs: Int) throws
        -> Int?
    {
        guard let shape = store.tensor(name)?.shape else { return nil }
        // A size of 0 would let the other one be any number.
        guard shape.count == 2, shape[1] == inputs else {
            throw ModelFileError(
                file: store.path, place: name,
                problem: "shape \(shape), a classifier of this model has [classes, \(inputs)]",
                advice: "was it trained on another base model?")
        }
        return shape[0]
    }

    private static func openWeights(_ folder: URL) throws -> TensorStore {
        try PickledWeights.refuse(in: folder, insteadOf: weightsFile)
        return try TensorStore(file: folder.appendingPathComponent(weightsFile))
    }
}
