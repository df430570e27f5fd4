import Autodiff
import Datasets
import Foundation
import Messages
import ModelFiles
import Tokenizers
import Transformers

/// The next token, by the model's own output matrix: of conversations what the assistant says, of texts all.
struct CausalLanguageModelTask: LearningTask {
    static let name = "causal-lm"
    static let metrics: [Metric] = [.perplexity, .bitsPerByte, .tokenAccuracy, .exactMatch]
    static let settings: Set = ["text-column", "train-on", "chat-template", "samples", "forgetting"]
    static let usualMaxLength = 512
    static var fixedOutputs: Int? { 0 }
    static func headForm(_ pooling: Pooling) -> HeadForm { .vocabulary }
    static func rowForm(labelSeparator: String?) -> RowForm { .conversations }
    static let answerMembers = [
        "tokens", "learnedTokens", "loss", "perplexity", Prediction.truncatedTokens,
    ]
    static let details = [
        TaskDetail(TrainedParts.key, isRequired: false) {
            $0.string.flatMap(TrainedParts.init(rawValue:)) != nil
        },
        RememberedTemplate.detail, TaskDetail(chatKey, isRequired: false) { $0.bool != nil },
    ]
    /// Whether rows were conversations, of which a card tells.
    private static let chatKey = "chat"
    /// What another program's learned of a row nobody knows, so that all of it counts.
    static func details(maxLength: Int) -> JSONObject {
        [TrainedParts.key: .string(TrainedParts.all.rawValue)]
    }
    static func tally(_ dataset: Dataset) -> LabelTally { LabelTally(conversationsOf: dataset) }
    static func findings(_ files: [Dataset]) -> [DataFinding] { files.flatMap { $0.conversationFindings() } }
    static func oddities(_ file: Dataset) -> [DataFinding] {
        file.examples.contains { !($0.conversation?.messages.isEmpty ?? true) }
            ? [] : [file.oddTexts()].compactMap(\.self)
    }

    let parts: TrainedParts
    private let isChat: Bool
    private let template: RememberedTemplate

    init(learningFrom dataset: Dataset, _ settings: TaskSettings) throws {
        (parts, template) = (settings.trainedParts, RememberedTemplate(settings))
        isChat = dataset.examples.contains { !($0.conversation?.messages.isEmpty ?? true) }
    }

    init(_ record: TaskRecord) throws {
        parts = record.details[TrainedParts.key]?.string.flatMap(TrainedParts.init(rawValue:)) ?? .all
        template = RememberedTemplate(record)
        isChat = record.details[Self.chatKey]?.bool ?? false
    }

    var record: TaskRecord {
        var details: JSONObject = [TrainedParts.key: .string(parts.rawValue)]
        if isChat { details[Self.chatKey] = .bool(true) }
        template.write(into: &details)
        return TaskRecord(kind, details: details)
    }
    /// The head's columns are the model's words.
    var outputs: Int { 0 }

    func card(_ rows: TaskCard.Rows) -> TaskCard {
        guard !isChat else {
            return TaskCard(
                pipelineTag: "text-generation", answers: "what the assistant says next in a conversation",
                batch: [
                    "messages = [{\"role\": \"user\", \"content\": \"A question\"}]",
                    "batch = tokenizer.apply_chat_template(",
                    "    messages, add_generation_prompt=True, return_dict=True, return_tensors=\"pt\")",
                ],
                printing: [
                    "tokens = model.generate(**batch, max_new_tokens=40)[0]",
                    "print(tokenizer.decode(tokens[batch[\"input_ids\"].shape[1]:], skip_special_tokens=True))",
                ], hasOwnTemplate: template.source != nil)
        }
        return TaskCard(
            pipelineTag: "text-generation", answers: "the next tokens of a text",
            batch: ["batch = tokenizer(\"The beginning of a text\", return_tensors=\"pt\")"],
            printing: [
                "tokens = model.generate(input_ids=batch[\"input_ids\"], max_new_tokens=40)[0]",
                "print(tokenizer.decode(tokens))",
            ])
    }

    func givenChat(_ tokenizer: Tokenizer) -> ChatFormat? { template.chat(tokenizer) }

    func tokenized(_ dataset: Dataset, isLabelled: Bool, _ limits: Tokenization) throws -> TokenizedDataset {
        try TokenizedDataset(
            dataset, template.limits(limits), training: parts, keepsEmpty: !isLabelled)
    }

    func predictions(
        _ dataset: Dataset, _ limits: Tokenization, _ options: AnswerOptions,
        read: ShardReading
    ) throws -> [Prediction] {
        let data = try tokenized(dataset, isLabelled: false, limits)
        guard let objective = data.objective as? NextTokenObjective else {
            preconditionFailure("rows of another task")
        }
        let scores = RowResults<LearnedScore>(count: data.count)
        try read(data, [scores]) { scores.put(objective.scores($0), at: $0.members) }
        return scores.all.enumerated().map { row, score in
            let count = Double(objective.count(row))
            var line: JSONObject = ["tokens": JSONValue(data.sequences[row].ids.count)]
            line["learnedTokens"] = JSONValue(objective.count(row))
            line["loss"] = count > 0 ? .number(score.loss / count) : .null
            line["perplexity"] = count > 0 ? .number(exp(score.loss / count)) : .null
            return Prediction(line, truncatedTokens: data.truncated[row])
        }
    }
}
