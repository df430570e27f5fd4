import Datasets
import Foundation
import Messages
import ModelFiles
import Tasks

/// The rows that an evaluation found answered wrongly, as JSON Lines.
enum WrongRowsFile {
    /// - Parameters:
    ///   - wrong: by their places in `dataset`, no row of which was left out.
    ///   - labels: of the model.
    static func write(
        _ wrong: [WrongRow], of dataset: Dataset, _ task: TaskKind, labels: [String], to url: URL
    )
        throws
    {
        var text = ""
        for row in wrong {
            text += JSONValue.object(line(row, dataset.examples[row.row], task, labels)).text() + "\n"
        }
        try ParentFolders.making(for: url) { try AtomicFile.write(Data(text.utf8), to: url) }
    }

    private static func line(_ row: WrongRow, _ example: Example, _ task: TaskKind, _ labels: [String])
        -> JSONObject
    {
        func names(_ classes: [Int32]) -> JSONValue {
            let names = classes.map { JSONValue.string(labels[Int($0)]) }
            return task.hasLabelSets ? .array(names) : names[0]
        }
        var line: JSONObject = ["line": JSONValue(example.line), "text": .string(example.text)]
        if let pair = example.pair { line["pair"] = .string(pair) }
        line["truth"] = names(row.truth)
        line["answer"] = names(row.answer)
        var probabilities = JSONObject()
        for shown in row.probabilities {
            probabilities[labels[Int(shown.label)]] = .number(shown.probability)
        }
        line["probabilities"] = .object(probabilities)
        return line
    }
}
