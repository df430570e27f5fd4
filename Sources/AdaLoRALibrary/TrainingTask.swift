import Tasks

/// What is learned. It decides the head, the loss, the figures of evaluations, and what a ``Row`` must hold.
public enum TrainingTask: String, Sendable, CaseIterable {
    /// One label a row; softmax cross-entropy.
    case classification
    /// One number a row; squared error.
    case regression
    /// Any number of labels a row; a binary cross-entropy for each label.
    case multiLabel = "multi-label"
    /// A tag for each word.
    case tokenClassification = "token-classification"
    /// The passage of a context that answers a question.
    case questionAnswering = "question-answering"
    /// The next token: of conversations what the assistant says, of texts all. With a language model alone.
    case causalLanguageModel = "causal-lm"
    /// Which of several continuations is right. With a language model alone.
    case multipleChoice = "multiple-choice"

    var kind: TaskKind {
        get throws(AdaLoRAError) {
            guard let kind = TaskKind(rawValue: rawValue) else {
                throw AdaLoRAError(.unforeseen, "\(rawValue) is no task of this version; use another task")
            }
            return kind
        }
    }

    init(_ kind: TaskKind) throws(AdaLoRAError) {
        guard let task = Self(rawValue: kind.rawValue) else {
            throw AdaLoRAError(
                .unforeseen, "\(kind.rawValue) is no task of this library; use the program adalora")
        }
        self = task
    }
}
