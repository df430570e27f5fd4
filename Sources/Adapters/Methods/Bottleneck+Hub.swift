import Foundation
import ModelFiles
import Transformers

/// Bottleneck adapters in the folders of AdapterHub's library (`adapters` 1.3.0): `adapter_config.json`,
/// `adapter.safetensors`, and a head in `head_config.json` and `model_head.safetensors`.
package enum AdapterHub {
    static let weightsFile = "adapter.safetensors"
    static let headFile = "model_head.safetensors"
    static let headConfigurationFile = "head_config.json"
    /// Whose layout of the configuration this is
    private static let version = "adapters.1.3.0"

    /// What the files call model and adapter.
    package struct Names {
        /// `BertForSequenceClassification`
        package let modelClass: String
        /// `bert`
        let modelType: String
        /// As `from_pretrained` takes it
        package let modelName: String
        package let adapter: String

        package init(modelClass: String, modelType: String, modelName: String, adapter: String) {
            (self.modelClass, self.modelType) = (modelClass, modelType)
            (self.modelName, self.adapter) = (modelName, adapter)
        }
    }

    /// The modules of a layer that the library hangs adapters in, by model: those after attention and after the
    /// feed-forward network.
    private static let modules: [String: (attention: String, output: String)] = [
        "bert": ("attention.output", "output"), "roberta": ("attention.output", "output"),
        "llama": ("attention_adapters", "output_adapters"),
        "mistral": ("attention_adapters", "output_adapters"),
        "gpt2": ("attention_adapters", "output_adapters"),
    ]

    /// What stands before `.adapter_down…` in the names of a layer's tensors.
    private static func paths(_ layer: Int, _ backbone: any Backbone, adapter: String) throws -> (
        attention: String, output: String
    ) {
        let name = backbone.architecture.name
        let path = backbone.linearLayers.first { $0.site.layer == layer }?.modulePath ?? ""
        guard let modules = modules[name], let place = path.range(of: ".\(layer).") else {
            throw AdapterError(
                description:
                    "AdapterHub's folders are read and written here for \(self.modules.keys.sorted().joined(separator: ", ")); "
                    + "not for \(name)")
        }
        let start = path[..<place.upperBound]
        return (
            "\(start)\(modules.attention).adapters.\(adapter)",
            "\(start)\(modules.output).adapters.\(adapter)"
        )
    }

    private static let suffixes = [
        ".adapter_down.0.weight", ".adapter_down.0.bias", ".adapter_up.weight", ".adapter_up.bias",
    ]

    /// What a kind of adapter is in the library's configuration.
    private static func shape(_ kind: BottleneckKind) -> JSONObject {
        [
            "mh_adapter": .bool(kind == .houlsby), "output_adapter": .bool(true),
            "original_ln_before": .bool(kind == .pfeiffer), "is_parallel": .bool(kind == .parallel),
        ]
    }

    /// What means the same in all adapters that are computed here.
    private static let rest: JSONObject = [
        "original_ln_after": .bool(true), "ln_before": .bool(false), "ln_after": .bool(false),
        "residual_before_ln": .bool(true), "adapter_residual_before_ln": .bool(false),
        "use_gating": .bool(false), "inv_adapter": .null, "cross_adapter": .bool(false),
        "leave_out": .array([]),
        "phm_layer": .bool(false), "stochastic_depth": .number(0),
    ]

    /// Without a part in what a trained adapter computes, as the library writes them.
    private static let idle: JSONObject = [
        "dropout": .number(0), "factorized_phm_W": .bool(true), "factorized_phm_rule": .bool(false),
        "hypercomplex_nonlinearity": .string("glorot-uniform"), "init_weights_seed": .null,
        "inv_adapter_reduction_factor": .null, "learn_phm": .bool(true), "phm_bias": .bool(true),
        "phm_c_init": .string("normal"), "phm_dim": .number(4), "phm_init_range": .number(0.0001),
        "phm_rank": .number(1), "shared_W_phm": .bool(false), "shared_phm_rule": .bool(true),
    ]
}

extension AdapterHub {
    static let form = PartForm.Other(
        isOf: { $0["config"]?.object != nil && $0["model_type"]?.string != nil }, weightsFile: weightsFile,
        headFile: headFile, baseKey: "model_name", read: read)

