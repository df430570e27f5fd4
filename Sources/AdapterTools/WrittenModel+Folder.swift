import Foundation
import Messages
import ModelFiles
import Tokenizers
import Training
import Transformers

/// What stands in the GGUF of a model that is a Hugging Face folder.
extension WrittenModel {
    func folderMetadata() throws -> [(key: String, value: GGUFValue)] {
        let vocabulary = try GGUFVocabulary(
            folder: loaded.url, loaded.tokenizer, size: loaded.backbone.sizes.vocabulary,
            types: rows == nil ? nil : loaded.backbone.sizes.types)
        var keys: [(key: String, value: GGUFValue)] = [
            ("general.architecture", .string(form.name)), ("general.type", .string("model")),
            ("general.name", .string(name(vocabulary))),
        ]
        keys += try form.keys(of: loaded.backbone, loaded.model.config)
        keys += rowKeys
        keys += vocabulary.keys
        if let chat = loaded.chat { keys.append(("tokenizer.chat_template", .string(chat.source))) }
        return keys
    }

    /// That of the folder. Where it is Phi 3's, llama.cpp reads the tokenizer as Phi 3's, and does not open a file without its
    /// tokens (`llama_vocab::impl::load`).
    private func name(_ vocabulary: GGUFVocabulary) -> String {
        let name = loaded.url.standardizedFileURL.lastPathComponent
        let isPhi3 = ["phi-3", "phi3"].contains { name.lowercased().contains($0) }
        let needed = ["<unk>", "<s>", "<|endoftext|>"]
        return isPhi3 && !needed.allSatisfy(vocabulary.tokens.contains) ? "model" : name
    }

    func folderTensors() throws -> [GGUFModelTensor] {
        try form.tensors(of: loaded.backbone, loaded.model.config, changed: changed)
    }

    /// What llama.cpp computes otherwise of a folder's model; for people.
    ///
    /// - Throws: `TrainingError` for what the file cannot say.
    func losses(in written: any Backbone) throws -> [String] {
        guard loaded.model.gguf == nil else { return [] }
        let losses = GGUFLosses(loaded.backbone, written)
        guard losses.others.isEmpty else {
            throw TrainingError(
                "\(loaded.url.path): llama.cpp's files for \(quoted(form.name)) cannot say what config.json says of "
                    + losses.others.joined(separator: ", ") + "; nothing was written")
        }
        return losses.window.map {
            [
                "llama.cpp knows no window of this model's layers: it reads texts of more than \($0) tokens otherwise"
            ]
        } ?? []
    }

    /// Where the file's tokenizer, as llama.cpp reads it, gives other tokens than the folder's; for people.
    ///
    /// - Throws: `TokenizerError` where it does for plain text.
    func tokenizerLosses(in written: PretrainedModel) throws -> [String] {
        guard let file = written.gguf?.file, loaded.model.gguf == nil else { return [] }
        let vocabulary = try GGUFVocabulary.read(file)
        let tokenizer = try Tokenizer(gguf: vocabulary, name: file.path)
        return try loaded.tokenizer.differences(from: tokenizer, in: loaded.url)
    }
}
