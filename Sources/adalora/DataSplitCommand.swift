import ArgumentParser
import Datasets
import Foundation
import Messages
import ModelFiles
import RunConfiguration
import Tasks
import Training

struct DataSplitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "split",
        abstract: "Put the rows of one file into files for training, validation and test.",
        discussion: """
            Rows keep their bytes and their order; each file gets the header. With the same fraction and seed the \
            validation rows are those that train --validation-fraction holds out. Each class keeps its share, questions on one \
            context stay together, rows of one text too, and no label is held out whole.
            """)

    @Argument(help: "Rows: JSONL, TSV, CSV or CoNLL, plain or .gz.") var file: String
    @Option(name: .customLong("validation-fraction"), help: "Share of the rows for validation.")
    var validationFraction: Double
    @Option(name: .customLong("test-fraction"), help: "Share of the rows for test (default: none).")
    var testFraction: Double?
    @Option(help: "Seed of the choice.") var seed: UInt64 = RunConfig.usualSeed
    @Option(
        help:
            "Folder to write train, validation and test files to (default: beside the file, with its name before theirs)."
    )
    var output: String?
    @OptionGroup(title: "Data") var data: RowOptions
    @OptionGroup(title: "Labels") var labels: LabelOptions

    func validate() throws {
        for (name, fraction) in [("validation", validationFraction), ("test", testFraction ?? 0.5)]
        where !(fraction > 0 && fraction < 1) {
            throw ValidationError("--\(name)-fraction must be above 0 and below 1, not \(fraction)")
        }
        let sum = validationFraction + (testFraction ?? 0)
        guard sum < 1 else {
            throw ValidationError(
                "--validation-fraction and --test-fraction leave no rows for training; make their sum less than 1"
            )
        }
    }

    func run() throws {
        try Failure.run {
            let given = (data.flags + labels.flags).compactMap { flag in
                flag.value.map { (key: flag.key, value: $0) }
            }
            let loaded = try RunConfig.load(
                yaml: nil, yamlName: "",
                overrides: given + [
                    ("model", "none"), ("train", file), ("output", "none"), ("method", "head"),
                ])
            for warning in loaded.warnings { Terminal.error("warning: \(warning)") }
            let config = loaded.config
            let url = URL(fileURLWithPath: file)
            let form = config.task.rowForm(labelSeparator: config.labelSeparator)
            let rows = try Dataset.read(url, form: form, columns: ColumnNames(config), requireLabels: true)
            let named = try config.usedLabelNames.map { try LabelNames(URL(fileURLWithPath: $0)).named(rows) }
            let chunks = try RowChunks(url, form: form, rows)
            if target("train").deletingLastPathComponent().standardizedFileURL.path
                != url.deletingLastPathComponent().standardizedFileURL.path
            {
                try rows.checkImagePathsAreWhole()
            }
            for warning in rows.warnings { Terminal.error("warning: \(warning)") }
            let split = try RowSplit(
                named ?? rows, rule: config.task.type.splitRule,
                fractions: [validationFraction] + (testFraction.map { [$0] } ?? []), seed: seed)
            Terminal.error(split.sentence)
            try write(split, chunks)
        }
    }

    private func write(_ split: RowSplit, _ chunks: RowChunks) throws {
        let files = zip(["train", "validation", "test"], split.parts).map { name, part in
            (url: target(name), part: part)
        }
        if let taken = files.first(where: { FileManager.default.fileExists(atPath: $0.url.path) }) {
            throw TrainingError(
                .usage,
                "\(taken.url.relativePath) exists already; remove it, or choose another folder with --output")
        }
        for (target, part) in files {
            var bytes = Data(chunks.header)
            for row in part { bytes.append(contentsOf: chunks.rows[row]) }
            try ParentFolders.making(for: target) { try AtomicFile.write(bytes, to: target) }
            Terminal.output("\(oneLine(target.relativePath)): \(Figures.counted(part.count, "row"))")
        }
    }

    /// `reviews-train.jsonl` beside `reviews.jsonl.gz`, or `train.jsonl` in the folder.
    private func target(_ name: String) -> URL {
        let url = URL(fileURLWithPath: file)
        let plain = url.pathExtension.lowercased() == "gz" ? url.deletingPathExtension() : url
        let ending = "\(name).\(plain.pathExtension)"
        guard let output else {
            let folder = file.contains("/") ? (file as NSString).deletingLastPathComponent : ""
            let stem = plain.deletingPathExtension().lastPathComponent
            return URL(fileURLWithPath: (folder as NSString).appendingPathComponent("\(stem)-\(ending)"))
        }
        return URL(fileURLWithPath: (output as NSString).appendingPathComponent(ending))
    }
}
