import Foundation
import Messages
import ModelFiles

/// What a model is opened from: a Hugging Face folder, or a GGUF file as llama.cpp runs it.
package struct PretrainedModel: Sendable {
    /// The folder, or the file
    package let url: URL
    /// Of a GGUF what its keys say, as transformers would have it.
    package let config: HFConfig
    /// nil for a folder
    package let gguf: (file: GGUFFile, form: GGUFForm)?

    /// Throws `ModelFileError` where there is no model, or one that says what nobody here can read.
    package static func open(_ url: URL) throws -> PretrainedModel {
        guard isGGUF(url) else {
            let folder = try HFFolder(url)
            return PretrainedModel(url: url, config: folder.config, gguf: nil)
        }
        let file = try GGUFFile(url)
        let name = try architecture(of: file)
        guard let form = GGUFForm.of(file, named: name) else {
            throw ModelFileError(
                file: file.path, place: "key 'general.architecture'",
                problem: "\(quoted(name)) is not an architecture this version can train",
                advice: "use a model of " + GGUFForm.names.joined(separator: ", "))
        }
        let config = try HFConfig(json: .object(form.config(file)), path: file.path)
        return PretrainedModel(url: url, config: config, gguf: (file, form))
    }

    /// Whether there is a folder with a `config.json`, or a GGUF.
    package static func isThere(_ url: URL) -> Bool {
        FileManager.default.fileExists(atPath: url.appendingPathComponent("config.json").path) || isGGUF(url)
    }

    /// Whether this is a file that begins as GGUF files do.
    package static func isGGUF(_ url: URL) -> Bool {
        guard let handle = try? FileHandle(forReadingFrom: url) else { return false }
        defer { try? handle.close() }
        return (try? handle.read(upToCount: 4)) == Data("GGUF".utf8)
    }

    private static func architecture(of file: GGUFFile) throws -> String {
        let kind = try file.metadata.string("general.type") ?? "model"
        guard kind == "model" else {
            throw ModelFileError(
                file: file.path, place: "key 'general.type'", problem: "this is \(quoted(kind)), not a model",
                advice: kind == "adapter"
                    ? "give the model that the adapter belongs to" : "give the file of the language model")
        }
        guard let name = try file.metadata.string("general.architecture") else {
            throw ModelFileError(
                file: file.path, place: "key 'general.architecture'", problem: "missing",
                advice: GGUFKeys.advice)
        }
        return name
    }

    /// By transformers' names.
    package func openWeights() throws -> any TensorSource {
        if let gguf { return GGUFTensors(gguf.file, form: gguf.form) }
        let store = try HFFolder(url).openWeights()
        return switch try config.packing() {
        case .none: store
        case .bitsAndBytes: try BitsAndBytesTensors(store)
        case .blocks(let formats): try BlockTensors(store, formats: formats)
        }
    }

    /// Of all that decides what is computed with the weights.
    package func configurationPrint(_ form: Fingerprint.Form) throws -> String {
        guard gguf != nil else {
            return try Fingerprint.of(file: url.appendingPathComponent("config.json"), form)
        }
        let print = Fingerprint(form)
        config.raw.bytes().withUnsafeBytes { print.add($0) }
        return print.text()
    }

    package func openBackbone() throws -> any Backbone {
        let backbone = try Architecture.of(config).backbone(config, openWeights())
        if let form = gguf?.form {
            let width = try form.headWidth(config)
            for layer in backbone.linearLayers {
                layer.rowOrder = form.rowOrder.rows(layer.site.role, rows: layer.outputs, width: width)
            }
        }
        return backbone
    }
}
