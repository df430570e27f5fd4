import Foundation
import Images
import Messages
import ModelFiles
import Tasks
import Tokenizers
import Training
import Transformers

/// A model to be trained from nothing: weights that nobody trained, for a folder that holds a configuration alone.
package enum UntrainedModel {
    package static let weightsFile = "model.safetensors"

    /// Draws the weights of the backbone as transformers does and writes them beside `config.json`, by the names that transformers'
    /// files have. A head is the training's affair.
    ///
    /// - Returns: how many numbers they are.
    /// - Throws: where weights are there already, or the folder does not say all that training asks it.
    package static func write(into folder: URL, seed: UInt64) throws -> Int {
        let config = try HFFolder(folder).config
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        let endings = [
            ".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json", ".pt", ".pth", ".gguf",
        ]
        if let there = files.sorted().first(where: { name in endings.contains(where: name.hasSuffix) }) {
            throw TrainingError(
                .usage,
                "\(folder.path): \(oneLine(there, limit: 200)) is there, which may be weights that somebody trained; give a folder "
                    + "without weights")
        }
        let backbone = try Architecture.of(config).untrainedBackbone(config, seed: seed)
        if let input = backbone.imageInput {
            _ = try ImageReading(ImagePreprocessing(folder: folder), input, folder: folder.path)
        }
        if backbone.pair != nil { _ = try Tokenizer(folder: folder) }
        let architecture = backbone.architecture
        try SafetensorsWriter.write(
            backbone.weights.map { weight in
                TensorToWrite(
                    name: architecture.storedName(architecture.wholeName(weight.name)),
                    shape: weight.savedShape, values: weight.savedFloats)
            }, metadata: ["format": "pt"], to: folder.appendingPathComponent(weightsFile))
        return backbone.parameterCount
    }
}
