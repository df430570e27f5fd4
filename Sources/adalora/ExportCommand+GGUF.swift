import AdapterTools
import Foundation
import Messages
import ModelFiles
import Transformers

extension ExportCommand {
    /// A model itself where the path is one, else the adapter that it names.
    private var source: URL {
        let url = URL(fileURLWithPath: adapter.folder)
        return PretrainedModel.isThere(url) ? url : adapter.url
    }

    func writeGGUF() throws {
        var options = GGUFExport.Options(source: source, output: URL(fileURLWithPath: output))
        options.modelFolder = adapter.model.map { URL(fileURLWithPath: $0) }
        if let mergedType, let type = MergedType(mergedType) { options.type = type }
        options.text = text.map { URL(fileURLWithPath: $0) }
        options.tolerance = tolerance
        options.threads = adapter.threads
        let result = try GGUFExport.run(options)
        for warning in result.warnings { Terminal.error("warning: \(warning)") }
        let formats = result.formats.map { "\($0.count) \($0.format)" }.joined(separator: ", ")
        Terminal.output(
            "\(output): a whole model for llama.cpp (\(result.architecture)); matrices: \(formats)")
        for rounding in result.roundings {
            let what = "\(Figures.counted(rounding.count, "tensor")) written as \(rounding.format)"
            Terminal.output(
                rounding.largest == 0
                    ? "\(what), exactly"
                    : String(
                        format: "%@, off by %.2g of their size on average, %.2g at most", what, rounding.mean,
                        rounding.largest))
        }
        if result.kept > 0 {
            Terminal.output("\(Figures.counted(result.kept, "tensor")) byte for byte as they were")
        }
        if let rows = result.rows {
            tell(rows, result)
            return
        }
        Terminal.output("checked on \(result.difference.samples) made-up tokens: \(result.difference)")
        if let losses = result.losses {
            Terminal.output(
                String(
                    format: "perplexity on %@: %.4f before rounding, %.4f in the file (loss %.4f, %.4f)",
                    oneLine(losses.text), exp(losses.before), exp(losses.after), losses.before, losses.after))
        }
        Terminal.output("how to use it: llama-cli -m \(shellQuoted(output))")
        Terminal.output("               ollama create NAME -f \(shellQuoted(result.modelfile.relativePath))")
    }

    /// Of an encoder
    private func tell(_ rows: GGUFExport.Outcome.Rows, _ result: GGUFExport.Outcome) {
        switch rows {
        case .classes:
            Terminal.output(
                "checked on \(result.difference.samples) made-up sequences: \(result.difference)")
            if let losses = result.losses {
                Terminal.output(
                    String(
                        format: "loss on %@: %.4f before rounding, %.4f in the file", oneLine(losses.text),
                        losses.before, losses.after))
            }
            Terminal.output("how to use it: llama-embedding -m \(shellQuoted(output)) --pooling rank -p TEXT")
        case .embeddings(let text, let mean, let least):
            Terminal.output(
                String(
                    format:
                        "cosine of embeddings before rounding and in the file, %@: %.6f on average, %.6f at least",
                    oneLine(text), mean, least))
            Terminal.output("how to use it: llama-embedding -m \(shellQuoted(output)) -p TEXT")
            Terminal.output(
                "               ollama create NAME -f \(shellQuoted(result.modelfile.relativePath))")
        }
    }
}
