import Datasets
import Foundation
import ModelFiles

/// Rows that a program holds in place of files: JSON Lines, each text for the path that the settings name.
///
/// They are read by the rules of files and told apart from others by the same hashes, so that a run does not notice where its
/// rows come from; once its folder is there, they are kept as files.
package struct GivenRows: Sendable {
    /// Every path is that of a file.
    package static let none = GivenRows([:])

    private let texts: [String: [UInt8]]

    package init(_ texts: [String: [UInt8]]) { self.texts = texts }

    /// - Throws: `DataError`, which names the path.
    func dataset(_ path: String, form: RowForm, columns: ColumnNames) throws -> Dataset {
        guard let text = texts[path] else {
            return try Dataset.read(
                URL(fileURLWithPath: path), form: form, columns: columns, requireLabels: true)
        }
        return try Dataset.parse(
            text, name: path, format: .jsonl, form: form, columns: columns, requireLabels: true)
    }

    /// The hash that the rows have as a file.
    func fingerprint(_ path: String, _ form: Fingerprint.Form) throws -> String {
        guard let text = texts[path] else {
            let url = URL(fileURLWithPath: path)
            // Of a folder what its rows are: what the images hold is another matter.
            guard !Dataset.isImageFolder(url, .images) else {
                return try Dataset.read(url, form: .images, requireLabels: false).pathFingerprint(form)
            }
            return try Fingerprint.of(file: url, form)
        }
        let print = Fingerprint(form)
        text.withUnsafeBytes { form == .sha256 ? print.addPart($0) : print.add($0) }
        return print.text()
    }

    /// Writes each text to its path, so that the run can be resumed and its rows read again.
    func write() throws {
        for (path, text) in texts { try AtomicFile.write(Data(text), to: URL(fileURLWithPath: path)) }
    }
}
