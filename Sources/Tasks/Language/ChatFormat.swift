import ChatTemplates
import Foundation
import ModelFiles
import Tokenizers
import Transformers

/// How a model's conversations are written: by a chat template, that of the model or one given in its place.
package struct ChatFormat: Sendable {
    /// Jinja
    package let source: String
    /// The file, for messages
    package let name: String
    private let bosToken: String?
    private let eosToken: String?

    private static let largestFile = 1 << 20

    init(source: String, name: String, _ tokenizer: Tokenizer) {
        self.source = source
        self.name = name
        bosToken = tokenizer.bosID.flatMap(tokenizer.token)
        eosToken = tokenizer.eosID.flatMap(tokenizer.token)
    }

    /// Of a model; nil for one without a template, which was not trained to talk.
    package static func of(_ model: PretrainedModel, _ tokenizer: Tokenizer) throws -> ChatFormat? {
        try source(of: model).map { ChatFormat(source: $0.text, name: $0.name, tokenizer) }
    }

    /// A file of Jinja.
    package static func read(_ file: URL, _ tokenizer: Tokenizer) throws -> ChatFormat {
        let text = try FileBytes.text(
            file, byteLimit: largestFile, advice: "give a chat template in Jinja")
        return ChatFormat(source: text, name: file.path, tokenizer)
    }

    /// As transformers looks for it: `chat_template.jinja`, or else `chat_template` in `tokenizer_config.json`, of several
    /// the one called `default`; of a GGUF its key.
    private static func source(of model: PretrainedModel) throws -> (text: String, name: String)? {
        if let gguf = model.gguf {
            let key = "tokenizer.chat_template"
            return try gguf.file.metadata.string(key).map { ($0, "\(gguf.file.path): \(key)") }
        }
        let file = model.url.appendingPathComponent("chat_template.jinja")
        if FileManager.default.fileExists(atPath: file.path) {
            let text = try FileBytes.text(
                file, byteLimit: largestFile, advice: "download the model's template again")
            return (text, file.path)
        }
        let settings = model.url.appendingPathComponent("tokenizer_config.json")
        guard FileManager.default.fileExists(atPath: settings.path) else { return nil }
        let stated = try JSONValue.read(settings, limits: JSONLimits(byteCount: 64 << 20))["chat_template"]
        let named = stated?.array?.first { $0["name"]?.string == "default" }?["template"]
        guard let text = stated?.string ?? named?.string else { return nil }
        return (text, "\(settings.path): chat_template")
    }

    /// Throws `ChatTemplateError` for Jinja that is not read here.
    func opened() throws -> OpenedChatFormat {
        OpenedChatFormat(
            template: try ChatTemplate(source, name: name), bosToken: bosToken, eosToken: eosToken)
    }
}

/// A template that is parsed.
struct OpenedChatFormat {
    fileprivate let template: ChatTemplate
    fileprivate let bosToken: String?
    fileprivate let eosToken: String?

    /// The clock of templates that write the day: the one that Llama's have where nobody tells them the day, so that the
    /// tokens of a row are the same tomorrow.
    private static let now = ChatClock(year: 2024, month: 7, day: 26)

    /// A conversation as the model reads it.
    ///
    /// - Parameter prompting: with what begins an assistant's turn behind it.
    func rendered(
        _ messages: [JSONObject], tools: JSONValue? = nil, variables: JSONObject = JSONObject(),
        prompting: Bool
    ) throws -> RenderedChat {
        var others = variables
        others["documents"] = nil
        return try template.render(
            ChatTemplateInput(
                messages: messages.map { .object($0) }, tools: tools, documents: variables["documents"],
                addGenerationPrompt: prompting, bosToken: bosToken, eosToken: eosToken, variables: others,
                now: Self.now))
    }
}
