import Foundation

/// Which file of a model each tensor goes to, as transformers splits them: in their order, a new file where the next
/// one would take it over the limit, and a file of its own for each tensor that is larger by itself.
package struct WeightShards: Sendable, Equatable {
    /// 5 GB, the default of huggingface_hub and of transformers up to version 4
    package static let usualLimit = 5_000_000_000

    /// The positions of the tensors in each file, in order.
    package let members: [[Int]]
    private let byteCounts: [Int]

    /// - Parameters:
    ///   - byteCounts: of the tensors.
    ///   - limit: bytes of tensors in one file; the header comes on top.
    package init(byteCounts: [Int], limit: Int) {
        self.byteCounts = byteCounts
        var shards: [[Int]] = []
        var current: [Int] = []
        var size = 0
        for (index, count) in byteCounts.enumerated() {
            if count > limit {
                shards.append([index])
                continue
            }
            if size + count > limit {
                shards.append(current)
                (current, size) = ([], 0)
            }
            current.append(index)
            size += count
        }
        if !current.isEmpty { shards.append(current) }
        members = shards
    }

    /// `model.safetensors`, or `model-00001-of-00003.safetensors` and so on.
    package func fileName(_ shard: Int) -> String {
        if members.count == 1 { return "model.safetensors" }
        func digits(_ number: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, 5 - text.count)) + text
        }
        return "model-\(digits(shard + 1))-of-\(digits(members.count)).safetensors"
    }

    /// Writes the files, one after the other so that only one is in memory, and for more than one their index.
    ///
    /// - Parameters:
    ///   - names: of the tensors.
    ///   - elements: of all tensors together.
    ///   - tensor: the tensor at a position.
    package func write(
        names: [String], elements: Int, into folder: URL, tensor: (Int) -> TensorToWrite
    ) throws {
        for (shard, positions) in members.enumerated() {
            try SafetensorsWriter.write(
                positions.map(tensor), metadata: ["format": "pt"],
                to: folder.appendingPathComponent(fileName(shard)))
        }
        guard members.count > 1 else { return }
        var map = JSONObject()
        let places = members.enumerated().flatMap { shard, positions in
            positions.map { (name: names[$0], file: fileName(shard)) }
        }
        for place in places.sorted(by: { ExactName($0.name) < ExactName($1.name) }) {
            map[place.name] = .string(place.file)
        }
        let index = JSONValue.object([
            "metadata": .object([
                "total_parameters": JSONValue(elements), "total_size": JSONValue(byteCounts.reduce(0, +)),
            ]), "weight_map": .object(map),
        ])
        try AtomicFile.write(
            Data(index.bytes(pretty: true)),
            to: folder.appendingPathComponent("model.safetensors.index.json"))
    }
}
