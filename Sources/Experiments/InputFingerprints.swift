import Datasets
import Foundation
import Images
import ModelFiles
import Tokenizers
import Transformers

/// Tells the inputs of one comparison or sweep from those of another, by content.
package enum InputFingerprints {
    /// Files beside the tokenizer's own count only where they decide what its tokens are: ids of comparisons and sweeps
    /// from before they were read stay as they are.
    ///
    /// - Parameter files: names and paths of data files.
    /// - Returns: by name; the model's files as `model/FILE`, a GGUF with all its parts.
    package static func of(
        model: String, files: [(name: String, path: String)], _ form: Fingerprint.Form
    ) throws -> [String: String] {
        var prints: [String: String] = [:]
        for (name, path) in files { prints[name] = try of(URL(fileURLWithPath: path), form) }
        let folder = URL(fileURLWithPath: model)
        guard !PretrainedModel.isGGUF(folder) else {
            for file in try GGUFFile.files(of: folder) {
                prints["model/\(file.lastPathComponent)"] = try of(file, form)
            }
            return prints
        }
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        let texts =
            ["config.json"]
            + (readsImages(folder)
                ? [ImagePreprocessing.file, ImagePreprocessing.processorFile]
                : Tokenizer.decidingFiles(in: folder))
        for file in entries.sorted() where texts.contains(file) || file.hasSuffix(".safetensors") {
            prints["model/\(file)"] = try of(folder.appendingPathComponent(file), form)
        }
        return prints
    }

    private static func of(_ file: URL, _ form: Fingerprint.Form) throws -> String {
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw ModelFileError(
                kind: .missing, file: file.path, problem: "the file does not exist",
                advice: "paths are relative to the current folder")
        }
        // What images hold counts as their names do.
        guard !Dataset.isImageFolder(file, .images) else {
            let rows = try Dataset.read(file, form: .images, requireLabels: false)
            let print = Fingerprint(form)
            for part in [rows.pathFingerprint(form), try rows.imageFingerprint(form)] {
                Array(part.utf8).withUnsafeBytes { print.add($0) }
            }
            return print.text()
        }
        return try Fingerprint.of(file: file, form)
    }

    private static func readsImages(_ folder: URL) -> Bool {
        guard let config = try? HFFolder(folder).config else { return false }
        return (try? Architecture.of(config))?.readsImages ?? false
    }
}
