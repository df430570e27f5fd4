import Matrices
import Messages
import ModelFiles
import Training
import Transformers

/// The formats that values of a model are rounded to when it is written as a GGUF.
package enum MergedType: Sendable, Equatable {
    /// That of the file where it is one of 16 or 32 bits, else Q8_0: what was rounded to few bits once loses much when it is
    /// rounded to as few again.
    case usual
    /// Each matrix keeps the format that it has.
    case own
    /// One of `names`
    case format(String)

    /// Of formats that weights can be written in.
    package static var names: [String] { WeightFormat.all.filter { $0.pack != nil }.map(\.name) }

    /// nil for a name that is none; `own`, or a format in any spelling of case.
    package init?(_ name: String) {
        if name.lowercased() == "own" {
            self = .own
        } else if let format = Self.names.first(where: { $0.lowercased() == name.lowercased() }) {
            self = .format(format)
        } else {
            return nil
        }
    }

    private static let plain: Set = ["F32", "F16", "BF16"]
    /// What lookups and logits lose most by.
    private static let wordMatrices: Set = ["token_embd.weight", "output.weight"]
    /// Formats that nobody holds rows of words in, as llama.cpp's own quantiser.
    private static let fewBits: Set = [
        "Q2_K", "Q3_K", "Q4_0", "Q4_1", "Q4_K", "Q5_0", "Q5_1", "Q5_K", "IQ4_NL", "IQ4_XS", "MXFP4",
    ]

    /// Whether the steps of a format are so wide that an adapter's update may be lost between them.
    static func isCoarse(_ format: String) -> Bool { fewBits.contains(format) }

    /// Tensors that llama.cpp's `Q4_K_S` keeps in more bits: values of the first four layers, and what leaves the feed-forward
    /// network in the first eighth of them (`llama_tensor_get_type`).
    private static func isSensitive(_ name: String, layers: Int) -> Bool {
        guard let match = name.wholeMatch(of: /blk\.([0-9]+)\.(attn_v|ffn_down)\.weight/),
            let layer = Int(match.1)
        else { return false }
        return layer < (match.2 == "attn_v" ? 4 : layers / 8)
    }

    /// Positions that are learned, and types of tokens: tables that llama.cpp adds as they stand.
    private static let added: Set = ["position_embd.weight", "token_types.weight"]

    /// The format of a tensor with new values. Norms and biases, and what is added to words, are Float32 to llama.cpp. A
    /// classifier is small, and rounded to 16 bits at most.
    ///
    /// - Parameter layers: of the model.
    /// - Throws: `TrainingError` where a tensor's own format is one that this version only reads.
    func type(of tensor: GGUFModelTensor, layers: Int) throws -> GGMLType {
        guard tensor.isMatrix, !Self.added.contains(tensor.name) else { return .float32 }
        let columns = tensor.shape.last ?? 1
        let own = tensor.format ?? "F32"
        switch self {
        case .usual:
            return Self.plain.contains(own) ? Self.fitting(own, columns) : Self.fitting("Q8_0", columns)
        case .own:
            guard Self.names.contains(own) else {
                throw TrainingError(
                    .usage,
                    "\(oneLine(tensor.name)) is \(own), which this version only reads; give \(SettingName.mergedType) q8_0 or "
                        + "another one of \(Self.names.map { $0.lowercased() }.joined(separator: ", "))")
            }
            return Self.fitting(own, columns)
        case .format(let name):
            if GGUFForm.isClassifier(tensor.name), !Self.plain.contains(name) {
                return Self.fitting("F16", columns)
            }
            let isForWords = Self.wordMatrices.contains(tensor.name) && Self.fewBits.contains(name)
            if isForWords { return Self.fitting("Q6_K", columns) }
            let needsMore = name == "Q4_K" && Self.isSensitive(tensor.name, layers: layers)
            return Self.fitting(needsMore ? "Q5_K" : name, columns)
        }
    }

    /// The format, or the next one whose blocks rows of so many columns are whole numbers of.
    private static func fitting(_ name: String, _ columns: Int) -> GGMLType {
        for name in [name, "Q8_0", "F16"] {
            if let type = GGMLType.named(name), columns.isMultiple(of: type.blockWeights) { return type }
        }
        return .float32
    }
}
