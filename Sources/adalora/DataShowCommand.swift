import AdapterTools
import ArgumentParser
import Datasets
import Foundation
import Messages
import ModelFiles
import Reports
import RunConfiguration
import Tasks
import Training

struct DataShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a row as a model reads it.",
        discussion: """
            What the model learns to say is marked: in colour on a terminal, else between « and ». Control tokens are shown \
            by name. --tokens lists one token a line. Of --task multiple-choice each choice is shown behind its question, \
            marked where it is scored; the right one is learned. Of images the file is described, and the values that the model \
            reads of it.
            """)

    @Argument(help: "Rows, as for train.") var file: String
    @Option(help: "Which row, from 1.") var row = 1
    @Option(help: "The pretrained model: a folder or a GGUF file.") var model: String
    @Option(help: "What is learned: \(shownTasks.joined(separator: " or ")).") var task = shownTasks[0]
    @Option(
        name: .customLong("train-on"),
        help: "What of a conversation is learned: all, answers or last-answer (default: answers)."
    )
    var trainOn: TrainedParts?
    @Option(name: .customLong("chat-template"), help: "File of a chat template (Jinja).", completion: .file())
    var chatTemplate: String?
    @Option(
        name: .customLong("text-column"), help: "Column of the text; of choices two: question,choices.")
    var textColumn: String?
    @Option(name: .customLong("label-column"), help: "Column of a question's answer.")
    var labelColumn: String?
    @Flag(help: "One token a line: id, whether it is learned, name.") var tokens = false
    @Flag(help: "Print JSON.") var json = false

    /// Those that language models learn, and those of images.
    private static let shownTasks = TaskKind.allCases.filter {
        let form = $0.rowForm(labelSeparator: nil)
        return [.conversations, .choices].contains(form) || form.isOfImages
    }.map(\.rawValue)

    private var form: RowForm { TaskKind(rawValue: task)?.rowForm(labelSeparator: nil) ?? .conversations }
    private var asksChoices: Bool { form == .choices }

    func validate() throws {
        guard row > 0 else { throw ValidationError("--row counts from 1, not \(row)") }
        guard !tokens || !json else { throw ValidationError("give --tokens or --json, not both") }
        guard Self.shownTasks.contains(task) else {
            throw ValidationError(
                "--task \(task): rows are shown of \(Self.shownTasks.joined(separator: " and ")); see others with adalora data "
                    + "check")
        }
        guard !asksChoices || trainOn == nil else {
            throw ValidationError(
                "--train-on is for conversations; of a question the right choice is learned")
        }
        guard form != .conversations || labelColumn == nil else {
            throw ValidationError("--label-column is for questions with choices (--task multiple-choice)")
        }
        guard !form.isOfImages || (trainOn == nil && chatTemplate == nil && !tokens) else {
            throw ValidationError(
                "--train-on, --chat-template and --tokens are for language models, not for images")
        }
    }

    func run() throws {
        try Failure.run {
            let rows = try Dataset.read(
                URL(fileURLWithPath: file), form: form,
                columns: Columns.parse(textColumn, labelColumn), requireLabels: false)
            guard row <= rows.examples.count else {
                throw TrainingError(
                    .usage, "\(file) has \(rows.examples.count) rows; there is no row \(row)")
            }
            if form.isOfImages {
                for warning in rows.warnings { Terminal.error("warning: \(warning)") }
                let shown = try ShownImage(rows.examples[row - 1], model: URL(fileURLWithPath: model))
                return Terminal.output(json ? shown.json.text() : shown.text)
            }
            let loaded = try LoadedModel(
                URL(fileURLWithPath: model), maxLength: 1, fingerprint: .whenAsked)
            for warning in rows.warnings + loaded.warnings { Terminal.error("warning: \(warning)") }
            let chat = try chatTemplate.map {
                try ChatFormat.read(URL(fileURLWithPath: $0), loaded.tokenizer)
            }
            let limits = Tokenization(
                tokenizer: loaded.tokenizer, maxLength: .max, longRows: .truncate, chat: chat ?? loaded.chat)
            let example = rows.examples[row - 1]
            if asksChoices {
                show(try ShownQuestion.of(example, in: rows, limits), line: example.line)
            } else {
                show(
                    try ShownRow.of(example, in: rows, limits, training: trainOn ?? .answers),
                    line: example.line)
            }
        }
    }

    private func show(_ shown: ShownRow, line: Int) {
        if json { return Terminal.output(ShownText.json(shown).text()) }
        Terminal.output(text(shown))
        Terminal.error(Self.summary(shown, line: line))
    }

    private func show(_ shown: ShownQuestion, line: Int) {
        if json { return Terminal.output(ShownText.json(shown).text()) }
        for (place, choice) in shown.choices.enumerated() {
            let name = choice.name.map { " (\(oneLine($0, limit: 20)))" } ?? ""
            let scored = Figures.counted(choice.row.learnedCount, "scored token")
            Terminal.output(
                "\(choice.isRight ? "*" : " ") choice \(place + 1)\(name), \(scored)"
                    + (choice.isRight ? ", the answer: learned" : ""))
            Terminal.output(text(choice.row) + (place < shown.choices.count - 1 ? "\n" : ""))
        }
        Terminal.error(Self.summary(shown, line: line))
    }

    private func text(_ row: ShownRow) -> String {
        tokens ? ShownText.list(row) : ShownText.text(row, Terminal.style)
    }

    private static func summary(_ row: ShownRow, line: Int) -> String {
        var parts = ["row in line \(line): \(row.tokens.count) tokens, \(row.learnedCount) learned"]
        if row.learnedCount == 0 { parts.append("nothing to learn: training leaves the row out") }
        if row.changedAnswers > 0 {
            parts.append(
                "\(row.changedAnswers) answers not learned, as the template writes them otherwise later")
        }
        if row.endlessAnswers > 0 {
            parts.append(
                "\(row.endlessAnswers) answers end without a control token: the model does not learn where to stop"
            )
        }
        if row.silentAnswers > 0 {
            parts.append("of \(row.silentAnswers) answers the template writes no text")
        }
        if row.spelledControls > 0 {
            parts.append("\(row.spelledControls) control tokens spelled in messages stay plain text")
        }
        return parts.joined(separator: "; ")
    }

    private static func summary(_ question: ShownQuestion, line: Int) -> String {
        let asked = question.form == .chat ? "asked by the chat template" : "asked as plain text"
        let answer =
            question.answer.map { "choice \($0 + 1) is the answer" }
            ?? "no answer is given: nothing to learn, and training refuses the row"
        let spelled = question.choices.reduce(0) { max($0, $1.row.spelledControls) }
        return
            "row in line \(line): \(Figures.counted(question.choices.count, "choice")), \(asked); \(answer)"
            + (spelled > 0 ? "; \(spelled) control tokens spelled in the question stay plain text" : "")
    }
}

