import ModelFiles

/// Makes a conversation of a row.
struct ConversationReader {
    let row: JSONObject
    let layout: ConversationLayout
    let place: RowPlace

    /// - Throws: `DataError` for what a template could not write, or would write otherwise than the row means.
    func conversation() throws -> Conversation {
        try checkMedia()
        try checkIsNoJudgement()
        let column = layout.columns[0]
        switch layout.format {
        case .messages, .shareGPT:
            return try chat(messages(column))
        case .alpaca: return try chat(turns())
        case .completion: return try completion()
        case .text: return Conversation(.text(try string(column)), format: .text)
        case .segments: return Conversation(.segments(try segments(column)), format: .segments)
        }
    }

    private func value(_ name: String) -> JSONValue? { row[name].flatMap { $0.isNull ? nil : $0 } }

    private func string(_ name: String) throws -> String {
        guard case .string(let text)? = value(name) else {
            throw place.problem(
                "column \(quoted(name)) is \(row[name]?.kind ?? "missing"), not a string",
                row[name] == nil ? "add it or remove the row" : "put the text in quotes")
        }
        return text
    }

    /// Nothing where the row has none, or an empty one.
    private func optionalString(_ name: String) throws -> String? {
        if value(name) == nil { return nil }
        let text = try string(name)
        return text.isEmpty ? nil : text
    }

    /// Pictures and sounds of LLaMA-Factory and TRL.
    private func checkMedia() throws {
        for name in ["images", "videos", "audios"] {
            guard let list = row[name]?.array, !list.isEmpty else { continue }
            throw place.problem(
                "the row has \(name)", "language models read text alone: remove the column, or the row")
        }
    }

    /// Rows for learning which answers are good (DPO, KTO) hold bad ones too.
    private func checkIsNoJudgement() throws {
        let labels = layout.format == .completion ? ["label", "kto_tag"] : ["kto_tag"]
        if let name = labels.first(where: { row[$0]?.bool != nil }) {
            throw place.problem(
                "\(quoted(name)) says whether the answer is a good one",
                "keep the good ones, and remove the column from them")
        }
        // LLaMA-Factory's; elsewhere the messages hold the better answer too.
        if row["chosen"]?.object != nil, row["rejected"]?.object != nil {
            throw place.problem(
                "'chosen' and 'rejected' say which of two answers is better",
                "put the better one behind the messages, and remove both")
        }
    }

    private func messages(_ column: String, isStart: Bool = true) throws -> [ChatMessage] {
        let messages = try ChatMessageReader(place: place, column: column).messages(
            value(column), isStart: isStart)
        if messages.isEmpty { throw place.problem("\(quoted(column)) is empty", "remove the row") }
        return messages
    }

    private func chat(_ messages: [ChatMessage]) throws -> Conversation {
        Conversation(
            .chat(try withSystem(messages)), format: layout.format, tools: try tools(),
            variables: try variables())
    }

    /// With the row's `system` before them.
    private func withSystem(_ messages: [ChatMessage]) throws -> [ChatMessage] {
        guard let system = try optionalString("system") else { return messages }
        if messages.contains(where: \.role.instructs) {
            throw place.problem(
                "the row has both 'system' and a message of it", "remove one of them")
        }
        return [ChatMessage(.system, system)] + messages
    }

    /// As LLaMA-Factory and axolotl read them: an instruction and its input are one message, on two lines.
    private func turns() throws -> [ChatMessage] {
        if row["context"]?.string?.isEmpty == false {
            throw place.problem(
                "'context' beside 'instruction' is no part of this format", "rename it to input, or remove it"
            )
        }
        let question = try [string(layout.columns[0]), optionalString("input") ?? ""].filter { !$0.isEmpty }
        guard !question.isEmpty else {
            throw place.problem("the instruction is empty", "write one, or remove the row")
        }
        var messages = try history()
        messages.append(ChatMessage(.user, question.joined(separator: "\n")))
        if layout.columns.count > 1 {
            messages.append(ChatMessage(.assistant, try string(layout.columns[1])))
        }
        return messages
    }

