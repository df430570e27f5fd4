import Foundation
import Messages

/// `model.safetensors.index.json`: which shard holds each tensor.
struct ShardIndex {
    private let path: String
    /// Tensor name to file name, sorted by tensor.
    private let shardOf: JSONObject
    private let shards: [String]

    init(_ url: URL) throws {
        path = url.path
        let root = try JSONValue.read(url)
        guard let map = root["weight_map"]?.object, !map.isEmpty else {
            throw ModelFileError(
                file: path, place: "weight_map", problem: "missing, empty, or not an object",
                advice: "download the file again")
        }
        var shards: Set<String> = []
        for (tensor, value) in map.members {
            // A plain file name cannot lead out of the folder. What a link of that name points to is the
            // owner's business: the Hugging Face cache links every file to a blob elsewhere.
            guard let shard = value.string, !shard.isEmpty, shard != ".", shard != "..",
                !shard.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == 0 })
            else {
                throw ModelFileError(
                    file: path, place: "tensor \(quoted(tensor))",
                    problem: "its shard is \(value.summary), not the name of a file in this folder",
                    advice: "do not use this model unless you trust its source")
            }
            shards.insert(shard)
        }
        shardOf = map
        self.shards = shards.sorted()
    }

    func openShards(in folder: URL) throws -> [FileMapping] {
        try shards.map { shard in
            let url = folder.appendingPathComponent(shard)
            guard FileManager.default.fileExists(atPath: url.path) else {
                throw ModelFileError(
                    kind: .missing, file: url.path, problem: "the index names this shard, but it is missing",
                    advice: "download all of the model's \(shards.count) shards")
            }
            return try FileMapping(url)
        }
    }

    /// Throws unless every tensor is in the shard the index names, and the index names every tensor.
    func check(_ tensors: [TensorInfo]) throws {
        func fault(_ name: String, _ problem: String) -> ModelFileError {
            ModelFileError(
                file: path, place: "tensor \(quoted(name))", problem: problem,
                advice: "index and shards are of different models: download all of them again")
        }
        var found: [ExactName: String] = [:]
        for tensor in tensors {
            guard let shard = shardOf[tensor.name]?.string else {
                throw fault(tensor.name, "it is in \(quoted(tensor.fileName)), but not in the index")
            }
            guard shard == tensor.fileName else {
                throw fault(
                    tensor.name, "the index says \(quoted(shard)), it is in \(quoted(tensor.fileName))")
            }
            found[ExactName(tensor.name)] = shard
        }
        for (name, shard) in shardOf.members where found[ExactName(name)] == nil {
            throw fault(name, "the index says \(quoted(shard.string ?? "")), but it is not there")
        }
    }
}
