import Datasets
import Foundation
import Matrices

/// What rows are held out by.
package enum SplitRule: Sendable {
    /// Each class keeps its share.
    case labels
    /// All questions on a context go together.
    case contexts
    /// One row as any other.
    case rows

    /// As people read it.
    package var name: String {
        switch self {
        case .labels: "stratified"
        case .contexts: "whole contexts"
        case .rows: "at random"
        }
    }
}

/// Rows of a file held out from training: the same ones for the same rows and seed.
///
/// Rows of one text, or of one pair of texts in whatever order, go together; capitals and white space make no other text. No
/// label is held out whole: the training rows alone decide which there are.
package struct RowSplit: Sendable {
    /// Positions of rows, rising: those for training, then each part held out.
    package let parts: [[Int]]
    package let rule: SplitRule
    package let seed: UInt64

    /// - Parameter fractions: of all rows, one for each part held out. A further part takes nothing from those before it.
    /// - Throws: `TaskError` where a part would be empty.
    package init(_ dataset: Dataset, rule: SplitRule, fractions: [Double], seed: UInt64) throws {
        self.rule = rule
        self.seed = seed
        let groups = RowGroup.all(dataset, rule)
        var stream = RandomStream(seed: seed, purpose: "rows held out")
        let order = groups.indices.shuffled(using: &stream)
        var keepers: [String: Int] = [:]
        for label in groups.flatMap(\.labels) { keepers[label, default: 0] += 1 }
        var partOf = [Int](repeating: 0, count: groups.count)
        for (part, fraction) in fractions.enumerated() {
            var room = Self.quotas(groups, fraction: fraction, rows: dataset.examples.count)
            for at in order where partOf[at] == 0 {
                let group = groups[at]
                guard group.rows.count <= room[group.stratum, default: 0],
                    group.labels.allSatisfy({ keepers[$0, default: 0] > 1 })
                else { continue }
                partOf[at] = part + 1
                room[group.stratum, default: 0] -= group.rows.count
                for label in group.labels { keepers[label, default: 0] -= 1 }
            }
        }
        var parts = [[Int]](repeating: [], count: fractions.count + 1)
        for (group, part) in zip(groups, partOf) { parts[part] += group.rows }
        self.parts = parts.map { $0.sorted() }
        if let empty = parts.firstIndex(where: \.isEmpty) {
            let rows = dataset.examples.count == 1 ? "1 row is" : "\(dataset.examples.count) rows are"
            throw TaskError(
                "\(dataset.file): \(rows) too few to \(empty == 0 ? "leave any for training" : "hold any out"): "
                    + "rows of one text go together, and each label stays in training; give more rows, or another fraction"
            )
        }
    }

    /// `holding out 84 of 600 rows (stratified, seed 1) for validation`
    package var sentence: String {
        let total = parts.reduce(0) { $0 + $1.count }
        let held = zip(parts.dropFirst(), ["validation", "testing"]).map { part, use in
            "\(part.count) of \(total) rows (\(rule.name), seed \(seed)) for \(use)"
        }
        return "holding out " + held.joined(separator: " and ")
    }

    /// Rows to hold out of each stratum: its share, rounded so that the sum is that of all rows (largest remainders).
    private static func quotas(_ groups: [RowGroup], fraction: Double, rows: Int) -> [String: Int] {
        var sizes: [(stratum: String, rows: Int)] = []
        var places: [String: Int] = [:]
        for group in groups {
            let at = places[group.stratum, default: sizes.count]
            if at == sizes.count {
                places[group.stratum] = at
                sizes.append((group.stratum, 0))
            }
            sizes[at].rows += group.rows.count
        }
        let exact = sizes.map { fraction * Double($0.rows) }
        var quotas = exact.map { Int($0) }
        var left = max(Int((fraction * Double(rows)).rounded()), 1) - quotas.reduce(0, +)
        let order = exact.indices.sorted {
            (exact[$1] - exact[$1].rounded(.down), $0) < (exact[$0] - exact[$0].rounded(.down), $1)
        }
        for at in order where left > 0 && quotas[at] + 1 < sizes[at].rows {
            quotas[at] += 1
            left -= 1
        }
        return Dictionary(uniqueKeysWithValues: zip(sizes.map(\.stratum), quotas))
    }
}

extension Dataset {
    /// Some of the rows, with all that was learned from the others about how they are written.
    package func rows(_ positions: [Int], warnings: [String] = []) -> Dataset {
        Dataset(
            examples: positions.map { examples[$0] }, file: file, warnings: warnings, columns: columns,
            declaredLabels: declaredLabels, vectorWidth: vectorWidth)
    }
}
