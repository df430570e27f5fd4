import Autodiff
import Matrices
import Messages
import ModelFiles

/// The format in which a base is kept whose files have Float32, BF16 or F16: each matrix is packed once, when the model is
/// opened or when a folder of packed weights is written, and training sees the packed values alone.
package struct BaseFormat: Sendable, Equatable {
    /// nil of a matrix whose rows the format does not fit, which stays as it is.
    private typealias Pack = @Sendable (Matrix) -> PackedMatrix?

    /// As settings call it
    package let name: String
    /// Whether transformers opens a folder of it.
    package let isForTransformers: Bool
    /// Formats of the matrices
    private let held: Set<String>
    private let pack: Pack
    /// Whether embeddings, output matrices and whatever else carries no adapter stay as the files have them.
    private let isForLayersAlone: Bool

    /// Rows of 256 are not every model's. bitsandbytes packs layers alone, and transformers takes all others for numbers of
    /// one type.
    package static let all = [
        BaseFormat("bf16", blocks: ["BF16"], isForTransformers: true), BaseFormat("q8_0", blocks: ["Q8_0"]),
        BaseFormat("q4_k", blocks: ["Q4_K", "Q4_0"]),
        BaseFormat(
            name: "nf4", isForTransformers: true, held: [NF4Weight.formatName], isForLayersAlone: true
        ) { PackedMatrix.nf4($0) },
    ]

    /// A table of a few rows (of token types) is not worth what packing it costs in accuracy.
    private static let fewestRows = 8

    /// What settings call the files' own formats.
    package static let keep = "keep"

    package static func named(_ name: String) -> BaseFormat? { all.first { $0.name == name } }

    package static func == (a: BaseFormat, b: BaseFormat) -> Bool { a.name == b.name }

    private init(
        name: String, isForTransformers: Bool, held: Set<String>, isForLayersAlone: Bool, pack: @escaping Pack
    ) {
        self.name = name
        self.isForTransformers = isForTransformers
        self.held = held
        self.isForLayersAlone = isForLayersAlone
        self.pack = pack
    }

    /// - Parameter names: of formats; the first whose blocks the rows of a matrix fill is taken.
    private init(_ name: String, blocks names: [String], isForTransformers: Bool = false) {
        let formats = names.compactMap(WeightFormat.named)
        self.init(
            name: name, isForTransformers: isForTransformers, held: Set(names), isForLayersAlone: false
        ) { PackedMatrix.blocks($0, formats) }
    }

    /// The matrices that are packed where their rows fit.
    private func weights(of backbone: any Backbone) -> [Weight] {
        let layers = Set(backbone.linearLayers.map { ObjectIdentifier($0.weight) })
        return backbone.weights.filter { weight in
            // What embeds images has more dimensions, and stays as the files have it.
            weight.format != nil && weight.rows >= Self.fewestRows && weight.savedShape.count == 2
                && (!isForLayersAlone || layers.contains(ObjectIdentifier(weight)))
        }
    }

    /// Packs all matrices of a model, and says what that costs.
    ///
    /// - Parameter name: of the model, for messages
    /// - Throws: `ModelFileError` for a matrix that is packed already, and for values that this format cannot hold.
    package func pack(_ backbone: any Backbone, name: String) throws -> PackedBase {
        var base = PackedBase(format: self)
        for weight in weights(of: backbone) {
            guard let held = weight.format else { continue }
            guard Self.isPlain(held) else {
                throw ModelFileError(
                    file: name, place: "tensor \(quoted(weight.name))", problem: "it is \(held) already",
                    advice: "leave out \(SettingName.baseFormat): such a model stays as it is")
            }
            try base.add(
                weight, storedName: backbone.architecture.storedName(weight.name), packedBy: pack, model: name
            )
        }
        return base
    }

    private static func isPlain(_ format: String) -> Bool { ["F32", "BF16", "F16"].contains(format) }

    /// Whether every matrix is kept as `pack` would keep it.
    private func isHeld(by backbone: any Backbone) -> Bool {
        weights(of: backbone).allSatisfy { weight in
            guard let format = weight.format else { return false }
            let fits = held.contains { name in
                WeightFormat.named(name).map { weight.columns.isMultiple(of: $0.blockWeights) } ?? true
            }
            return held.contains(format) || (!fits && Self.isPlain(format))
        }
    }
}

/// What the `config.json` of a folder says that it was packed to.
extension BaseFormat {
    /// Beside what else a configuration has of packings, which is for whoever opens the files.
    package static let key = "adalora_base_format"

    /// nil where nobody says it, or the weights are others: who saves a model anew copies what its configuration has.
    ///
    /// - Throws: `ModelFileError` for a format that there is not.
    package static func stated(_ config: HFConfig, by backbone: any Backbone) throws -> BaseFormat? {
        guard let value = config.value(key) else { return nil }
        guard let format = value.string.flatMap(named) else {
            throw ModelFileError(
                file: config.path, place: key,
                problem: "\(oneLine(value.text(), limit: 80)) is not one of "
                    + all.map(\.name).joined(separator: ", "),
                advice: "take the key out, or use a version that knows the format")
        }
        return format.isHeld(by: backbone) ? format : nil
    }
}
