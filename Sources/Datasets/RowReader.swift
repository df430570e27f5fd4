import Messages
import ModelFiles

/// Makes rows of records, one by one.
struct RowReader {
    /// How records are cut; changes with the header of a table.
    private(set) var rule: RecordCutter.Rule
    let wanted: ColumnNames
    var builder: DatasetBuilder
    private(set) var keptNames: [String]?
    private let format: RowFormat
    private let keep: KeptColumns
    /// Columns of JSONL, which the first row decides.
    private var chosen: ChosenColumns?
    private var table: (fields: TableFields, delimiter: Delimiter)?
    /// Excel's note of the delimiter, before a header.
    private var note: RecordCutter.Record?
    private var good = 0
    private var blanks = (count: 0, first: 0)
    /// Those that no row followed yet: at the end of a file they lose nothing.
    private var lastBlanks = (count: 0, first: 0)
    private var withoutKept = (count: 0, first: 0)

    init(file: String, format: RowFormat, form: RowForm, wanted: ColumnNames, keep: KeptColumns) {
        (self.format, self.wanted, self.keep) = (format, wanted, keep)
        builder = DatasetBuilder(file: file, form: form, requireLabels: false)
        switch (format, wanted.delimiter) {
        case (.csv, nil): rule = .quoted(separators: Delimiter.allCases.map(\.byte))
        case (.csv, let given?): rule = .quoted(separators: [given.byte])
        case (.tsv, let given?) where given != .tab: rule = .quoted(separators: [given.byte])
        default: rule = .lines
        }
    }

    private var file: String { builder.file }

    /// nil for a record that is no row.
    ///
    /// - Throws: `DataError` for what is wrong with the whole.
    mutating func row(_ record: RecordCutter.Record) throws -> RowStream.Row? {
        if isSkipped(record) {
            if lastBlanks.count == 0 { lastBlanks.first = record.line }
            lastBlanks.count += 1
            return nil
        }
        if lastBlanks.count > 0 {
            blanks = (blanks.count + lastBlanks.count, blanks.count == 0 ? lastBlanks.first : blanks.first)
            lastBlanks.count = 0
        }
        if let data = format.data, data != .jsonl, table == nil {
            try openTable(record, data)
            return nil
        }
        let kept = try keptColumns(record)
        do {
            try add(record)
        } catch let error as DataError {
            return RowStream.Row(line: record.line, example: .failure(error), kept: kept)
        }
        return builder.takeExamples().first.map { example in
            good += 1
            return RowStream.Row(line: record.line, example: .success(example), kept: kept)
        }
    }

    /// With one column, or lines of text, a blank line is a row with an empty text.
    private func isSkipped(_ record: RecordCutter.Record) -> Bool {
        switch format {
        case .jsonl: record.isBlank
        case .csv, .tsv: record.isEmpty && table?.fields.header.count != 1
        case .text, .conll, .squad, .json: false
        }
    }

    private func source(_ record: RecordCutter.Record) throws -> SourceText {
        // With its line end, so that carriage returns inside are none.
        try located(record) { try SourceText(record.bytes + [0x0A], name: file, mayBeBlank: true) }
    }

    /// What a reader of one record says, of the lines of the file.
    private func located<Value>(_ record: RecordCutter.Record, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as DataError {
            throw error.moved(by: record.line - 1)
        }
    }

    private func fields(_ source: SourceText, _ record: RecordCutter.Record) throws -> DelimitedRow? {
        guard let (fields, delimiter) = table, let data = format.data else { return nil }
        var reader = DelimitedReader(source, format: data, delimiter: delimiter, isStart: false)
        return try located(record) { try reader.next(columns: fields.header.count) }.map {
            DelimitedRow(line: record.line, fields: $0.fields)
        }
    }

    private mutating func add(_ record: RecordCutter.Record) throws {
        let source = try source(record)
        switch format {
        case .text: try add(text: line(source), line: record.line)
        case .csv, .tsv:
            guard let (table, _) = table, let data = format.data, let row = try fields(source, record) else {
                return
            }
            try builder.add(row, table, data)
        case .jsonl:
            var reader = JSONLinesReader(source)
            if builder.form.isOfObjects {
                guard let (_, row) = try located(record, { try reader.nextObject() }) else { return }
                return try builder.add(row: row, RowPlace(file: file, line: record.line), wanted: wanted)
            }
            guard let (_, values) = try located(record, { try reader.next() }) else { return }
            try builder.add(values, line: record.line, wanted: wanted, chosen: &chosen)
        case .conll, .squad, .json: break
        }
    }

