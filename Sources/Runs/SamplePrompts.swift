import AdapterTools
import Datasets
import Foundation
import Messages
import RunConfiguration
import Tasks
import Tokenizers
import Training
import Transformers

/// The prompts that a language model answers while it trains (the setting `samples`), checked and as token ids.
struct SamplePrompts {
    struct Prompt {
        /// For people
        let text: String
        let ids: [Int32]
    }

    let prompts: [Prompt]
    /// Tokens that end an answer
    let stops: Set<Int32>
    let warnings: [String]

    /// Answers are looked at, not counted.
    static let most = 16
    static let mostTokens = 64

    /// - Parameter chat: how the run's conversations are written.
    init(_ path: String, loaded: LoadedModel, chat: ChatFormat?) throws {
        let rows = try Dataset.read(
            URL(fileURLWithPath: path), form: .conversations, columns: ColumnNames(), requireLabels: false)
        let writer = RowPrompts(tokenizer: loaded.tokenizer, chat: chat)
        let positions = loaded.backbone.sizes.positions
        prompts = try rows.examples.prefix(Self.most).map { example in
            let place = "\(rows.file):\(example.line)"
            let beginning = RowPrompts.Beginning(of: example)
            if case .messages = beginning, chat == nil {
                throw TrainingError(
                    .usage,
                    "\(place): the prompt is a conversation, and the model has no chat template; give one with "
                        + "\(SettingName.chatTemplate) FILE, or prompts as text")
            }
            let ids = try writer.ids(beginning)
            guard !ids.isEmpty else {
                throw TrainingError(
                    "\(place): the prompt has no token for this model; remove it, or give it a text")
            }
            guard ids.count <= positions else {
                throw TrainingError(
                    "\(place): the prompt has \(ids.count) tokens, the model only \(positions) positions; shorten it, or remove it"
                )
            }
            return Prompt(text: beginning.text, ids: ids)
        }
        stops = try SpeakingModel.stops(loaded, chat)
        let left = rows.examples.count - prompts.count
        warnings =
            rows.warnings
            + (left > 0
                ? [
                    "\(rows.file): of \(rows.examples.count) prompts the first \(Self.most) are answered while the run trains; for "
                        + "all of them use adalora generate afterwards"
                ] : [])
    }
}
