import Datasets
import ModelFiles
import Tokenizers
import Transformers

/// Which of several choices answers a question, by their log-likelihoods behind it, as in EleutherAI's
/// lm-evaluation-harness. What is learned is to say the right one; the wrong ones do not train.
struct MultipleChoiceTask: LearningTask {
    static let name = "multiple-choice"
    static let metrics: [Metric] = [.accuracyNormalized, .accuracy]
    static let settings: Set = ["text-column", "label-column", "chat-template"]
    static let usualMaxLength = 512
    static var fixedOutputs: Int? { 0 }
    static func headForm(_ pooling: Pooling) -> HeadForm { .vocabulary }
    static func rowForm(labelSeparator: String?) -> RowForm { .choices }
    static let answerMembers = [
        "id", "answer", "name", "choice", "logLikelihoods", "normalized", Prediction.truncatedTokens,
    ]
    static let details = [
        TaskDetail(QuestionForm.key, isRequired: false) {
            $0.string.flatMap(QuestionForm.init(rawValue:)) != nil
        },
        RememberedTemplate.detail,
    ]
    /// Another program's language model is one of all texts.
    static func answers(problemType: String, outputs: Int) -> Bool { false }
    static func tally(_ dataset: Dataset) -> LabelTally {
        let answered = dataset.examples.count { $0.choices?.answer != nil }
        return .answers(answered: answered, unanswered: dataset.examples.count - answered)
    }
    static func findings(_ files: [Dataset]) -> [DataFinding] { files.flatMap { $0.choiceFindings() } }
    static func oddities(_ file: Dataset) -> [DataFinding] { [] }

    /// nil leaves it to whether the model has a chat template.
    private let form: QuestionForm?
    private let template: RememberedTemplate

    init(learningFrom dataset: Dataset, _ settings: TaskSettings) throws {
        template = RememberedTemplate(settings)
        form = template.source != nil || settings.isChatModel ? .chat : .plain
    }

    init(_ record: TaskRecord) throws {
        form = record.details[QuestionForm.key]?.string.flatMap(QuestionForm.init(rawValue:))
        template = RememberedTemplate(record)
    }

    var record: TaskRecord {
        var details = JSONObject()
        details[QuestionForm.key] = form.map { .string($0.rawValue) }
        template.write(into: &details)
        return TaskRecord(kind, details: details)
    }
    /// The head's columns are the model's words.
    var outputs: Int { 0 }

    func card(_ rows: TaskCard.Rows) -> TaskCard {
        let written =
            form == .chat
            ? [
                "    asked = [{\"role\": \"user\", \"content\": question}]",
                "    prompt = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)",
                "    asked.append({\"role\": \"assistant\", \"content\": choice})",
                "    text = tokenizer.apply_chat_template(asked, tokenize=False).rstrip()",
            ]
            : [
                "    prompt = f\"Question: {question}\\nAnswer:\"",
                "    text = prompt + \" \" + choice",
            ]
        let special = form == .chat ? ", add_special_tokens=False" : ""
        return TaskCard(
            pipelineTag: "text-generation", answers: "which of several choices answers a question",
            batch: ["question, choices = \"Which of these is a number?\", [\"seven\", \"a tree\"]"],
            printing: ["scores = []", "for choice in choices:"] + written + [
                "    before = len(tokenizer(prompt\(special))[\"input_ids\"])",
                "    ids = tokenizer(text\(special), return_tensors=\"pt\")[\"input_ids\"]",
                "    labels = ids.clone()",
                "    labels[:, :before] = -100  # only the choice counts",
                "    loss = model(input_ids=ids, labels=labels).loss.item()",
                "    scores.append(-loss * (ids.shape[1] - before) / len(choice))",
                "print(choices[scores.index(max(scores))])",
            ], hasOwnTemplate: form == .chat && template.source != nil)
    }

    func givenChat(_ tokenizer: Tokenizer) -> ChatFormat? { template.chat(tokenizer) }

    private func rows(_ dataset: Dataset, _ given: Tokenization) throws -> ChoiceRows {
        var limits = given
        limits.chat = givenChat(given.tokenizer) ?? given.chat
        return try ChoiceRows(dataset, limits, form ?? (limits.chat == nil ? .plain : .chat))
    }

    func learned(_ dataset: Dataset, _ limits: Tokenization) throws -> TokenizedDataset {
        try rows(dataset, limits).learned()
    }

    func tokenized(_ dataset: Dataset, isLabelled: Bool, _ limits: Tokenization) throws -> TokenizedDataset {
        try rows(dataset, limits).asked()
    }

    func predictions(
        _ dataset: Dataset, _ limits: Tokenization, _ options: AnswerOptions,
        read: ShardReading
    ) throws -> [Prediction] {
        let rows = try rows(dataset, limits)
        let data = try rows.asked()
        guard let objective = data.objective as? ChoiceObjective else {
            preconditionFailure("rows of another task")
        }
        let losses = RowResults<Double>(count: data.count)
        try read(data, [losses]) { losses.put(objective.words.scores($0).map(\.loss), at: $0.members) }
        let all = losses.all
        return rows.questions.map { question in
            let answer = ChoiceAnswer(question, losses: all)
            let chosen = ChoiceAnswer.best(answer.normalized)
            var line = JSONObject()
            line["id"] = question.name.map { .string($0) }
            line["answer"] = JSONValue(chosen)
            line["name"] = question.choices.names.map { .string($0[chosen]) }
            line["choice"] = .string(question.choices.choices[chosen])
            line["logLikelihoods"] = .array(answer.logLikelihoods.map { .number($0) })
            line["normalized"] = .array(answer.normalized.map { .number($0) })
            return Prediction(line, truncatedTokens: question.cut)
        }
    }
}
