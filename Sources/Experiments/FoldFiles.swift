import Datasets
import Foundation
import ModelFiles
import RunConfiguration
import Tasks

/// The rows of a plan's folds, which its runs read from files: for each fold those to train on, those held out of them for
/// validation, and those of the fold for test.
package struct FoldFiles {
    /// How the rows were put into folds.
    package let folds: RowFolds
    private let chunks: RowChunks
    private let rows: Dataset
    /// Positions of rows by fold, in the order of `names`.
    private let parts: [[[Int]]]
    /// Of the files: that of the training file, without what packs it.
    private let ending: String

    private static let names = ["train", "validation", "test"]

    /// The files of a fold's runs.
    struct Paths {
        let train: String
        let validation: String
        let test: String
    }

    /// Reads the training file.
    ///
    /// - Throws: `TaskError` where it has too few rows for the folds.
    init(_ plan: ComparisonPlan, _ wanted: ComparisonPlan.Folds, arm: ComparisonPlan.Arm) throws {
        let url = URL(fileURLWithPath: plan.train)
        let config = try plan.configuration(of: arm)
        let rows = try plan.rows(plan.train, of: arm)
        let rule = config.task.type.splitRule
        chunks = try RowChunks(
            url, form: config.task.rowForm(labelSeparator: config.labelSeparator), rows)
        // Files of folds lie in folders of their own.
        try rows.checkImagePathsAreWhole()
        self.rows = rows
        let folds = try RowFolds(rows, rule: rule, count: wanted.count, seed: wanted.seed)
        self.folds = folds
        parts = try folds.folds.enumerated().map { index, test in
            let training = folds.training(without: index)
            let split = try RowSplit(
                rows.rows(training), rule: rule, fractions: [wanted.validationFraction], seed: wanted.seed)
            return split.parts.map { part in part.map { training[$0] } } + [test]
        }
        let plain = url.pathExtension.lowercased() == "gz" ? url.deletingPathExtension() : url
        ending = plain.pathExtension
    }

    /// - Parameter fold: from 1.
    func paths(_ fold: Int, in folder: URL) -> Paths {
        let files = Self.names.map { file(fold, $0, in: folder).path }
        return Paths(train: files[0], validation: files[1], test: files[2])
    }

    private func file(_ fold: Int, _ name: String, in folder: URL) -> URL {
        folder.appendingPathComponent("folds/fold-\(fold)/\(name).\(ending)")
    }

    /// For each fold of the bytes of its files, by what they are for: as those of `InputFingerprints`, other rows, or other
    /// images that they name, make other trials.
    func allFingerprints() throws -> [[String: String]] {
        try parts.map { fold in
            var prints: [String: String] = [:]
            for (name, part) in zip(Self.names, fold) {
                let print = Fingerprint()
                bytes(part).withUnsafeBytes { print.add($0) }
                if rows.examples.contains(where: { $0.image != nil }) {
                    Array(try rows.rows(part).imageFingerprint().utf8).withUnsafeBytes { print.add($0) }
                }
                prints[name] = print.text()
            }
            return prints
        }
    }

    private func bytes(_ rows: [Int]) -> Data {
        var bytes = Data(chunks.header)
        // In their order: the last row of a file may lack its line end, and stays the last.
        for row in rows { bytes.append(contentsOf: chunks.rows[row]) }
        return bytes
    }

    /// Writes the files of all folds that are not there as they should be.
    func write(to folder: URL) throws {
        for (index, fold) in parts.enumerated() {
            for (name, part) in zip(Self.names, fold) {
                let url = file(index + 1, name, in: folder)
                let bytes = bytes(part)
                if FileManager.default.contents(atPath: url.path) == bytes { continue }
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try AtomicFile.write(bytes, to: url)
            }
        }
    }
}
