import Foundation
import ModelFiles

/// How much rows (or words) of each class weigh in a training loss, in the order of a `LabelSet`.
package enum ClassWeights {
    /// n / (k · count), scikit-learn's `class_weight="balanced"`: n labelled rows or words, k classes that occur.
    ///
    /// - Parameter labels: classes of rows or of tokens, in any groups; negative for none.
    /// - Returns: 1 for classes that do not occur.
    package static func balanced(_ labels: [[Int32]], classCount: Int) -> [Double] {
        var counts = [Int](repeating: 0, count: classCount)
        for label in labels.joined() where label >= 0 { counts[Int(label)] += 1 }
        let total = Double(counts.reduce(0, +))
        let classes = Double(counts.count { $0 > 0 })
        return counts.map { $0 > 0 ? total / (classes * Double($0)) : 1 }
    }

    /// From a file of `{"label": weight, …}`, or of lines of a label and its weight with a tab, spaces or a comma between
    /// them.
    ///
    /// - Throws: `DataError`, also where a label has no weight or a weight no label.
    package static func read(_ url: URL, labels: LabelSet) throws -> [Double] {
        let source = try SourceText(ofSettings: url)
        let form = "write {\"label\": 1.5, …}, or a label and its weight on each line"
        func problem(_ what: String, line: Int?, _ advice: String) -> DataError {
            DataError(file: source.name, line: line, problem: what, advice: advice)
        }
        var entries: [(label: String, weight: Double?, line: Int?)] = []
        if let value = try source.json() {
            guard let object = value.object else {
                throw problem("not an object of labels and weights", line: nil, form)
            }
            entries = object.members.map { ($0.key, $0.value.double, nil) }
        } else {
            for (index, line) in source.allLines().enumerated() where !line.allSatisfy(\.isWhitespace) {
                let (label, weight) = parts(trimmedOfSpaces(line))
                entries.append(
                    (label, RawLabel.text(weight).score.flatMap { _ in Double(weight) }, index + 1))
            }
        }
        var weights: [Int: Double] = [:]
        for (label, weight, line) in entries {
            guard let index = labels.names.firstIndex(of: label) else {
                let guess = labels.nearest(to: label).map { ", did you mean \(quoted($0))?" } ?? ""
                throw problem(
                    "no row has the label \(quoted(label))\(guess)", line: line,
                    "the labels are \(quotedList(labels.names))")
            }
            guard let weight, weight > 0, weight <= 1e6 else {
                throw problem(
                    "the weight of \(quoted(label)) is not a number above 0 and at most 1000000", line: line,
                    form)
            }
            guard weights.updateValue(weight, forKey: index) == nil else {
                throw problem("the label \(quoted(label)) has two weights", line: line, "give it one")
            }
        }
        let missing = labels.names.indices.filter { weights[$0] == nil }.map { labels.names[$0] }
        guard missing.isEmpty else {
            throw problem(
                "no weight for \(quotedList(missing))", line: nil, "give each label one, 1 for no change")
        }
        return labels.names.indices.map { weights[$0] ?? 1 }
    }

    /// What stands before and after the last tab, or else the last run of spaces, or else the last comma.
    private static func parts(_ line: String) -> (label: String, weight: String) {
        for separator: Character in ["\t", " ", ","] {
            guard let index = line.lastIndex(of: separator) else { continue }
            return (
                trimmedOfSpaces(String(line[..<index])),
                trimmedOfSpaces(String(line[line.index(after: index)...]))
            )
        }
        return (line, "")
    }
}
