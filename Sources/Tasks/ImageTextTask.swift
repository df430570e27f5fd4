import Datasets
import ModelFiles
import Transformers

/// Which text belongs to which image, by a model of two towers.
struct ImageTextTask: LearningTask {
    static let name = "image-text"
    static let metrics = Retrieval.metrics
    static let readsImages = true
    static let usualMaxLength = 64
    static let settings: Set = ["text-column", "image-flip", "image-crop"]
    static var fixedOutputs: Int? { 0 }
    static func headForm(_ pooling: Pooling) -> HeadForm { .pair }
    static func rowForm(labelSeparator: String?) -> RowForm { .captionedImages }
    static let answerMembers = ["logit", "textRank", "imageRank", Prediction.truncatedTokens]

    static func tally(_ dataset: Dataset) -> LabelTally { LabelTally(captionsOf: dataset) }
    static func oddities(_ file: Dataset) -> [DataFinding] { [] }

    init(learningFrom dataset: Dataset, _ settings: TaskSettings) throws {}
    init(_ record: TaskRecord) throws {}

    var record: TaskRecord { TaskRecord(kind) }
    /// The head's columns are those of the towers.
    var outputs: Int { 0 }

    func card(_ rows: TaskCard.Rows) -> TaskCard {
        TaskCard(
            pipelineTag: "zero-shot-image-classification",
            answers: "how well each text describes each image",
            batch: [
                "texts, images = [\"what one shows\", \"what another shows\"], [Image.open(\"image.jpg\").convert(\"RGB\")]",
                "batch = processor(text=texts, images=images, padding=\"max_length\", return_tensors=\"pt\")",
            ],
            printing: ["print(model(**batch).logits_per_image.tolist())"])
    }

    func learned(_ dataset: Dataset, _ limits: Tokenization) throws -> TokenizedDataset {
        try TokenizedDataset(pairs: dataset, limits, isTraining: true)
    }

    func tokenized(_ dataset: Dataset, isLabelled: Bool, _ limits: Tokenization) throws -> TokenizedDataset {
        let data = try TokenizedDataset(pairs: dataset, limits, isTraining: false)
        return isLabelled ? data : data.unasked
    }

    /// The logit of each row's text and image, and where each stands among all texts or images of these rows.
    func predictions(
        _ dataset: Dataset, _ limits: Tokenization, _ options: AnswerOptions,
        read: ShardReading
    ) throws -> [Prediction] {
        let data = try TokenizedDataset(pairs: dataset, limits, isTraining: false)
        guard let objective = data.objective as? ImageTextObjective else {
            preconditionFailure("rows of another task")
        }
        let rows = RowResults<[Float]>(count: data.count)
        try read(data, [rows]) { rows.put($0.valuesOfRows, at: $0.members) }
        try data.checkImages()
        let retrieval = Retrieval(rows.all, texts: objective.texts, images: objective.images)
        return (0..<data.count).map { row in
            var line: JSONObject = ["logit": .number(Double(retrieval.logits[row]))]
            line["textRank"] = JSONValue(retrieval.textRanks[row])
            line["imageRank"] = JSONValue(retrieval.imageRanks[row])
            return Prediction(line, truncatedTokens: data.truncated[row])
        }
    }
}
