import Messages
import ModelFiles

/// What a label column, or a text column, looks as if it were.
extension Dataset {
    /// Signs that the labels are something else than names of classes: missing values, scores, ids, free text, lists.
    package func oddClasses(_ tally: LabelTally) -> [DataFinding] {
        guard case .classes(let all) = tally else { return [] }
        let classes = all.filter { $0.count > 0 }
        var findings = [missing(classes), never(all)].compactMap { $0 }
        // Enough rows for a share to mean something.
        guard let kind = scores(classes) ?? identifiers(classes) else {
            return findings + [lists(classes), rare(classes)].compactMap { $0 }
        }
        findings.append(kind)
        return findings
    }

    private func finding(_ kind: DataFinding.Kind, _ count: Int, _ lines: [Int], _ text: String)
        -> DataFinding
    {
        DataFinding(kind, file: file, count: count, lines: lines, text: "\(oneLine(file)): \(text)")
    }

    private func missing(_ classes: [LabelTally.ClassCount]) -> DataFinding? {
        let found = classes.filter { LabelSpelling.isMissing($0.name) }
        guard !found.isEmpty else { return nil }
        let rows = found.reduce(0) { $0 + $1.count }
        return finding(
            .missingLabels, rows, found.map(\.line).sorted(),
            "\(DataFinding.counted(rows, "row")) with the label \(quotedList(found.map(\.name))), which programs write for "
                + "a missing one; it is learned as a class: remove such rows if it is none")
    }

    /// Labels that vectors or columns have a place for, and no row.
    private func never(_ classes: [LabelTally.ClassCount]) -> DataFinding? {
        let names = classes.filter { $0.count == 0 }.map(\.name)
        guard declaredLabels != nil, !names.isEmpty else { return nil }
        return finding(
            .unmeasuredLabels, names.count, [],
            "no row has \(names.count) of the \(classes.count) labels: \(quotedList(names)); there is nothing to learn of it"
        )
    }

    /// Where other labels have rows enough: a file of one row each is another matter.
    private func rare(_ classes: [LabelTally.ClassCount]) -> DataFinding? {
        let single = classes.filter { $0.count == 1 }
        guard !single.isEmpty, classes.contains(where: { $0.count >= 5 }) else { return nil }
        return finding(
            .rareLabels, single.count, single.map(\.line).sorted(),
            "\(DataFinding.counted(single.count, "label")) with a single row: \(quotedList(single.map(\.name))); little is "
                + "learned of one row, and none is left to measure it by: add rows, or join such labels to others"
        )
    }

    private func scores(_ classes: [LabelTally.ClassCount]) -> DataFinding? {
        let numbers = classes.compactMap { RawLabel.decimal($0.name.replacing(",", with: ".")) }
        let haveCommas = classes.count > 1 && classes.contains { $0.name.contains(",") }
        guard classes.count > 5 || haveCommas, numbers.count == classes.count else { return nil }
        let haveFractions = numbers.contains { $0 != $0.rounded() }
        guard haveFractions || Self.haveGaps(numbers) else { return nil }
        return finding(
            .oddLabels, classes.count, classes.map(\.line).sorted(),
            "all \(classes.count) labels are numbers, \(haveFractions ? "also with fractions" : "with gaps between them"); "
                + "each is learned as a class of its own: for scores use \(SettingName.task) regression")
    }

    /// Whether whole numbers are many of those from the lowest to the highest, but not all: numbers of classes start at 0
    /// or 1 and leave none out, codes are far apart.
    private static func haveGaps(_ numbers: [Double]) -> Bool {
        guard let lowest = numbers.min(), let highest = numbers.max(), numbers.count > 10 else {
            return false
        }
        let span = highest - lowest + 1
        return Double(numbers.count) < span && Double(numbers.count) * 4 > span
    }

