import Autodiff
import Matrices
import Messages
import ModelFiles
import Settings
import Transformers

/// Prefix tuning (Li and Liang 2021): N keys and values that stand before those of every sequence in each layer, and train.
///
/// In decoders as in PEFT: no position turns these keys, and the tokens have the positions behind them. Encoders, for which PEFT
/// has none, leave their tokens where they are.
package final class PrefixTuning: FineTuning {
    package let adapters: AdapterSet
    package let warnings: [String]

    package var groups: [ParameterGroup] { [ParameterGroup(adapters.parameters)] }

    init(_ prefixes: [LayerPrefix], warnings: [String] = []) {
        adapters = AdapterSet(parts: prefixes)
        self.warnings = warnings
    }

    /// What trains with N virtual tokens on L layers whose keys have K columns.
    package static func parameters(count: Int, layers: Int, columns: Int) -> Int {
        2 * layers * columns * count
    }

    static let rows = VirtualTokenSettings.rows(
        Setting(
            "prefix-init", "Keys and values that a prefix starts with, those of a text by the model itself",
            choices: VirtualTokenSettings.PrefixStart.allCases.map(\.rawValue),
            set: { $0.prefixStart = try $1.choice() }, get: { $0.prefixStart.rawValue }))

    convenience init(_ start: MethodStart) throws {
        let (backbone, count) = (start.backbone, start.settings.virtual.count)
        guard !backbone.attendsByDistance else {
            throw AdapterError(
                description:
                    "\(SettingName.method) prefix: \(backbone.architecture.name) attends by the distance of tokens, and keys of a prefix "
                    + "have none; use \(SettingName.method) prompt or lora")
        }
        var prefixes = try start.trainedParts(LayerPrefix.self)
        if prefixes == nil {
            try start.checkVirtualTokens(count)
            prefixes = try Self.values(start, count).enumerated().map { layer, rows in
                LayerPrefix(
                    layer: layer, keys: rows.keys, values: rows.values, heads: backbone.keyShape.heads,
                    keyOrder: LayerPrefix.keyOrder(backbone, layer))
            }
        }
        let notes =
            backbone.architecture.isDecoder
            ? []
            : [
                "PEFT runs no prefix on encoders: this adapter is for adalora alone, though its folder looks like PEFT's"
            ]
        self.init(prefixes ?? [], warnings: notes)
        adapters.hangParts(on: backbone)
    }

    /// [N, K] each, layer by layer.
    private static func values(_ start: MethodStart, _ count: Int) throws -> [(keys: Matrix, values: Matrix)]
    {
        let (layers, columns) = (start.backbone.sizes.layers, start.backbone.keyShape.columns)
        let kind = start.settings.virtual.prefixStart
        if kind == .text, !start.isResumed {
            return start.backbone.keysAndValues(try start.startingTokens(count))
        }
        return (0..<layers).map { layer in
            let (keys, values) = (
                Matrix(rows: count, columns: columns), Matrix(rows: count, columns: columns)
            )
            if kind == .random {
                var stream = start.stream("prefix", [layer])
                stream.fillNormal(keys, deviation: 1)
                stream.fillNormal(values, deviation: 1)
            }
            return (keys, values)
        }
    }
}

/// The prefix of one layer.
final class LayerPrefix: ModelPart, RowPrefix {
    static let kind = "prefix"
    var kind: String { Self.kind }
    let layer: Int?
    let heads: Int
    fileprivate let keys, values: VirtualRows
    /// Which column of keys in transformers' order stands in each place; nil where all stand where they do there.
    private let keyOrder: [Int]?

    init(layer: Int, keys: Matrix, values: Matrix, heads: Int, keyOrder: [Int]?) {
        self.layer = layer
        self.keys = VirtualRows("prefix.\(layer).keys", keys)
        self.values = VirtualRows("prefix.\(layer).values", values)
        self.heads = heads
        self.keyOrder = keyOrder
    }

    var parameters: [Parameter] { [keys.parameter, values.parameter] }
    var summary: String { "\(count) virtual tokens" }
    /// Keys take a share of the attention whatever they are.
    var hasEffect: Bool { true }
    var count: Int { keys.values.rows }
    var columns: Int { keys.values.columns }

    func hang(on backbone: any Backbone) {
        if let layer { backbone.hooks.attention[layer] = self }
    }

    func rows(columns: Int, on tape: Tape) -> [Variable] {
        precondition(columns == self.columns, "a prefix of \(self.columns) columns before keys of \(columns)")
        return [keys.variable(on: tape), values.variable(on: tape)]
    }

    static func keyOrder(_ backbone: any Backbone, _ layer: Int) -> [Int]? {
        backbone.linearLayers.first { $0.site == LinearSite(layer: layer, role: .key) }?.rowOrder
    }

    /// Keys, then values of virtual token `row`, in transformers' order.
    fileprivate func saved(_ row: Int) -> [Float] {
        var saved = [Float](repeating: 0, count: 2 * columns)
        for place in 0..<columns {
            saved[keyOrder?[place] ?? place] = keys.values.row(row)[place]
            saved[columns + place] = values.values.row(row)[place]
        }
        return saved
    }

    /// Of a file's rows[N, L · 2 · K].
    convenience init(layer: Int, of rows: Matrix, _ backbone: any Backbone) {
        let (columns, order) = (backbone.keyShape.columns, Self.keyOrder(backbone, layer))
        let keys = Matrix(rows: rows.rows, columns: columns)
        let values = Matrix(rows: rows.rows, columns: columns)
        for row in 0..<rows.rows {
            let own = rows.row(row) + 2 * layer * columns
            for place in 0..<columns {
                keys.row(row)[place] = own[order?[place] ?? place]
                values.row(row)[place] = own[columns + place]
            }
        }
        self.init(layer: layer, keys: keys, values: values, heads: backbone.keyShape.heads, keyOrder: order)
    }
}

extension FineTuningMethod {
    /// Its usual rate is what PEFT's comparison found (5e-3 from a real prefix).
    static let prefix = FineTuningMethod(
        name: "prefix", usualLearningRate: 5e-3, addsToWeights: false, parts: .prefix,
        rows: PrefixTuning.rows, knob: { $0.virtual.knob },
        start: { try PrefixTuning($0) })
}

extension PartForm {
    /// `prompt_embeddings` (N, L · 2 · K): K of layer 0, V of layer 0, K of layer 1 …, of decoders as PEFT saves and opens it.
    package static let prefix = VirtualTokenFolder.form(
        "PREFIX_TUNING", of: LayerPrefix.self,
        shape: {
            .init(count: $0[0].count, width: $0[0].columns, heads: $0[0].heads, layers: $0.count)
        },
        rows: { prefixes in (0..<prefixes[0].count).flatMap { row in prefixes.flatMap { $0.saved(row) } } },
        more: { config, shape in
            config["prefix_projection"] = .bool(false)
            config["encoder_hidden_size"] = JSONValue(shape.width)
        },
        columns: { folder, backbone in
            guard !backbone.attendsByDistance else {
                throw folder.fault(
                    "peft_type",
                    "\(backbone.architecture.name) attends by the distance of tokens, and keys of a prefix have none",
                    "use an adapter of another kind")
            }
            return 2 * backbone.sizes.layers * backbone.keyShape.columns
        },
        parts: { rows, backbone in
            (0..<backbone.sizes.layers).map { LayerPrefix(layer: $0, of: rows, backbone) }
        })
}
