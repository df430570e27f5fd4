import Foundation
import ModelFiles
import Testing

/// A small data set that a tiny model can learn, for each task beside classification.
struct TaskData: Sendable, CustomTestStringConvertible {
    let task: String
    /// The extension of the files.
    let format: String
    let train: String
    let validation: String
    let options: [String]
    /// What the trained model must reach and an untrained one must not.
    let metric: String
    let threshold: Double
    let peftTask: String
    let architecture: String
    let problemType: String?

    var testDescription: String { task }

    static let all = [multiLabel, tokens, questions]

    private static let places = ["film", "book", "song", "meal", "show"]

    private static func json(_ members: JSONObject) -> String { JSONValue.object(members).text() + "\n" }

    private static func strings(_ values: [String]) -> JSONValue { .array(values.map { .string($0) }) }

    /// A label for each of three words that may stand in a row; none for some rows.
    static let multiLabel: TaskData = {
        func rows(_ count: Int, from first: Int) -> String {
            (first..<first + count).map { index in
                let words = ["good", "bad", "plain"].enumerated().filter { index >> $0.offset & 1 == 1 }
                return json([
                    "text": .string(
                        "the \(places[index / 8 % 5]) was very \(words.map(\.element).joined(separator: " ")) \(index / 40)"
                    ),
                    "labels": strings(words.map { ["up", "down", "flat"][$0.offset] }),
                ])
            }.joined()
        }
        return TaskData(
            task: "multi-label", format: "jsonl", train: rows(80, from: 0), validation: rows(40, from: 80),
            options: [], metric: "micro-f1", threshold: 0.9, peftTask: "SEQ_CLS",
            architecture: "BertForSequenceClassification", problemType: "multi_label_classification")
    }()

    /// A number with its unit and a thing are spans; letters in between are words of several tokens.
    static let tokens: TaskData = {
        func sentence(_ index: Int) -> [(String, String)] {
            let filler = index % 2 == 0 ? "cabs" : "cab"
            var words = [("the", "O"), (places[index % 5], "B-THING"), ("was", "O"), (filler, "O")]
            if index % 3 > 0 { words += [("\(index % 10)", "B-NUM")] }
            if index % 3 > 1 {
                words += [(["great", "happy", "poor"][index / 10 % 3], "I-NUM"), ("very", "O")]
            } else if index % 4 == 0 {
                words.reverse()
            }
            return words
        }
        func conll(_ range: Range<Int>) -> String {
            range.map { sentence($0).map { "\($0.0)\t\($0.1)\n" }.joined() }.joined(separator: "\n")
        }
        return TaskData(
            task: "token-classification", format: "conll", train: conll(0..<80),
            validation: conll(80..<120), options: [], metric: "f1", threshold: 0.9, peftTask: "TOKEN_CLS",
            architecture: "BertForTokenClassification", problemType: nil)
    }()

    /// The answer is the number in the context, which is longer than a window; every fourth has none.
    static let questions: TaskData = {
        func row(_ index: Int) -> String {
            var words = (0..<16).map { ["the", "was", "very", "film", "book"][(index + $0 * $0) % 5] }
            let place = index * 7 % 16
            if index % 4 > 0 { words[place] = "\(index % 10)" }
            let start = words[..<place].reduce(0) { $0 + $1.count + 1 }
            return json([
                "id": .string("q\(index)"), "question": .string("was the \(places[index % 5])"),
                "context": .string(words.joined(separator: " ")),
                "answers": .object([
                    "text": strings(index % 4 > 0 ? ["\(index % 10)"] : []),
                    "answer_start": .array(index % 4 > 0 ? [JSONValue(start)] : []),
                ]),
            ])
        }
        return TaskData(
            task: "question-answering", format: "jsonl", train: (0..<80).map(row).joined(),
            // Windows as import makes them, which knows no stride.
            validation: (80..<120).map(row).joined(), options: ["--max-length", "18", "--stride", "6"],
            metric: "exact-match", threshold: 0.8, peftTask: "QUESTION_ANS",
            architecture: "BertForQuestionAnswering", problemType: nil)
    }()

    func write(to workspace: Workspace) throws {
        try workspace.write(train, to: "task-train.\(format)")
        try workspace.write(validation, to: "task-validation.\(format)")
    }

    func training(output: String, steps: Int, _ more: [String] = []) -> [String] {
        Workspace.training(
            output: output, steps: steps, train: "task-train.\(format)",
            validation: "task-validation.\(format)",
            ["--task", task, "--budget", "24", "--learning-rate", "0.02"] + options + more)
    }

    /// Loss, metrics and classes of a run or folder on the validation rows.
    func evaluation(_ workspace: Workspace, _ folder: String, _ more: [String] = []) throws -> JSONValue {
        let result = try workspace.run(
            ["evaluate", folder, "--data", "task-validation.\(format)", "--json"] + more)
        guard result.status == 0 else { throw CommandFailure(description: result.errors) }
        return try JSONValue.parse(result.output)
    }

    func predictions(_ workspace: Workspace, _ folder: String, _ more: [String] = []) throws -> [JSONValue] {
        let result = try workspace.run(
            ["predict", folder, "--data", "task-validation.\(format)"] + more)
        guard result.status == 0 else { throw CommandFailure(description: result.errors) }
        return try result.output.split(separator: "\n").map { try JSONValue.parse(String($0)) }
    }
}
