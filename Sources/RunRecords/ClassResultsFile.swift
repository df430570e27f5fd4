import Foundation
import ModelFiles

/// Writes and reads a run folder's `classes.json`.
package enum ClassResultsFile {
    private static let format = 1
    private static let byteLimit = 256 << 20
    /// As many classes as labels may be.
    private static let mostClasses = 10_000
    /// Of the largest file of cells the sum stays below 2^63.
    private static let mostRows = 1 << 31

    /// Aside, synced and renamed.
    package static func write(_ results: ClassResults, to folder: RunFolder) throws {
        let json: JSONObject = [
            "format": JSONValue(format), "evaluations": .array(results.evaluations.map(json)),
        ]
        try AtomicFile.write(Data(JSONValue.object(json).text().utf8), to: folder.classes)
    }

    private static func json(_ evaluation: ClassResults.Evaluation) -> JSONValue {
        .object([
            "step": JSONValue(evaluation.step), "isBest": .bool(evaluation.isBest),
            "classes": .array(
                evaluation.classes.map {
                    .object([
                        "name": .string($0.name), "support": JSONValue($0.support),
                        "predicted": JSONValue($0.predicted), "correct": JSONValue($0.correct),
                    ])
                }),
            "confusion": evaluation.confusion.map { cells in
                .array(
                    cells.map {
                        .array([JSONValue($0.truth), JSONValue($0.answer), JSONValue($0.count)])
                    })
            } ?? .null,
        ])
    }

    /// nil where there is no such file. Throws `RecordError` where it is none that `write` makes.
    package static func read(_ folder: RunFolder) throws(RecordError) -> ClassResults? {
        let file = folder.classes
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        let json: JSONValue
        do {
            let size = try FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int ?? 0
            guard size <= byteLimit else {
                throw fault(file, "the file has \(size) bytes, the limit is \(byteLimit)")
            }
            let data = try Data(contentsOf: file)
            let limits = JSONLimits(
                depth: 8, byteCount: byteLimit, values: byteLimit / 4, textBytes: byteLimit)
            json = try data.withUnsafeBytes { try JSONValue.parse($0, limits: limits) }
        } catch let error as RecordError {
            throw error
        } catch let error as JSONError {
            throw fault(file, "not JSON at byte \(error.offset): \(error.problem)")
        } catch {
            throw RecordError(
                kind: .unreadable, place: file.path, problem: "the file cannot be read",
                advice: "check that it is a file, and its permissions")
        }
        do throws(Fault) {
            return try results(json)
        } catch {
            throw fault(file, error.problem)
        }
    }

    private static func fault(_ file: URL, _ problem: String) -> RecordError {
        RecordError(
            place: file.path, problem: problem,
            advice: "restore the file, or delete it: the report does without it")
    }

    private struct Fault: Error {
        let problem: String

        init(_ problem: String) { self.problem = problem }
    }

    private static func results(_ json: JSONValue) throws(Fault) -> ClassResults {
        guard json["format"]?.int == format else {
            throw Fault("key 'format' is not \(format): another version of adalora wrote it")
        }
        guard let list = json["evaluations"]?.array, list.count <= 2 else {
            throw Fault("key 'evaluations' should be an array of at most two objects")
        }
        var evaluations: [ClassResults.Evaluation] = []
        for value in list { evaluations.append(try evaluation(value)) }
        if evaluations.count == 2 {
            guard evaluations[0].isBest, !evaluations[1].isBest, evaluations[0].step < evaluations[1].step
            else {
                throw Fault("of two evaluations the first should be the best, and the second a later one")
            }
        }
        return ClassResults(evaluations)
    }

    private static func evaluation(_ json: JSONValue) throws(Fault) -> ClassResults.Evaluation {
        guard let step = json["step"]?.int, (0...EventLine.Limit.step).contains(step) else {
            throw Fault("key 'step' should be a step")
        }
        guard let isBest = json["isBest"]?.bool else { throw Fault("key 'isBest' should be true or false") }
        guard let values = json["classes"]?.array, (1...mostClasses).contains(values.count) else {
            throw Fault("key 'classes' should be an array of 1 to \(mostClasses) objects")
        }
        var classes: [ClassResults.ClassCounts] = []
        for value in values { classes.append(try counts(value)) }
        guard let confusion = json["confusion"] else { throw Fault("key 'confusion' is missing") }
        return ClassResults.Evaluation(
            step: step, isBest: isBest, classes: classes,
            confusion: confusion.isNull ? nil : try cells(confusion, classes))
    }

    private static func counts(_ json: JSONValue) throws(Fault) -> ClassResults.ClassCounts {
        func count(_ key: String) throws(Fault) -> Int {
            guard let count = json[key]?.int, (0...mostRows).contains(count) else {
                throw Fault("key '\(key)' of a class should be a count")
            }
            return count
        }
        guard let name = json["name"]?.string else { throw Fault("key 'name' of a class should be a string") }
        let counts = ClassResults.ClassCounts(
            name: name, support: try count("support"), predicted: try count("predicted"),
            correct: try count("correct"))
        guard counts.correct <= min(counts.support, counts.predicted) else {
            throw Fault("class '\(name.prefix(40))' is right more often than it is true or answered")
        }
        return counts
    }

    /// Cells that add up to what the classes say.
    private static func cells(_ json: JSONValue, _ classes: [ClassResults.ClassCounts]) throws(Fault)
        -> [ClassResults.Cell]
    {
        guard let values = json.array else { throw Fault("key 'confusion' should be an array or null") }
        var cells: [ClassResults.Cell] = []
        var (support, predicted) = (classes.map { _ in 0 }, classes.map { _ in 0 })
        var correct = support
        for value in values {
            let numbers = value.array?.compactMap(\.int) ?? []
            guard numbers.count == 3, value.array?.count == 3, classes.indices.contains(numbers[0]),
                classes.indices.contains(numbers[1]), (1...mostRows).contains(numbers[2])
            else { throw Fault("key 'confusion' should hold two positions of classes and a count each") }
            let cell = ClassResults.Cell(truth: numbers[0], answer: numbers[1], count: numbers[2])
            if let last = cells.last, (last.truth, last.answer) >= (cell.truth, cell.answer) {
                throw Fault("key 'confusion' should go by truth, then by answer, each cell once")
            }
            support[cell.truth] += cell.count
            predicted[cell.answer] += cell.count
            if cell.truth == cell.answer { correct[cell.truth] += cell.count }
            cells.append(cell)
        }
        guard support == classes.map(\.support), predicted == classes.map(\.predicted),
            correct == classes.map(\.correct)
        else { throw Fault("key 'confusion' does not add up to the counts of the classes") }
        return cells
    }
}