/// Rows of tokens in the forms in which they are printed.
private enum ShownText {
    /// Runs of learned tokens and others, in turn.
    static func text(_ row: ShownRow, _ style: Style) -> String {
        var (text, isInside) = ("", false)
        for (place, token) in row.tokens.enumerated() {
            let isLearned = token.isLearned && place > 0
            if isLearned != isInside {
                text += style.color ? (isLearned ? "\u{1B}[1;32m" : "\u{1B}[0m") : (isLearned ? "«" : "»")
                isInside = isLearned
            }
            text += printable(token.isControl ? token.name : token.text)
        }
        if isInside { text += style.color ? "\u{1B}[0m" : "»" }
        return text
    }

    /// Line breaks as they are; what else would steer a terminal is named.
    private static func printable(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map {
            oneLine(String($0), limit: .max)
        }.joined(separator: "\n")
    }

    static func list(_ row: ShownRow) -> String {
        row.tokens.enumerated().map { place, token in
            let mark = token.isLearned && place > 0 ? "+" : " "
            let id = String(token.id)
            return String(repeating: " ", count: max(0, 7 - id.count))
                + "\(id) \(mark) \(oneLine(token.name, limit: 200))"
        }.joined(separator: "\n")
    }

    static func json(_ row: ShownRow) -> JSONValue {
        .object(["tokens": tokens(row, "learned"), "learned": JSONValue(row.learnedCount)])
    }

    static func json(_ question: ShownQuestion) -> JSONValue {
        let choices = question.choices.map { choice in
            JSONValue.object([
                "choice": .string(choice.text), "name": choice.name.map { .string($0) } ?? .null,
                "right": .bool(choice.isRight), "tokens": tokens(choice.row, "scored"),
                "scored": JSONValue(choice.row.learnedCount),
            ])
        }
        return .object([
            "form": .string(question.form.rawValue),
            "answer": question.answer.map { JSONValue($0) } ?? .null, "choices": .array(choices),
        ])
    }

    private static func tokens(_ row: ShownRow, _ mark: String) -> JSONValue {
        .array(
            row.tokens.enumerated().map { place, token in
                .object([
                    "id": JSONValue(Int(token.id)), "token": .string(token.name),
                    mark: .bool(token.isLearned && place > 0), "control": .bool(token.isControl),
                ])
            })
    }
}

extension TrainedParts: ExpressibleByArgument {}
