import ModelFiles

/// How llama.cpp's files (GGUF) hold the models of an architecture: names and order of their tensors, and what their keys
/// say, told as transformers' `config.json` would. Read from its converter (`conversion/`) and `src/models`.
package struct GGUFForm: Sendable {
    /// `general.architecture`
    package let name: String
    /// `model_type` of the `config.json` that says the same
    let modelType: String
    /// Those of models that this form holds too
    let otherTypes: [String]
    /// Modules as llama.cpp and as transformers call them; `N` is the layer.
    let modules: [(stored: String, own: String)]
    /// Modules of transformers whose rows are those of two of llama.cpp's, one behind the other
    var halves: [(own: String, first: String, second: String)] = []
    /// What of the rows of a matrix is in another order than in transformers' files
    package let rowOrder: GGUFRowOrder
    /// Adds to what all files say, or mends it.
    let describe: @Sendable (GGUFKeys, inout JSONObject) throws -> Void
    /// The other way round: adds what the keys of this architecture say beside those that all have.
    let state: @Sendable (any Backbone, inout GGUFKeyList) throws -> Void
    let rotaryTensors: RotaryTensors
    /// Whether llama.cpp reads where the ramp of YaRN begins and ends.
    var readsRamp = false

    /// Which tensors llama.cpp reads that say how pairs of columns turn.
    enum RotaryTensors: Sendable {
        case none
        /// `rope_freqs.weight`
        case divisors
        /// `rope_factors_long.weight` and `rope_factors_short.weight`
        case longAndShort
    }

    /// transformers' name of a tensor; nil for one that is no weight of the model.
    package func ownName(_ stored: String) -> String? {
        Self.renamed(stored, modules.map { ($0.stored, $0.own) })
    }

    /// llama.cpp's name of a tensor, by transformers' with or without the prefix of whole models; nil where it has none.
    package func storedName(_ own: String) -> String? {
        Self.renamed(own, modules.map { ($0.own, $0.stored) })
    }

    /// llama.cpp's names of the two tensors that hold the rows of a matrix here; nil where it is one there too.
    func storedHalves(_ own: String) -> (first: String, second: String)? {
        guard let first = Self.renamed(own, halves.map { ($0.own, $0.first) }),
            let second = Self.renamed(own, halves.map { ($0.own, $0.second) })
        else { return nil }
        return (first, second)
    }

    /// D, of one head.
    package func headWidth(_ config: HFConfig) throws -> Int {
        let hidden = try config.size(["hidden_size", "n_embd"], in: 1...65_536, 1)
        let heads = try config.size(["num_attention_heads", "n_head"], in: 1...1_024, 1)
        return try config.int("head_dim", in: 1...65_536, default: max(1, hidden / heads))
    }

    private static func renamed(_ name: String, _ modules: [(from: String, to: String)]) -> String? {
        guard let dot = name.lastIndex(of: ".") else { return nil }
        let (module, end) = (name[..<dot], name[dot...])
        var parts = module.split(separator: ".", omittingEmptySubsequences: false)
        let place = parts.firstIndex { Int($0) != nil }
        let layer = place.map { parts[$0] }
        if let place { parts[place] = "N" }
        let pattern = parts.joined(separator: ".")
        guard let target = modules.first(where: { $0.from == pattern })?.to else { return nil }
        let words = target.split(separator: ".", omittingEmptySubsequences: false).map {
            $0 == "N" ? layer ?? $0 : $0
        }
        return words.joined(separator: ".") + end
    }
}

/// The order of a matrix's rows in a GGUF, against that of transformers' files.
package enum GGUFRowOrder: Sendable {
    case same
    /// Of queries and keys: row 2p + h of a head is row h · D / 2 + p (h = 0 or 1), so that neighbours turn together.
    case neighbouringPairs
    /// Of fused queries, keys and values: all queries, then keys, then values, where transformers has them by head.
    case groupedProjections

    /// Which row of transformers' order stands in each place of a GGUF's; nil where all stay.
    ///
    /// - Parameters:
    ///   - rows: of the matrix.
    ///   - width: D, of one head.
    package func rows(_ role: LinearSite.Role, rows: Int, width: Int) -> [Int]? {
        switch self {
        case .neighbouringPairs where role == .query || role == .key:
            return (0..<rows).map { row in
                let (head, place) = row.quotientAndRemainder(dividingBy: width)
                return head * width + place % 2 * (width / 2) + place / 2
            }
        case .groupedProjections where role == .qkv:
            let heads = rows / (3 * width)
            return (0..<rows).map { row in
                let (part, rest) = row.quotientAndRemainder(dividingBy: heads * width)
                let (head, place) = rest.quotientAndRemainder(dividingBy: width)
                return (head * 3 + part) * width + place
            }
        default: return nil
        }
    }
}
