import Foundation
import ModelFiles
import Testing

/// Models split over several files.
@Suite struct WeightShardsTests {
    /// As huggingface_hub's split_torch_state_dict_into_shards gives: large ones apart and before what is being
    /// filled.
    @Test func theRule() {
        func members(_ counts: [Int]) -> [[Int]] { WeightShards(byteCounts: counts, limit: 10).members }
        #expect(members([4, 4, 2]) == [[0, 1, 2]])
        #expect(members([4, 4, 3]) == [[0, 1], [2]])
        #expect(members([4, 11, 4, 4]) == [[1], [0, 2], [3]])
        #expect(members([12, 11]) == [[0], [1]])
        #expect(members([10, 10]) == [[0], [1]])
        #expect(members([]) == [])
    }

    @Test func names() {
        let one = WeightShards(byteCounts: [1], limit: 10)
        #expect(one.fileName(0) == "model.safetensors")
        let three = WeightShards(byteCounts: [8, 8, 8], limit: 10)
        #expect(three.fileName(0) == "model-00001-of-00003.safetensors")
        #expect(three.fileName(2) == "model-00003-of-00003.safetensors")
    }

    @Test func whatIsWrittenIsReadBack() throws {
        let temporary = try TemporaryFolder()
        let folder = temporary.url
        let names = ["b", "a", "c"]
        let shards = WeightShards(byteCounts: [8, 8, 4], limit: 12)
        try shards.write(names: names, elements: 5, into: folder) { index in
            let count = index == 2 ? 1 : 2
            return TensorToWrite(
                name: names[index], shape: [count],
                values: (0..<count).map { Float(10 * index + $0) })
        }
        let index = try JSONValue.read(folder.appendingPathComponent("model.safetensors.index.json"))
        #expect(
            index["metadata"]?["total_size"]?.int == 20 && index["metadata"]?["total_parameters"]?.int == 5)
        #expect(index["weight_map"]?.object?.keys == ["a", "b", "c"])
        #expect(index["weight_map"]?["a"]?.string == "model-00002-of-00002.safetensors")
        let store = try TensorStore(modelFolder: folder)
        #expect(store.tensors.map(\.name) == ["a", "b", "c"])
        var values = [Float](repeating: 0, count: 2)
        try values.withUnsafeMutableBufferPointer { try store.copyFloat32("a", into: $0) }
        #expect(values == [10, 11])
    }
}
