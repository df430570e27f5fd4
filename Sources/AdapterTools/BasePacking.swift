import Foundation
import Images
import Messages
import ModelFiles
import Tokenizers
import Training
import Transformers

/// A model's folder with packed weights, for runs that would pack them anew at each start.
package enum BasePacking {
    package struct Outcome: Sendable {
        package let base: PackedBase
        /// Of the files of weights
        package let weightBytes: (before: Int, after: Int)
        package let warnings: [String]
    }

    /// Writes a new folder; it appears only if what is in it opens as the very weights that training over the model in this
    /// format has.
    ///
    /// - Parameter shardLimit: bytes of tensors in one file of weights.
    package static func run(
        model url: URL, as format: BaseFormat, output: URL, shardLimit: Int = WeightShards.usualLimit
    ) throws -> Outcome {
        let folder = try VerifiedFolder(new: output)
        try WholeModelFolder.requireFolder(
            url, "packing a model", advice: "the weights of a GGUF are trained over as it has them")
        try refuseGGUFWouldDo(url, format)
        let loaded = try LoadedModel(url, maxLength: 1, baseFormat: format)
        guard let base = loaded.packedBase else {
            throw TrainingError(
                .usage, "\(url.path) was packed as \(format.name) already; train over it as it is")
        }
        guard base.matrices > 0 else {
            throw TrainingError(
                .usage, "\(url.path): no matrix has rows of whole blocks of \(format.name); take bf16 or nf4")
        }
        let store = try HFFolder(url).openWeights()
        let tensors = try base.tensors(of: store)
        try ParentFolders.making(for: folder.url) {
            try AtomicFile.replaceFolder(folder.url) { target in
                let shards = WeightShards(byteCounts: tensors.map(\.byteCount), limit: shardLimit)
                try shards.write(
                    names: tensors.map(\.name), elements: loaded.backbone.parameterCount, into: target
                ) { tensors[$0] }
                try writeConfiguration(loaded, base, store, into: target)
                try PackedFolderFiles.copy(from: url, into: target)
                try check(target, holds: loaded)
            }
        }
        return Outcome(
            base: base,
            weightBytes: (
                store.tensors.reduce(0) { $0 + $1.byteCount }, tensors.reduce(0) { $0 + $1.byteCount }
            ),
            warnings: loaded.warnings)
    }

    /// Blocks of ggml's have files of their own, which other programs run too. An encoder's has no types of tokens there, and
    /// its pooler only before a classifier.
    private static func refuseGGUFWouldDo(_ url: URL, _ format: BaseFormat) throws {
        guard !format.isForTransformers, let form = try GGUFForm.of(PretrainedModel.open(url).config),
            !form.isEncoder
        else { return }
        throw TrainingError(
            .usage,
            "\(url.path): \(format.name) is a format of llama.cpp's, which has files for \(quoted(form.name)) that train and "
                + "speak here too: adalora export \(shellQuoted(url.path)) \(SettingName.to) gguf "
                + "\(SettingName.mergedType) \(format.name) \(SettingName.output) model.gguf; as a folder take bf16 or nf4"
        )
    }

    private static func writeConfiguration(
        _ loaded: LoadedModel, _ base: PackedBase, _ store: TensorStore, into folder: URL
    ) throws {
        guard var config = loaded.model.config.raw.object else {
            preconditionFailure("\(loaded.url.path) was opened without a configuration")
        }
        for (key, value) in try base.configuration(of: store, loaded.backbone.architecture) {
            config[key] = value
        }
        try AtomicFile.write(
            Data(JSONValue.object(config).bytes(pretty: true)),
            to: folder.appendingPathComponent("config.json"))
    }

    private static func check(_ folder: URL, holds loaded: LoadedModel) throws {
        let written = try LoadedModel(folder, maxLength: 1)
        guard written.fingerprint == loaded.fingerprint, written.baseFormat == loaded.baseFormat,
            written.tokenizer.storedSize == loaded.tokenizer.storedSize
        else {
            throw TrainingError("what was written opens as another model; nothing was written")
        }
    }
}

/// What a model's folder has beside weights and configuration, and who trains or speaks with it reads.
enum PackedFolderFiles {
    private static let names =
        TokenizerFileNames.all + TokenizerFileNames.sentencePiece + [
            "chat_template.jinja", "chat_template.json", "generation_config.json", "modules.json",
            "config_sentence_transformers.json", "sentence_bert_config.json", "README.md", "LICENSE",
            "LICENSE.txt", "LICENSE.md", "NOTICE",
            ImagePreprocessing.file, ImagePreprocessing.processorFile,
        ]
    private static let mostBytes = 1 << 30

    static func copy(from source: URL, into folder: URL) throws {
        for name in names { try copy(name, from: source, into: folder) }
        // sentence-transformers: a numbered folder for each step after the model.
        let others = (try? FileManager.default.contentsOfDirectory(atPath: source.path)) ?? []
        for name in others where name.first?.isNumber == true && name.contains("_") {
            let target = folder.appendingPathComponent(name)
            guard isFile(source.appendingPathComponent(name).appendingPathComponent("config.json")) else {
                continue
            }
            try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
            try copy("config.json", from: source.appendingPathComponent(name), into: target)
        }
    }

    private static func copy(_ name: String, from source: URL, into folder: URL) throws {
        let file = source.appendingPathComponent(name)
        guard isFile(file) else { return }
        try AtomicFile.write(
            Data(FileBytes.read(file, byteLimit: mostBytes)), to: folder.appendingPathComponent(name))
    }

    private static func isFile(_ url: URL) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) && !isFolder.boolValue
    }
}
