import Foundation

/// A Hugging Face model folder: `config.json` and safetensors weights.
package struct HFFolder: Sendable {
    package let url: URL
    package let config: HFConfig

    /// Reads `config.json`. Throws `ModelFileError` when folder or file is missing, or the file is not valid.
    package init(_ url: URL) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
            throw ModelFileError(
                kind: .missing, file: url.path, problem: "no such folder",
                advice: "give the path of a model folder; models are not fetched by name")
        }
        guard isFolder.boolValue else {
            throw ModelFileError(
                file: url.path, problem: "this is a file", advice: "give the model folder that it is in")
        }
        let file = url.appendingPathComponent("config.json")
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw ModelFileError(
                kind: .missing, file: url.path, problem: "no config.json in this folder",
                advice: "check that it is a Hugging Face model folder")
        }
        self.url = url
        config = try HFConfig(file: file)
    }

    /// Opens the weights; see `TensorStore.init(modelFolder:)`.
    package func openWeights() throws -> TensorStore { try TensorStore(modelFolder: url) }
}
