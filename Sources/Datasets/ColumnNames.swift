import Messages

/// Which columns hold the texts and the label, and what stands between columns; nil leaves a choice to the file itself.
package struct ColumnNames: Sendable, Equatable {
    /// One name, or two for pairs.
    package let text: [String]?
    /// One name; for label sets also several with commas between them, columns of 0 and 1.
    package let label: String?
    /// Of CSV and TSV files.
    package let delimiter: Delimiter?
    /// What stands for a name that is nil, where the file has it.
    package var trained: TrainedColumns?

    package init(text: [String]? = nil, label: String? = nil, delimiter: Delimiter? = nil) {
        self.text = text
        self.label = label
        self.delimiter = delimiter
    }

    /// The text columns that are recognized when none are named.
    package static let knownTexts = [
        ["text"], ["sentence"], ["text_a", "text_b"], ["sentence1", "sentence2"],
        ["premise", "hypothesis"], ["question", "sentence"],
    ]
    /// The label columns that are recognized when none is named.
    package static let knownLabels = ["label", "labels", "score"]
    /// Of questions with choices.
    static let knownAnswers = ["answer", "answerKey", "label"]

    static func knownTexts(_ form: RowForm) -> [[String]] {
        switch form {
        case .sentences: [["tokens"], ["words"]]
        case .bareTexts: knownTexts.filter { $0.count == 1 }
        case .texts, .labelSets, .questions: knownTexts
        case .conversations: ConversationLayout.knownTables
        case .choices: []
        case .images: knownImages.map { [$0] }
        case .captionedImages: knownImages.flatMap { image in ["text", "caption"].map { [image, $0] } }
        }
    }

    /// Of the paths of images; the last is Hugging Face's.
    static let knownImages = ["image", "image_path", "file_name"]

    static func knownLabels(_ form: RowForm) -> [String] {
        switch form {
        case .texts, .questions, .images: knownLabels
        case .choices: knownAnswers
        case .labelSets: ["labels", "label"]
        case .bareTexts, .conversations, .captionedImages: []
        case .sentences: ["labels", "tags", "ner_tags"]
        }
    }
}

/// Which columns of a file were read, of a JSONL file by its first row.
package struct DatasetColumns: Sendable, Equatable {
    /// One name, or two for pairs.
    package let text: [String]
    /// The names of several with commas between them.
    package var label: String? { labels.isEmpty ? nil : labels.map(visibleName).joined(separator: ", ") }
    package let labels: [String]
    /// The others, in the order of the header, or of their names in JSONL.
    package let unused: [String]
    /// What stands between columns where that is not what the file's extension says.
    package let delimiter: Delimiter?

    init(_ chosen: ChosenColumns, of existing: [String], delimiter: Delimiter? = nil) {
        text = [chosen.text] + (chosen.pair.map { [$0] } ?? [])
        labels = chosen.labels
        let used = text + labels
        unused = existing.filter { !used.contains($0) }
        self.delimiter = delimiter
    }

    /// - Parameter used: what else is read where a row has it.
    init(
        text: [String], labels: [String] = [], used: [String] = [], of existing: [String],
        delimiter: Delimiter? = nil
    ) {
        self.text = text
        self.labels = labels
        let used = text + labels + used
        unused = existing.filter { !used.contains($0) }
        self.delimiter = delimiter
    }
}

/// What columns a reader looks for.
struct ColumnRequest {
    let wanted: ColumnNames
    let form: RowForm
    let requireLabels: Bool
    let file: String
}

/// The columns of one file that its examples are made of.
struct ChosenColumns: Equatable {
    let text: String
    let pair: String?
    /// One, or several of 0 and 1.
    let labels: [String]

    /// The only one; nil where there is none, or there are several.
    var label: String? { labels.count == 1 ? labels[0] : nil }

    /// Chooses from the columns that exist. `line` is where they are written, for errors.
    init(of existing: [String], _ request: ColumnRequest, line: Int) throws {
        func problem(_ what: String, _ advice: String) -> DataError {
            DataError(file: request.file, line: line, problem: what, advice: advice)
        }
        let form = request.form
        let wanted = request.wanted.orTrained(existing)
        let spelling = ColumnSpelling(existing)
        let columns =
            existing.isEmpty
            ? "there are no columns" : "the columns are \(quotedList(existing, limit: 20))"
        let texts: [String]
        do {
            texts = try Self.texts(of: existing, spelling, wanted: wanted, form, columns: columns, problem)
        } catch let error as DataError {
            throw request.wanted.missingTexts(existing, line, request.file) ?? error
        }
        // Conversations are the same however they are written.
        if form != .conversations { try request.wanted.checkCount(texts, line, request.file) }
        text = texts[0]
        pair = texts.count > 1 ? texts[1] : nil
        // Who asks for no labels does not care which column could hold them.
        do {
            labels = try Self.labels(of: existing, spelling, wanted: wanted, form, problem)
        } catch  where !request.requireLabels {
            labels = []
        }
        if request.requireLabels && labels.isEmpty {
            let missing = (wanted.label.map { [$0] } ?? wanted.missingLabels ?? ColumnNames.knownLabels(form))
                .map { quoted($0) }.joined(separator: " or ")
            throw problem(
                "no label column \(missing)",
                "\(columns): name one of them with \(SettingName.labelColumn)\(Self.several(form))")
        }
        if let label = labels.first(where: texts.contains) {
            throw problem("column \(quoted(label)) is both text and label", "name two different columns")
        }
        for name in texts + labels where existing.count(where: { $0 == name }) > 1 {
            throw problem("column \(quoted(name)) occurs twice in the header", "rename one of them")
        }
    }

