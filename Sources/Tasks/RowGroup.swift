import Datasets

/// Rows that cannot be parted: those of one text, or of one pair of texts in whatever order, or of one context. Capitals and
/// white space make no other text.
struct RowGroup {
    private(set) var rows: [Int] = []
    /// Those that must not vanish from training.
    private(set) var labels: Set<String> = []
    /// What it keeps the share of.
    let stratum: String

    /// In the order of their first rows.
    static func all(_ dataset: Dataset, _ rule: SplitRule) -> [RowGroup] {
        var places: [[String]: Int] = [:]
        var groups: [RowGroup] = []
        for (row, example) in dataset.examples.enumerated() {
            let key = key(example, rule)
            let at = places[key, default: groups.count]
            if at == groups.count {
                places[key] = at
                groups.append(RowGroup(stratum: rule == .labels ? example.label?.className ?? "" : ""))
            }
            groups[at].rows.append(row)
            groups[at].labels.formUnion(labels(example, rule))
        }
        return groups
    }

    private init(stratum: String) { self.stratum = stratum }

    private static func key(_ example: Example, _ rule: SplitRule) -> [String] {
        if rule == .contexts { return [normalized(example.pair ?? example.text)] }
        return ([example.text] + (example.pair.map { [$0] } ?? [])).map(normalized).sorted()
    }

    private static func normalized(_ text: String) -> String {
        text.lowercased().split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    /// Scores and answers are no labels.
    private static func labels(_ example: Example, _ rule: SplitRule) -> [String] {
        switch example.label {
        case .list(let names): names
        case .text, .number: rule == .labels ? [example.label?.className ?? ""] : []
        case .answers, nil: []
        }
    }
}
