import Foundation
import ModelFiles

extension ImagePreprocessing {
    package static let file = "preprocessor_config.json"
    /// Of transformers 5, which reads it first.
    package static let processorFile = "processor_config.json"
    static let member = "image_processor"
    private static let limits = JSONLimits(byteCount: 1 << 20)

    /// Whether a model folder says how images become pixels.
    package static func isIn(_ folder: URL) -> Bool { (try? read(folder)) != nil }

    /// What the folder says, and the file that does.
    static func read(_ folder: URL) throws -> (JSONObject, URL) {
        let processor = folder.appendingPathComponent(processorFile)
        if FileManager.default.fileExists(atPath: processor.path),
            let nested = try JSONValue.read(processor, limits: limits)[member], !nested.isNull
        {
            guard let object = nested.object else {
                throw ModelFileError(
                    file: processor.path, place: "key '\(member)'", problem: "this is no object",
                    advice: "write the model's folder again with transformers' save_pretrained")
            }
            return (object, processor)
        }
        let url = folder.appendingPathComponent(file)
        guard FileManager.default.fileExists(atPath: url.path) else {
            throw ModelFileError(
                kind: .missing, file: folder.path,
                problem: "no \(file) in this folder, which says how images become pixels",
                advice: "copy it from where the model comes from")
        }
        guard let object = try JSONValue.read(url, limits: limits).object else {
            throw ModelFileError(
                file: url.path, problem: "this is no object",
                advice: "copy it again from where the model comes from")
        }
        return (object, url)
    }

    /// Of the model beside it; nil where nothing says so.
    static func modelType(_ folder: URL) -> String? {
        let config = folder.appendingPathComponent("config.json")
        return (try? JSONValue.read(config, limits: JSONLimits(byteCount: 16 << 20)))?["model_type"]?.string
    }
}
