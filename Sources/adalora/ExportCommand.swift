import AdapterTools
import ArgumentParser
import Datasets
import Foundation
import Messages
import ModelFiles

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write a trained adapter in a form that other programs read.",
        discussion: """
            lora          zero-padded to one rank, r = lora_alpha: no reader can scale it otherwise
            peft-adalora  PEFT's AdaLoRA folder
            merged        a Hugging Face model with the updates in its weights
            adapterhub    bottleneck adapters as AdapterHub's library has them
            gguf-lora     a file for llama.cpp (--lora), each matrix with its own rank
            gguf          a whole model for llama.cpp and Ollama, with the updates in its weights; also of a model's folder \
            without an adapter. Encoders give embeddings there, or the numbers of a classifier on the first token

            llama.cpp runs BERT, RoBERTa, XLM-RoBERTa, CamemBERT, DistilBERT, and ELECTRA whose embeddings are as wide as its \
            layers; ALBERT, DeBERTa and MPNet it does not.

            What was written is opened again and its logits compared with the original's; it stays only if they agree. \
            With gguf each tensor is compared, and what rounding changes is said. \
            A folder's README.md says what it is and how to use it from Python.
            """)

    enum Target: String, ExpressibleByArgument, CaseIterable {
        case lora
        case peftAdaLoRA = "peft-adalora"
        case merged
        case adapterHub = "adapterhub"
        case ggufLoRA = "gguf-lora"
        case gguf
    }

    @OptionGroup var adapter: AdapterChoice
    @Option(help: "What to write.") var to: Target
    @Flag(help: "With lora: each module keeps its own rank (rank_pattern), which only PEFT reads.")
    var ragged = false
    @Option(
        name: .customLong("merged-type"),
        help: ArgumentHelp(
            """
            With gguf: the format of weights with new values, own or one of \
            \(MergedType.names.map { $0.lowercased() }.joined(separator: ", ")) (default: own of weights of 16 and 32 bits, \
            q8_0 of others, since rounding to few bits a second time costs much).
            """, valueName: "type"))
    var mergedType: String?
    @Option(
        help: ArgumentHelp(
            """
            With gguf: a .txt file, or rows as for evaluate; its perplexity is told before and after rounding, of an encoder the \
            loss of its classifier, or the cosine of embeddings.
            """, valueName: "file"))
    var text: String?
    @Option(
        name: .customLong("max-shard-size"),
        help:
            "With merged: tensors in one file of weights, like 500MB (1 MB = 1,000,000 bytes; default: 5GB).")
    var maxShardSize: ShardSize?
    @Option(
        name: .customLong("base-name"),
        help:
            "What the base model is called there: its name on the Hub, like ORG/NAME, or a path (default: what is known of it, else its path)."
    )
    var baseName: String?
    @Option(help: "Rows to check with (default: made-up sequences of tokens).") var data: String?
    @Option(name: .customLong("text-column"), help: "Column of the text, or two columns for pairs.")
    var textColumn: String?
    @Option(
        help:
            "Largest difference of logits, relative to the largest logit or 1 (default: 0.0001, of language models 0.001)."
    )
    var tolerance: Double?
    @Option(help: "Folder to write; with gguf and gguf-lora a file.") var output: String

    func validate() throws {
        if ragged && to != .lora { throw ValidationError("--ragged goes with --to lora only") }
        if maxShardSize != nil && to != .merged {
            throw ValidationError("--max-shard-size goes with --to merged only")
        }
        if to == .adapterHub && (data != nil || textColumn != nil) {
            throw ValidationError("--data and --text-column do not go with --to adapterhub")
        }
        guard ![.ggufLoRA, .gguf].contains(to) || (data == nil && baseName == nil && textColumn == nil) else {
            throw ValidationError("--data, --text-column and --base-name do not go with --to \(to.rawValue)")
        }
        guard to == .gguf || (mergedType == nil && text == nil) else {
            throw ValidationError("--merged-type and --text go with --to gguf only")
        }
        guard mergedType.map({ MergedType($0) != nil }) ?? true else {
            throw ValidationError(
                "--merged-type must be own or one of \(MergedType.names.map { $0.lowercased() }.joined(separator: ", "))"
            )
        }
        guard tolerance.map({ $0 > 0 && $0.isFinite }) ?? true else {
            throw ValidationError("--tolerance must be above 0")
        }
    }

    func run() throws {
        try Failure.run {
            let form: AdapterExport.Form
            switch to {
            case .lora: form = ragged ? .raggedLoRA : .lora
            case .peftAdaLoRA: form = .peftAdaLoRA
            case .merged: form = .merged
            case .adapterHub: return try writeHubFolder()
            case .ggufLoRA: return try writeLoRAFile()
            case .gguf: return try writeGGUF()
            }
            let rows = data.map { (URL(fileURLWithPath: $0), Columns.parse(textColumn, nil)) }
            var options = AdapterExport.Options(
                adapter: adapter.url, form: form, output: URL(fileURLWithPath: output))
            options.modelFolder = adapter.model.map { URL(fileURLWithPath: $0) }
            options.baseName = baseName
            options.rows = rows
            options.tolerance = tolerance
            options.shardLimit = (maxShardSize ?? ShardSize()).bytes
            options.threads = adapter.threads
            let result = try AdapterExport.run(options)
            for warning in result.warnings { Terminal.error("warning: \(warning)") }
            let kept = result.ranks.reduce(0) { $0 + $1.rank }
            let bare = result.ranks.count { $0.rank == 0 }
            let size =
                result.ranks.isEmpty
                ? Figures.counted(result.parameters, "parameter")
                : "\(kept) triplets in \(result.ranks.count - bare) matrices"
            Terminal.output(
                "\(output): \(form.rawValue), \(size)" + (bare > 0 ? ", \(bare) left bare" : ""))
            Terminal.output(
                "checked on \(result.difference.samples) \(rows == nil ? "made-up sequences" : "rows"): \(result.difference)"
            )
            Terminal.output("base model: \(naming(result.base))")
            Terminal.output("how to use it: \(oneLine(output))/\(ModelCard.file)")
        }
    }

    private func writeHubFolder() throws {
        var options = AdapterExport.Options(
            adapter: adapter.url, form: .merged, output: URL(fileURLWithPath: output))
        options.modelFolder = adapter.model.map { URL(fileURLWithPath: $0) }
        options.baseName = baseName
        options.tolerance = tolerance
        options.threads = adapter.threads
        let result = try HubExport.run(options)
        for warning in result.warnings { Terminal.error("warning: \(warning)") }
        Terminal.output("\(output): adapterhub, \(result.adapters)")
        Terminal.output("checked on \(result.difference.samples) made-up sequences: \(result.difference)")
        Terminal.output("base model: \(naming(result.base))")
        Terminal.output("how to use it: \(oneLine(output))/\(ModelCard.file)")
    }

    private func writeLoRAFile() throws {
        var options = AdapterExport.Options(
            adapter: adapter.url, form: .raggedLoRA, output: URL(fileURLWithPath: output))
        options.modelFolder = adapter.model.map { URL(fileURLWithPath: $0) }
        options.tolerance = tolerance
        options.threads = adapter.threads
        let result = try LoRAExport.run(options)
        for warning in result.warnings { Terminal.error("warning: \(warning)") }
        let kept = result.ranks.reduce(0) { $0 + $1.rank }
        let bare = result.ranks.count { $0.rank == 0 }
        Terminal.output(
            "\(output): LoRA for llama.cpp (\(result.architecture)), \(kept) triplets in \(result.ranks.count - bare) matrices"
                + (bare > 0 ? ", \(bare) left bare" : ""))
        Terminal.output("checked on \(result.difference.samples) made-up tokens: \(result.difference)")
        Terminal.output("how to use it: llama-cli -m MODEL.gguf --lora \(shellQuoted(output))")
    }

    /// What the base is called in what was written, and for whom that is right.
    private func naming(_ base: BaseModelName.Choice) -> String {
        let name = oneLine(base.name)
        let advice = "for others name it with --base-name ORG/NAME"
        let isLocal = base.origin == .path || base.origin == .wholePath
        if isLocal, to != .merged, name.lowercased().hasSuffix(".gguf") {
            return
                "\(name), which PEFT does not open as a base; name the Hugging Face model that it was made from with "
                + "--base-name ORG/NAME"
        }
        switch base.origin {
        case .given: return name
        case .cache: return "\(name), by its place in the Hub's cache; --base-name names another"
        case .adapter: return "\(name), as the adapter says; --base-name names another"
        case .path where to == .merged: return "\(name) in adalora.json; \(advice)"
        case .path: return "\(name), a path from here, whole in adalora.json; \(advice)"
        case .wholePath: return "\(name), a path of this machine; \(advice)"
        }
    }
}

/// Bytes as huggingface_hub reads them: a number and B, KB, MB, GB or TB, of a thousand each.
struct ShardSize: ExpressibleByArgument {
    let bytes: Int

    init() { bytes = WeightShards.usualLimit }

    init?(argument: String) {
        let units = ["TB": 1e12, "GB": 1e9, "MB": 1e6, "KB": 1e3, "B": 1]
        let text = argument.uppercased()
        let unit = units.keys.filter(text.hasSuffix).max { $0.count < $1.count }
        guard let unit, let factor = units[unit],
            let number = Double(text.dropLast(unit.count).trimmingCharacters(in: .whitespaces)),
            number * factor >= 1, number * factor <= 1e15
        else { return nil }
        bytes = Int(number * factor)
    }
}