    private func identifiers(_ classes: [LabelTally.ClassCount]) -> DataFinding? {
        let rows = examples.count
        let length = classes.reduce(0) { $0 + $1.name.unicodeScalars.count } / max(classes.count, 1)
        let what: String
        if classes.count >= 10, classes.count == rows {
            what = "each of the \(rows) rows has a label of its own"
        } else if classes.count > 100, classes.count * 2 > rows {
            what = "\(rows) rows have \(classes.count) different labels"
        } else if classes.count > 1, length > 80 {
            what = "the labels have \(length) characters on average"
        } else {
            return nil
        }
        let choice = columns.map { $0.labels.isEmpty ? "" : " (\(quotedList($0.labels)))" } ?? ""
        return finding(
            .oddLabels, classes.count, classes.map(\.line).sorted(),
            "\(what), as ids or free text have; check the label column\(choice)")
    }

    /// Labels that look like several with something between them, or like a digit for each label.
    private func lists(_ classes: [LabelTally.ClassCount]) -> DataFinding? {
        let widths = Set(classes.map(\.name.utf8.count))
        if classes.count > 1, widths.count == 1, widths != [1],
            classes.allSatisfy({ $0.name.allSatisfy { $0 == "0" || $0 == "1" } }),
            classes.contains(where: { $0.name.first == "0" })
        {
            return finding(
                .oddLabels, examples.count, classes.map(\.line).sorted(),
                "the labels look like a 0 or 1 for each of several (\(quotedList(classes.map(\.name), limit: 3))); each is a "
                    + "class of its own: for several labels a row use \(SettingName.task) multi-label with something between the digits"
            )
        }
        let known = Set(classes.map { LabelSpelling.usual($0.name) })
        for (mark, isUsual) in [("|", true), (";", true), (",", false), ("/", false)] as [(Character, Bool)] {
            let cut = classes.compactMap { label -> (LabelTally.ClassCount, [String])? in
                let parts = label.name.split(separator: mark, omittingEmptySubsequences: false)
                    .map { LabelSpelling.usual(String($0)) }
                return parts.count > 1 && !parts.contains("") ? (label, parts) : nil
            }
            var uses: [String: Int] = [:]
            for part in cut.flatMap({ Set($0.1) }) { uses[part, default: 0] += 1 }
            // A comma may belong to a name: it separates where each part is a label by itself.
            let found = cut.filter { _, parts in
                isUsual
                    ? parts.contains { known.contains($0) || (uses[$0] ?? 0) > 1 }
                    : parts.allSatisfy(known.contains)
            }.map(\.0)
            guard !found.isEmpty else { continue }
            let rows = found.reduce(0) { $0 + $1.count }
            return finding(
                .oddLabels, rows, found.map(\.line).sorted(),
                "\(DataFinding.counted(rows, "row")) with a label that looks like several with '\(mark)' between them "
                    + "(\(quotedList(found.map(\.name), limit: 3))); each is a class of its own: for several labels a row use "
                    + "\(SettingName.task) multi-label")
        }
        return nil
    }

    /// Scores that look like the numbers of two classes.
    package func oddScores() -> DataFinding? {
        let scores = examples.compactMap { $0.label?.score }
        guard examples.count > 3, scores.count == examples.count,
            Set(scores) == [0, 1] || Set(scores) == [-1, 1]
        else { return nil }
        let values = Set(scores).sorted().map { "\(Int($0))" }
        return finding(
            .oddLabels, scores.count, [],
            "all scores are \(values[0]) or \(values[1]); for two classes train for classification")
    }

    /// Texts of numbers alone, as a column of ids has them.
    package func oddTexts() -> DataFinding? {
        let texts = examples.lazy.map(\.text).filter { !$0.allSatisfy(\.isWhitespace) }
        guard examples.count > 3, texts.allSatisfy({ RawLabel.decimal($0) != nil }) else { return nil }
        let choice = columns.map { " (\(quoted($0.text[0])))" } ?? ""
        return finding(
            .oddTexts, examples.count, [], "all texts are numbers, as ids are; check the text column\(choice)"
        )
    }
}
