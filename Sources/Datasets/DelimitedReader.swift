/// One row of a CSV or TSV file.
struct DelimitedRow {
    /// Where the row starts; a quoted field may go on over further lines.
    let line: Int
    let fields: [String]
}

/// Reads CSV (RFC 4180) or TSV strictly, row by row.
///
/// Not SwiftCSV 0.10: it fills short rows with empty strings, drops surplus fields, accepts an unterminated
/// quote and blanks around fields, and knows no line numbers, so a damaged file would train quietly.
struct DelimitedReader {
    /// Far above any table of examples; bounds what a hostile header can allocate.
    static let mostColumns = 4096

    let delimiter: Delimiter
    private let source: SourceText
    private let separator: UInt8
    private let quoting: Bool
    private var position = 0
    private var line = 1
    /// Blank lines passed over between rows, and where the first one was.
    private(set) var blankLines = 0
    private(set) var firstBlankLine = 0

    /// - Parameters:
    ///   - delimiter: nil takes the usual one of `format`.
    ///   - isStart: of the file, which may begin with Excel's note.
    init(_ source: SourceText, format: DataFormat, delimiter: Delimiter? = nil, isStart: Bool = true) {
        self.source = source
        self.delimiter = delimiter ?? Delimiter(of: format)
        separator = self.delimiter.byte
        quoting = Self.isQuoted(format, self.delimiter)
        // Excel's own note, which it takes for no row either.
        if isStart, let note = source.line(from: 0), Delimiter(note: source.bytes[note]) != nil {
            position = min(note.upperBound + 1, source.bytes.count)
            line = 2
        }
    }

    /// Tab-separated values have no quotes unless they come under the name of CSV.
    static func isQuoted(_ format: DataFormat, _ delimiter: Delimiter) -> Bool {
        format == .csv || delimiter != .tab
    }

    /// The next row, nil at the end of the file. `columns` is the header's number of fields, nil for the header.
    mutating func next(columns: Int?) throws -> DelimitedRow? {
        skipBlankLines(columns: columns)
        guard position < source.bytes.count else { return nil }
        let start = line
        var fields: [String] = []
        while true {
            fields.append(try field())
            if try !isRowFinished() {
                if fields.count >= columns ?? Self.mostColumns { throw tooMany(columns, line: start) }
                continue
            }
            if let columns, fields.count != columns {
                throw problem(
                    "the row has fewer fields (\(fields.count)) than the header (\(columns))", line: start,
                    ragged)
            }
            return DelimitedRow(line: start, fields: fields)
        }
    }

    /// With one column a blank line is an example with an empty text; otherwise it is no row at all.
    private mutating func skipBlankLines(columns: Int?) {
        guard columns != 1 else { return }
        let first = line
        var skipped = 0
        while position < source.bytes.count, lineEnd(at: position) > 0 {
            position += lineEnd(at: position)
            line += 1
            skipped += 1
        }
        // Blank lines at the end of a file lose nothing.
        guard skipped > 0, position < source.bytes.count else { return }
        if blankLines == 0 { firstBlankLine = first }
        blankLines += skipped
    }

    /// Length of the line end at `index`, 0 if there is none.
    private func lineEnd(at index: Int) -> Int {
        guard index < source.bytes.count else { return 0 }
        if source.bytes[index] == 0x0A { return 1 }
        let isPair = source.bytes[index] == 0x0D && index + 1 < source.bytes.count
        return isPair && source.bytes[index + 1] == 0x0A ? 2 : 0
    }

    /// Steps over the delimiter or the line end after a field; true if the row ends here.
    private mutating func isRowFinished() throws -> Bool {
        guard position < source.bytes.count else { return true }
        if source.bytes[position] == separator {
            position += 1
            return false
        }
        let length = lineEnd(at: position)
        precondition(length > 0, "a field ended at byte \(position), where neither field nor row ends")
        position += length
        line += 1
        return true
    }

