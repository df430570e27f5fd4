import Datasets

/// Made-up rows to part.
enum LabelledRows {
    static func dataset(_ rows: [(text: String, label: RawLabel?)]) -> Dataset {
        Dataset(
            examples: rows.enumerated().map { Example(text: $1.text, label: $1.label, line: $0 + 1) },
            file: "rows.jsonl")
    }

    /// `counts[c]` rows of class c, in turns.
    static func classes(_ counts: [Int]) -> Dataset {
        var rows: [(String, RawLabel?)] = []
        for round in 0..<(counts.max() ?? 0) {
            for (label, count) in counts.enumerated() where round < count {
                rows.append(("text \(label) \(round)", .text("c\(label)")))
            }
        }
        return dataset(rows)
    }
}