    private mutating func add(text: String, line: Int) throws {
        if builder.form == .conversations {
            let place = RowPlace(file: file, line: line)
            return try builder.add(Conversation(.text(text), format: .text), place)
        }
        guard builder.form == .sentences else {
            return try builder.add(text: text, pair: nil, label: nil, line: line)
        }
        try builder.add(
            words: text.split(whereSeparator: \.isWhitespace).map(String.init), tags: nil, line: line)
    }

    /// A record that is one line, without its end.
    private func line(_ source: SourceText) -> String {
        var end = source.bytes.count - 1
        if end > 0, source.bytes[end - 1] == 0x0D { end -= 1 }
        return source.text(0..<end)
    }

    private mutating func openTable(_ record: RecordCutter.Record, _ data: DataFormat) throws {
        let start = record.bytes.dropFirst(TextMarks.length(at: record.bytes))
        if note == nil, Delimiter(note: start) != nil {
            note = record
            return
        }
        let first = note?.line ?? record.line
        let before = note.map { $0.bytes + Array(repeating: 0x0A, count: record.line - first) } ?? []
        let opened: OpenedTable
        do {
            let source = try SourceText(before + record.bytes + [0x0A], name: file)
            opened = try OpenedTable(source, data, builder.request(wanted))
        } catch let error as DataError {
            throw error.moved(by: first - 1)
        }
        builder.keep(opened.described(data, builder.form))
        let fields = TableFields(opened)
        let delimiter = opened.reader.delimiter
        table = (fields, delimiter)
        rule = DelimitedReader.isQuoted(data, delimiter) ? .quoted(separators: [delimiter.byte]) : .lines
        try settleKept(among: fields.header, line: record.line)
    }

    /// The first row, or the header, says which columns there are to keep.
    private mutating func settleKept(among existing: [String], line: Int) throws {
        guard keptNames == nil else { return }
        func problem(_ what: String, _ advice: String) -> DataError {
            DataError(file: file, line: line, problem: what, advice: advice)
        }
        let names: [String]
        switch keep {
        case .none: names = []
        case .all: names = existing
        case .named(let wanted): names = wanted
        }
        if let missing = names.first(where: { !existing.contains($0) }) {
            throw problem(
                "no column \(quoted(missing)) to keep", "the columns are \(quotedList(existing, limit: 20))")
        }
        if let twice = names.first(where: { name in existing.count { $0 == name } > 1 }) {
            throw problem("column \(quoted(twice)) occurs twice in the header", "rename one of them")
        }
        keptNames = names
    }

    /// What of a row stands beside its answer. A row that cannot be read has nothing.
    private mutating func keptColumns(_ record: RecordCutter.Record) throws -> JSONObject {
        if keep == .none { return JSONObject() }
        var columns = JSONObject()
        switch format {
        case .jsonl:
            guard let text = try? source(record), let object = try? JSONValue.parse(text.bytes).object else {
                return JSONObject()
            }
            columns = object
            try settleKept(among: object.keys, line: record.line)
        case .text:
            try settleKept(among: ["text"], line: record.line)
            guard let text = try? source(record) else { return JSONObject() }
            columns["text"] = .string(line(text))
        case .csv, .tsv:
            guard let header = table?.fields.header, let text = try? source(record),
                let row = try? fields(text, record)
            else { return JSONObject() }
            for (name, value) in zip(header, row.fields) where keptNames?.contains(name) == true {
                columns[name] = .string(value)
            }
        case .conll, .squad, .json: break
        }
        guard case .named(let names) = keep else { return columns }
        var kept = JSONObject()
        for name in names { kept[name] = columns[name] ?? .null }
        if names.contains(where: { columns[$0] == nil }) {
            if withoutKept.count == 0 { withoutKept.first = record.line }
            withoutKept.count += 1
        }
        return kept
    }

    /// - Throws: `DataError`, for there were no rows.
    func checkNotEmpty() throws {
        if table != nil { _ = try builder.allWarnings(count: 0) }
        throw DataError(file: file, problem: "the file is empty", advice: "check the path")
    }

    func warnings() throws -> [String] {
        var builder = builder
        builder.noteTable()
        builder.noteBlankLines(blanks.count, first: blanks.first)
        if withoutKept.count > 0 {
            builder.note(
                "\(DataFinding.counted(withoutKept.count, "row")) without a column to keep, first at line "
                    + "\(withoutKept.first)")
        }
        return good == 0 ? [] : try builder.allWarnings(count: good)
    }
}

extension RecordCutter.Record {
    /// Nothing but a line end.
    var isEmpty: Bool { bytes.isEmpty || bytes == [0x0D] }
}

extension DataError {
    /// The same in a text that begins `lines` further down.
    func moved(by lines: Int) -> DataError {
        DataError(
            kind: kind, file: file, line: line.map { $0 + lines }, problem: problem, advice: advice)
    }
}
