import Foundation
import ModelFiles

extension Dataset {
    /// Reads a JSON Lines, JSON, TSV, CSV, CoNLL or SQuAD file, packed by gzip or not; or a folder of images.
    ///
    /// - Parameters:
    ///   - format: nil takes it from the file name's extension.
    ///   - form: what its rows hold.
    ///   - requireLabels: without it, rows may lack a label and the label column may be absent.
    /// - Throws: `DataError` naming the file and, where there is one, the line.
    package static func read(
        _ url: URL, format: DataFormat? = nil, form: RowForm = .texts, columns: ColumnNames = ColumnNames(),
        requireLabels: Bool
    ) throws -> Dataset {
        let name = url.relativePath
        if isImageFolder(url, form) {
            guard form == .images else {
                throw DataError(
                    kind: .unreadable, file: name, problem: "this is a folder, whose images have no texts",
                    advice: "give a CSV, TSV or JSONL file with the paths of images and their texts")
            }
            return try ImageFolder.read(url, requireLabels: requireLabels)
        }
        try checkIsFile(url)
        guard let format = format ?? DataFormat(fileName: url.lastPathComponent, form: form) else {
            if let foreign = ForeignFormat(fileName: url.lastPathComponent) { throw foreign.error(name) }
            throw DataError(
                file: name, problem: "the extension names no known format",
                advice: "name it \(form.extensions)")
        }
        let bytes: [UInt8]
        do {
            bytes = try FileBytes.read(url)
        } catch let error as ModelFileError {
            throw DataError(
                kind: .unreadable, file: name, problem: "the file cannot be read: \(error.problem)",
                advice: error.advice)
        }
        return try parse(
            bytes, name: name, format: format, form: form, columns: columns, requireLabels: requireLabels)
    }

    /// Reads examples from memory, for example from standard input; `name` stands for the file in messages.
    ///
    /// - Throws: `DataError`, as `read`.
    package static func parse(
        _ bytes: [UInt8], name: String, format: DataFormat, form: RowForm = .texts,
        columns: ColumnNames = ColumnNames(), requireLabels: Bool
    ) throws -> Dataset {
        try check(format, holds: form, file: name)
        let source = try SourceText(
            try unpacked(bytes, name: name, format), name: name, longestLine: longestLine(format))
        var builder = DatasetBuilder(file: name, form: form, requireLabels: requireLabels)
        switch format {
        case .jsonl: try builder.readJSONLines(source, wanted: columns)
        case .tsv, .csv: try builder.readDelimited(source, format: format, wanted: columns)
        case .conll: try builder.readSentences(source, wanted: columns)
        case .squad where source.hasFlatQuestions: try builder.readJSONLines(source, wanted: columns)
        case .json where source.isArray:
            var none: [DataError]?
            try builder.readArray(source, wanted: columns, rejected: &none)
        case .json:
            try source.checkHasRows()
            try builder.readJSONLines(source, wanted: columns)
        case .squad:
            var none: [DataError]?
            try builder.readArticles(source, rejected: &none)
        }
        return try builder.finish()
    }

    static func checkIsFile(_ url: URL) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
            throw DataError(
                kind: .missing, file: url.relativePath, problem: "no such file", advice: "check the path")
        }
        if isFolder.boolValue {
            throw DataError(
                kind: .unreadable, file: url.relativePath, problem: "this is a folder",
                advice: "name a file inside it")
        }
    }

    static func check(_ format: DataFormat, holds form: RowForm, file: String) throws {
        guard form.formats.contains(format) else {
            throw DataError(
                file: file, problem: "\(format.rawValue) does not hold what this task reads",
                advice: "give \(form.extensions), or check the task")
        }
    }

    /// A document may be one long line.
    private static func longestLine(_ format: DataFormat) -> Int {
        format == .squad || format == .json ? Int.max : SourceText.longestLine
    }

    /// The text of a file that gzip packed, whatever its name says; that of others as it is.
    ///
    /// - Throws: `DataError` for a file that is known to hold something else.
    static func unpacked(_ bytes: [UInt8], name: String, _ format: DataFormat) throws -> [UInt8] {
        let text = bytes.starts(with: Gzip.magic) ? try gunzipped(bytes, name: name, format) : bytes
        if let foreign = ForeignFormat(bytes: text, fileName: name) { throw foreign.error(name) }
        return text
    }

    private static func gunzipped(_ bytes: [UInt8], name: String, _ format: DataFormat) throws -> [UInt8] {
        // A small file could ask for a thousand times its size; texts of any use stay below this.
        let limit = (64 << 20) + 64 * bytes.count
        do {
            return try Gzip.unpacked(bytes, limit: limit, longestLine: longestLine(format))
        } catch let error as GzipError {
            throw DataError(
                file: name, problem: error.problem, advice: error.advice ?? "make or download it again")
        }
    }
}

extension RowForm {
    /// `.jsonl, .tsv or .csv`
    fileprivate var extensions: String {
        let names = formats.map { $0 == .squad ? ".json (SQuAD)" : ".\($0.rawValue)" }
        return names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
    }
}
