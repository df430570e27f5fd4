/// Which columns hold the texts and the label; nil leaves a choice to the file's own column names.
public struct ColumnNames: Sendable, Equatable {
    /// One name, or two for pairs.
    public let text: [String]?
    public let label: String?

    public init(text: [String]? = nil, label: String? = nil) {
        self.text = text
        self.label = label
    }

    /// The text columns that are recognized when none are named.
    public static let knownTexts = [
        ["text"], ["sentence"], ["text_a", "text_b"], ["sentence1", "sentence2"],
        ["premise", "hypothesis"], ["question", "sentence"],
    ]
    /// The label columns that are recognized when none is named.
    public static let knownLabels = ["label", "score"]

    static func knownTexts(_ form: RowForm) -> [[String]] {
        form == .sentences ? [["tokens"], ["words"]] : knownTexts
    }

    static func knownLabels(_ form: RowForm) -> [String] {
        switch form {
        case .texts, .questions: knownLabels
        case .labelSets: ["labels", "label"]
        case .sentences: ["labels", "tags", "ner_tags"]
        }
    }
}

/// Which columns of a file were read, of a JSONL file by its first row.
public struct DatasetColumns: Sendable, Equatable {
    /// One name, or two for pairs.
    public let text: [String]
    public let label: String?
    /// The others, in the order of the header, or of their names in JSONL.
    public let unused: [String]

    init(_ chosen: ChosenColumns, of existing: [String]) {
        text = [chosen.text] + (chosen.pair.map { [$0] } ?? [])
        label = chosen.label
        let used = text + (label.map { [$0] } ?? [])
        unused = existing.filter { !used.contains($0) }
    }
}

/// The columns of one file that its examples are made of.
struct ChosenColumns: Equatable {
    let text: String
    let pair: String?
    let label: String?

    /// Chooses from the columns that exist. `line` is where they are written, for errors.
    init(
        of existing: [String], wanted: ColumnNames, form: RowForm, requireLabels: Bool, file: String,
        line: Int
    ) throws {
        func problem(_ what: String, _ advice: String) -> DataError {
            DataError(file: file, line: line, problem: what, advice: advice)
        }
        let columns =
            existing.isEmpty
            ? "there are no columns" : "the columns are \(quotedList(existing, limit: 20))"
        let texts = try Self.texts(of: existing, wanted: wanted, form, columns: columns, problem)
        let knownLabels = ColumnNames.knownLabels(form)
        text = texts[0]
        pair = texts.count > 1 ? texts[1] : nil

        if let name = wanted.label {
            label = existing.contains(name) ? name : nil
        } else {
            let found = knownLabels.filter(existing.contains)
            if found.count > 1 {
                throw problem(
                    "\(quotedList(found)) could each be the label", "choose one with --label-column")
            }
            label = found.first
        }
        if requireLabels && label == nil {
            let missing = (wanted.label.map { [$0] } ?? knownLabels)
                .map { quoted($0) }.joined(separator: " or ")
            throw problem(
                "no label column \(missing)", "\(columns): name one of them with --label-column")
        }
        if let label, texts.contains(label) {
            throw problem("column \(quoted(label)) is both text and label", "name two different columns")
        }
    }

    private static func texts(
        of existing: [String], wanted: ColumnNames, _ form: RowForm, columns: String,
        _ problem: (String, String) -> DataError
    ) throws -> [String] {
        if let names = wanted.text {
            if form == .sentences && names.count != 1 {
                throw problem("\(names.count) columns of words were asked for", "name one with --text-column")
            }
            guard names.count == 1 || names.count == 2, Set(names).count == names.count else {
                throw problem(
                    "\(names.count) text columns were asked for", "name one, or two different ones for pairs")
            }
            if let missing = names.first(where: { !existing.contains($0) }) {
                throw problem("no text column \(quoted(missing))", "\(columns): name one with --text-column")
            }
            return names
        }
        let known = ColumnNames.knownTexts(form)
        let present = known.filter { $0.allSatisfy(existing.contains) }
        // ("question", "sentence") also holds a "sentence": the pair is meant.
        let found = present.filter { names in
            !present.contains { $0.count > names.count && Set($0).isSuperset(of: names) }
        }
        if found.count > 1 {
            let choices = found.map { $0.joined(separator: " + ") }
            throw problem("\(quotedList(choices)) could each be the text", "choose with --text-column")
        }
        guard let names = found.first else {
            throw problem(
                form == .sentences
                    ? "no column of words (such as 'tokens')"
                    : "no text column (such as 'text', or 'sentence1' and 'sentence2')",
                "\(columns): name one with --text-column")
        }
        return names
    }
}
