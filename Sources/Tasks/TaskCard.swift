/// What the card of an exported model says of its task, to the Hub, to people, and as lines of Python.
package struct TaskCard: Sendable {
    /// The Hub's name of such models
    package let pipelineTag: String
    /// What it gives: `one of 3 labels for each text`
    package let answers: String
    /// Makes `batch` out of rows, by `tokenizer`
    package let batch: [String]
    /// Prints answers, where the model has been run on `batch`: from its `logits` and the `labels`, or whatever models
    /// with such a head give.
    package let printing: [String]
    /// The adapter's own chat template, in `adalora.json`, takes the place of the tokenizer's.
    package var hasOwnTemplate = false

    /// A batch of images, by `processor`
    static let imageBatch = [
        "images = [Image.open(\"image.jpg\").convert(\"RGB\")]",
        "batch = processor(images, return_tensors=\"pt\")",
    ]

    /// What a row holds, and how much of it is read.
    package struct Rows: Sendable {
        package let maxLength: Int
        package let isPair: Bool

        package init(maxLength: Int, isPair: Bool) { (self.maxLength, self.isPair) = (maxLength, isPair) }

        /// `each text`
        var each: String { isPair ? "each pair of texts" : "each text" }

        /// A batch of whole texts
        var batch: [String] {
            let cut = "padding=True, truncation=True, max_length=\(maxLength), return_tensors=\"pt\""
            return isPair
                ? [
                    "texts, others = [\"a text\"], [\"the text beside it\"]",
                    "batch = tokenizer(texts, others, \(cut))",
                ] : ["texts = [\"a text\"]", "batch = tokenizer(texts, \(cut))"]
        }
    }
}
