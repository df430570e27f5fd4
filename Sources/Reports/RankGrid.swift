import Messages
import RunRecords

/// The sites of a run laid out as layers × roles.
package struct RankGrid {
    package let layers: [Int]
    package let roles: [String]
    /// Position in `Start.sites` of the site in a row and column; nil where a layer has no such matrix.
    private let positions: [[Int?]]

    private static let knownRoles = ["query", "key", "value", "attention-output", "intermediate", "output"]

    package init(_ sites: [RunRecord.Site]) { self.init(sites.map { ($0.layer, $0.role) }) }

    /// Layers ascend; known roles come in their usual order, others after them as they first occur.
    package init(_ sites: [(layer: Int, role: String)]) {
        let layers = Set(sites.map(\.layer)).sorted()
        var roles = Self.knownRoles.filter { role in sites.contains { $0.role == role } }
        for site in sites where !roles.contains(site.role) { roles.append(site.role) }
        let rows = Dictionary(uniqueKeysWithValues: layers.enumerated().map { ($1, $0) })
        let columns = Dictionary(uniqueKeysWithValues: roles.enumerated().map { ($1, $0) })
        var positions = [[Int?]](
            repeating: [Int?](repeating: nil, count: roles.count), count: layers.count)
        for (at, site) in sites.enumerated() {
            if let row = rows[site.layer], let column = columns[site.role] { positions[row][column] = at }
        }
        self.layers = layers
        self.roles = roles
        self.positions = positions
    }

    /// Positions in `Start.sites` of a layer's sites, one for each role.
    package func row(_ row: Int) -> [Int?] { positions[row] }

    package func column(_ column: Int) -> [Int?] { positions.map { $0[column] } }

    /// Layer and role of a site by its name; nil for a name that is none.
    package static func place(ofSite name: String) -> (layer: Int, role: String)? {
        let parts = name.split(separator: ".", maxSplits: 2)
        guard parts.count == 3, parts[0] == "layer", let layer = Int(parts[1]) else { return nil }
        return (layer, String(parts[2]))
    }

    package static func site(layer: Int, role: String) -> String { "layer.\(layer).\(role)" }

    /// A role's name in a table head.
    package static func shortName(_ role: String) -> String {
        switch role {
        case "attention-output": "attn-out"
        case "intermediate": "interm."
        default: role
        }
    }
}

extension RunRecord {
    /// Parameters in the triplets that `ranks` keep.
    package func parameters(_ ranks: [Int]) -> Int {
        zip(start.sites, ranks).reduce(0) { $0 + $1.0.tripletParameters * $1.1 }
    }

    /// Whether more trains than the triplets, with λ or without: a language model's head is its own.
    package var trainsHead: Bool {
        let ranks = rankTables.first?.ranks ?? []
        let told = zip(start.sites, ranks).compactMap { $0.parameters(rank: $1) }
        if !told.isEmpty, told.count == start.sites.count {
            return start.trainableParameters != told.reduce(0, +)
        }
        let pairs = zip(start.sites, ranks).reduce(0) { $0 + $1.0.pairParameters * $1.1 }
        return start.trainableParameters != parameters(ranks) && start.trainableParameters != pairs
    }

    /// The largest rank of any site in any table, at least 1: the end of the color scale, so that the pictures of
    /// one run compare.
    package var largestRank: Int { max(1, rankTables.compactMap { $0.ranks.max() }.max() ?? 1) }

    /// A rank's place on a color scale from 1 to `largest`; nil for 0.
    static func shade(_ rank: Int, of largest: Int) -> Double? {
        guard rank > 0 else { return nil }
        return largest > 1 ? Double(rank - 1) / Double(largest - 1) : 1
    }

    /// `300 of 300 steps, completed`
    package var state: String {
        let steps = "\(Figures.grouped(lastStep)) of \(Figures.counted(start.totalSteps, "step"))"
        guard let end else { return "\(steps), no end record: still in progress, or killed" }
        return "\(steps), " + end.reason.rawValue.replacing("-", with: " ")
    }
}
