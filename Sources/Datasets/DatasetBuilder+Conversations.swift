import ModelFiles

/// Rows that are objects of a form of their own: conversations, questions with choices.
extension DatasetBuilder {
    mutating func add(row: JSONObject, _ place: RowPlace, wanted: ColumnNames) throws {
        guard form == .choices else {
            let names = wanted.orTrained(row.keys).text
            let layout =
                try names.map { try ConversationLayout(named: $0, of: row, place) }
                ?? ConversationLayout(of: row, needsAnswers: requireAnswers, place)
            return try add(row, layout, place)
        }
        let read = try ChoicesRow(row, wanted: wanted.orTrained(row.keys), needsAnswer: requireLabels, place)
        if columns == nil {
            keep(
                DatasetColumns(
                    text: read.columns, labels: read.answerColumn.map { [$0] } ?? [], used: read.used,
                    of: row.keys.sorted()))
        }
        try checkNoNUL(.object(row), place)
        try add(
            text: read.choices.text, pair: nil, label: read.choices.answer.map { .number(Double($0)) },
            line: place.number, name: read.name, choices: read.choices)
    }

    /// A row of a table, whose columns its header decided.
    mutating func add(conversation row: DelimitedRow, _ table: TableFields) throws {
        let place = RowPlace(file: file, line: row.line)
        var object = JSONObject()
        for (name, field) in zip(table.header, row.fields) {
            guard object[name] == nil else {
                throw place.problem("column \(quoted(name)) occurs twice in the header", "rename one of them")
            }
            object[name] = .string(field)
        }
        let names = table.texts.map { table.header[$0] }
        try add(object, ConversationLayout(header: names), place)
    }

    private mutating func add(_ row: JSONObject, _ layout: ConversationLayout, _ place: RowPlace) throws {
        let reader = ConversationReader(row: row, layout: layout, place: place)
        let conversation = try reader.conversation()
        if columns == nil {
            keep(DatasetColumns(text: layout.columns, used: layout.used, of: row.keys.sorted()))
        }
        try add(conversation, place)
    }

    mutating func add(_ conversation: Conversation, _ place: RowPlace) throws {
        for message in conversation.messages { try checkNoNUL(.object(message.content), place) }
        try checkNoNUL(conversation.tools ?? .null, place)
        try checkNoNUL(.object(conversation.variables), place)
        try add(
            text: conversation.text, pair: nil, label: nil, line: place.number, conversation: conversation)
    }

    /// JSON can spell a NUL that the bytes of the file do not show.
    private func checkNoNUL(_ value: JSONValue, _ place: RowPlace) throws {
        guard value.holdsNUL else { return }
        throw place.problem("NUL character in the row", "remove it")
    }
}

extension JSONValue {
    /// In any string, also in keys.
    fileprivate var holdsNUL: Bool {
        switch self {
        case .null, .bool, .number, .largeInteger: false
        case .string(let text): text.utf8.contains(0)
        case .array(let values): values.contains(where: \.holdsNUL)
        case .object(let members):
            members.keys.contains { $0.utf8.contains(0) } || members.values.contains(where: \.holdsNUL)
        }
    }
}
