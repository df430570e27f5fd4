import ModelFiles
import Tokenizers

/// The chat template that a run was given in place of the model's, which its adapter remembers.
package struct RememberedTemplate: Sendable {
    package static let key = "chatTemplate"
    static let detail = TaskDetail(key, isRequired: false) { $0.string != nil }

    /// Jinja; nil where the model's own counts.
    let source: String?
    private let name: String
    private static let usualName = "the adapter's chat template"

    init(_ settings: TaskSettings) {
        source = settings.chatTemplate
        name = settings.chatTemplateName ?? Self.usualName
    }

    init(_ record: TaskRecord) {
        source = record.details[Self.key]?.string
        name = Self.usualName
    }

    func write(into details: inout JSONObject) { details[Self.key] = source.map { .string($0) } }

    func chat(_ tokenizer: Tokenizer) -> ChatFormat? {
        source.map { ChatFormat(source: $0, name: name, tokenizer) }
    }

    func limits(_ given: Tokenization) -> Tokenization {
        guard let chat = chat(given.tokenizer) else { return given }
        var limits = given
        limits.chat = chat
        return limits
    }
}
