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
    /// - Parameters:
    ///   - files: names and paths of data files.
    ///   - rows: reads one of them, where it is asked which images it names.
    /// - Returns: by name; the model's files as `model/FILE`, a GGUF with all its parts.
    package static func of(
        model: String, files: [(name: String, path: String)], _ form: Fingerprint.Form,
        rows: (String) throws -> Dataset
    ) throws -> [String: String] {
        var prints: [String: String] = [:]
        let folder = URL(fileURLWithPath: model)
        let isGGUF = PretrainedModel.isGGUF(folder)
        let ofImages = !isGGUF && readsImages(folder)
        for (name, path) in files {
            let file = try of(URL(fileURLWithPath: path), form)
            let isList = ofImages && !Dataset.isImageFolder(URL(fileURLWithPath: path), .images)
            prints[name] = isList ? joined([file, try rows(path).imageFingerprint(form)], form) : file
        }
        guard !isGGUF else {
            for file in try GGUFFile.files(of: folder) {
                prints["model/\(file.lastPathComponent)"] = try of(file, form)
            }
            return prints
        }
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        // A model of two towers reads both.
        let texts =
            ["config.json"] + Tokenizer.decidingFiles(in: folder)
            + (ofImages ? [ImagePreprocessing.file, ImagePreprocessing.processorFile] : [])
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
            return joined([rows.pathFingerprint(form), try rows.imageFingerprint(form)], form)
        }
        return try Fingerprint.of(file: file, form)
    }

    private static func joined(_ parts: [String], _ form: Fingerprint.Form) -> String {
        let print = Fingerprint(form)
        for part in parts { Array(part.utf8).withUnsafeBytes { print.add($0) } }
        return print.text()
    }

    private static func readsImages(_ folder: URL) -> Bool {
        guard let config = try? HFFolder(folder).config else { return false }
        return (try? Architecture.of(config)).map { $0.readsImages || $0.isPair } ?? false
    }
}
