import Messages
import RunRecords

/// The sites of a run, or of one tower of its model, laid out as layers × roles.
package struct RankGrid: Sendable {
    /// Of a model of two towers the one that is laid out; nil in a model of one.
    package let tower: String?
    package let layers: [Int]
    package let roles: [String]
    /// Position in `Start.sites` of the site in a row and column; nil where a layer has no such matrix.
    private let positions: [[Int?]]

    private static let knownRoles = ["query", "key", "value", "attention-output", "intermediate", "output"]

    /// Where a site is.
    package struct Place: Hashable, Sendable {
        /// nil in a model of one
        package let tower: String?
        package let layer: Int
        package let role: String

        package init(tower: String?, layer: Int, role: String) {
            self.tower = tower
            self.layer = layer
            self.role = role
        }

        /// Of a site by its name, `layer.3.query` or `text.layer.3.query`; nil for a name that is none.
        package init?(site name: String) {
            let parts = name.split(separator: ".", maxSplits: 3)
            let start = parts.first == "layer" ? 0 : 1
            guard parts.count > start + 2, parts[start] == "layer", let layer = Int(parts[start + 1]) else {
                return nil
            }
            self.init(
                tower: start == 0 ? nil : String(parts[0]), layer: layer,
                role: parts[(start + 2)...].joined(separator: "."))
        }

        /// The name of its site
        package var name: String { "\(tower.map { $0 + "." } ?? "")layer.\(layer).\(role)" }
    }

    /// One for each tower, in the order of the sites; a single one for a model of one.
    package static func towers(_ sites: [RunRecord.Site]) -> [RankGrid] { towers(sites.map(\.place)) }

    package static func towers(_ places: [Place]) -> [RankGrid] {
        var towers: [String?] = []
        for place in places where !towers.contains(place.tower) { towers.append(place.tower) }
        return (towers.isEmpty ? [nil] : towers).map { RankGrid(places, tower: $0) }
    }

    /// Layers ascend; known roles come in their usual order, others after them as they first occur.
    ///
    /// - Parameter tower: of which the places are.
    private init(_ places: [Place], tower: String?) {
        let own = places.enumerated().filter { $0.element.tower == tower }
        let layers = Set(own.map(\.element.layer)).sorted()
        var roles = Self.knownRoles.filter { role in own.contains { $0.element.role == role } }
        for (_, place) in own where !roles.contains(place.role) { roles.append(place.role) }
        let rows = Dictionary(uniqueKeysWithValues: layers.enumerated().map { ($1, $0) })
        let columns = Dictionary(uniqueKeysWithValues: roles.enumerated().map { ($1, $0) })
        var positions = [[Int?]](
            repeating: [Int?](repeating: nil, count: roles.count), count: layers.count)
        for (at, place) in own {
            if let row = rows[place.layer], let column = columns[place.role] { positions[row][column] = at }
        }
        self.tower = tower
        self.layers = layers
        self.roles = roles
        self.positions = positions
    }

    /// Positions in `Start.sites` of a layer's sites, one for each role.
    package func row(_ row: Int) -> [Int?] { positions[row] }

    package func column(_ column: Int) -> [Int?] { positions.map { $0[column] } }

    /// What its sites hold of the ranks of all.
    package func total(_ ranks: [Int]) -> Int {
        positions.joined().reduce(0) { $0 + ($1.map { ranks[$0] } ?? 0) }
    }

    /// A name that tells it from the same of the other tower, `text query`.
    package func named(_ name: String) -> String { tower.map { "\($0) \(name)" } ?? name }

    /// `Layer 3`, `Text layer 3`
    package static func layerTitle(_ layer: Int, tower: String?) -> String {
        guard let tower = tower.map(TerminalText.clean), let first = tower.first else {
            return "Layer \(layer)"
        }
        return "\(first.uppercased())\(tower.dropFirst()) layer \(layer)"
    }

    /// A role's name in a table head.
    package static func shortName(_ role: String) -> String {
        switch role {
        case "attention-output": "attn-out"
        case "intermediate": "interm."
        default: role
        }
    }
}

extension RunRecord.Site {
    package var place: RankGrid.Place { RankGrid.Place(tower: tower, layer: layer, role: role) }
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
