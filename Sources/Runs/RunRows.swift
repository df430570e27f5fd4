import Datasets
import Foundation
import Messages
import ModelFiles
import RunConfiguration
import RunRecords
import Tasks
import Training

/// The rows of a run: a file of them, or two, or one of which some are held out.
package struct RunRows {
    package let train: Dataset
    package let validation: Dataset?
    /// Of the training file or folder, those held out too
    let all: Dataset
    /// What holds `validation` out of the training rows; nil where it has a file of its own.
    let heldOut: RowSplit?
    /// Of labels that rows give as numbers
    let labelNames: LabelNames?

    /// - Parameter given: rows in place of files.
    package init(_ config: RunConfig, _ given: GivenRows = .none) throws {
        let names = try config.usedLabelNames.map { try LabelNames(URL(fileURLWithPath: $0)) }
        func read(_ path: String) throws -> Dataset {
            let rows = try given.dataset(
                path, form: config.task.rowForm(labelSeparator: config.labelSeparator),
                columns: ColumnNames(config))
            return try names?.named(rows) ?? rows
        }
        labelNames = names
        all = try read(config.train)
        guard let fraction = config.validationFraction else {
            train = all
            validation = try config.validation.map(read)
            heldOut = nil
            return
        }
        let split = try RowSplit(
            all, rule: config.task.type.splitRule, fractions: [fraction], seed: config.seed)
        // What the file as a whole has to say is said once, with its training rows.
        train = all.rows(split.parts[0], warnings: all.warnings)
        validation = all.rows(split.parts[1])
        heldOut = split
    }

    /// What a person should know of how the rows came about.
    package var notes: [String] { heldOut.map { [$0.sentence] } ?? [] }

    /// What the rows held out are recorded by; another program may hold out others by the same settings.
    package static let heldOutPrint = "rows held out"

    /// Of the places of the rows held out; nil where there are none.
    package func heldOutPrint(_ form: Fingerprint.Form) -> String? {
        heldOut.map { split in
            let print = Fingerprint(form)
            split.parts[1].map { Int64($0).littleEndian }.withUnsafeBytes { print.add($0) }
            return print.text()
        }
    }
}

/// What a finished run was judged by.
package enum ValidationRows {
    /// The validation rows of a run, by its settings.
    ///
    /// - Parameter folder: of the run, or of an adapter in it.
    /// - Throws: where the run had none, or where they are not the same any more.
    package static func read(_ folder: URL) throws -> (rows: Dataset, name: String) {
        let run = try runFolder(folder)
        let yaml = try FileBytes.text(
            run.config, byteLimit: RunConfig.largestFile, advice: "give the folder of a run")
        let config = try RunConfig.load(yaml: yaml, yamlName: run.config.path, overrides: []).config
        guard config.hasValidation else {
            throw TrainingError(
                .usage,
                "\(run.url.path): the run had no validation rows; give labelled rows with \(SettingName.data)"
            )
        }
        let recorded = try RunReader.record(of: run.url).start.hashes
        func check(_ name: String, _ now: (Fingerprint.Form) throws -> String?, _ what: String) throws {
            guard let hash = recorded.first(where: { $0.name == name })?.value else { return }
            guard try now(Fingerprint.Form(of: hash)) == hash else {
                throw TrainingError(
                    "\(what) changed since the run, so its validation rows are others; restore it, or give labelled rows "
                        + "with \(SettingName.data)")
            }
        }
        let file = config.validation ?? config.train
        try check(
            config.validation == nil ? "train" : "validation",
            { try GivenRows.none.fingerprint(file, $0) }, file)
        let rows = try RunRows(config)
        let judged = config.validation == nil ? rows.all : rows.validation
        try check(
            config.validation == nil ? "images" : "validation images",
            { try judged?.imageFingerprint($0) }, "an image of \(file)")
        try check(RunRows.heldOutPrint, rows.heldOutPrint, "\(file), or the way rows are held out,")
        guard let validation = rows.validation else {
            preconditionFailure("a run with validation rows has none")
        }
        let held = rows.heldOut == nil ? "" : " (\(validation.examples.count) rows held out)"
        return (validation, file + held)
    }

    private static func runFolder(_ folder: URL) throws -> RunFolder {
        for url in [folder, folder.standardizedFileURL.deletingLastPathComponent()] {
            let run = RunFolder(url)
            if FileManager.default.fileExists(atPath: run.config.path) { return run }
        }
        throw TrainingError(
            .missing,
            "\(folder.path) is no run folder and lies in none, so it tells no validation rows; give labelled rows with "
                + "\(SettingName.data)")
    }
}
