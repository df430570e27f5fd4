import ChatTemplates
import Foundation
import GoldenFiles
import ModelFiles

/// Goldens of transformers' own environment; `scripts/goldens/chat_templates.py` makes them.
enum TemplateCases {
    static func golden(_ name: String) throws -> JSONValue {
        let packed = [UInt8](try Data(contentsOf: Golden.url("chattemplates/\(name).json.gz")))
        return try JSONValue.parse(try Gzip.unpacked(packed, limit: 32 << 20))
    }

    /// The time of the goldens.
    static let now = ChatClock(year: 2026, month: 7, day: 4, hour: 9, minute: 5, second: 3)

    static func input(_ conversation: JSONValue) -> ChatTemplateInput {
        ChatTemplateInput(
            messages: conversation["messages"]?.array ?? [], tools: conversation["tools"],
            documents: conversation["documents"],
            addGenerationPrompt: conversation["add_generation_prompt"]?.bool ?? false, bosToken: "<bos>",
            eosToken: "<eos>", variables: conversation["variables"]?.object ?? JSONObject(), now: now)
    }

    /// The text of a small template with variables of its own.
    static func rendered(_ source: String, _ variables: JSONObject = JSONObject()) throws -> RenderedChat {
        try ChatTemplate(source, name: "test").render(
            ChatTemplateInput(messages: [], variables: variables, now: now))
    }
}
