import Messages

/// What stands between the fields of a CSV or TSV file.
package enum Delimiter: String, Sendable, CaseIterable {
    case comma, semicolon, tab, pipe

    /// By its name or as the character itself; `\t` too.
    package init?(_ text: String) {
        switch text {
        case ",": self = .comma
        case ";": self = .semicolon
        case "\t", "\\t": self = .tab
        case "|": self = .pipe
        default: self.init(rawValue: text)
        }
    }

    init(of format: DataFormat) { self = format == .tsv ? .tab : .comma }

    /// Of the line `sep=;`, which Excel writes before a table.
    init?(note line: ArraySlice<UInt8>) {
        let text = String(decoding: line.prefix(8), as: UTF8.self)
        guard text.lowercased().hasPrefix("sep="), line.count <= 6,
            let mark = text.unicodeScalars.dropFirst(4).first
        else { return nil }
        self.init(String(mark))
    }

    var byte: UInt8 {
        switch self {
        case .comma: UInt8(ascii: ",")
        case .semicolon: UInt8(ascii: ";")
        case .tab: UInt8(ascii: "\t")
        case .pipe: UInt8(ascii: "|")
        }
    }

    var plural: String { self == .comma ? "commas" : "\(rawValue)s" }
}

/// A CSV or TSV file up to its header.
struct OpenedTable {
    var reader: DelimitedReader
    let header: DelimitedRow
    let columns: ChosenColumns

    /// Takes the delimiter that was asked for, that of Excel's note, or the usual one of the format; where that gives no
    /// columns to read, the only other one that does.
    init(_ source: SourceText, _ format: DataFormat, _ request: ColumnRequest) throws {
        let note = source.line(from: 0).flatMap { Delimiter(note: source.bytes[$0]) }
        if let given = request.wanted.delimiter ?? note {
            try self.init(source, format, given, request)
            return
        }
        let usual = Delimiter(of: format)
        do {
            try self.init(source, format, usual, request)
        } catch let error as DataError {
            let others = Delimiter.allCases.filter { $0 != usual }.compactMap {
                try? OpenedTable(source, format, $0, request)
            }
            guard others.count == 1, let table = others.first else {
                throw Self.explained(error, source, format)
            }
            self = table
        }
    }

    private init(
        _ source: SourceText, _ format: DataFormat, _ delimiter: Delimiter, _ request: ColumnRequest
    ) throws {
        reader = DelimitedReader(source, format: format, delimiter: delimiter)
        guard let header = try reader.next(columns: nil) else {
            throw DataError(file: source.name, problem: "the file is empty", advice: "check the path")
        }
        self.header = header
        columns = try ChosenColumns(of: header.fields, request, line: header.line)
    }

    /// One column with other delimiters in its name is a table that was cut wrongly.
    private static func explained(_ error: DataError, _ source: SourceText, _ format: DataFormat) -> DataError
    {
        var reader = DelimitedReader(source, format: format)
        guard let header = try? reader.next(columns: nil), header.fields.count == 1,
            let found = Delimiter.allCases.first(where: { header.fields[0].utf8.contains($0.byte) })
        else { return error }
        return DataError(
            file: error.file, line: error.line, problem: error.problem,
            advice: error.advice
                + "; for fields with a \(found.rawValue) between them give \(SettingName.delimiter) \(found.rawValue)"
        )
    }
}
