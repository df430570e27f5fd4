import Messages
import ModelFiles

/// Reads the messages of a row.
struct ChatMessageReader {
    let place: RowPlace
    /// The column of the messages.
    let column: String

    /// Members by which a row says whether one message trains: TRL-like `train`, axolotl's `training`, OpenAI's `weight`,
    /// ms-swift's `loss`.
    static let switches = ["train", "training", "weight", "loss"]
    /// What tells messages of `role` and `content` from those of `from` and `value`.
    static let shareGPTMembers = ["from", "value"]

    private static let form = "write [{\"role\": \"user\", \"content\": \"…\"}, …]"

    /// Whether messages have `from` and `value`: the first one decides.
    static func isShareGPT(_ value: JSONValue?) -> Bool {
        let first = value?.array?.first
        return first?["role"] == nil && first?["from"] != nil
    }

    /// - Parameter isStart: whether nothing was said before them.
    func messages(_ value: JSONValue?, isStart: Bool) throws -> [ChatMessage] {
        guard case .array(let values)? = value else {
            throw place.problem(
                "\(quoted(column)) is \(value?.kind ?? "missing"), not an array of messages", Self.form)
        }
        let isShareGPT = Self.isShareGPT(value)
        let messages = try values.enumerated().map { at, value in
            guard let object = value.object else {
                throw problem(at, "is \(value.kind), not an object", Self.form)
            }
            return try isShareGPT
                ? message(shareGPT: object, at)
                : message(object, at, role: role(object, at))
        }
        if isStart, messages.first?.role == .tool {
            throw problem(0, "is a tool's, which nobody called", "put the messages in order")
        }
        return messages
    }

    private func problem(_ index: Int, _ what: String, _ advice: String) -> DataError {
        place.problem("message \(index + 1) of \(quoted(column)) \(what)", advice)
    }

    private func role(_ object: JSONObject, _ at: Int) throws -> ChatRole {
        guard let name = object["role"]?.string else {
            throw problem(
                at, object["role"].map { "has \($0.kind) for its role" } ?? "has no role",
                object["from"] == nil
                    ? Self.form : "name who speaks 'role' and what is said 'content' in all of them")
        }
        guard let role = ChatRole(named: name) else {
            let all = ChatRole.allCases.map(\.rawValue)
            let meant = ShareGPT.role(name).map(\.rawValue) ?? nearestName(to: name, in: all)
            throw problem(
                at, "has the role \(quoted(name)), which is not known",
                meant.map { "write \(quoted($0))" } ?? "the roles are \(quotedList(all))")
        }
        return role
    }

    private func message(shareGPT object: JSONObject, _ at: Int) throws -> ChatMessage {
        guard let name = object["from"]?.string else {
            throw problem(
                at, object["from"].map { "has \($0.kind) for 'from'" } ?? "has no 'from'",
                "write [{\"from\": \"human\", \"value\": \"…\"}, …]")
        }
        guard case .string(let value)? = object["value"] else {
            throw problem(
                at, object["value"].map { "has \($0.kind) for its value" } ?? "has no value",
                "each value is a string")
        }
        var content = JSONObject()
        if name == ShareGPT.call {
            guard let calls = ShareGPT.calls(value) else {
                throw problem(
                    at, "is a function_call that is no JSON of a name and arguments",
                    "write {\"name\": \"…\", \"arguments\": {…}}, or an array of them, as a string")
            }
            content["role"] = .string(ChatRole.assistant.rawValue)
            content["tool_calls"] = .array(calls)
        } else {
            guard let role = ShareGPT.role(name) else {
                let meant = nearestName(to: name, in: ShareGPT.names)
                throw problem(
                    at, "is from \(quoted(name)), whom nobody knows",
                    meant.map { "write \(quoted($0))" }
                        ?? "write human, gpt, system, function_call or observation")
            }
            content["role"] = .string(role.rawValue)
            content["content"] = .string(value)
        }
        for (key, value) in object.members where !Self.shareGPTMembers.contains(key) {
            guard content[key] == nil else {
                throw problem(at, "has both 'from' and \(quoted(key))", "remove one of them")
            }
            content[key] = value
        }
        return try message(content, at, role: role(content, at))
    }