    private static func several(_ form: RowForm) -> String {
        guard case .labelSets = form else { return "" }
        return ", or several columns of 0 and 1 with commas between them"
    }

    private static func labels(
        of existing: [String], _ spelling: ColumnSpelling, wanted: ColumnNames, _ form: RowForm,
        _ problem: (String, String) -> DataError
    ) throws -> [String] {
        guard let name = wanted.label.map(spelling.of) else {
            let known = ColumnNames.knownLabels(form)
            let exact = known.filter(existing.contains)
            let found = exact.isEmpty ? known.map(spelling.of).filter(existing.contains) : exact
            if found.count > 1 {
                throw problem(
                    "\(quotedList(found)) could each be the label",
                    "choose one with \(SettingName.labelColumn)")
            }
            return found
        }
        if existing.contains(name) { return [name] }
        let names = name.split(separator: ",").map { spelling.of(trimmed(String($0))) }
        guard names.count > 1, names.contains(where: existing.contains) else { return [] }
        guard case .labelSets = form else {
            throw problem(
                "\(names.count) label columns were asked for",
                "name one; several, of 0 and 1, are for the task multi-label")
        }
        if let missing = names.first(where: { !existing.contains($0) }) {
            throw problem(
                "no label column \(quoted(missing))", "the columns are \(quotedList(existing, limit: 20))")
        }
        guard Set(names).count == names.count else {
            throw problem("a label column was asked for twice", "name each once")
        }
        return names
    }

    private static func texts(
        of existing: [String], _ spelling: ColumnSpelling, wanted: ColumnNames, _ form: RowForm,
        columns: String,
        _ problem: (String, String) -> DataError
    ) throws -> [String] {
        if let asked = wanted.text {
            let names = asked.map(spelling.of)
            // A comma of the column's own was taken for one between two.
            for whole in [asked.joined(separator: ","), asked.joined(separator: ", ")].map(spelling.of)
            where names.count > 1 && existing.contains(whole) {
                return [whole]
            }
            if form == .sentences && names.count != 1 {
                throw problem(
                    "\(names.count) columns of words were asked for",
                    "name one with \(SettingName.textColumn)")
            }
            if form == .bareTexts && names.count != 1 {
                throw problem(
                    "\(names.count) text columns were asked for", "name one; this task reads one text a row")
            }
            if form.isOfImages && names.count != (form == .images ? 1 : 2) {
                throw problem(
                    "\(names.count) columns were asked for",
                    form == .images ? "name one, of the images" : "name two, of the images and of their texts"
                )
            }
            guard names.count == 1 || names.count == 2, Set(names).count == names.count else {
                throw problem(
                    "\(names.count) text columns were asked for", "name one, or two different ones for pairs")
            }
            if let missing = names.first(where: { !existing.contains($0) }) {
                throw problem(
                    "no text column \(quoted(missing))", "\(columns): name one with \(SettingName.textColumn)"
                )
            }
            return names
        }
        let known = ColumnNames.knownTexts(form)
        let exact = known.filter { $0.allSatisfy(existing.contains) }
        let present =
            exact.isEmpty
            ? known.map { $0.map(spelling.of) }.filter { $0.allSatisfy(existing.contains) } : exact
        // ("question", "sentence") also holds a "sentence": the pair is meant.
        let found = present.filter { names in
            !present.contains { $0.count > names.count && Set($0).isSuperset(of: names) }
        }
        if found.count > 1 {
            let choices = found.map { $0.joined(separator: " + ") }
            throw problem(
                "\(quotedList(choices)) could each be the text", "choose with \(SettingName.textColumn)")
        }
        guard let names = found.first else {
            throw problem(
                "no \(missing(form))",
                "\(columns): name \(form == .captionedImages ? "both" : "one") with \(SettingName.textColumn)"
            )
        }
        return names
    }

    /// What is looked for in vain, for messages.
    private static func missing(_ form: RowForm) -> String {
        switch form {
        case .sentences: "column of words (such as 'tokens')"
        case .images: "column of images (such as 'image')"
        case .captionedImages: "columns of images and texts (such as 'image' and 'text')"
        case .conversations: "text column (such as 'text', or 'prompt' and 'completion')"
        default: "text column (such as 'text', or 'sentence1' and 'sentence2')"
        }
    }
}

/// Without white space around it.
func trimmed(_ text: String) -> String {
    let start = text.drop(while: \.isWhitespace)
    return String(start.reversed().drop(while: \.isWhitespace).reversed())
}
