import Foundation
import Messages
import ModelFiles

/// How rows come that are read one by one.
package enum RowFormat: String, CaseIterable, Sendable {
    case jsonl, csv, tsv
    /// Each line is one text.
    case text
    /// One document: all of it is read before its first row is.
    case conll, squad, json

    /// nil for lines of text.
    package var data: DataFormat? { DataFormat(rawValue: rawValue) }

    /// The format that a file name's extension stands for; nil if it is none of ours.
    package init?(fileName: String, form: RowForm) {
        guard let format = DataFormat(fileName: fileName, form: form) else { return nil }
        self = Self(rawValue: format.rawValue) ?? .jsonl
    }

    /// Whether a row can be read before the next one comes.
    package var isOfSingleRows: Bool { self != .conll && self != .squad && self != .json }
}

/// Columns of rows that stand beside their answers.
package enum KeptColumns: Sendable, Equatable {
    case none, all
    case named([String])
}

/// Rows as they come, by the same rules as those of a whole file, without their labels.
package final class RowStream {
    package struct Row: Sendable {
        /// Where it begins, counted from 1; in a SQuAD document, which question it is, in an array of several
        /// rows a line, which row.
        package let line: Int
        /// The row, or what is wrong with it.
        package let example: Result<Example, DataError>
        /// The columns that were asked for, as far as the row has them.
        package let kept: JSONObject
    }

    /// How many rows are taken together at most.
    package struct Limit: Sendable {
        package let rows: Int
        /// Of the rows as they are written; the row that reaches it is the last one.
        package let bytes: Int

        package init(rows: Int, bytes: Int) { (self.rows, self.bytes) = (rows, bytes) }
    }

    package let format: RowFormat
    package var file: String { input.name }
    /// Which columns are read; nil before the first row that says so, and where they have no names.
    package var columns: DatasetColumns? { reader.builder.columns }
    /// The names of the columns to keep, of CSV and TSV those of the header; nil before the first row that says so.
    package var keptNames: [String]? { reader.keptNames }
    private let input: ByteStream
    private var cutter: RecordCutter
    private var reader: RowReader
    private var isAtEnd = false
    private var isChecked = false
    private var count = 0
    private var documentWarnings: [String] = []
    /// What came behind rows that were still to be given.
    private var failure: (any Error)?

    /// - Throws: `DataError` where the format does not hold what `form` asks for.
    package init(
        _ input: ByteStream, format: RowFormat, form: RowForm, columns: ColumnNames, keep: KeptColumns = .none
    ) throws {
        (self.input, self.format) = (input, format)
        reader = RowReader(file: input.name, format: format, form: form, wanted: columns, keep: keep)
        cutter = RecordCutter(name: input.name)
        cutter.rule = reader.rule
        if let data = format.data {
            try Dataset.check(data, holds: form, file: input.name)
        } else if form == .captionedImages {
            throw DataError(
                file: input.name, problem: "lines of text hold no images with their texts",
                advice: "give JSONL, CSV or TSV")
        } else if form == .questions || form == .choices {
            throw DataError(
                file: input.name,
                problem:
                    "lines of text hold no questions with their \(form == .choices ? "choices" : "contexts")",
                advice: form == .choices ? "give JSONL" : "give JSONL, or a SQuAD document")
        } else {
            try columns.trained?.checkTakesSingles(
                "a line of text is one", file: input.name, advice: "give rows as JSONL, CSV or TSV")
        }
        if keep != .none, !format.isOfSingleRows {
            throw DataError(
                file: input.name, problem: "rows of a \(format.rawValue) document have no columns to keep",
                advice: "leave out \(SettingName.keep), or give JSONL")
        }
    }

    /// The next rows: those that are there, up to the limit, and at least one, which is waited for; none at the end.
    ///
    /// - Throws: `DataError` for what is wrong with the whole, or cannot be read.
    package func next(_ limit: Limit) throws -> [Row] {
        guard format.isOfSingleRows else { return try document() }
        if let failure { throw failure }
        var found: [Row] = []
        do {
            try take(limit, &found)
        } catch  where !found.isEmpty {
            failure = error
        }
        count += found.count
        if isAtEnd && count == 0 { try reader.checkNotEmpty() }
        return found
    }

    private func take(_ limit: Limit, _ found: inout [Row]) throws {
        var bytes = 0
        while found.count < limit.rows, bytes < limit.bytes {
            if let record = try cutter.next() {
                bytes += record.bytes.count + 1
                if let row = try reader.row(record) { found.append(row) }
                cutter.rule = reader.rule
                continue
            }
            if isAtEnd || (!found.isEmpty && !input.isReady) { break }
            try readMore()
        }
    }

    /// What a person should know of all rows, after the last one.
    ///
    /// - Throws: `DataError` where none of the rows that could be read has a text.
    package func warnings() throws -> [String] {
        format.isOfSingleRows ? try reader.warnings() : documentWarnings
    }

    private func read() throws -> [UInt8] {
        do {
            return try input.read()
        } catch let error as GzipError {
            throw DataError(
                file: file, problem: error.problem, advice: error.advice ?? "make or download it again")
        } catch let error as ModelFileError {
            throw DataError(
                kind: .unreadable, file: file, problem: "the file cannot be read: \(error.problem)",
                advice: error.advice)
        }
    }

    private func readMore() throws {
        let bytes = try read()
        if bytes.isEmpty {
            isAtEnd = true
            return cutter.end()
        }
        if !isChecked {
            isChecked = true
            if let foreign = ForeignFormat(bytes: bytes, fileName: file) { throw foreign.error(file) }
            if let encoding = TextMarks.otherEncoding(of: bytes) {
                throw DataError(
                    file: file, line: 1, problem: "the file is \(encoding)",
                    advice: TextMarks.conversion(from: encoding))
            }
        }
        cutter.add(bytes)
    }

    /// All rows of a document; none when asked again.
    private func document() throws -> [Row] {
        guard !isAtEnd, let data = format.data else { return [] }
        var bytes: [UInt8] = []
        while case let more = try read(), !more.isEmpty { bytes += more }
        isAtEnd = true
        let dataset = try Dataset.parse(
            bytes, name: file, format: data, form: reader.builder.form, columns: reader.wanted,
            requireLabels: false)
        if let columns = dataset.columns { reader.builder.keep(columns) }
        documentWarnings = dataset.warnings
        return dataset.examples.map { Row(line: $0.line, example: .success($0), kept: JSONObject()) }
    }
}

extension RowStream {
    /// A file or pipe to read rows from.
    ///
    /// - Throws: `DataError` where there is none.
    package static func open(_ url: URL) throws -> ByteStream {
        try Dataset.checkIsFile(url)
        do {
            return try ByteStream(url)
        } catch let error as ModelFileError {
            throw DataError(
                kind: .unreadable, file: url.relativePath,
                problem: "the file cannot be read: \(error.problem)", advice: error.advice)
        }
    }

    /// By the file's name.
    package static func format(of url: URL, form: RowForm) throws -> RowFormat {
        if let format = RowFormat(fileName: url.lastPathComponent, form: form) { return format }
        if let foreign = ForeignFormat(fileName: url.lastPathComponent) {
            throw foreign.error(url.relativePath)
        }
        throw DataError(
            file: url.relativePath, problem: "the extension names no known format",
            advice: "say how the rows are written with \(SettingName.dataFormat)")
    }
}
