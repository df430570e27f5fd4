import Messages
import ModelFiles

/// Reads a question with choices: ARC and CommonsenseQA (`choices` of `text` and `label`, `answerKey`), MMLU (`choices`,
/// `answer`), HellaSwag (`ctx`, `endings`, `label`), RACE (`article`, `options`), as they stand on Hugging Face.
struct ChoicesRow {
    let choices: Choices
    /// The question's, and that of the choices.
    let columns: [String]
    let answerColumn: String?
    /// What else is read.
    let used: [String]
    /// What the file calls the row.
    let name: String?

    static let questionColumns = ["question", "question_stem", "query", "ctx"]
    static let choiceColumns = ["choices", "endings", "options"]
    static let contextColumns = ["context", "passage", "article"]

    /// - Throws: `DataError` for what could be read in two ways, or lacks its answer where it needs one.
    init(_ row: JSONObject, wanted: ColumnNames, needsAnswer: Bool, _ place: RowPlace) throws {
        let reader = ChoicesReader(row: row, place: place)
        if let names = wanted.text, names.count != 2 {
            throw place.problem(
                "\(names.count) text columns were asked for",
                "name two: the question's and that of the choices")
        }
        let names = wanted.text.map { $0.map(ColumnSpelling(row.keys).of) }
        let question = try names?[0] ?? reader.only(Self.questionColumns, "question")
        let list = try names?[1] ?? reader.only(Self.choiceColumns, "choices")
        // A question of choices is a text of its own, which a context may precede.
        let context = try reader.optional(Self.contextColumns, not: [question, list])
        if let label = wanted.label.map(ColumnSpelling(row.keys).of) {
            answerColumn = row[label] == nil ? nil : label
        } else {
            answerColumn = try reader.optional(ColumnNames.knownAnswers, not: [])
        }
        columns = [question, list]
        used = [context, reader.value("id") == nil ? nil : "id"].compactMap(\.self)
        name = try reader.name()
        let (texts, labels) = try reader.list(list)
        choices = Choices(
            context: try context.map(reader.text), question: try reader.text(question), choices: texts,
            names: labels,
            answer: try answerColumn.flatMap { try reader.answer($0, of: texts, labels) })
        guard choices.answer != nil || !needsAnswer else {
            throw place.problem(
                "the answer is missing",
                "add it as \(wanted.label.map { quoted($0) } ?? "'answer', 'answerKey' or 'label'"), or remove the row"
            )
        }
    }
}

/// Members of such a row.
private struct ChoicesReader {
    let row: JSONObject
    let place: RowPlace

    func value(_ name: String) -> JSONValue? { row[name].flatMap { $0.isNull ? nil : $0 } }

    /// - Throws: `DataError` where several of the columns are there.
    func optional(_ known: [String], not taken: [String]) throws -> String? {
        let found = known.filter { value($0) != nil && !taken.contains($0) }
        if found.count > 1 {
            throw place.problem(
                "\(quotedList(found)) could each be meant",
                known == ColumnNames.knownAnswers
                    ? "choose with \(SettingName.labelColumn)"
                    : known == ChoicesRow.contextColumns
                        ? "remove all but one" : "choose with \(SettingName.textColumn) question,choices")
        }
        return found.first
    }

    func only(_ known: [String], _ what: String) throws -> String {
        if let found = try optional(known, not: []) { return found }
        let columns =
            row.isEmpty
            ? "there are no columns" : "the columns are \(quotedList(row.keys.sorted(), limit: 20))"
        throw place.problem(
            "no \(what) (such as \(quoted(known[0])))",
            "\(columns): name two with \(SettingName.textColumn) question,choices")
    }

    func text(_ name: String) throws -> String {
        guard case .string(let text)? = value(name) else {
            throw place.problem(
                "column \(quoted(name)) is \(row[name]?.kind ?? "missing"), not a string",
                row[name] == nil ? "add it or remove the row" : "put the text in quotes")
        }
        if text.allSatisfy(\.isWhitespace) {
            throw place.problem("column \(quoted(name)) is empty", "write a text, or remove the row")
        }
        return text
    }

