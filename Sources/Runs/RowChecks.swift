import Datasets
import Messages
import ModelFiles
import RunConfiguration
import Tasks

/// What rows show before any training: one set of checks for `adalora train` and `adalora data check`.
enum RowChecks {
    /// Of the training rows first, then of what is held back from training, each also against the files before it.
    static func findings(_ files: [Dataset], _ config: RunConfig) -> [DataFinding] {
        guard let train = files.first else { return [] }
        let tallies = files.map(config.task.type.tally)
        var findings = files.flatMap { $0.repetitions() } + config.task.type.findings(files)
        findings += LabelTally.spellings(zip(tallies, files).map { ($0, $1.file) })
        findings += files.flatMap(config.task.type.oddities)
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
}
