import AdapterTools
import ArgumentParser
import Foundation
import Messages
import ModelFiles
import Transformers

struct PackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pack",
        abstract: "Write a model's folder with packed weights, to train over again and again.",
        discussion: """
            bf16  half the size of Float32, plain safetensors
            q8_0  ggml's blocks of 8 bits, and
            q4_k  of 4 bits, for models that llama.cpp has no files for; of others export --to gguf writes a file
            nf4   bitsandbytes' 4 bits with scales packed twice, as QLoRA; embeddings stay. transformers opens it

            Training over the folder gives the same bits as train --base-format over the model, without packing it at each \
            start, and its weights stay mapped. An adapter of one fits the other.
            """)

    @Argument(help: ArgumentHelp("Folder of a model of Float32, BF16 or F16.", valueName: "model"))
    var folder: String
    @Option(
        name: .customLong("base-format"),
        help: "One of \(BaseFormat.all.map(\.name).joined(separator: ", ")).",
        completion: .list(BaseFormat.all.map(\.name)))
    var baseFormat: String
    @Option(
        name: .customLong("max-shard-size"),
        help: "Tensors in one file of weights, like 500MB (1 MB = 1,000,000 bytes; default: 5GB).")
    var maxShardSize: ShardSize?
    @Flag(help: "Show each matrix: its format, bytes and relative error.") var verbose = false
    @Flag(help: "Print JSON, with each matrix, instead of text.") var json = false
    @Option(help: "Folder to write.") var output: String

    func validate() throws {
        guard BaseFormat.named(baseFormat) != nil else {
            throw ValidationError(
                "--base-format must be one of \(BaseFormat.all.map(\.name).joined(separator: ", ")), not \(oneLine(baseFormat))"
            )
        }
        if verbose && json { throw ValidationError("give --verbose or --json, not both") }
    }

    func run() throws {
        try Failure.run {
            guard let format = BaseFormat.named(baseFormat) else { throw ValidationError("--base-format") }
            let result = try BasePacking.run(
                model: URL(fileURLWithPath: folder), as: format, output: URL(fileURLWithPath: output),
                shardLimit: (maxShardSize ?? ShardSize()).bytes)
            for warning in result.warnings { Terminal.error("warning: \(warning)") }
            if json { return Terminal.output(PackReport.json(result, output: output)) }
            if verbose { Terminal.output(PackReport.table(result.base, width: Terminal.width)) }
            Terminal.output("\(output): \(result.base.note)")
            Terminal.output(
                "weights: \(Figures.bytes(result.weightBytes.before)) before, \(Figures.bytes(result.weightBytes.after)) after"
            )
            Terminal.output("checked: opened again, every weight the same to the bit")
            Terminal.output("how to use it: adalora train --model \(shellQuoted(output))")
        }
    }
}

/// What packing came to, matrix by matrix.
enum PackReport {
    static func table(_ base: PackedBase, width: Int) -> String {
        var table = TextTable([
            ("matrix", .left), ("format", .left), ("shape", .right), ("bytes", .right),
            ("error", .right),
        ])
        for entry in base.entries {
            table.add([
                entry.name, entry.format, "\(entry.rows) × \(entry.columns)",
                Figures.grouped(entry.byteCount),
                Figures.fixed(entry.error, 4),
            ])
        }
        return table.terminal(width: width).joined(separator: "\n")
    }

    static func json(_ result: BasePacking.Outcome, output: String) -> String {
        let base = result.base
        return JSONValue.object([
            "output": .string(output), "baseFormat": .string(base.format.name),
            "matrices": .array(
                base.entries.map { entry in
                    .object([
                        "name": .string(entry.name), "format": .string(entry.format),
                        "rows": JSONValue(entry.rows), "columns": JSONValue(entry.columns),
                        "bytes": JSONValue(entry.byteCount), "relativeError": .number(entry.error),
                    ])
                }), "kept": .array(base.kept.map { .string($0) }),
            "meanRelativeError": .number(base.meanError),
            "largestRelativeError": base.worst.map { .number($0.error) } ?? .null,
            "bytesAsFloat32": JSONValue(base.bytes.before), "bytesPacked": JSONValue(base.bytes.after),
            "weightBytesBefore": JSONValue(result.weightBytes.before),
            "weightBytesAfter": JSONValue(result.weightBytes.after),
            "warnings": .array(result.warnings.map { .string($0) }),
        ]).text()
    }
}