    @Sendable private static func read(_ folder: PartReader, _ backbone: any Backbone) throws
        -> [any ModelPart]
    {
        let config = folder.json["config"] ?? .null
        func fault(_ key: String, _ problem: String) -> ModelFileError {
            folder.fault(
                "config.\(key)", problem,
                "train such an adapter with adalora, of the kinds "
                    + BottleneckKind.allCases.map(\.rawValue).joined(separator: ", "))
        }
        if let other = config["architecture"]?.string {
            throw fault("architecture", "\(other) is no bottleneck adapter, and is not read here")
        }
        for (key, value) in rest.members where config[key].map({ $0 != value }) ?? false {
            throw fault(key, "a form of bottleneck adapter that is not computed here")
        }
        for (key, value) in config.object?.members ?? [] {
            let known =
                [rest, idle, shape(.pfeiffer)].contains { $0[key] != nil }
                || ["reduction_factor", "non_linearity", "scaling", "init_weights"].contains(key)
            guard known || value.isNull || value.bool == false else {
                throw fault(key, "a key that is not known here and may change what the adapter computes")
            }
        }
        guard
            let kind = BottleneckKind.allCases.first(where: { kind in
                shape(kind).members.allSatisfy { config[$0.key] == $0.value }
            })
        else {
            throw fault(
                "mh_adapter", "places of adapters that are neither houlsby's, pfeiffer's nor parallel")
        }
        let spoken = config["non_linearity"]?.string?.lowercased() ?? ""
        guard let activation = BottleneckActivation(rawValue: spoken == "silu" ? "swish" : spoken) else {
            throw fault("non_linearity", "it is not computed here")
        }
        guard let scaling = config["scaling"]?.double, Float(scaling).isFinite else {
            throw fault("scaling", "no number: a factor that is learned is not computed here")
        }
        guard let adapter = folder.json["name"]?.string else {
            throw folder.fault("name", "missing", AdapterConfiguration.asSaved)
        }
        let hidden = backbone.sizes.hidden
        func pair(_ layer: Int, _ part: String, _ path: String) throws -> BottleneckPair {
            let first = path + suffixes[0]
            guard let width = folder.tensors.store.tensor(first)?.shape.first, width > 0 else {
                throw PEFTReader.missing(first, in: folder.tensors.store, nil)
            }
            let shapes = BottleneckPair.shapes(width: width, hidden: hidden)
            return BottleneckPair(
                BottleneckAdapter.name(layer, part),
                try zip(suffixes, shapes).map { suffix, shape in
                    try folder.tensors.matrix(
                        path + suffix, shape, rows: shape.count == 1 ? 1 : shape[0],
                        columns: shape[shape.count - 1])
                })
        }
        return try (0..<backbone.sizes.layers).map { layer in
            let paths = try paths(layer, backbone, adapter: adapter)
            return BottleneckAdapter(
                kind, activation, scaling: Float(scaling), layer: layer,
                attention: kind == .houlsby ? try pair(layer, "attention", paths.attention) : nil,
                feedForward: try pair(layer, "output", paths.output))
        }
    }
}

extension AdapterHub {
    /// Writes bottleneck adapters and the head, where it is none of the model's own, into a folder that exists. Throws where
    /// the library has no such adapters. Not atomic by itself.
    ///
    /// - Parameter labels: of the head's outputs
    package static func write(
        _ set: AdapterSet, of backbone: any Backbone, head: SequenceHead, labels: [String], _ names: Names,
        into folder: URL
    ) throws {
        let adapters = set.parts.compactMap { $0 as? BottleneckAdapter }
        guard let first = adapters.first, adapters.count == set.parts.count, set.adapters.isEmpty else {
            throw AdapterError(
                description:
                    "AdapterHub's folders are written for bottleneck adapters, and this is \(set.kind)")
        }
        let widths = Set(adapters.flatMap(\.pairs).map(\.pair.width))
        guard widths.count == 1, let width = widths.first else {
            throw AdapterError(
                description: "AdapterHub's folders are written for adapters of one width, and these have "
                    + widths.sorted().map { "\($0)" }.joined(separator: ", "))
        }
        let tensors = try adapters.flatMap { adapter in
            let paths = try paths(adapter.layer ?? 0, backbone, adapter: names.adapter)
            return adapter.pairs.flatMap { part, pair in
                zip(suffixes, pair.parameters).map { suffix, parameter in
                    TensorToWrite(
                        name: (part == "attention" ? paths.attention : paths.output) + suffix,
                        shape: parameter.savedShape, values: parameter.values.values)
                }
            }
        }
        try SafetensorsWriter.write(
            tensors, metadata: ["format": "pt"], to: folder.appendingPathComponent(weightsFile))
        var about = about(names, backbone)
        about["config"] = .object(configuration(first, width: width, hidden: backbone.sizes.hidden))
        about["name"] = .string(names.adapter)
        try write(about, AdapterConfiguration.fileName, into: folder)
        if !head.parameters.isEmpty { try write(head, labels, names, backbone, into: folder) }
    }

    private static func configuration(_ adapter: BottleneckAdapter, width: Int, hidden: Int) -> JSONObject {
        var config = shape(adapter.place)
        for (key, value) in rest.members + idle.members { config[key] = value }
        config["non_linearity"] = .string(adapter.activation.rawValue)
        config["init_weights"] = .string(adapter.place == .parallel ? "mam_adapter" : "bert")
        // The library divides and rounds down: half a step more than the width keeps rounding away from it.
        config["reduction_factor"] =
            hidden % width == 0 ? JSONValue(hidden / width) : .number(Double(hidden) / (Double(width) + 0.5))
        // As written: the library takes a number without a point for no factor at all.
        let scaling = Double(adapter.scaling)
        config["scaling"] =
            scaling == scaling.rounded() ? .largeInteger("\(scaling)") : .number(scaling)
        return config
    }

    private static func about(_ names: Names, _ backbone: any Backbone) -> JSONObject {
        [
            "hidden_size": JSONValue(backbone.sizes.hidden), "model_class": .string(names.modelClass),
            "model_name": .string(names.modelName), "model_type": .string(names.modelType),
            "version": .string(version),
        ]
    }

    private static func write(
        _ head: SequenceHead, _ labels: [String], _ names: Names, _ backbone: any Backbone, into folder: URL
    ) throws {
        try SafetensorsWriter.write(
            head.parameters.map {
                TensorToWrite(name: $0.name, shape: $0.savedShape, values: $0.values.values)
            }, metadata: ["format": "pt"], to: folder.appendingPathComponent(headFile))
        var about = about(names, backbone)
        about["config"] = .null
        about["name"] = .null
        about["num_labels"] = JSONValue(head.outputs)
        var columns = JSONObject()
        for (column, label) in labels.enumerated() { columns[label] = JSONValue(column) }
        about["label2id"] = labels.isEmpty ? .null : .object(columns)
        try write(about, headConfigurationFile, into: folder)
    }

    private static func write(_ json: JSONObject, _ name: String, into folder: URL) throws {
        try AtomicFile.write(
            Data(JSONValue.object(json).bytes(pretty: true)), to: folder.appendingPathComponent(name))
    }
}
