import AdapterTools
import ArgumentParser
import Datasets
import Foundation
import Messages
import ModelFiles
import Reports
import RunConfiguration
import Runs
import Tasks
import Training

struct DataShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a row as the tokens that a language model learns.",
        discussion: """
            What the model learns to say is marked: in colour on a terminal, else between « and ». Control tokens are shown \
            by name. --tokens lists one token a line.
            """)

    @Argument(help: "Rows, as for train.") var file: String
    @Option(help: "Which row, from 1.") var row = 1
    @Option(help: "The pretrained model: a folder or a GGUF file.") var model: String
    @Option(
        name: .customLong("train-on"), help: "What of a conversation is learned: all, answers or last-answer."
    )
    var trainOn: TrainedParts = .answers
    @Option(name: .customLong("chat-template"), help: "File of a chat template (Jinja).", completion: .file())
    var chatTemplate: String?
    @Option(name: .customLong("text-column"), help: "Column of the text.") var textColumn: String?
    @Flag(help: "One token a line: id, whether it is learned, name.") var tokens = false
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard row > 0 else { throw ValidationError("--row counts from 1, not \(row)") }
        guard !tokens || !json else { throw ValidationError("give --tokens or --json, not both") }
    }

    func run() throws {
        try Failure.run {
            let rows = try Dataset.read(
                URL(fileURLWithPath: file), form: .conversations, columns: Columns.parse(textColumn, nil),
                requireLabels: false)
            guard row <= rows.examples.count else {
                throw TrainingError(
                    .usage, "\(file) has \(rows.examples.count) rows; there is no row \(row)")
            }
            let loaded = try LoadedModel(URL(fileURLWithPath: model), maxLength: 1)
            for warning in rows.warnings + loaded.warnings { Terminal.error("warning: \(warning)") }
            let chat = try chatTemplate.map {
                try ChatFormat.read(URL(fileURLWithPath: $0), loaded.tokenizer)
            }
            let limits = Tokenization(
                tokenizer: loaded.tokenizer, maxLength: .max, longRows: .truncate, chat: chat ?? loaded.chat)
            let shown = try ShownRow.of(rows.examples[row - 1], in: rows, limits, training: trainOn)
            if json { return Terminal.output(Self.json(shown).text()) }
            Terminal.output(tokens ? Self.list(shown) : Self.text(shown, Terminal.style))
            Terminal.error(Self.summary(shown, line: rows.examples[row - 1].line))
        }
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
        if row.spelledControls > 0 {
            parts.append("\(row.spelledControls) control tokens spelled in messages stay plain text")
        }
        return parts.joined(separator: "; ")
    }

    /// Runs of learned tokens and others, in turn.
    private static func text(_ row: ShownRow, _ style: Style) -> String {
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

    private static func list(_ row: ShownRow) -> String {
        row.tokens.enumerated().map { place, token in
            let mark = token.isLearned && place > 0 ? "+" : " "
            let id = String(token.id)
            return String(repeating: " ", count: max(0, 7 - id.count))
                + "\(id) \(mark) \(oneLine(token.name, limit: 200))"
        }.joined(separator: "\n")
    }

    private static func json(_ row: ShownRow) -> JSONValue {
        .object([
            "tokens": .array(
                row.tokens.enumerated().map { place, token in
                    .object([
                        "id": JSONValue(Int(token.id)), "token": .string(token.name),
                        "learned": .bool(token.isLearned && place > 0), "control": .bool(token.isControl),
                    ])
                }), "learned": JSONValue(row.learnedCount),
        ])
    }
}

extension TrainedParts: ExpressibleByArgument {}
