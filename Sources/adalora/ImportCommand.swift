import AdapterTools
import ArgumentParser
import Foundation
import Messages

struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Take over an adapter that PEFT wrote, or a LoRA of llama.cpp.",
        discussion: """
            LoRA (with rank and alpha patterns, rsLoRA) and AdaLoRA for sequence and token classification and question \
            answering and language models; of llama.cpp a LoRA file (.gguf). The result is an adapter folder for evaluate, predict, shrink and export. What was written is opened again and its logits \
            compared with the original's; it stays only if they agree.
            """)

    @Argument(help: "Folder with adapter_config.json and adapter_model.safetensors, or a LoRA file (.gguf).")
    var adapter: String
    @Option(help: "Base model: a folder or a GGUF file.") var model: String
    @Option(
        help:
            "Class names, separated by commas, in the order of the classifier (default: the base's id2label)."
    )
    var labels: String?
    @Option(help: "Task, as for train (default: by the adapter's task_type and the base's problem_type).")
    var task: String?
    @Flag(name: .customLong("svd"), help: "LoRA by its exact singular triplets.") var inSVDForm = false
    @Option(name: .customLong("max-length"), help: "Longest row in tokens (default: the model's, up to 512).")
    var maxLength: Int?
    @Flag(
        name: .customLong("any-base-name"),
        help: "Take the adapter also where its configuration names another base model.")
    var anyBaseName = false
    @Option(help: "Threads (default: all cores).") var threads: Int?
    @Option(help: "Adapter folder to write.") var output: String

    func validate() throws {
        if let threads, threads < 1 { throw ValidationError("--threads must be at least 1, not \(threads)") }
        if let maxLength, maxLength < 3 {
            throw ValidationError("--max-length must be at least 3, not \(maxLength)")
        }
    }

    func run() throws {
        try Failure.run {
            let names = labels?.split(separator: ",", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            var options = AdapterImport.Options(
                adapter: URL(fileURLWithPath: adapter), base: URL(fileURLWithPath: model),
                output: URL(fileURLWithPath: output))
            options.task = task
            options.labels = names
            options.inSVDForm = inSVDForm
            options.maxLength = maxLength
            options.anyBaseName = anyBaseName
            options.threads = threads
            let result = try AdapterImport.run(options)
            for warning in result.warnings { Terminal.error("warning: \(warning)") }
            let kept = result.ranks.reduce(0) { $0 + $1.rank }
            let size =
                result.ranks.isEmpty
                ? Figures.counted(result.parameters, "parameter")
                : "\(kept) triplets in \(result.ranks.count { $0.rank > 0 }) matrices"
            Terminal.output(
                "\(output): \(result.method), \(size), "
                    + (result.labels.isEmpty ? result.task : "\(result.labels.count) classes"))
            Terminal.output("checked on made-up sequences: \(result.difference)")
        }
    }
}
