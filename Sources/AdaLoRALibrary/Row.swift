import Datasets
import ModelFiles

/// One row to learn from, to be measured by, or to be answered.
///
/// It holds what a line of a JSON Lines file of the program holds, and is read by the same rules; ``init(json:)`` takes any such
/// line. What a task needs and a row lacks shows when the row is read, as an error that says which row.
public struct Row: Sendable, Equatable {
    let object: JSONObject
    /// Why the row cannot be written down; nil where it can.
    let problem: String?

    private init(_ object: JSONObject, problem: String? = nil) {
        (self.object, self.problem) = (object, problem)
    }

    /// A text of one label: for ``TrainingTask/classification``. A text without a label is what a language model learns, or a row
    /// to be answered.
    public static func text(_ text: String, label: String? = nil) -> Row {
        Row(with(["text": .string(text)], "label", label.map { .string($0) }))
    }

    /// Two texts of one label, such as a premise and a hypothesis.
    public static func pair(_ first: String, _ second: String, label: String? = nil) -> Row {
        Row(with(pair(first, second), "label", label.map { .string($0) }))
    }

    /// A text with a number: for ``TrainingTask/regression``.
    public static func text(_ text: String, score: Double) -> Row {
        Row(with(["text": .string(text)], "score", .number(score)), problem: unfinite(score))
    }

    /// Two texts with a number, such as how alike they are.
    public static func pair(_ first: String, _ second: String, score: Double) -> Row {
        Row(with(pair(first, second), "score", .number(score)), problem: unfinite(score))
    }

    /// A text of any number of labels: for ``TrainingTask/multiLabel``.
    public static func text(_ text: String, labels: [String]) -> Row {
        Row(with(["text": .string(text)], "labels", strings(labels)))
    }

    /// Words with a tag for each, `O` for none: for ``TrainingTask/tokenClassification``. No tags for a row to be answered.
    public static func words(_ words: [String], tags: [String]? = nil) -> Row {
        Row(with(["tokens": strings(words)], "labels", tags.map(strings)))
    }

    /// What answers a question.
    public struct Answer: Sendable, Equatable {
        /// As it stands in the context
        public let text: String
        /// Where it begins in the context, in Unicode scalars
        public let start: Int

        /// A passage, and where it begins in the context, in Unicode scalars.
        public init(_ text: String, start: Int) { (self.text, self.start) = (text, start) }
    }

    /// A question about a context, with answers, or none where the context does not answer it: for
    /// ``TrainingTask/questionAnswering``. Answers of nil are those of a row to be answered.
    public static func question(_ question: String, context: String, answers: [Answer]? = nil) -> Row {
        let value = answers.map { answers in
            JSONValue.object([
                "text": strings(answers.map(\.text)),
                "answer_start": .array(answers.map { JSONValue($0.start) }),
            ])
        }
        return Row(with(["question": .string(question), "context": .string(context)], "answers", value))
    }

    /// A conversation, of which a language model learns what the assistant says: for
    /// ``TrainingTask/causalLanguageModel``.
    public static func conversation(_ messages: [Message]) -> Row {
        Row(["messages": .array(messages.map(\.json))])
    }

    /// A prompt and what a language model should answer.
    public static func prompt(_ prompt: String, completion: String) -> Row {
        Row(["prompt": .string(prompt), "completion": .string(completion)])
    }

    /// A question, what may answer it, and which of these does, from 0: for ``TrainingTask/multipleChoice``. No answer for a row to
    /// be answered.
    public static func choices(_ question: String, _ choices: [String], answer: Int? = nil) -> Row {
        Row(
            with(
                ["question": .string(question), "choices": strings(choices)], "answer",
                answer.map { JSONValue($0) }))
    }

    /// A line of JSON Lines, in any of the forms that the program reads.
    ///
    /// - Throws: ``AdaLoRAError/Kind/badData`` for a text that is no JSON object.
    public init(json: String) throws(AdaLoRAError) {
        let advice = "write {\"text\": …}"
        let value: JSONValue
        do {
            value = try JSONValue.parse(json)
        } catch {
            throw AdaLoRAError(.badData, "the row is no JSON: \(error); \(advice)")
        }
        guard let object = value.object else {
            throw AdaLoRAError(.badData, "the row is not an object; \(advice)")
        }
        self.init(object)
    }

    /// As a line of JSON Lines
    public var json: String { JSONValue.object(object).text() }

    private static func with(_ object: JSONObject, _ key: String, _ value: JSONValue?) -> JSONObject {
        var object = object
        if let value { object[key] = value }
        return object
    }

    private static func pair(_ first: String, _ second: String) -> JSONObject {
        ["sentence1": .string(first), "sentence2": .string(second)]
    }

    private static func strings(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }

    private static func unfinite(_ score: Double) -> String? {
        score.isFinite ? nil : "the score \(score) is not finite"
    }
}

/// One message of a conversation.
public struct Message: Sendable, Equatable {
    /// Who speaks.
    public enum Role: String, Sendable, CaseIterable {
        /// Says how to answer, before anybody speaks.
        case system
        /// Asks.
        case user
        /// Answers: what is learned.
        case assistant
    }

    /// Who speaks
    public let role: Role
    /// What is said
    public let text: String

    /// A message of this role.
    public init(_ role: Role, _ text: String) { (self.role, self.text) = (role, text) }

    var json: JSONValue { .object(["role": .string(role.rawValue), "content": .string(text)]) }

    var chatMessage: ChatMessage {
        let role: ChatRole =
            switch role {
            case .system: .system
            case .user: .user
            case .assistant: .assistant
            }
        return ChatMessage(role, text)
    }
}

extension [Row] {
    /// As JSON Lines.
    ///
    /// - Parameter name: what messages call the rows.
    func lines(_ name: String) throws(AdaLoRAError) -> [UInt8] {
        guard !isEmpty else { throw AdaLoRAError(.badData, "\(name): there are no rows; give at least one") }
        var bytes: [UInt8] = []
        for (index, row) in enumerated() {
            if let problem = row.problem {
                throw AdaLoRAError(
                    .badData, "\(name):\(index + 1): \(problem); give a number, or remove the row")
            }
            bytes += JSONValue.object(row.object).bytes()
            bytes.append(UInt8(ascii: "\n"))
        }
        return bytes
    }
}
