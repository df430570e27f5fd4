import Foundation
import Messages
import ModelFiles

/// What two rows have in common when a model sees the same.
private struct RowTexts: Hashable {
    let text: String
    let pair: String?

    init(_ example: Example) {
        // Two folders may each have an image of one name.
        text = example.image?.standardizedFileURL.path ?? example.text
        pair = example.pair
    }
}

extension RawLabel {
    /// Whether two rows ask for the same. The order of labels in a set does not matter, that of a sentence's tags does.
    fileprivate func means(_ other: RawLabel?, isSentence: Bool) -> Bool {
        switch (self, other) {
        case (.list(let names), .list(let others)?) where !isSentence: names.sorted() == others.sorted()
        case (.text, .number?), (.number, .text?): className == other?.className
        default: self == other
        }
    }
}

extension Dataset {
    /// How many examples have a text (and pair) that also occurs in `other`, whatever their labels.
    package func overlap(with other: Dataset) -> Int { shared(with: other).count }

    /// Rows whose text (and pair) also occurs in `other`, with the first line there, and whether their labels differ.
    private func shared(with other: Dataset) -> [(line: Int, other: Int, differs: Bool)] {
        let known = Dictionary(
            other.examples.map { (RowTexts($0), $0) }, uniquingKeysWith: { first, _ in first })
        return examples.compactMap { example in
            guard let twin = known[RowTexts(example)] else { return nil }
            let agrees = example.label?.means(twin.label, isSentence: example.words != nil) ?? true
            return (example.line, twin.line, !agrees)
        }
    }

    /// Rows of this file that repeat an earlier one, and those that contradict it.
    package func repetitions() -> [DataFinding] {
        var first: [RowTexts: Example] = [:]
        var repeated: [Int] = []
        var contradictions: [(line: Int, other: Int)] = []
        for example in examples {
            guard let earlier = first[RowTexts(example)] else {
                first[RowTexts(example)] = example
                continue
            }
            if example.label?.means(earlier.label, isSentence: example.words != nil) ?? true {
                repeated.append(example.line)
            } else {
                contradictions.append((example.line, earlier.line))
            }
        }
        var findings: [DataFinding] = []
        if !repeated.isEmpty {
            let verb = repeated.count == 1 ? "repeats" : "repeat"
            findings.append(
                DataFinding(
                    .duplicates, file: file, count: repeated.count, lines: repeated,
                    text:
                        "\(oneLine(file)): \(DataFinding.counted(repeated.count, "row")) \(verb) an earlier row, text and "
                        + "label (\(DataFinding.places(repeated))); such rows count more than others"))
        }
        if !contradictions.isEmpty {
            let count = contradictions.count
            findings.append(
                DataFinding(
                    .conflictingLabels, file: file, count: count, lines: contradictions.map(\.line),
                    text:
                        "\(oneLine(file)): \(DataFinding.counted(count, "row")) with the text of an earlier row but another "
                        + "label (\(DataFinding.pairs(contradictions))); no model can learn both"))
        }
        return findings
    }

    /// Rows that this file, held back from training, shares with a file that training or an earlier choice saw.
    package func leak(from other: Dataset) -> DataFinding? {
        let shared = shared(with: other)
        guard !shared.isEmpty else { return nil }
        let differing = shared.count { $0.differs }
        return DataFinding(
            .overlap, file: file, count: shared.count, lines: shared.map(\.line),
            text: "\(oneLine(file)): \(shared.count) of \(DataFinding.counted(examples.count, "row")) also "
                + "\(shared.count == 1 ? "stands" : "stand") in \(oneLine(other.file)) "
                + "(\(DataFinding.pairs(shared.map { ($0.line, $0.other) })))"
                + (differing > 0 ? ", \(differing) with another label" : "")
                + "; metrics on them look better than they are")
    }
}
