import Messages
import ModelFiles

/// Collects the rows of one file into a `Dataset`, counting what is odd.
struct DatasetBuilder {
    let file: String
    let form: RowForm
    let requireLabels: Bool
    private var examples: [Example] = []
    private var warnings: [String] = []
    private var emptyTexts = 0
    private var firstEmptyText = 0
    private(set) var columns: DatasetColumns?
    /// Whether a prompt needs what follows it.
    let requireAnswers: Bool
    var questionNotes = QuestionNotes()
    var isEmpty: Bool { examples.isEmpty }
    /// Of label sets, one for each example where there are any.
    private var labelSets: LabelSetRows
    private var repeatedHeaders = 0
    private var firstRepeatedHeader = 0
    /// Rows of tab-separated values that look quoted.
    private var csvQuotes = 0

    init(file: String, form: RowForm, requireLabels: Bool) {
        self.file = file
        self.form = form
        self.requireLabels = requireLabels && form.hasLabels
        requireAnswers = requireLabels
        labelSets = LabelSetRows(file: file, separator: form.labelSeparator)
    }

    func request(_ wanted: ColumnNames) -> ColumnRequest {
        ColumnRequest(wanted: wanted, form: form, requireLabels: requireLabels, file: file)
    }

    mutating func readJSONLines(_ source: SourceText, wanted: ColumnNames) throws {
        var reader = JSONLinesReader(source)
        var chosen: ChosenColumns?
        if form.isOfObjects {
            while let (line, row) = try reader.nextObject() {
                try add(row: row, RowPlace(file: file, line: line), wanted: wanted)
            }
        } else {
            while let (line, values) = try reader.next() {
                try add(values, line: line, wanted: wanted, chosen: &chosen)
            }
        }
        noteBlankLines(reader.blankLines, first: reader.firstBlankLine)
    }

    /// - Parameter chosen: the columns of the file, which its first row decides.
    mutating func add(
        _ values: [String: JSONValue], line: Int, wanted: ColumnNames, chosen: inout ChosenColumns?
    ) throws {
        if form == .questions {
            let place = RowPlace(file: file, line: line)
            return try add(question: QuestionRow(values, place), place)
        }
        let columns = try chosen ?? ChosenColumns(of: values.keys.sorted(), request(wanted), line: line)
        chosen = columns
        self.columns = self.columns ?? DatasetColumns(columns, of: values.keys.sorted())
        // A first line without a label must not hide the labels of later ones.
        let labelName =
            columns.label ?? wanted.label
            ?? ColumnNames.knownLabels(form).map(ColumnSpelling(Array(values.keys)).of)
            .first { values[$0] != nil }
        if form == .sentences {
            let words = try words(columns.text, of: values, line: line)
            let tags = try labelName.flatMap { try names(values[$0], column: $0, line: line) }
            return try add(words: words, tags: tags, line: line)
        }
        let text = try text(columns.text, of: values, line: line)
        let pair = try columns.pair.map { try self.text($0, of: values, line: line) }
        let labels = try rowLabels(columns, labelName, of: values, line: line)
        try add(text: text, pair: pair, labels: labels, line: line)
    }

    private func text(_ name: String, of values: [String: JSONValue], line: Int) throws -> String {
        switch values[name] {
        case .string(let text): return text
        case nil:
            throw problem(
                "no column \(quoted(name))", line: line,
                "the line's columns are \(quotedList(values.keys.sorted(), limit: 20)): "
                    + "every line needs the same text columns")
        case let value?:
            throw problem(
                "column \(quoted(name)) is \(value.kind), not a string", line: line,
                form.isOfImages
                    ? "write the path of an image, or its text, in quotes" : "put the text in quotes")
        }
    }

    mutating func readDelimited(_ source: SourceText, format: DataFormat, wanted: ColumnNames) throws {
        let table = try OpenedTable(source, format, request(wanted))
        var reader = table.reader
        keep(table.described(format, form))
        let fields = TableFields(table)
        while let row = try reader.next(columns: fields.header.count) { try add(row, fields, format) }
        noteTable()
        noteBlankLines(reader.blankLines, first: reader.firstBlankLine)
    }

    mutating func add(_ row: DelimitedRow, _ table: TableFields, _ format: DataFormat) throws {
        if table.header.count > 1 && row.fields == table.header {
            if repeatedHeaders == 0 { firstRepeatedHeader = row.line }
            repeatedHeaders += 1
            return
        }
        let texts = table.texts.map { row.fields[$0] }
        if format == .tsv && texts.contains(where: Self.looksQuoted) { csvQuotes += 1 }
        if form == .conversations { return try add(conversation: row, table) }
        let labels = try rowLabels(table.columns, table.labels.map { row.fields[$0] }, line: row.line)
        try add(text: texts[0], pair: texts.count > 1 ? texts[1] : nil, labels: labels, line: row.line)
    }

