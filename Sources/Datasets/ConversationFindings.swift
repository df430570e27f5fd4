import Messages
import ModelFiles

/// What is odd in conversations but no reason to refuse them.
extension Dataset {
    /// Rows that teach nothing, stop before an answer, or are put together otherwise than templates expect. None for a
    /// file of other rows.
    package func conversationFindings() -> [DataFinding] {
        let tally = ConversationTally(self)
        guard tally.rows > 0 else { return [] }
        return [
            mixedFormats(tally), withoutAnswer(tally), emptyAnswers(), endsUnanswered(), oddTurns(),
            systemPrompts(tally), toolArguments(),
        ].compactMap(\.self)
    }

    /// Questions of which two choices are the same: where one of them is right, so is the other.
    package func choiceFindings() -> [DataFinding] {
        let lines = examples.filter { example in
            example.choices.map { Set($0.choices).count < $0.choices.count } ?? false
        }.map(\.line)
        guard !lines.isEmpty else { return [] }
        return [
            finding(
                .repeatedChoices, lines,
                "\(DataFinding.counted(lines.count, "question")) of which two choices are the same "
                    + "(\(DataFinding.places(lines))); where one is right, so is the other")
        ]
    }

    private func finding(_ kind: DataFinding.Kind, isError: Bool = false, _ lines: [Int], _ text: String)
        -> DataFinding
    {
        DataFinding(
            kind, isError: isError, file: file, count: lines.count, lines: lines,
            text: "\(oneLine(file)): \(text)")
    }

    /// Lines of the rows whose conversation is such a one.
    private func lines(where isOdd: (Conversation) -> Bool) -> [Int] {
        examples.filter { $0.conversation.map(isOdd) ?? false }.map(\.line)
    }

    private func mixedFormats(_ tally: ConversationTally) -> DataFinding? {
        guard tally.formats.count > 1 else { return nil }
        let shares = tally.formats.map {
            "\(DataFinding.counted($0.rows, "row")) of \($0.format.rawValue) (from line \($0.line))"
        }
        return finding(
            .mixedFormats, tally.formats.dropFirst().map(\.line),
            "rows are written in \(tally.formats.count) ways: \(shares.joined(separator: ", ")); each is read as what it "
                + "is: check that this is meant")
    }

    private func withoutAnswer(_ tally: ConversationTally) -> DataFinding? {
        if tally.rowsWithAnswer == 0 {
            return finding(
                .withoutAnswer, isError: true, lines { _ in true },
                "no row has an answer to learn; add messages of an assistant, or completions")
        }
        let lines = lines { !$0.hasAnswer && !$0.hasEmptyAnswer }
        guard !lines.isEmpty else { return nil }
        return finding(
            .withoutAnswer, lines,
            "\(DataFinding.counted(lines.count, "row")) without an answer to learn (\(DataFinding.places(lines))); nothing "
                + "is learned of \(lines.count == 1 ? "it" : "them")")
    }

    private func emptyAnswers() -> DataFinding? {
        let lines = lines(where: \.hasEmptyAnswer)
        guard !lines.isEmpty else { return nil }
        return finding(
            .emptyAnswers, lines,
            "\(DataFinding.counted(lines.count, "row")) with an empty answer (\(DataFinding.places(lines))); a model "
                + "that learns from \(lines.count == 1 ? "it" : "them") says nothing: complete or remove such rows"
        )
    }

    private func endsUnanswered() -> DataFinding? {
        let lines = lines { conversation in
            guard conversation.hasAnswer, let last = conversation.messages.last else { return false }
            return last.role != .assistant
        }
        guard !lines.isEmpty else { return nil }
        let verb = lines.count == 1 ? "ends" : "end"
        return finding(
            .endsUnanswered, lines,
            "\(DataFinding.counted(lines.count, "row")) \(verb) with another message than an assistant's "
                + "(\(DataFinding.places(lines))); nothing is learned of what stands last")
    }

    private func oddTurns() -> DataFinding? {
        let twice = lines { conversation in
            let messages = conversation.messages
            return zip(messages, messages.dropFirst()).contains {
                $0.role == $1.role && ($0.role == .user || $0.role == .assistant)
            }
        }
        let late = lines { $0.messages.dropFirst().contains { $0.role.instructs } }
        let parts = [
            ("the same speaker twice in a row", twice), ("a system message that is not the first", late),
        ]
        .filter { !$0.1.isEmpty }
        .map { "\(DataFinding.counted($0.1.count, "row")) with \($0.0) (\(DataFinding.places($0.1)))" }
        guard !parts.isEmpty else { return nil }
        return finding(
            .oddTurns, Set(twice + late).sorted(),
            parts.joined(separator: ", ")
                + "; many templates refuse such rows, or write them as something else")
    }

    /// One prompt for all is usual, and as many as rows are where each sets its own task.
    private func systemPrompts(_ tally: ConversationTally) -> DataFinding? {
        let chats = examples.filter { !($0.conversation?.messages.isEmpty ?? true) }
        let without = chats.filter { example in
            example.conversation?.messages.contains { $0.role.instructs } == false
        }.map(\.line)
        guard tally.rowsWithSystemPrompt > 0, tally.systemPrompts > 1 || !without.isEmpty else { return nil }
        let some =
            without.isEmpty
            ? ""
            : ", and \(DataFinding.counted(without.count, "row")) have none (\(DataFinding.places(without)))"
        return finding(
            .systemPrompts, without,
            "\(DataFinding.counted(tally.systemPrompts, "different system message")) in "
                + "\(DataFinding.counted(tally.rowsWithSystemPrompt, "row"))\(some)"
                + "; the model answers best under those that it learned with")
    }

    private func toolArguments() -> DataFinding? {
        let lines = lines { conversation in
            conversation.messages.contains { message in
                message.toolCalls.contains { ($0["function"] ?? $0)["arguments"]?.string != nil }
            }
        }
        guard !lines.isEmpty else { return nil }
        return finding(
            .toolArguments, lines,
            "\(DataFinding.counted(lines.count, "row")) with a tool call whose arguments are a string "
                + "(\(DataFinding.places(lines))), as OpenAI has them; most templates want an object, and put the string in "
                + "quotes once more")
    }
}
