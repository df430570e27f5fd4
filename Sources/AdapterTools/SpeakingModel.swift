import Datasets
import Foundation
import Matrices
import ModelFiles
import Tasks
import Tokenizers
import Training
import Transformers

/// A language model, with an adapter or without, that continues texts.
package struct SpeakingModel {
    package let generator: TextGenerator
    package let tokenizer: Tokenizer
    /// How it talks; nil for a model that was not trained to.
    package let chat: ChatFormat?
    package let warnings: [String]
    /// What the adapter changes in the model itself, which taking it off leaves; nil where that is nothing.
    package let changes: String?
    private let backbone: any Backbone
    private let prompts: RowPrompts

    /// With an adapter.
    package static func open(adapter: URL, model: URL?) throws -> SpeakingModel {
        let opened = try OpenedAdapter(adapter, modelFolder: model)
        return try SpeakingModel(
            opened.loaded, head: opened.head,
            chat: opened.task.givenChat(opened.loaded.tokenizer) ?? opened.loaded.chat,
            warnings: opened.warnings, changes: opened.changed.isEmpty ? nil : opened.changed.summary)
    }

    /// Without one.
    package static func open(model: URL) throws -> SpeakingModel {
        let loaded = try LoadedModel(model, maxLength: 1, fingerprint: .whenAsked)
        let head = try OpenedAdapter.headToFill(loaded, outputs: 0, form: .vocabulary, dropout: 0)
        return try SpeakingModel(loaded, head: head, chat: loaded.chat, warnings: loaded.warnings)
    }

    private init(
        _ loaded: LoadedModel, head: SequenceHead, chat: ChatFormat?, warnings: [String],
        changes: String? = nil
    ) throws {
        self.changes = changes
        tokenizer = loaded.tokenizer
        self.chat = chat
        self.warnings = warnings
        generator = try TextGenerator(
            backbone: loaded.backbone, head: head, tokenizer: tokenizer,
            stops: Self.stops(loaded, chat))
        backbone = loaded.backbone
        prompts = RowPrompts(tokenizer: tokenizer, chat: chat)
    }

    /// What ends a text: the tokenizer's end of text, those of `generation_config.json` or of the GGUF's keys, and what ends
    /// an answer in the chat template.
    package static func stops(_ loaded: LoadedModel, _ chat: ChatFormat?) throws -> Set<Int32> {
        var stops = Set([loaded.tokenizer.eosID, chat?.endOfTurn(loaded.tokenizer)].compactMap(\.self))
        if let gguf = loaded.model.gguf {
            for key in ["eot_token_id", "eom_token_id"] {
                if let id = try gguf.file.metadata.int("tokenizer.ggml.\(key)") {
                    stops.formUnion([Int32(exactly: id)].compactMap(\.self))
                }
            }
            return stops
        }
        let file = loaded.url.appendingPathComponent("generation_config.json")
        guard FileManager.default.fileExists(atPath: file.path) else { return stops }
        let stated = try JSONValue.read(file)["eos_token_id"]
        let ids = stated?.int.map { [$0] } ?? stated?.array?.compactMap(\.int) ?? []
        stops.formUnion(ids.compactMap { Int32(exactly: $0) })
        return stops
    }

    /// Runs `body` with the adapter off. Not for one that changes the model itself.
    package func asBase<Value>(_ body: () throws -> Value) rethrows -> Value {
        try backbone.withoutAdapters(body)
    }

    /// A text as its tokens, with what the model wants before texts.
    package func prompt(_ text: String) -> [Int32] { prompts.ids(text) }

    /// Messages, with what begins an answer behind them.
    package func prompt(_ messages: [ChatMessage]) throws -> [Int32] { try prompts.ids(messages) }

    /// What stands before the answer of a row: its messages without the last answer, its prompt, or its text.
    ///
    /// - Parameter raw: the text of the row, also where it is a conversation.
    package func prompt(row example: Example, raw: Bool) throws -> [Int32] {
        raw ? prompt(example.text) : try prompts.ids(RowPrompts.Beginning(of: example))
    }
}
