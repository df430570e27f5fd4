import Datasets
import ModelFiles
import RunConfiguration

/// What rows show before any training: one set of checks for `adalora train` and `adalora data check`.
enum RowChecks {
    /// Of the training rows first, then of what is held back from training, each also against the files before it.
    static func findings(_ files: [Dataset], _ config: RunConfig) -> [DataFinding] {
        guard let train = files.first else { return [] }
        let tallies = files.map { tally($0, config) }
        var findings = files.flatMap { $0.repetitions() }
        if case .scores(let range) = tallies[0], range.count > 1, range.lowest == range.highest {
            findings.append(
                DataFinding(
                    .constantScores, file: train.file, count: range.count,
                    text:
                        "\(train.file): all \(range.count) scores are \(range.lowest), there is nothing to learn; check "
                        + "the label column"))
        }
        if config.task == .tokenClassification { findings += files.compactMap(\.numberedTags) }
        findings += LabelTally.spellings(zip(tallies, files).map { ($0, $1.file) })
        for (file, tally) in zip(files, tallies) {
            findings += file.oddClasses(tally, isTagged: config.task == .tokenClassification)
            if config.task.poolsRows { findings += [file.oddTexts()].compactMap { $0 } }
            if config.task == .regression { findings += [file.oddScores()].compactMap { $0 } }
        }
        for index in files.indices.dropFirst() {
            findings += LabelTally.compare(tallies[index], of: files[index], with: tallies[0], of: train.file)
            if let width = files[index].vectorWidth, let usual = train.vectorWidth, width != usual {
                findings.append(
                    DataFinding(
                        .unknownLabels, isError: true, file: files[index].file,
                        count: files[index].examples.count,
                        text:
                            "\(oneLine(files[index].file)): rows of \(width) values of 0 and 1, \(oneLine(train.file)) has "
                            + "\(usual); give each row one for each label"))
            }
            findings += files[..<index].compactMap { files[index].leak(from: $0) }
        }
        return findings
    }

    static func tally(_ dataset: Dataset, _ config: RunConfig) -> LabelTally {
        LabelTally(
            dataset, form: config.task.rowForm(labelSeparator: config.labelSeparator),
            areScores: config.task == .regression)
    }
}