    func name() throws -> String? {
        guard let id = value("id") else { return nil }
        guard let name = id.className else {
            throw place.problem("'id' is \(id.kind)", "write a string or a number")
        }
        return name
    }

    /// A list of texts, or texts with their names in either order of nesting.
    func list(_ column: String) throws -> (texts: [String], names: [String]?) {
        let form = "write [\"…\", \"…\"], or {\"text\": [\"…\", \"…\"], \"label\": [\"A\", \"B\"]}"
        var (texts, names): ([JSONValue], [JSONValue]?)
        switch value(column) {
        case .array(let values)? where values.first?.object != nil:
            texts = values.map { $0["text"] ?? .null }
            names = values.map { $0["label"] ?? .null }
        case .array(let values)?: (texts, names) = (values, nil)
        case .object(let members)?:
            guard let list = members["text"]?.array else {
                throw place.problem("\(quoted(column)) has no texts", form)
            }
            texts = list
            names = try members["label"].flatMap { $0.isNull ? nil : $0 }.map { value in
                guard let names = value.array, names.count == list.count else {
                    throw place.problem("\(quoted(column)) has texts and labels of different number", form)
                }
                return names
            }
        case let other:
            throw place.problem(
                "\(quoted(column)) is \(other?.kind ?? "missing"), not an array of choices", form)
        }
        return (try checked(texts, column, form), try names.map { try distinct($0, column, form) })
    }

    private func checked(_ values: [JSONValue], _ column: String, _ form: String) throws -> [String] {
        guard values.count > 1 else {
            throw place.problem(
                "\(quoted(column)) has \(values.isEmpty ? "nothing" : "one") to choose from",
                "give two at least, or remove the row")
        }
        return try values.enumerated().map { at, value in
            guard let text = value.string else {
                throw place.problem(
                    "choice \(at + 1) of \(quoted(column)) is \(value.kind), not a string", form)
            }
            if text.allSatisfy(\.isWhitespace) {
                throw place.problem(
                    "choice \(at + 1) of \(quoted(column)) is empty", "write it, or remove the row")
            }
            return text
        }
    }

    private func distinct(_ values: [JSONValue], _ column: String, _ form: String) throws -> [String] {
        let names = try values.map { value in
            guard let name = value.className else {
                throw place.problem("a label of \(quoted(column)) is \(value.kind)", form)
            }
            return name
        }
        guard Set(names).count == names.count else {
            throw place.problem(
                "two choices of \(quoted(column)) have one label", "give each a label of its own")
        }
        return names
    }

    /// The position that an answer means: a choice's name where they have names, else a position from 0, a letter, or the
    /// text of a choice; where these differ, nobody knows.
    func answer(_ column: String, of texts: [String], _ names: [String]?) throws -> Int? {
        guard let value = value(column), value != .string("") else { return nil }
        guard let answer = value.className else {
            throw place.problem(
                "the answer \(quoted(column)) is \(value.kind)",
                "write a choice's position from 0, its letter or its text")
        }
        if let names {
            if let at = names.firstIndex(of: answer) { return at }
            throw place.problem(
                "the answer \(quoted(answer)) is none of the labels \(quotedList(names))", "write one of them"
            )
        }
        let letter = answer.utf8.count == 1 ? answer.utf8.first.map { Int($0) - 65 } : nil
        let meant = Set(
            [value.position ?? Int(answer), letter].compactMap(\.self).filter(texts.indices.contains))
        // A number is a position, also where choices are numbers.
        let same = Set(value.double == nil ? texts.indices.filter { texts[$0] == answer } : [])
        let all = meant.union(same)
        guard let at = all.min() else {
            throw place.problem(
                "the answer \(quoted(answer)) is none of the \(texts.count) choices",
                value.position ?? Int(answer) == texts.count
                    ? "count them from 0" : "write a choice's position from 0, its letter or its text")
        }
        guard all.count == 1 || Set(all.map { texts[$0] }).count == 1 else {
            throw place.problem(
                "the answer \(quoted(answer)) could mean several of the choices", "write their labels too")
        }
        return at
    }
}
