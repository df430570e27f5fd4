import ModelFiles
import Tasks

/// The answer to one row. Which members it has depends on the task.
public struct Prediction: Sendable, Equatable {
    /// All that is told, as the line that `adalora predict` writes
    public let json: String
    /// Classification: the most probable label
    public let label: String?
    /// Classification: of that label
    public let probability: Double?
    /// Classification and multi-label: of each label, from 0 to 1; empty for other tasks
    public let probabilities: [String: Double]
    /// Regression: the number. Question answering: what decides which passage answers.
    public let score: Double?
    /// Multi-label: the labels given. Token classification: the tag of each word.
    public let labels: [String]
    /// Question answering: the passage, empty for none
    public let answer: String?
    /// Multiple choice: the position of the answer, from 0
    public let choice: Int?
    /// Causal language model: the mean loss of the tokens that the row teaches
    public let loss: Double?
    /// Whether the row was longer than the adapter's longest row, and cut
    public let isCut: Bool

    init(_ prediction: Tasks.Prediction) {
        let line = prediction.line
        json = JSONValue.object(line).text()
        label = line["label"]?.string
        probability = line["probability"]?.double
        var probabilities: [String: Double] = [:]
        for (name, value) in line[Tasks.Prediction.probabilities]?.object?.members ?? [] {
            probabilities[name] = value.double
        }
        self.probabilities = probabilities
        score = line["score"]?.double
        labels = line["labels"]?.array?.compactMap(\.string) ?? []
        choice = line["choice"] == nil ? nil : line["answer"]?.int
        answer = line["choice"] == nil ? line["answer"]?.string : line["choice"]?.string
        loss = line["loss"]?.double
        isCut = prediction.isCut
    }
}