    private func message(_ object: JSONObject, _ at: Int, role: ChatRole) throws -> ChatMessage {
        let trains = try trains(object, at)
        var content = JSONObject()
        for (key, value) in object.members where !value.isNull && !Self.switches.contains(key) {
            content[key] = value
        }
        if content.keys.contains(where: { $0 == "train_detail" || $0 == "training_detail" }) {
            throw problem(
                at, "says which of its characters train", "say it of whole messages, or write 'segments'")
        }
        if content["function_call"] != nil {
            throw problem(at, "has a function_call, which no template reads", "write it into tool_calls")
        }
        for key in ChatMessage.reasoningMembers + ["name", "tool_call_id"] {
            if let value = content[key], value.string == nil {
                throw problem(at, "has \(value.kind) for \(quoted(key))", "write a string")
            }
        }
        let hasCalls = try checkCalls(content["tool_calls"], role, at)
        try checkContent(content["content"], role, isOptional: hasCalls, at)
        return ChatMessage(role: role, content: content, trains: trains)
    }

    /// What the row says of learning the message.
    private func trains(_ object: JSONObject, _ at: Int) throws -> Bool? {
        var found: (key: String, truth: Bool)?
        for key in Self.switches {
            let truth: Bool
            switch object[key] {
            case nil, .null?: continue
            case .bool(let value)?: truth = value
            case .number(0)?: truth = false
            case .number(1)?: truth = true
            case let other?:
                throw problem(
                    at, "has the \(key) \(quoted(other.text()))",
                    "a message is learned or not: write \(key == "weight" ? "0 or 1" : "true or false")")
            }
            if let found, found.truth != truth {
                throw problem(
                    at, "says by \(quoted(found.key)) and by \(quoted(key)) different things",
                    "remove one of them")
            }
            found = (key, truth)
        }
        return found?.truth
    }

    /// Whether the message calls tools.
    private func checkCalls(_ value: JSONValue?, _ role: ChatRole, _ at: Int) throws -> Bool {
        guard let value else { return false }
        let form = "write [{\"type\": \"function\", \"function\": {\"name\": \"…\", \"arguments\": {…}}}]"
        guard let calls = value.array else { throw problem(at, "has \(value.kind) for its tool_calls", form) }
        guard calls.allSatisfy({ ($0["function"] ?? $0)["name"]?.string != nil }) else {
            throw problem(at, "calls a tool without a name", form)
        }
        guard calls.isEmpty || role == .assistant else {
            throw problem(at, "calls tools, and is not an assistant's", "check who speaks")
        }
        return !calls.isEmpty
    }

    private func checkContent(_ value: JSONValue?, _ role: ChatRole, isOptional: Bool, _ at: Int) throws {
        switch value {
        case .string?: return
        case nil, .null?:
            guard isOptional else {
                throw problem(
                    at, "has no content",
                    role == .assistant ? "write what is said, or tool_calls" : "write what is said")
            }
        case .array(let parts)?:
            for part in parts {
                guard let type = part["type"]?.string else {
                    throw problem(
                        at, "has a part without a type", "write {\"type\": \"text\", \"text\": \"…\"}")
                }
                guard type == "text" else {
                    throw problem(
                        at, "has a part of the type \(quoted(type))",
                        "language models read text alone: remove the part, or the row")
                }
                guard part["text"]?.string != nil else {
                    throw problem(
                        at, "has a part without its text", "write {\"type\": \"text\", \"text\": \"…\"}")
                }
            }
        case let other?: throw problem(at, "has \(other.kind) for its content", "write a string")
        }
    }
}
