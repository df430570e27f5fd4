import ModelFiles

private func isJSONSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
}

/// Cuts a JSON array into its elements, so that each is read, and refused, by itself.
private struct JSONArrayCutter {
    private let bytes: [UInt8]
    private let file: String
    private var at = 0
    private var count = 0

    init(_ source: SourceText) { (bytes, file) = (source.bytes, source.name) }

    /// Where the next element stands; nil after the last one.
    ///
    /// - Throws: `DataError` where the array is not whole.
    mutating func next() throws -> Range<Int>? {
        skipSpace()
        if count == 0 {
            guard take("[") else { throw problem("no array", "write [{…}, {…}]") }
            skipSpace()
            if take("]") { return try end() }
        } else if take("]") {
            return try end()
        } else if !take(",") {
            throw problem(
                at < bytes.count ? "no comma between two rows" : "the array does not end",
                at < bytes.count ? "put one between them" : "make or download the file again")
        }
        skipSpace()
        let start = at
        try skipValue()
        guard at > start else { throw problem("a row is missing", "remove the comma, or write the row") }
        count += 1
        return start..<at
    }

    private mutating func end() throws -> Range<Int>? {
        skipSpace()
        guard at == bytes.count else {
            throw problem("something stands behind the array", "remove it, or write one array of all rows")
        }
        return nil
    }

    private func problem(_ what: String, _ advice: String) -> DataError {
        DataError(
            file: file, line: 1 + bytes[..<at].count { $0 == 0x0A }, problem: what, advice: advice)
    }

    private mutating func take(_ byte: Character) -> Bool {
        guard at < bytes.count, bytes[at] == byte.asciiValue else { return false }
        at += 1
        return true
    }

    private mutating func skipSpace() {
        while at < bytes.count, isJSONSpace(bytes[at]) { at += 1 }
    }

    /// To the end of the value that begins here: brackets are counted, what they hold is checked by the reader of JSON.
    private mutating func skipValue() throws {
        var depth = 0
        var (isText, isEscaped) = (false, false)
        while at < bytes.count {
            let byte = bytes[at]
            if isText {
                isText = isEscaped || byte != UInt8(ascii: "\"")
                isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
            } else {
                switch byte {
                case UInt8(ascii: "\""): isText = true
                case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
                case UInt8(ascii: "]"), UInt8(ascii: "}"):
                    if depth == 0 { return }
                    depth -= 1
                case UInt8(ascii: ","), 0x20, 0x09, 0x0A, 0x0D:
                    if depth == 0 { return }
                default: break
                }
            }
            at += 1
        }
        if depth > 0 || isText {
            throw problem("the array ends within row \(count + 1)", "make or download the file again")
        }
    }
}

extension SourceText {
    private var firstByte: UInt8? { bytes.first { !isJSONSpace($0) } }

    /// Whether the text is a JSON array, or none at all.
    var isArray: Bool { firstByte == UInt8(ascii: "[") }

    /// Each element of the array, with the line on which it begins.
    ///
    /// - Throws: `DataError` where the array is not whole.
    fileprivate func rowsOfArray() throws -> [(line: Int, range: Range<Int>)] {
        var cutter = JSONArrayCutter(self)
        var rows: [(line: Int, range: Range<Int>)] = []
        var (line, counted) = (1, 0)
        while let range = try cutter.next() {
            line += bytes[counted..<range.lowerBound].count { $0 == 0x0A }
            counted = range.lowerBound
            rows.append((line, range))
        }
        return rows
    }

    /// - Throws: `DataError` for a document that holds rows otherwise than as an array or as lines.
    func checkHasRows() throws {
        var position = 0
        while let range = line(from: position),
            bytes[range].allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D })
        {
            position = range.upperBound + 1
        }
        guard let range = line(from: position), (try? JSONValue.parse(Array(bytes[range]))) == nil,
            (try? JSONValue.parse(bytes)) != nil
        else { return }
        throw DataError(
            file: name, problem: "the document is no array of rows",
            advice: "write [{…}, {…}], or one object per line")
    }
}

extension DatasetBuilder {
    /// - Parameter rejected: takes what is wrong with single rows, which are then left out; nil to throw the first.
    mutating func readArray(_ source: SourceText, wanted: ColumnNames, rejected: inout [DataError]?) throws {
        let rows = try source.rowsOfArray()
        if rows.isEmpty {
            throw DataError(file: file, problem: "the array is empty", advice: "check the path")
        }
        let haveLines = zip(rows, rows.dropFirst()).allSatisfy { $0.line < $1.line }
        for (index, row) in rows.enumerated() {
            let place =
                haveLines ? RowPlace(file: file, line: row.line) : RowPlace(file: file, row: index + 1)
            do {
                try add(row: Self.object(source, row, place), place, wanted: wanted)
            } catch let error as DataError where rejected != nil {
                rejected?.append(error)
            }
        }
        if !haveLines {
            note("several rows stand on one line, so rows are counted: 'line 3' is the third of them")
        }
    }

    private static func object(
        _ source: SourceText, _ row: (line: Int, range: Range<Int>), _ place: RowPlace
    ) throws -> JSONObject {
        let value: JSONValue
        do {
            value = try source.bytes[row.range].withUnsafeBytes { try JSONValue.parse($0) }
        } catch let error as JSONError {
            throw place.problem(
                "broken JSON on line \(row.line + error.line - 1) of the file: \(error.problem)",
                "each row must be one complete JSON object")
        }
        guard let object = value.object else {
            throw place.problem("this is \(value.kind), not an object", "each row is an object in braces")
        }
        return object
    }
}

extension Dataset {
    /// As `parseLeavingOut`, of an array: its rows have no lines to leave out.
    static func arrayLeavingOut(_ bytes: [UInt8], name: String, form: RowForm, columns: ColumnNames) throws
        -> (
            dataset: Dataset, rejected: [DataError]
        )
    {
        let source = try SourceText(bytes, name: name, longestLine: .max)
        guard source.isArray else {
            try source.checkHasRows()
            return try parseLeavingOut(bytes, name: name, format: .jsonl, form: form, columns: columns)
        }
        var builder = DatasetBuilder(file: name, form: form, requireLabels: true)
        var found: [DataError]? = []
        try builder.readArray(source, wanted: columns, rejected: &found)
        let rejected = found ?? []
        if rejected.count > mostRejected {
            throw DataError(
                file: name,
                problem:
                    "more than \(mostRejected) rows cannot be read; of the first: \(rejected[0].problem)",
                advice: rejected[0].advice)
        }
        if builder.isEmpty { throw NoRowLeft(rejected: rejected) }
        return (try builder.finish(), rejected)
    }
}