    private func history() throws -> [ChatMessage] {
        guard let value = value("history") else { return [] }
        let advice = "write [[\"question\", \"answer\"], …]"
        // An empty cell of a table.
        if value == .string("") { return [] }
        guard let pairs = value.array else {
            throw place.problem("'history' is \(value.kind), not an array of pairs", advice)
        }
        return try pairs.enumerated().flatMap { at, pair in
            guard let texts = pair.array, texts.count == 2, let question = texts[0].string,
                let answer = texts[1].string
            else { throw place.problem("entry \(at + 1) of 'history' is no pair of strings", advice) }
            return [ChatMessage(.user, question), ChatMessage(.assistant, answer)]
        }
    }

    private func completion() throws -> Conversation {
        let prompt = layout.columns[0]
        let completion = layout.columns.count > 1 ? layout.columns[1] : nil
        guard value(prompt)?.array == nil else {
            let before = try withSystem(messages(prompt))
            return Conversation(
                .chatCompletion(
                    prompt: before, completion: try completion.map { try messages($0, isStart: false) } ?? []),
                format: .completion, tools: try tools(), variables: try variables())
        }
        if let completion, value(completion)?.array != nil {
            throw place.problem(
                "\(quoted(prompt)) is \(row[prompt]?.kind ?? "missing") and \(quoted(completion)) an array",
                "write both as strings, or both as messages")
        }
        // A text has no place for them.
        for name in ConversationLayout.asides {
            switch value(name) {
            case nil, .string("")?, .array([])?: continue
            default:
                throw place.problem(
                    "\(quoted(name)) stands beside a prompt that is a string", "write the prompt as messages")
            }
        }
        return Conversation(
            .completion(prompt: try string(prompt), completion: try completion.map(string) ?? ""),
            format: .completion)
    }

    private func segments(_ column: String) throws -> [TextSegment] {
        let form = "write [{\"text\": \"…\", \"label\": true}, …]"
        guard let values = value(column)?.array else {
            throw place.problem(
                "\(quoted(column)) is \(row[column]?.kind ?? "missing"), not an array of segments", form)
        }
        if values.isEmpty { throw place.problem("\(quoted(column)) is empty", "remove the row") }
        return try values.enumerated().map { at, value in
            guard let text = value["text"]?.string, let label = value["label"]?.bool else {
                throw place.problem(
                    "segment \(at + 1) of \(quoted(column)) lacks its text, or a label that is true or false",
                    form)
            }
            return TextSegment(text, trains: label)
        }
    }

    /// As an array, or as the JSON of one in a string (so that Arrow has one type for all); none where there are none, for
    /// some templates write of tools that an empty list does not have.
    private func tools() throws -> JSONValue? {
        guard let given = value("tools") else { return nil }
        let tools = try unpacked(given, "tools")
        if tools.isNull { return nil }
        guard let list = tools.array else {
            throw place.problem(
                "'tools' is \(tools.kind), not an array", "write [{\"type\": \"function\", …}]")
        }
        if let other = list.first(where: { $0.object == nil }) {
            throw place.problem(
                "'tools' holds \(other.kind)", "each tool is an object: {\"type\": \"function\", …}")
        }
        return list.isEmpty ? nil : tools
    }

    /// What a string of JSON holds; null for an empty one.
    private func unpacked(_ value: JSONValue, _ name: String) throws -> JSONValue {
        guard case .string(let text) = value else { return value }
        if text.allSatisfy(\.isWhitespace) { return .null }
        do {
            return try JSONValue.parse(text)
        } catch let error as JSONError {
            throw place.problem(
                "\(quoted(name)) is a string that is no JSON: \(error.problem)",
                "write it without quotes around it")
        }
    }

    private func variables() throws -> JSONObject {
        var variables = JSONObject()
        if let documents = value("documents"), documents != .array([]) {
            guard documents.array != nil else {
                throw place.problem(
                    "'documents' is \(documents.kind), not an array", "write [{\"text\": \"…\"}]")
            }
            variables["documents"] = documents
        }
        guard let given = value("chat_template_kwargs") else { return variables }
        let members = try unpacked(given, "chat_template_kwargs")
        if members.isNull { return variables }
        guard let object = members.object else {
            throw place.problem(
                "'chat_template_kwargs' is \(members.kind), not an object",
                "write {\"enable_thinking\": false}")
        }
        for (key, value) in object.members where !value.isNull {
            guard !["messages", "tools", "add_generation_prompt"].contains(key), variables[key] == nil else {
                throw place.problem(
                    "'chat_template_kwargs' has \(quoted(key))", "write it beside the messages, or remove it")
            }
            variables[key] = value
        }
        return variables
    }
}