    /// What was odd in the rows of a table.
    mutating func noteTable() {
        if csvQuotes > 0 {
            warnings.append(
                "\(oneLine(file)): rows that look quoted as in CSV: \(csvQuotes); tsv has no quoting, so the quotes are read as text"
            )
        }
        if repeatedHeaders > 0 {
            warnings.append(
                "\(oneLine(file)): \(DataFinding.counted(repeatedHeaders, "row")) left out that \(repeatedHeaders == 1 ? "is" : "are") "
                    + "the header again, first at line \(firstRepeatedHeader), as where files were put together"
            )
        }
    }

    /// Doubled quotes inside outer quotes: only a CSV writer makes these.
    private static func looksQuoted(_ text: String) -> Bool {
        text.utf8.count > 3 && text.utf8.first == UInt8(ascii: "\"") && text.utf8.last == UInt8(ascii: "\"")
            && text.dropFirst().dropLast().contains("\"\"")
    }

    private mutating func add(text: String, pair: String?, labels: RowLabels?, line: Int) throws {
        switch labels {
        case .several(let source)?:
            labelSets.add(source, line: line)
            // What it says comes out at the end of the file.
            try add(text: text, pair: pair, label: .list([]), line: line)
        case .one(let label)?: try add(text: text, pair: pair, label: label, line: line)
        case nil: try add(text: text, pair: pair, label: nil, line: line)
        }
    }

    mutating func add(
        text: String, pair: String?, label: RawLabel?, line: Int, words: [String]? = nil,
        name: String? = nil, conversation: Conversation? = nil, choices: Choices? = nil
    ) throws {
        if label == nil && requireLabels {
            throw problem("the label is missing", line: line, "add it or remove the row")
        }
        // JSON can spell a NUL that the bytes of the file do not show.
        if text.utf8.contains(0) || pair?.utf8.contains(0) == true {
            throw problem("NUL character in the text", line: line, "remove it")
        }
        let image = form.isOfImages ? try ImagePath.file(text, RowPlace(file: file, line: line)) : nil
        if text.allSatisfy(\.isWhitespace) || pair?.allSatisfy(\.isWhitespace) == true {
            if emptyTexts == 0 { firstEmptyText = line }
            emptyTexts += 1
        }
        examples.append(
            Example(
                text: text, pair: pair, label: label, line: line, words: words, name: name,
                conversation: conversation, choices: choices, image: image))
    }

    mutating func noteBlankLines(_ count: Int, first: Int) {
        guard count > 0 else { return }
        warnings.append(
            "\(oneLine(file)): \(count) blank \(count == 1 ? "line" : "lines") skipped, first at line \(first)"
        )
    }

    /// What a person should know about the file.
    mutating func note(_ text: String) { warnings.append("\(file): \(text)") }

    mutating func keep(_ columns: DatasetColumns) { self.columns = columns }

    /// The rows since the last call, for whoever does not keep them all. What was counted goes on.
    mutating func takeExamples() -> [Example] {
        defer { examples = [] }
        return examples
    }

    /// What a person should know of all `count` rows.
    ///
    /// - Throws: `DataError` where there are none, or none has a text.
    func allWarnings(count: Int) throws -> [String] {
        if count == 0 {
            throw DataError(
                file: file, problem: "the file has a header but no rows",
                advice: "add examples below the header")
        }
        if emptyTexts == count {
            throw problem(
                "every row has an empty text", line: firstEmptyText, "check which column holds the text")
        }
        var all = warnings + questionNotes.lines.map { "\(file): \($0)" }
        if emptyTexts > 0 {
            let rows = emptyTexts == 1 ? "1 row" : "\(emptyTexts) rows"
            all.append("\(oneLine(file)): \(rows) with empty text, first at line \(firstEmptyText)")
        }
        return all
    }

    func finish() throws -> Dataset {
        let all = try allWarnings(count: examples.count)
        guard !labelSets.isEmpty else {
            try checkSingleLabels(examples)
            return Dataset(examples: examples, file: file, warnings: all, columns: columns)
        }
        let settled = try labelSets.settled()
        return Dataset(
            examples: zip(examples, settled.names).map { $0.labelled(.list($1)) }, file: file,
            warnings: all + settled.warnings, columns: columns, declaredLabels: settled.declared,
            vectorWidth: settled.width)
    }

    func problem(_ what: String, line: Int, _ advice: String) -> DataError {
        DataError(file: file, line: line, problem: what, advice: advice)
    }
}
