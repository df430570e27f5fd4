import Foundation
import ModelFiles
import Testing

struct GGUFWriterTests {
    /// The file that ggml's Python package wrote, rebuilt from its keys and tensors.
    @Test func writesTheBytesOfTheReference() throws {
        let folder = try TemporaryFolder()
        let url = GGUFFileTests.golden("types.gguf")
        let file = try GGUFFile(url)
        let metadata = try file.metadata.keys.map {
            (key: $0, value: try #require(try file.metadata.value($0)))
        }
        let tensors = try file.tensors.map {
            GGUFTensorToWrite(name: $0.name, type: $0.type, copying: try #require(file.tensor($0.name)))
        }
        for name in ["once", "twice"] {
            try GGUFWriter.write(metadata: metadata, tensors: tensors, to: folder.path(name))
            #expect(try Data(contentsOf: folder.path(name)) == Data(contentsOf: url))
        }
        #expect(try folder.names() == ["once", "twice"])
    }

    @Test func roundTrip() throws {
        let folder = try TemporaryFolder()
        let metadata: [(key: String, value: GGUFValue)] = [
            ("general.type", .string("adapter")), ("general.alignment", .uint32(64)),
            ("adapter.lora.alpha", .float32(16)), ("none", .array(.string([]))),
        ]
        let half = try #require(GGMLType.named("F16"))
        let tensors = [
            GGUFTensorToWrite(name: "b.lora_a", shape: [2, 3], values: [1, -0.0, .infinity, 4, 5, 6]),
            GGUFTensorToWrite(name: "a", type: half, shape: [3]) { append in
                for bytes in [[0, 0x3C, 0], [0xC0, 0, 0]] as [[UInt8]] {
                    try bytes.withUnsafeBytes { try append($0) }
                }
            },
            GGUFTensorToWrite(name: "empty", shape: [0, 4], values: []),
        ]
        try GGUFWriter.write(metadata: metadata, tensors: tensors, to: folder.path("f"))
        let file = try GGUFFile(folder.path("f"))
        #expect(file.metadata.keys == metadata.map(\.key))
        for (key, value) in metadata { #expect(try file.metadata.value(key) == value, "\(key)") }
        #expect(file.tensors.map(\.name) == ["b.lora_a", "a", "empty"])
        #expect(file.info("b.lora_a")?.shape == [2, 3] && file.info("empty")?.shape == [0, 4])
        var values = [Float](repeating: -1, count: 6)
        try values.withUnsafeMutableBufferPointer { try file.copyFloat32("b.lora_a", into: $0) }
        #expect(
            values.map(\.bitPattern)
                == [1, -0.0, .infinity, 4, 5, 6].map { (value: Float) in value.bitPattern })
        values = [-1, -1, -1]
        try values.withUnsafeMutableBufferPointer { try file.copyFloat32("a", into: $0) }
        #expect(values == [1, -2, 0])
    }

    /// Without data nothing is aligned, however large the alignment.
    @Test func keysAlone() throws {
        let folder = try TemporaryFolder()
        try GGUFWriter.write(
            metadata: [("general.alignment", .uint32(1 << 31))], tensors: [], to: folder.path("f"))
        #expect(try Data(contentsOf: folder.path("f")).count == 24 + 8 + 17 + 4 + 4)
        #expect(try GGUFFile(folder.path("f")).metadata.int("general.alignment") == 1 << 31)
    }

    @Test func whatReadersWouldRefuse() throws {
        let folder = try TemporaryFolder()
        func refused(
            _ metadata: [(key: String, value: GGUFValue)], _ tensors: [GGUFTensorToWrite] = []
        ) -> String {
            message(folder) {
                try GGUFWriter.write(metadata: metadata, tensors: tensors, to: folder.path("f"))
            }
        }
        func tensor(_ name: String, _ shape: [Int] = [1]) -> GGUFTensorToWrite {
            GGUFTensorToWrite(name: name, shape: shape, values: [1])
        }
        let long = String(repeating: "n", count: 64)
        let rows: [(String, String)] = [
            (refused([("k", .bool(true)), ("k", .bool(true))]), "key 'k': the key is given twice"),
            (refused([("", .bool(true))]), "key '': the name has 0 bytes"),
            (
                refused([("general.alignment", .uint32(24))]),
                "key 'general.alignment': the value is no power of two of type u32"
            ),
            (
                refused([("general.alignment", .uint64(32))]),
                "key 'general.alignment': the value is no power of two of type u32"
            ),
            (refused([], [tensor("t"), tensor("t")]), "tensor 't': the tensor is given twice"),
            (refused([], [tensor(long)]), "tensor '\(long)': the name has 64 bytes, allowed are 1 to 63"),
            (refused([], [tensor("")]), "tensor '': the name has 0 bytes, allowed are 1 to 63"),
            (
                refused([], [tensor("t", [1, 1, 1, 1, 1])]), "tensor 't': it has 5 dimensions, the limit is 4"
            ),
        ]
        for (found, expected) in rows {
            #expect(found == "DIR/f: \(expected); llama.cpp would not open such a file")
        }
        #expect(try folder.names() == [])
    }

    @Test func aTensorThatCannotBeMadeLeavesTheOldFile() throws {
        let folder = try TemporaryFolder()
        try folder.write("f", "old")
        let failing = GGUFTensorToWrite(name: "t", type: .float32, shape: [1]) { _ in
            throw ModelFileError(file: "g", problem: "gone", advice: "look")
        }
        #expect(
            message { try GGUFWriter.write(metadata: [], tensors: [failing], to: folder.path("f")) }
                == "g: gone; look")
        #expect(try folder.text("f") == "old" && folder.names() == ["f"])
    }

    @Test func otherSizesTrap() async {
        await #expect(processExitsWith: .failure) {
            _ = GGUFTensorToWrite(name: "t", shape: [2], values: [1])
        }
        await #expect(processExitsWith: .failure) {
            guard let type = GGMLType.named("Q4_0") else { return }
            _ = GGUFTensorToWrite(name: "t", type: type, shape: [48]) { _ in }
        }
    }
}
