import ModelFiles

/// What the conversations of a file are, in figures.
package struct ConversationTally: Sendable, Equatable {
    package struct FormatCount: Sendable, Equatable {
        package let format: Conversation.Format
        package let rows: Int
        /// Of the first of them.
        package let line: Int
    }

    package struct RoleCount: Sendable, Equatable {
        package let role: ChatRole
        package let messages: Int
    }

    package struct Longest: Sendable, Equatable {
        package let line: Int
        /// Unicode scalars of all that is said.
        package let characters: Int
    }

    package let rows: Int
    /// Those that occur, most rows first.
    package let formats: [FormatCount]
    /// Those that occur, in the order of `ChatRole`.
    package let roles: [RoleCount]
    /// Of different text.
    package let systemPrompts: Int
    package let rowsWithSystemPrompt: Int
    package let rowsWithTools: Int
    /// With a message, a completion or a segment to learn.
    package let rowsWithAnswer: Int
    /// Of which a message says itself whether it is learned.
    package let rowsWithSwitches: Int
    /// The three longest rows, of equally long ones the first.
    package let longest: [Longest]

    package init(_ dataset: Dataset) {
        let all = dataset.examples.compactMap { example in example.conversation.map { (example, $0) } }
        rows = all.count
        var formats: [Conversation.Format: (rows: Int, line: Int)] = [:]
        var roles: [ChatRole: Int] = [:]
        var prompts: Set<String> = []
        var counts = (prompts: 0, tools: 0, answers: 0, switches: 0)
        for (example, conversation) in all {
            let before = formats[conversation.format] ?? (0, example.line)
            formats[conversation.format] = (before.rows + 1, before.line)
            let messages = conversation.messages
            for message in messages { roles[message.role, default: 0] += 1 }
            let system = messages.first { $0.role.instructs }
            if let system { prompts.insert(system.text) }
            counts.prompts += system == nil ? 0 : 1
            counts.tools += conversation.tools == nil ? 0 : 1
            counts.answers += conversation.hasAnswer ? 1 : 0
            counts.switches += messages.contains { $0.trains != nil } ? 1 : 0
        }
        self.formats = formats.map { FormatCount(format: $0, rows: $1.rows, line: $1.line) }.sorted {
            ($1.rows, $0.line, $0.format.rawValue) < ($0.rows, $1.line, $1.format.rawValue)
        }
        self.roles = ChatRole.allCases.compactMap { role in
            roles[role].map { RoleCount(role: role, messages: $0) }
        }
        (systemPrompts, rowsWithSystemPrompt) = (prompts.count, counts.prompts)
        (rowsWithTools, rowsWithAnswer, rowsWithSwitches) = (counts.tools, counts.answers, counts.switches)
        let lengths = all.map { Longest(line: $0.0.line, characters: $0.0.text.unicodeScalars.count) }
        longest = Array(lengths.sorted { ($1.characters, $0.line) < ($0.characters, $1.line) }.prefix(3))
    }
}
