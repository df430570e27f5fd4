import Foundation
import Glibc
import ModelFiles

/// What attention knows of the distance between two tokens, as `config.json` says it.
package enum RelativeScheme: Sendable, Equatable {
    /// DeBERTa-v2 and -v3
    case disentangled(DisentangledAttention)
    /// MPNet: a bias for each head and bucket of distances, as in T5
    case bias

    /// The buckets that transformers' MPNet uses, whatever its config says.
    static let biasBuckets = 32
    private static let farthestBias = 128

    /// The row of the table for a query row `distance` behind (after) the key row; in Float32 as transformers.
    package func tableRow(_ distance: Int) -> Int {
        switch self {
        case .disentangled(let attention): return attention.tableRow(distance)
        case .bias:
            let (half, exact) = (Self.biasBuckets / 2, Self.biasBuckets / 4)
            let side = distance < 0 ? half : 0
            let length = abs(distance)
            if length < exact { return side + length }
            let share = logf(Float(length) / Float(exact)) / Float(log(Double(Self.farthestBias / exact)))
            return side + min(half - 1, exact + Int(share * Float(half - exact)))
        }
    }
}

/// DeBERTa's disentangled attention (He et al. 2021): which terms it has and which distances share an embedding.
package struct DisentangledAttention: Sendable, Equatable {
    /// Below half as many tokens every distance has an embedding, beyond they share by logarithm (v2); nil: none share.
    let buckets: Int?
    /// The distance from which on all share the last embedding
    let farthest: Int
    let hasContentToPosition: Bool
    let hasPositionToContent: Bool
    /// Queries' and keys' own layers project the embeddings, adapters included; otherwise two layers more.
    let sharesProjections: Bool
    let normsEmbeddings: Bool

    /// Half the rows of the table.
    var span: Int { buckets ?? farthest }

    init(_ config: HFConfig, positionRows: Int) throws {
        func refusal(_ key: String, _ problem: String, _ advice: String) -> ModelFileError {
            ModelFileError(file: config.path, place: key, problem: problem, advice: advice)
        }
        guard try config.bool("relative_attention", default: false) else {
            throw refusal(
                "relative_attention", "DeBERTa without relative positions is not supported",
                "use a checkpoint with relative_attention true, as all published ones")
        }
        // transformers lowers the case of one string, not of a list.
        let isString = config.value("pos_att_type")?.string != nil
        let terms = (try config.strings("pos_att_type") ?? []).map { isString ? $0.lowercased() : $0 }
        for term in terms where term != "c2p" && term != "p2c" {
            throw refusal(
                "pos_att_type", "\"\(term)\" is not supported", "supported are c2p, p2c and both: p2c|c2p")
        }
        guard !terms.isEmpty else {
            throw refusal(
                "pos_att_type", "no relative term is named", "supported are c2p, p2c and both: p2c|c2p")
        }
        hasContentToPosition = terms.contains("c2p")
        hasPositionToContent = terms.contains("p2c")
        sharesProjections = try config.bool("share_att_key", default: false)
        let norm = try config.string("norm_rel_ebd", default: "none")
        let norms = norm.lowercased().split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        guard norms.allSatisfy({ $0 == "layer_norm" || $0 == "none" }) else {
            throw refusal("norm_rel_ebd", "\"\(norm)\" is not supported", "supported are layer_norm and none")
        }
        normsEmbeddings = norms.contains("layer_norm")
        let farthest = try config.int("max_relative_positions", in: -1...1_000_000, default: -1)
        self.farthest = farthest < 1 ? positionRows : farthest
        let buckets = try config.int("position_buckets", in: -1...1_000_000, default: -1)
        self.buckets = buckets > 0 ? buckets : nil
        // The logarithm runs from half the buckets to the farthest distance.
        guard buckets <= 0 || (buckets > 1 && self.farthest - 1 > buckets / 2) else {
            throw refusal(
                "position_buckets", "\(buckets) buckets do not fit distances up to \(self.farthest)",
                "use the config.json that was saved with the weights")
        }
    }

    package func tableRow(_ distance: Int) -> Int {
        var bucket = distance
        let length = abs(distance)
        if let buckets, length > buckets / 2 {
            let middle = buckets / 2
            let share =
                logf(Float(length) / Float(middle)) / logf(Float(Double(farthest - 1) / Double(middle)))
            bucket = distance.signum() * (Int((share * Float(middle - 1)).rounded(.up)) + middle)
        }
        return min(max(bucket + span, 0), 2 * span - 1)
    }
}
