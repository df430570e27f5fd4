import Foundation
import ModelFiles
import Testing

struct SafetensorsWriterTests {
    /// The file that PyTorch and safetensors 0.8.0 wrote, rebuilt from its tensors in another order.
    @Test func writesTheBytesOfTheReference() throws {
        let folder = try TemporaryFolder()
        let store = try TensorStore(file: golden("mixed.safetensors"))
        let tensors = try store.tensors.reversed().map {
            TensorToWrite(
                name: $0.name, elementType: $0.elementType, shape: $0.shape, bytes: try store.bytes($0.name))
        }
        try SafetensorsWriter.write(tensors, metadata: store.metadata, to: folder.path("copy"))
        #expect(try Data(contentsOf: folder.path("copy")) == Data(contentsOf: golden("mixed.safetensors")))
        #expect(try folder.names() == ["copy"])
    }

    /// A file with the same kinds of tensor was also read back by hand with safetensors 0.8.0 (`safe_open`).
    @Test func roundTrip() throws {
        let folder = try TemporaryFolder()
        let tensors = [
            TensorToWrite(name: "b.lora_A", shape: [0, 4], values: []),
            TensorToWrite(
                name: "a.lora_A", shape: [2, 2], values: [1, -0.0, .infinity, .leastNonzeroMagnitude]),
            TensorToWrite(name: "step", elementType: .int64, shape: [], bytes: littleEndian(77)),
            TensorToWrite(name: "mask", elementType: .uint8, shape: [3], bytes: [1, 0, 1]),
        ]
        let metadata = ["format": "pt", "note": "ä\n\"\u{1}"]
        try SafetensorsWriter.write(tensors, metadata: metadata, to: folder.path("f"))
        let store = try TensorStore(file: folder.path("f"))
        #expect(store.metadata == metadata)
        #expect(store.tensors.map(\.name) == ["a.lora_A", "b.lora_A", "mask", "step"])
        #expect(store.info("b.lora_A")?.shape == [0, 4])
        #expect(try floats(store, "b.lora_A") == [])
        #expect(
            try floats(store, "a.lora_A").map(\.bitPattern)
                == [1, -0.0, .infinity, .leastNonzeroMagnitude].map { (value: Float) in value.bitPattern })
        #expect(try store.bytes("step") == littleEndian(77))
        #expect(try store.bytes("mask") == [1, 0, 1])
    }

    @Test func theHeaderIsPaddedAndSorted() throws {
        let folder = try TemporaryFolder()
        let tensors = [
            TensorToWrite(name: "y", elementType: .uint8, shape: [1], bytes: [5]),
            TensorToWrite(name: "x", shape: [1], values: [1]),
        ]
        try SafetensorsWriter.write(tensors, metadata: ["b": "2", "a": "1"], to: folder.path("f"))
        let bytes = try [UInt8](Data(contentsOf: folder.path("f")))
        let json =
            #"{"__metadata__":{"a":"1","b":"2"},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#
            + #""y":{"dtype":"U8","shape":[1],"data_offsets":[4,5]}}"#
        let padded = (json.utf8.count + 7) / 8 * 8
        let spaces = [UInt8](repeating: 0x20, count: padded - json.utf8.count)
        #expect(bytes == littleEndian(UInt64(padded)) + Array(json.utf8) + spaces + [0, 0, 0x80, 0x3F, 5])
    }

    @Test func refusedNames() throws {
        let folder = try TemporaryFolder()
        let one = TensorToWrite(name: "a", shape: [], values: [1])
        let reserved = TensorToWrite(name: "__metadata__", shape: [], values: [1])
        #expect(
            message(folder) { try SafetensorsWriter.write([one, one], metadata: [:], to: folder.path("f")) }
                == "DIR/f: tensor 'a': the name is given twice; rename the tensor")
        #expect(
            message(folder) { try SafetensorsWriter.write([reserved], metadata: [:], to: folder.path("f")) }
                == "DIR/f: tensor '__metadata__': the name is reserved; rename the tensor")
        #expect(try folder.names() == [])
    }
}
