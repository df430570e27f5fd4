import Messages
import ModelFiles

/// Which columns of a row a conversation is made of, and how.
struct ConversationLayout {
    let format: Conversation.Format
    /// One, or a prompt's (an instruction's) and an answer's.
    let columns: [String]

    static let messageColumns = ["messages", "conversations", "conversation"]
    static let answersOfPrompts = ["completion", "response"]
    static let answersOfInstructions = ["output", "response"]

    /// Columns of tables that are recognized when none are named.
    static let knownTables =
        [["text"]] + answersOfPrompts.map { ["prompt", $0] }
        + answersOfInstructions.map { ["instruction", $0] }

    /// What stands beside messages.
    static let asides = ["tools", "system", "documents", "chat_template_kwargs"]

    /// Columns that are read beside these, where a row has them.
    var used: [String] {
        switch format {
        case .alpaca: Self.asides + ["input", "history"]
        case .text, .segments: []
        case .messages, .shareGPT, .completion: Self.asides
        }
    }

    /// By the columns that are there.
    ///
    /// - Parameter needsAnswers: without it, a prompt may stand alone.
    /// - Throws: `DataError` for a row of no known format, or of several.
    init(of row: JSONObject, needsAnswers: Bool, _ place: RowPlace) throws {
        func has(_ name: String) -> Bool { row[name].map { !$0.isNull } ?? false }
        func pairs(_ first: String, _ others: [String]) -> [[String]] {
            has(first) ? others.filter(has).map { [first, $0] } : []
        }
        var found: [ConversationLayout] = Self.messageColumns.filter(has).map {
            Self.init(messages: $0, of: row)
        }
        if has("segments") { found.append(Self.init(.segments, ["segments"])) }
        found += pairs("instruction", Self.answersOfInstructions).map { Self.init(.alpaca, $0) }
        found += pairs("prompt", Self.answersOfPrompts).map { Self.init(.completion, $0) }
        if has("text") { found.append(Self.init(.text, ["text"])) }
        if found.isEmpty, !needsAnswers {
            if has("instruction") { found.append(Self.init(.alpaca, ["instruction"])) }
            if has("prompt") { found.append(Self.init(.completion, ["prompt"])) }
        }
        guard let only = found.first else { throw Self.unknown(row, has, place) }
        if found.count > 1 {
            let choices = found.map { $0.columns.joined(separator: " + ") }
            throw place.problem(
                "\(quotedList(choices)) could each be what is learned",
                "choose with \(SettingName.textColumn), two with a comma between them")
        }
        self = only
    }

    /// By the names that somebody gave.
    init(named names: [String], of row: JSONObject, _ place: RowPlace) throws {
        let spelling = ColumnSpelling(row.keys)
        let names = names.map(spelling.of)
        guard names.count == 1 || names.count == 2, Set(names).count == names.count else {
            throw place.problem(
                "\(names.count) text columns were asked for",
                "name one, or two different ones: a prompt's and a completion's")
        }
        if let missing = names.first(where: { row[$0] == nil }) {
            throw place.problem(
                "no text column \(quoted(missing))",
                row.isEmpty
                    ? "there are no columns"
                    : "the columns are \(quotedList(row.keys.sorted(), limit: 20)): name one with \(SettingName.textColumn)"
            )
        }
        if names.count == 2 {
            self.init(pair: names)
        } else if case .array(let values)? = row[names[0]] {
            let isSegments = values.first?["label"] != nil && values.first?["role"] == nil
            self = isSegments ? Self.init(.segments, names) : Self.init(messages: names[0], of: row)
        } else {
            self.init(.text, names)
        }
    }

    /// Of a table, whose fields are strings.
    init(header names: [String]) {
        if names.count == 2 { self.init(pair: names) } else { self.init(.text, names) }
    }

    private init(pair names: [String]) {
        let isAlpaca = names[0] == "instruction" && Self.answersOfInstructions.contains(names[1])
        self.init(isAlpaca ? .alpaca : .completion, names)
    }

    private init(_ format: Conversation.Format, _ columns: [String]) {
        (self.format, self.columns) = (format, columns)
    }

    private init(messages column: String, of row: JSONObject) {
        self.init(ChatMessageReader.isShareGPT(row[column]) ? .shareGPT : .messages, [column])
    }

    /// A row of nothing that is read here; of forms that are known elsewhere by their names.
    private static func unknown(_ row: JSONObject, _ has: (String) -> Bool, _ place: RowPlace) -> DataError {
        if has("input_ids") {
            return place.problem(
                "the row is tokenised ('input_ids')", "give the messages or the text that it was made of")
        }
        if has("chosen"), has("rejected") {
            return place.problem(
                "the row says which of two answers is better ('chosen', 'rejected')",
                "give the better one alone, as messages or as prompt and completion")
        }
        let columns =
            row.isEmpty
            ? "there are no columns" : "the columns are \(quotedList(row.keys.sorted(), limit: 20))"
        for (first, others) in [("instruction", answersOfInstructions), ("prompt", answersOfPrompts)]
        where has(first) {
            return place.problem(
                "\(quoted(first)) without its answer (\(others.map { quoted($0) }.joined(separator: " or ")))",
                "\(columns): name both with \(SettingName.textColumn) \(first),…")
        }
        return place.problem(
            "nothing to learn is found (such as 'messages', 'prompt' and 'completion', or 'text')",
            "\(columns): name one, or a prompt's and a completion's, with \(SettingName.textColumn)")
    }
}
