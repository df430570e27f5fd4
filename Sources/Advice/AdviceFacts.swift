import Foundation
import Messages

/// What is known of a run before anything is trained.
package struct AdviceFacts: Sendable, Equatable {
    package enum ModelKind: String, Sendable { case encoder, decoder }

    /// What rows ask of the model.
    package enum Question: Sendable, Equatable {
        /// A class a row, or several of them, or one of several choices: rows of each class, in the order of labels
        case classes([Int])
        /// A class a word: words of each
        case wordClasses([Int])
        /// A number a row, between these
        case scores(lowest: Double, highest: Double)
        /// A place in a text, or which of several texts
        case places
        /// The next word of so many
        case words(learned: Int)

        var isOfWords: Bool { if case .wordClasses = self { true } else { false } }
    }

    package var model: ModelKind
    /// As messages name it
    package var modelName: String
    /// Weights of the backbone
    package var weights: Int
    /// The formats of its matrices where they are not Float32
    package var format: String?
    /// As `--task` calls it
    package var task: String
    package var question: Question
    package var rows: Int
    package var heldOutRows: Int
    /// Of the training rows, special tokens included; of images the rows that they become in the model
    package var tokens: Int
    /// Adapted matrices
    package var matrices: Int
    /// Parameters of a triplet in each of them
    package var parametersPerRank: Int
    /// The largest rank that every matrix can have
    package var largestRank: Int
    /// Bytes that the run may take, where somebody said so
    package var memory: Int?
    /// Seconds that probe and run may take, where somebody said so
    package var seconds: Double?

    package init(
        model: ModelKind, modelName: String, weights: Int, format: String? = nil, task: String,
        question: Question, rows: Int, heldOutRows: Int, tokens: Int, matrices: Int, parametersPerRank: Int,
        largestRank: Int, memory: Int? = nil, seconds: Double? = nil
    ) {
        self.model = model
        self.modelName = modelName
        self.weights = weights
        self.format = format
        self.task = task
        self.question = question
        self.rows = rows
        self.heldOutRows = heldOutRows
        self.tokens = tokens
        self.matrices = matrices
        self.parametersPerRank = parametersPerRank
        self.largestRank = largestRank
        self.memory = memory
        self.seconds = seconds
    }

    package var tokensPerRow: Double { Double(tokens) / Double(max(rows, 1)) }

    /// Whether the model learns to say words, and has no head of its own to train.
    package var isLanguageModel: Bool { if case .words = question { true } else { false } }

    /// What it takes to know every label by heart, in bits: Σ −log₂ p(label) with the shares of the classes as p; nil where
    /// labels are no classes.
    package var labelBits: Double? {
        switch question {
        case .classes(let counts), .wordClasses(let counts): LabelEntropy.bits(counts)
        case .scores, .places, .words: nil
        }
    }
}

/// Of labels that are drawn with the frequencies that they have.
package enum LabelEntropy {
    /// For people
    static func shown(_ bits: Double) -> String {
        bits < 10_000
            ? "\(Figures.grouped(Int(bits))) bits" : "\(Figures.grouped(Int(bits / 1_000))) kbit"
    }

    /// N·H in bits
    package static func bits(_ counts: [Int]) -> Double {
        let total = Double(counts.reduce(0, +))
        return counts.filter { $0 > 0 }.reduce(0) { $0 - Double($1) * log2(Double($1) / total) }
    }
}
