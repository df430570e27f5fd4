import Datasets

/// How a question and one of its choices become what a language model reads. The other choices are not shown, as in most
/// tasks of EleutherAI's lm-evaluation-harness; where a question needs them, it names them.
package enum QuestionForm: String, Sendable, CaseIterable {
    /// `Question: …⏎Answer: choice`, with the context in the lines before. The prompt ends in no white space, which
    /// the harness would move to the choice.
    case plain
    /// The question as a user's message, behind its context, and the choice as the assistant's answer through the token that
    /// ends the turn.
    case chat

    static let key = "questionForm"

    func prompt(_ question: Choices) -> String {
        switch self {
        case .plain:
            (question.context.map { $0 + "\n" } ?? "") + "Question: \(question.question)\nAnswer:"
        case .chat: (question.context.map { $0 + "\n\n" } ?? "") + question.question
        }
    }

    /// A choice as the prompt goes on with it.
    func answer(_ choice: String) -> String {
        self == .plain && !(choice.first?.isWhitespace ?? false) ? " " + choice : choice
    }
}
