import Foundation
import RunRecords

/// The rank of one adapted matrix.
public struct MatrixRank: Sendable, Equatable {
    /// `layer.3.query`, or `text.layer.3.query` in a model of two towers
    public let name: String
    /// `text` or `vision` in a model of two towers; nil in a model of one
    public let tower: String?
    /// From 0, in each tower
    public let layer: Int
    /// `query`, `key` … of ``Model/roles``
    public let role: String
    /// Rows of the matrix, which is [outputs, inputs]
    public let outputs: Int
    /// Columns of the matrix
    public let inputs: Int
    /// Triplets alive: its update is P [outputs, rank] · diag(λ) [rank] · Q [rank, inputs].
    public let rank: Int
}

/// Where the budget went: the rank of every adapted matrix at one moment, in the model's order.
///
/// Empty for methods whose adapters have no rank.
public struct Ranks: Sendable, Equatable {
    /// Each adapted matrix, also those whose rank is 0
    public let matrices: [MatrixRank]

    init(_ matrices: [MatrixRank]) { self.matrices = matrices }

    init(_ sites: [RunRecord.Site], _ ranks: [Int]) {
        matrices = zip(sites, ranks).map { site, rank in
            MatrixRank(
                name: site.name, tower: site.tower, layer: site.layer, role: site.role, outputs: site.outputs,
                inputs: site.inputs, rank: rank)
        }
    }

    /// The ranks that a run's folder records, also while another process trains it.
    ///
    /// - Parameters:
    ///   - run: the run folder.
    ///   - step: after which step; nil for the newest.
    /// - Throws: ``AdaLoRAError/Kind/missingInput`` where there is no run, ``AdaLoRAError/Kind/badData`` for a step that is not
    ///   recorded and for runs without ranks.
    public init(run: URL, step: Int? = nil) throws(AdaLoRAError) {
        self = try AdaLoRAError.telling {
            let record = try RunReader.record(of: run)
            return Ranks(record.start.sites, try record.rankTable(at: step).ranks)
        }
    }

    /// Of all matrices together
    public var total: Int { matrices.reduce(0) { $0 + $1.rank } }

    /// Of one matrix; nil where it has no adapter, and in a model of two towers: there a layer's number is not enough.
    public subscript(layer layer: Int, role role: String) -> Int? {
        self[tower: nil, layer: layer, role: role]
    }

    /// Of one matrix of a tower; nil where it has no adapter.
    public subscript(tower tower: String?, layer layer: Int, role role: String) -> Int? {
        matrices.first { $0.tower == tower && $0.layer == layer && $0.role == role }?.rank
    }

    /// The sum of each tower's, by tower; empty for a model of one.
    public var byTower: [String: Int] {
        matrices.reduce(into: [:]) { sums, one in
            if let tower = one.tower { sums[tower, default: 0] += one.rank }
        }
    }

    /// The sum of each layer's, by layer; layers of two towers that have a number in common count together.
    public var byLayer: [Int: Int] { sums(\.layer) }

    /// The sum of each role's over all layers, by role
    public var byRole: [String: Int] { sums(\.role) }

    private func sums<Key: Hashable>(_ key: (MatrixRank) -> Key) -> [Key: Int] {
        matrices.reduce(into: [:]) { $0[key($1), default: 0] += $1.rank }
    }
}
