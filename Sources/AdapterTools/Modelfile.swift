import Foundation
import Messages

/// What `ollama create` makes a model of a GGUF by. It takes the chat template out of the file, as the template of its own
/// that is most like it; where it has none like it, a TEMPLATE in Go's language must be added.
enum Modelfile {
    /// `model.Modelfile` beside `model.gguf`
    static func url(beside model: URL) -> URL {
        model.deletingPathExtension().appendingPathExtension("Modelfile")
    }

    static func text(of model: URL, _ written: WrittenModel) throws -> String {
        var lines = ["FROM ./\(model.lastPathComponent)"]
        guard written.loaded.chat != nil else { return lines[0] + "\n" }
        let stops = try SpeakingModel.stops(written.loaded, written.loaded.chat)
        for id in stops.sorted() {
            guard let token = written.loaded.tokenizer.token(for: id), token == oneLine(token),
                !token.contains("\"")
            else { continue }
            lines.append("PARAMETER stop \"\(token)\"")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
