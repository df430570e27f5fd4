/// How the rows of a sequence become the one that the head reads: as the architecture's own classifier does (BERT's
/// pooler: first row, dense, tanh; RoBERTa, ELECTRA, DistilBERT, DeBERTa and MPNet: first row, through a new dense layer
/// of the head's), the mean, the first row itself, or the last one, which alone of a decoder's has seen all others and
/// which transformers' classifiers on decoders read.
package enum Pooling: String, CaseIterable, Sendable {
    case pooler, mean, first, last

    /// Whether transformers' sequence classifiers read rows so: those of encoders by their pooler, those of decoders the
    /// last one. A model can have only one of both.
    package var isOfTransformers: Bool { self == .pooler || self == .last }
}

/// What a head reads, and what it gives numbers to.
package enum HeadForm: Sendable, Equatable {
    /// One row of a sequence, for K numbers a sequence.
    case sequence(Pooling)
    /// Every row, for K numbers a token.
    case token
    /// Every row, for two numbers a token: that an answer starts here, that it ends here.
    case span
    /// Every row, through the model's own output matrix, for a number a word of the vocabulary. Nothing of it trains.
    case vocabulary
    /// What the towers of a pair say of a text and its image, side by side. Nothing of it trains.
    case pair

    /// Of a head that reads one row of a sequence.
    package var pooling: Pooling? {
        if case .sequence(let pooling) = self { pooling } else { nil }
    }

    /// Whether transformers has a class whose head reads what this one does.
    package var isOfTransformers: Bool { pooling?.isOfTransformers ?? true }

    /// Whether there is a row of logits for each token.
    package var isPerToken: Bool {
        switch self {
        case .sequence, .pair: false
        case .token, .span, .vocabulary: true
        }
    }

    /// Whether the head is the model's own, so that nothing of it trains or is saved.
    package var isOwn: Bool { self == .vocabulary || self == .pair }
    /// Whether words are given to it, each with a number of its own.
    package var readsWords: Bool { self == .token }

    /// Of `task_type` in PEFT's adapter_config.json.
    package var peftTask: String {
        switch self {
        case .sequence: "SEQ_CLS"
        case .token: "TOKEN_CLS"
        case .span: "QUESTION_ANS"
        case .vocabulary: "CAUSAL_LM"
        case .pair: "FEATURE_EXTRACTION"
        }
    }

    /// What ends the name of transformers' class of such a model; of the backbone alone where no class pools so.
    package var classEnd: String {
        switch self {
        case .sequence(let pooling): pooling.isOfTransformers ? "ForSequenceClassification" : "Model"
        case .token: "ForTokenClassification"
        case .span: "ForQuestionAnswering"
        case .vocabulary: "ForCausalLM"
        case .pair: "Model"
        }
    }
}
