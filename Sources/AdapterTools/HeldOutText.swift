import Datasets
import Foundation
import Messages
import ModelFiles
import Tasks
import Tokenizers
import Training

/// A text that nobody learns, by which models are compared: what a run's model forgets, what rounding costs.
package struct HeldOutText {
    /// Rows of at least two tokens; all but the first are predicted.
    package let rows: [[Int32]]
    /// How much of the text it is: `all 812 tokens of page.txt`
    package let extent: String
    package let warnings: [String]

    /// Enough to tell a hundredth of a nat, and little beside an evaluation.
    static let mostTokens = 4_096
    private static let mostLines = 256
    private static let byteLimit = 256 << 20
    /// Of a plain text as much as surely suffices is made tokens.
    private static let mostCharacters = 32 * mostTokens

    /// - Parameters:
    ///   - maxLength: of a row, in tokens; longer ones are cut into several.
    ///   - setting: that names the text, for messages.
    package init(_ path: String, loaded: LoadedModel, maxLength: Int, for setting: SettingName) throws {
        let (texts, warnings) = try Self.texts(path, setting)
        let writer = RowPrompts(tokenizer: loaded.tokenizer, chat: nil)
        // What the model wants before every text.
        let start = writer.ids("")
        var rows: [[Int32]] = []
        var (left, isCut) = (Self.mostTokens, false)
        for text in texts {
            guard left > 1 else {
                isCut = true
                break
            }
            let ids = writer.ids(text)
            let body = ids.starts(with: start) ? ids.dropFirst(start.count) : ids[...]
            let prefix = ids.starts(with: start) ? start : []
            var place = body.startIndex
            while place < body.endIndex, left > 1 {
                let count = min(max(1, min(maxLength, left) - prefix.count), body.endIndex - place)
                let row = prefix + body[place..<place + count]
                place += count
                // Of one token nothing is predicted.
                if row.count > 1 { rows.append(row) }
                left -= row.count
            }
            isCut = isCut || place < body.endIndex
        }
        guard !rows.isEmpty else {
            throw TrainingError(
                "\(path): the text has no two tokens for this model; give \(setting) a text of some pages"
            )
        }
        self.rows = rows
        self.warnings = warnings
        let count = Figures.grouped(rows.reduce(0) { $0 + $1.count })
        extent = "\(isCut ? "the first" : "all") \(count) tokens of \(path)"
    }

    /// The first texts of a file, those of a plain one by its lines; at least one.
    static func lines(of path: String, for setting: SettingName) throws -> (
        lines: [String], warnings: [String]
    ) {
        let (texts, warnings) = try texts(path, setting)
        let lines = texts.lazy.flatMap { $0.split(whereSeparator: \.isNewline) }.map(String.init).filter {
            $0.contains { !$0.isWhitespace }
        }.prefix(mostLines)
        guard !lines.isEmpty else {
            throw TrainingError("\(path): there is no text; give \(setting) a text of some lines")
        }
        return (Array(lines), warnings)
    }

    private static func texts(_ path: String, _ setting: SettingName) throws -> (
        texts: [String], warnings: [String]
    ) {
        let url = URL(fileURLWithPath: path)
        if url.pathExtension.lowercased() == "txt" {
            let text = try FileBytes.text(
                url, byteLimit: byteLimit,
                advice: "give a smaller text: its first \(mostTokens) tokens are read")
            return ([String(text.prefix(mostCharacters))], [])
        }
        let data = try Dataset.read(url, form: .conversations, columns: ColumnNames(), requireLabels: false)
        let texts = try data.examples.map { example in
            guard let conversation = example.conversation else { return example.text }
            guard conversation.messages.isEmpty else {
                throw TrainingError(
                    .usage,
                    "\(data.file):\(example.line): the row is a conversation; \(setting) reads plain text: give "
                        + "rows with text, or a .txt file")
            }
            return conversation.text
        }
        return (texts, data.warnings)
    }
}
