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
    private let adapted: [LinearLayer]
    private let adapters: [any LinearAdapter]

    /// With an adapter.
    package static func open(adapter: URL, model: URL?) throws -> SpeakingModel {
        let opened = try OpenedAdapter(adapter, modelFolder: model)
        return try SpeakingModel(
            opened.loaded, head: opened.head,
            chat: opened.task.givenChat(opened.loaded.tokenizer) ?? opened.loaded.chat,
            warnings: opened.warnings)
    }

    /// Without one.
    package static func open(model: URL) throws -> SpeakingModel {
        let loaded = try LoadedModel(model, maxLength: 1)
        let head = try OpenedAdapter.headToFill(loaded, outputs: 0, form: .vocabulary, dropout: 0)
        return try SpeakingModel(loaded, head: head, chat: loaded.chat, warnings: loaded.warnings)
    }

    private init(_ loaded: LoadedModel, head: SequenceHead, chat: ChatFormat?, warnings: [String]) throws {
        tokenizer = loaded.tokenizer
        self.chat = chat
        self.warnings = warnings
        generator = try TextGenerator(
            backbone: loaded.backbone, head: head, tokenizer: tokenizer,
            stops: Self.stops(loaded, chat))
        adapted = loaded.backbone.linearLayers.filter { $0.adapter != nil }
        adapters = adapted.compactMap(\.adapter)
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

    /// Runs `body` with the adapter off.
    package func asBase<Value>(_ body: () throws -> Value) rethrows -> Value {
        for layer in adapted { layer.adapter = nil }
        defer { for (layer, adapter) in zip(adapted, adapters) { layer.adapter = adapter } }
        return try body()
    }

    package var hasAdapter: Bool { !adapted.isEmpty }

    /// A text as its tokens, with what the model wants before texts.
    package func prompt(_ text: String) -> [Int32] {
        let ids = tokenizer.encode(text, maxLength: .max).ids
        return ids.last == tokenizer.eosID ? ids.dropLast() : ids
    }

    /// Messages, with what begins an answer behind them.
    package func prompt(_ messages: [ChatMessage]) throws -> [Int32] {
        guard let chat else {
            throw TrainingError(
                .usage,
                "the model has no chat template: it was not trained to talk; give a text to go on from")
        }
        return try chat.prompt(messages, tokenizer)
    }
}

extension SpeakingModel {
    /// What stands before the answer of a row: its messages without the last answer, its prompt, or its text.
    ///
    /// - Parameter raw: the text of the row, also where it is a conversation.
    package func prompt(row example: Example, raw: Bool) throws -> [Int32] {
        guard let conversation = example.conversation, !raw else { return prompt(example.text) }
        switch conversation.kind {
        case .chat(var messages):
            if messages.count > 1, messages.last?.role == .assistant { messages.removeLast() }
            return try prompt(messages, conversation)
        case .chatCompletion(let prompt, _): return try self.prompt(prompt, conversation)
        case .completion(let prompt, _): return self.prompt(prompt)
        case .text, .segments: return prompt(conversation.text)
        }
    }

    private func prompt(_ messages: [ChatMessage], _ conversation: Conversation) throws -> [Int32] {
        guard let chat else { return try prompt(messages) }
        return try chat.prompt(
            messages, tools: conversation.tools, variables: conversation.variables, tokenizer)
    }
}
