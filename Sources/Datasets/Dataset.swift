import Foundation
import ModelFiles

/// The examples of one file, in file order.
public struct Dataset: Sendable {
    public let examples: [Example]
    /// The file's name as it was given, for messages.
    public let file: String
    /// What is odd about the file but no reason to refuse it, one line each.
    public let warnings: [String]
    /// The columns that were read; nil for formats without names for them.
    public let columns: DatasetColumns?

    public init(
        examples: [Example], file: String, warnings: [String] = [], columns: DatasetColumns? = nil
    ) {
        self.examples = examples
        self.file = file
        self.warnings = warnings
        self.columns = columns
    }

    /// Reads a JSON Lines, TSV, CSV, CoNLL or SQuAD file.
    ///
    /// - Parameters:
    ///   - format: nil takes it from the file name's extension.
    ///   - form: what its rows hold.
    ///   - requireLabels: without it, rows may lack a label and the label column may be absent.
    /// - Throws: `DataError` naming the file and, where there is one, the line.
    public static func read(
        _ url: URL, format: DataFormat? = nil, form: RowForm = .texts, columns: ColumnNames = ColumnNames(),
        requireLabels: Bool
    ) throws -> Dataset {
        let name = url.relativePath
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
            throw DataError(kind: .missing, file: name, problem: "no such file", advice: "check the path")
        }
        if isFolder.boolValue {
            throw DataError(
                kind: .unreadable, file: name, problem: "this is a folder", advice: "name a file inside it")
        }
        guard let format = format ?? DataFormat(fileName: url.lastPathComponent, form: form) else {
            throw DataError(
                file: name, problem: "the extension names no known format",
                advice: "name it \(form.extensions)")
        }
        var bytes: [UInt8]
        do {
            bytes = try FileBytes.read(url)
        } catch let error as ModelFileError {
            throw DataError(
                kind: .unreadable, file: name, problem: "the file cannot be read: \(error.problem)",
                advice: error.advice)
        }
        // Here, where it takes no second copy.
        if bytes.starts(with: SourceText.byteOrderMark) { bytes.removeFirst(SourceText.byteOrderMark.count) }
        return try parse(
            bytes, name: name, format: format, form: form, columns: columns, requireLabels: requireLabels)
    }

    /// Reads examples from memory, for example from standard input; `name` stands for the file in messages.
    ///
    /// - Throws: `DataError`, as `read`.
    public static func parse(
        _ bytes: [UInt8], name: String, format: DataFormat, form: RowForm = .texts,
        columns: ColumnNames = ColumnNames(), requireLabels: Bool
    ) throws -> Dataset {
        guard form.formats.contains(format) else {
            throw DataError(
                file: name, problem: "\(format.rawValue) does not hold what this task reads",
                advice: "give \(form.extensions), or check the task")
        }
        // A SQuAD document may be one long line.
        let source = try SourceText(
            bytes, name: name, longestLine: format == .squad ? Int.max : SourceText.longestLine)
        var builder = DatasetBuilder(file: name, form: form, requireLabels: requireLabels)
        switch format {
        case .jsonl: try builder.readJSONLines(source, wanted: columns)
        case .tsv, .csv: try builder.readDelimited(source, format: format, wanted: columns)
        case .conll: try builder.readSentences(source, wanted: columns)
        case .squad where source.hasFlatQuestions: try builder.readJSONLines(source, wanted: columns)
        case .squad:
            var none: [DataError]?
            try builder.readArticles(source, rejected: &none)
        }
        return try builder.finish()
    }
}

extension RowForm {
    /// `.jsonl, .tsv or .csv`
    fileprivate var extensions: String {
        let names = formats.map { $0 == .squad ? ".json (SQuAD)" : ".\($0.rawValue)" }
        return names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
    }
}
