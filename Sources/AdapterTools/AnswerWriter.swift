import Datasets
import Messages
import ModelFiles
import Tasks

/// How answers are written.
package enum AnswerFormat: String, CaseIterable, Sendable {
    /// An object a line
    case jsonl
    /// Tables with a header. A field that holds the delimiter, a quote or a line end is quoted, quotes in it doubled (RFC
    /// 4180); with tabs too, as spreadsheets and pandas read them.
    case csv, tsv

    fileprivate var separator: String { self == .tsv ? "\t" : "," }
}

/// Answers as text, whole lines at a time.
package struct AnswerWriter {
    private let format: AnswerFormat
    private let reportsProblems: Bool
    /// Members of answers, and of rows without one
    private let members: [String]
    private let labels: [String]
    /// Between the labels of a row in a table; nil where these are no set, or one of them has it in its name.
    private let labelSeparator: String?
    /// Of a table, once it is known
    private var kept: [String]?
    /// Columns of rows, and how they are called beside an answer
    private var names: [String: String] = [:]
    /// Columns of rows that a table has no place for, each with the first row of it.
    private var surplus: [(name: String, line: Int)] = []

    /// - Parameters:
    ///   - task: what answers.
    ///   - reportsProblems: whether a bad row has a line of its own.
    package init(_ format: AnswerFormat, for task: any LearningTask, reportsProblems: Bool) {
        self.format = format
        self.reportsProblems = reportsProblems
        members = type(of: task).answerMembers
        labels = task.record.labels
        let isSet = if case .labelSets = type(of: task).rowForm(labelSeparator: nil) { true } else { false }
        labelSeparator = isSet && !labels.contains(where: { $0.contains("|") }) ? "|" : nil
    }

    private static let problemMembers = ["error", "line"]

    /// Names that columns of rows cannot have beside an answer.
    private var taken: [String] {
        members + (reportsProblems ? Self.problemMembers : []) + (format == .jsonl ? [] : answerColumns)
    }

    private var answerColumns: [String] {
        members.flatMap { member in
            member == Prediction.probabilities ? labels.map { "probability_\($0)" } : [member]
        }
    }

    /// A line for each answer and each problem that is told, with a header before the first of a table.
    ///
    /// - Parameter kept: names of the columns that stand beside answers, as far as they are known.
    package mutating func text(_ answers: [RowAnswer], kept names: [String]?) -> String {
        var text = ""
        for answer in answers {
            let kept = renamed(answer.row.kept)
            switch answer.outcome {
            case .answer(let prediction): text += line(kept, prediction.line, nil, answer.row.line, names)
            case .problem(let problem) where reportsProblems:
                text += line(kept, JSONObject(), problem.text, answer.row.line, names)
            case .problem: break
            }
        }
        return text
    }

    /// What a person should know of what was written.
    package var notes: [String] {
        let renamed = names.filter { $0.key != $0.value && !$0.value.isEmpty }.sorted { $0.key < $1.key }.map
        {
            "the rows' column \(visibleName($0.key)) is written as \(visibleName($0.value)): answers have one of that name"
        }
        let lost = surplus.map {
            "column \(visibleName($0.name)), first at line \($0.line), is not written: the first row does not have it; "
                + "name it with \(SettingName.keep), or write jsonl"
        }
        return renamed + lost
    }

    private mutating func line(
        _ kept: JSONObject, _ answer: JSONObject, _ problem: String?, _ line: Int, _ names: [String]?
    ) -> String {
        var row = kept
        for (key, value) in answer.members { row[key] = value }
        if let problem {
            row["error"] = .string(problem)
            row["line"] = JSONValue(line)
        }
        if format == .jsonl { return JSONValue.object(row).text() + "\n" }
        var text = ""
        if self.kept == nil {
            self.kept = (names ?? []).compactMap { rename($0) }
            text = record((self.kept ?? []) + answerColumns + (reportsProblems ? Self.problemMembers : []))
        }
        let columns = self.kept ?? []
        for key in kept.keys where !columns.contains(key) && !surplus.contains(where: { $0.name == key }) {
            surplus.append((key, line))
        }
        return text
            + record(
                columns.map { cell(row[$0]) } + cells(answer)
                    + (reportsProblems ? Self.problemMembers.map { cell(row[$0]) } : []))
    }

    private func cells(_ answer: JSONObject) -> [String] {
        members.flatMap { member in
            guard member == Prediction.probabilities else { return [cell(answer[member], of: member)] }
            let probabilities = answer[member]
            return labels.map { cell(probabilities?[$0]) }
        }
    }

    private func cell(_ value: JSONValue?, of member: String? = nil) -> String {
        switch value {
        case nil, .null: return ""
        case .string(let text)?: return text
        case .array(let values)?:
            if let labelSeparator, member == "labels" {
                return values.compactMap(\.string).joined(separator: labelSeparator)
            }
            return JSONValue.array(values).text()
        case let value?: return value.text()
        }
    }

    private func record(_ fields: [String]) -> String {
        let separator = UInt8(ascii: format == .tsv ? "\t" : ",")
        let quoted = fields.map { field in
            let needsQuotes = field.utf8.contains {
                $0 == separator || $0 == UInt8(ascii: "\"") || $0 == 0x0A || $0 == 0x0D
            }
            return needsQuotes ? "\"" + field.replacing("\"", with: "\"\"") + "\"" : field
        }
        return quoted.joined(separator: format.separator) + "\n"
    }

    private mutating func renamed(_ kept: JSONObject) -> JSONObject {
        if kept.isEmpty { return kept }
        var columns = JSONObject()
        for (key, value) in kept.members {
            if let name = rename(key) { columns[name] = value }
        }
        return columns
    }

    /// nil for what an answer has from the row already.
    private mutating func rename(_ column: String) -> String? {
        if let known = names[column] { return known.isEmpty ? nil : known }
        // A question's own.
        if column == "id", members.contains("id") {
            names[column] = ""
            return nil
        }
        var name = column
        while taken.contains(name) || names.values.contains(name) { name = "input_" + name }
        names[column] = name
        return name
    }
}
