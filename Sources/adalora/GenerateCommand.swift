import AdapterTools
import ArgumentParser
import Datasets
import Foundation
import Messages
import ModelFiles
import Tasks
import Training

struct GenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Let a language model go on, with its adapter or without.",
        discussion: """
            For looking at what was learned. A prompt is what a user says, and the answer comes in the model's chat template; \
            with --raw it is a text to go on from. Without a prompt each line of the terminal or of a pipe is a turn of one \
            conversation. The same seed gives the same text.

              adalora generate runs/chat --prompt "What is a lynx?"
              adalora generate --model model.gguf --raw --prompt "Once upon a time"
            """)

    @Argument(
        help: ArgumentHelp("Run folder, or an adapter folder; none for the model alone.", valueName: "run"))
    var folder: String?
    @Option(help: "Base model (default: the one of the training run).") var model: String?
    @Flag(help: "Use the adapter of the last step instead of the best one.") var last = false
    @Option(help: "What the user says, or with --raw the beginning of a text.") var prompt: [String] = []
    @Option(help: "What the system says first.") var system: String?
    @Option(
        help: "File of rows with prompts or messages, JSONL: an answer for each, as a line of JSON.",
        completion: .file())
    var data: String?
    @Flag(help: "Go on from the text itself, without the chat template.") var raw = false
    @Flag(help: "Show what the model says without the adapter, too.") var base = false
    @Option(name: .customLong("max-tokens"), help: "Longest answer in tokens.") var maxTokens = 256
    @Option(help: "0 takes the most probable token; higher values draw more freely.") var temperature = 0.0
    @Option(name: .customLong("top-p"), help: "Draw from the most probable tokens that come to this.")
    var topP = 1.0
    @Option(help: "Seed of what is drawn.") var seed: UInt64 = 42

    func validate() throws {
        guard folder != nil || model != nil else {
            throw ValidationError("give a run or an adapter, or a model with --model")
        }
        guard maxTokens > 0 else {
            throw ValidationError("--max-tokens must be at least 1, not \(maxTokens)")
        }
        guard temperature >= 0, temperature.isFinite else {
            throw ValidationError("--temperature must be 0 or more, not \(temperature)")
        }
        guard topP > 0, topP <= 1 else {
            throw ValidationError("--top-p must be above 0 and at most 1, not \(topP)")
        }
        guard data == nil || prompt.isEmpty else {
            throw ValidationError("give --prompt or --data, not both")
        }
        guard !raw || system == nil else {
            throw ValidationError("--system needs the chat template: leave out --raw")
        }
        guard !base || folder != nil else {
            throw ValidationError("--base compares with an adapter: give a run")
        }
    }

    func run() throws {
        try Failure.run {
            let base = model.map { URL(fileURLWithPath: $0) }
            let speaker: SpeakingModel
            if let folder {
                speaker = try .open(
                    adapter: AdapterFolder(URL(fileURLWithPath: folder), last: last).url, model: base)
            } else if let base {
                speaker = try .open(model: base)
            } else {
                return
            }
            if self.base, let changes = speaker.changes {
                throw TrainingError(
                    .usage,
                    "--base: the adapter changes weights of the model itself (\(changes)), which taking it off leaves; ask the "
                        + "base alone with --model, without a run")
            }
            for warning in speaker.warnings { Terminal.error("warning: \(warning)") }
            if !raw, speaker.chat == nil { try tellMissingTemplate() }
            if let data { return try answer(rows: data, speaker) }
            if !prompt.isEmpty { return try answer(prompts: prompt, speaker) }
            try converse(speaker)
        }
    }

    private func tellMissingTemplate() throws {
        let reason = "the model has no chat template: it was not trained to talk"
        guard system == nil else { throw TrainingError(.usage, "\(reason); leave out --system") }
        Terminal.error("note: \(reason), so that it goes on from prompts as from texts (--raw)")
    }

    private var sampling: Sampling { Sampling(temperature: temperature, topP: topP, seed: seed) }

    private func ids(_ text: String, _ speaker: SpeakingModel) throws -> [Int32] {
        raw || speaker.chat == nil
            ? speaker.prompt(text) : try speaker.prompt(opening + [ChatMessage(.user, text)])
    }

    private var opening: [ChatMessage] { system.map { [ChatMessage(.system, $0)] } ?? [] }

    private func answer(prompts: [String], _ speaker: SpeakingModel) throws {
        for text in prompts {
            if prompts.count > 1 || base { Terminal.output("> \(oneLine(text, limit: 200))") }
            let ids = try checked(ids(text, speaker))
            if base {
                Terminal.output("[base]")
                speaker.asBase { _ = say(ids, speaker) }
                Terminal.output("[tuned]")
            }
            tell(say(ids, speaker))
        }
    }

    private func checked(_ ids: [Int32]) throws -> [Int32] {
        guard !ids.isEmpty else { throw TrainingError(.usage, "the prompt has no token for this model") }
        return ids
    }

    /// Writes the text as it comes.
    private func say(_ ids: [Int32], _ speaker: SpeakingModel) -> TextGenerator.Result {
        let result = speaker.generator.continued(ids, limit: maxTokens, sampling) { piece in
            Terminal.write(piece, to: .standardOutput)
            return true
        }
        Terminal.output("")
        return result
    }

    private func tell(_ result: TextGenerator.Result) {
        let ending =
            switch result.ending {
            case .stop: "ended by the model"
            case .limit: "cut at \(maxTokens) tokens (--max-tokens)"
            case .positions: "cut where the model has no more positions"
            case .interrupted: "interrupted"
            }
        let prompt = "\(Figures.fixed(result.promptSeconds, 2)) s for the prompt"
        // The first token comes of the prompt.
        let rate = Double(result.ids.count - 1) / result.seconds
        Terminal.error(
            "\(Figures.counted(result.ids.count, "token")), \(ending); "
                + (result.ids.count > 1 && result.seconds > 0
                    ? "\(Figures.fixed(rate, 1)) tokens/s after \(prompt)" : prompt))
    }

    /// A conversation, a line a turn.
    private func converse(_ speaker: SpeakingModel) throws {
        let isTerminal = Terminal.isTerminal(0)
        if isTerminal { Terminal.error("a line is a turn; end with Ctrl-D") }
        var messages = opening
        while true {
            if isTerminal { Terminal.write("> ", to: .standardError) }
            guard let line = readLine() else { break }
            if line.allSatisfy(\.isWhitespace) { continue }
            if raw || speaker.chat == nil {
                tell(say(try checked(speaker.prompt(line)), speaker))
                continue
            }
            messages.append(ChatMessage(.user, line))
            let result = say(try checked(speaker.prompt(messages)), speaker)
            tell(result)
            messages.append(ChatMessage(.assistant, result.text))
        }
    }

    private func answer(rows path: String, _ speaker: SpeakingModel) throws {
        let rows = try Dataset.read(
            URL(fileURLWithPath: path), form: .conversations, columns: ColumnNames(), requireLabels: false)
        for warning in rows.warnings { Terminal.error("warning: \(warning)") }
        for example in rows.examples {
            let ids = try checked(speaker.prompt(row: example, raw: raw))
            var line: JSONObject = ["line": JSONValue(example.line)]
            if base {
                let own = speaker.asBase { speaker.generator.continued(ids, limit: maxTokens, sampling) }
                line["base"] = .string(own.text)
            }
            let result = speaker.generator.continued(ids, limit: maxTokens, sampling)
            line["text"] = .string(result.text)
            line["tokens"] = JSONValue(result.ids.count)
            line["ended"] = .bool(result.ending == .stop)
            Terminal.output(JSONValue.object(line).text())
        }
    }
}