    private mutating func field() throws -> String {
        if quoting, position < source.bytes.count, source.bytes[position] == UInt8(ascii: "\"") {
            return try quotedField()
        }
        let start = position
        while position < source.bytes.count {
            let byte = source.bytes[position]
            if byte == separator || byte == 0x0A { break }
            if byte == 0x0D {
                if lineEnd(at: position) > 0 { break }
                throw problem(
                    "carriage return without line feed", line: line,
                    "convert the line ends, for example with tr '\\r' '\\n'")
            }
            if quoting && byte == UInt8(ascii: "\"") {
                throw problem(
                    "quote inside an unquoted field", line: line,
                    "wrap the field in quotes and double those inside, or use tsv, which has no quoting")
            }
            position += 1
        }
        return source.text(start..<position)
    }

    private mutating func quotedField() throws -> String {
        let opened = line
        position += 1
        var content: [UInt8] = []
        var start = position
        while position < source.bytes.count {
            let byte = source.bytes[position]
            if byte == 0x0A { line += 1 }
            if content.count + position - start > SourceText.longestLine {
                throw problem(
                    "the quoted field is longer than 16 MB", line: opened, "look for a missing closing quote")
            }
            guard byte == UInt8(ascii: "\"") else {
                position += 1
                continue
            }
            content += source.bytes[start..<position]
            position += 1
            if position < source.bytes.count, source.bytes[position] == UInt8(ascii: "\"") {
                start = position  // the second of two quotes is the field's own
                position += 1
                continue
            }
            let ends = position == source.bytes.count || source.bytes[position] == separator
            guard ends || lineEnd(at: position) > 0 else {
                // Where the field began: if that quote is the one too many, all between is no field.
                throw problem(
                    "text after a closing quote" + (line == opened ? "" : " in line \(line)"), line: opened,
                    "double the quotes inside a quoted field")
            }
            return String(decoding: content, as: UTF8.self)
        }
        throw problem("a quoted field is never closed", line: opened, "add the closing quote")
    }

    private var ragged: String {
        quoting
            ? "quote fields that contain \(delimiter.plural) or line ends"
            : "remove tabs and line ends inside fields"
    }

    private func tooMany(_ columns: Int?, line: Int) -> DataError {
        guard let columns else {
            return problem(
                "the header has more than \(Self.mostColumns) columns", line: line, "check the file's format")
        }
        return problem("the row has more fields than the header (\(columns))", line: line, ragged)
    }

    private func problem(_ what: String, line: Int, _ advice: String) -> DataError {
        DataError(file: source.name, line: line, problem: what, advice: advice)
    }
}

extension DelimitedReader {
    /// Positions of the lines that the CSV row around a line takes, also where the reader refuses it: quoted fields go on
    /// to their closing quote, and what follows that belongs to the row. A quote that does not close within
    /// `longestRejected` lines ends with its own line: its other end is missing, and the rows after it may be good.
    static func rowLines(around index: Int, in lines: [[UInt8]], _ delimiter: Delimiter) -> Range<Int> {
        var first = 0
        while first < index {
            let end = rowEnd(from: first, in: lines, delimiter.byte)
            if index < end { return first..<end }
            first = end
        }
        return first..<rowEnd(from: first, in: lines, delimiter.byte)
    }

    private static let longestRejected = 100

    private static func rowEnd(from first: Int, in lines: [[UInt8]], _ separator: UInt8) -> Int {
        let quote = UInt8(ascii: "\"")
        var isQuoted = false
        // At the start of a field a quote opens it; right after a closing one it makes the two the field's own.
        var opens = true
        for line in first..<min(first + longestRejected, lines.count) {
            for byte in lines[line] {
                if isQuoted {
                    isQuoted = byte != quote
                    opens = !isQuoted
                } else {
                    isQuoted = byte == quote && opens
                    opens = byte == separator
                }
            }
            if !isQuoted { return line + 1 }
        }
        return first + 1
    }
}

/// A small table in a CSV file of our own.
package enum DelimitedTable {
    /// The rows, the header among them, which all have its number of fields.
    ///
    /// - Throws: `DataError` with file and line.
    package static func rows(csv bytes: [UInt8], name: String) throws -> [[String]] {
        var reader = DelimitedReader(try SourceText(bytes, name: name), format: .csv)
        guard let header = try reader.next(columns: nil) else { return [] }
        var rows = [header.fields]
        while let row = try reader.next(columns: header.fields.count) { rows.append(row.fields) }
        return rows
    }
}
