import AdapterTools
import Foundation
import Tasks

/// A language model that writes, with an adapter or without. Not `Sendable`: it belongs to one thread at a time.
public struct LanguageModel {
    /// What a person should know of how the files were read, one line each
    public let warnings: [String]
    /// Whether it was trained to talk, so that ``answer(to:maxTokens:sampling:onText:)`` has a form for messages
    public let talks: Bool
    private let speaker: SpeakingModel

    /// The model alone.
    ///
    /// - Throws: ``AdaLoRAError/Kind/badData`` for a model that gives no next words, such as BERT.
    public init(_ model: Model) throws(AdaLoRAError) {
        self.init(try AdaLoRAError.telling { try SpeakingModel.open(model: model.url) })
    }

    /// With an adapter of ``TrainingTask/causalLanguageModel``.
    ///
    /// - Parameters:
    ///   - folder: of a run, whose best adapter is opened; or of an adapter.
    ///   - model: where the base model is now; nil for where it was in training.
    /// - Throws: ``AdaLoRAError``
    public init(adapter folder: URL, model: URL? = nil) throws(AdaLoRAError) {
        self.init(
            try AdaLoRAError.telling {
                try SpeakingModel.open(adapter: AdapterFolder(folder).url, model: model)
            })
    }

    private init(_ speaker: SpeakingModel) {
        self.speaker = speaker
        warnings = speaker.warnings
        talks = speaker.chat != nil
    }

    /// How the next token is chosen.
    public struct Sampling: Sendable, Equatable {
        /// Logits are divided by it: 0 takes the most probable token, higher values draw more freely.
        public var temperature: Double
        /// Only the most probable tokens whose probabilities come to this are drawn from; above 0, at most 1.
        public var topP: Double
        /// The same seed writes the same text.
        public var seed: UInt64

        /// Greedy unless told otherwise.
        public init(temperature: Double = 0, topP: Double = 1, seed: UInt64 = 42) {
            (self.temperature, self.topP, self.seed) = (temperature, topP, seed)
        }

        /// Always the most probable token
        public static let greedy = Sampling()
    }

    /// A text that was written.
    public struct Generation: Sendable, Equatable {
        /// Why it ends where it does.
        public enum Ending: String, Sendable {
            /// The model ended it.
            case stop
            /// It has as many tokens as were allowed.
            case limit
            /// The model has no more positions.
            case positions
            /// `onText` said so.
            case interrupted
        }

        /// Without the prompt
        public let text: String
        /// How many were written
        public let tokens: Int
        /// Why it ends
        public let ending: Ending
        /// From the first token to the last
        public let seconds: Double
    }

    /// The assistant's next message, written in the model's chat template.
    ///
    /// - Parameters:
    ///   - messages: what was said so far, the user's last.
    ///   - maxTokens: of the answer.
    ///   - sampling: how each token is chosen.
    ///   - onText: called with each piece of text once it is certain; false ends the answer.
    /// - Throws: ``AdaLoRAError/Kind/badData`` where the template does not take these messages,
    ///   ``AdaLoRAError/Kind/usage`` for a model that has none (see ``talks``).
    public func answer(
        to messages: [Message], maxTokens: Int = 256, sampling: Sampling = .greedy,
        onText: (String) -> Bool = { _ in true }
    ) throws(AdaLoRAError) -> Generation {
        guard talks else {
            throw AdaLoRAError(
                .usage,
                "the model has no chat template: it was not trained to talk; go on from a text with continued(_:)"
            )
        }
        let prompt = try AdaLoRAError.telling { try speaker.prompt(messages.map(\.chatMessage)) }
        return try written(prompt, maxTokens, sampling, onText)
    }

    /// What comes after a text.
    ///
    /// - Parameters:
    ///   - text: the beginning, which the result does not repeat.
    ///   - maxTokens: of what is written.
    ///   - sampling: how each token is chosen.
    ///   - onText: called with each piece of text once it is certain; false ends it.
    /// - Throws: ``AdaLoRAError/Kind/usage`` for a text without a token.
    public func continued(
        _ text: String, maxTokens: Int = 256, sampling: Sampling = .greedy,
        onText: (String) -> Bool = { _ in true }
    ) throws(AdaLoRAError) -> Generation {
        try written(speaker.prompt(text), maxTokens, sampling, onText)
    }

    private func written(
        _ prompt: [Int32], _ maxTokens: Int, _ sampling: Sampling, _ onText: (String) -> Bool
    ) throws(AdaLoRAError) -> Generation {
        guard !prompt.isEmpty else {
            throw AdaLoRAError(.usage, "the prompt has no token for this model; give a text")
        }
        guard maxTokens > 0 else {
            throw AdaLoRAError(.usage, "maxTokens must be at least 1, not \(maxTokens)")
        }
        guard sampling.temperature >= 0, sampling.temperature.isFinite else {
            throw AdaLoRAError(.usage, "temperature must be 0 or more, not \(sampling.temperature)")
        }
        guard sampling.topP > 0, sampling.topP <= 1 else {
            throw AdaLoRAError(.usage, "topP must be above 0 and at most 1, not \(sampling.topP)")
        }
        let result = speaker.generator.continued(
            prompt, limit: maxTokens,
            Tasks.Sampling(temperature: sampling.temperature, topP: sampling.topP, seed: sampling.seed),
            onText: onText)
        let ending: Generation.Ending =
            switch result.ending {
            case .stop: .stop
            case .limit: .limit
            case .positions: .positions
            case .interrupted: .interrupted
            }
        return Generation(
            text: result.text, tokens: result.ids.count, ending: ending, seconds: result.seconds)
    }
}
