import Foundation
import ModelFiles
import Testing

struct TensorStoreTests {
    /// mixed.safetensors and mixed.json are written by PyTorch: scripts/goldens/safetensors_files.py.
    /// Conversions are compared bit by bit, since each is exact or, from F64, rounded to nearest in both.
    /// Only the payload of a NaN is open: PyTorch changes it from F16.
    @Test func readsWhatTheReferenceWrote() throws {
        let store = try TensorStore(file: golden("mixed.safetensors"))
        let expected = try #require(try JSONValue.read(golden("mixed.json")).object)
        #expect(store.metadata == ["format": "pt"])
        #expect(store.tensors.map(\.name) == expected.keys.sorted())
        for (name, tensor) in expected.members {
            let info = try #require(store.info(name))
            #expect(info.elementType.rawValue == tensor["dtype"]?.string, "\(name)")
            #expect(info.shape == tensor["shape"]?.array?.compactMap(\.int), "\(name)")
            #expect(info.elementCount == info.shape.reduce(1, *), "\(name)")
            #expect(info.fileName == "mixed.safetensors")
            guard let bits = tensor["float32_bits"]?.array?.compactMap(\.int) else { continue }
            let values = try floats(store, name)
            let isNaN = { (bits: Int) in Float(bitPattern: UInt32(bits)).isNaN }
            #expect(values.count == bits.count, "\(name)")
            for (value, expected) in zip(values, bits) {
                #expect(
                    isNaN(expected) ? value.isNaN : Int(value.bitPattern) == expected, "\(name): \(value)")
            }
            let stored = try #require(store.tensor(name))
            #expect(stored.format == info.elementType.rawValue && stored.shape == info.shape, "\(name)")
            #expect(try Array(stored.bytes) == store.bytes(name), "\(name)")
        }
        let ids = try store.bytes("position_ids")
        #expect(ids == [0, 1, UInt64(bitPattern: -2), 1 << 40].flatMap(littleEndian))
        #expect(try store.bytes("flags") == [1, 0])
        #expect(try store.bytes("empty") == [])
        #expect(store.info("none") == nil && store.tensor("none") == nil)
        #expect(store.names == store.tensors.map(\.name))
    }

    @Test func shardsReadAsOneModel() throws {
        let store = try TensorStore(modelFolder: golden("sharded"))
        let mixed = try TensorStore(file: golden("mixed.safetensors"))
        #expect(store.tensors.map(\.name) == ["half", "layer.bias", "layer.weight", "position_ids"])
        #expect(store.info("half")?.fileName == "model-00001-of-00002.safetensors")
        #expect(store.metadata == ["format": "pt"])
        for tensor in store.tensors {
            #expect(try store.bytes(tensor.name) == mixed.bytes(tensor.name))
        }
    }

    /// The Hugging Face cache holds links to blobs elsewhere.
    @Test func shardsMayBeLinks() throws {
        let folder = try TemporaryFolder()
        for name in try FileManager.default.contentsOfDirectory(atPath: golden("sharded").path) {
            try FileManager.default.createSymbolicLink(
                at: folder.path(name), withDestinationURL: golden("sharded").appendingPathComponent(name))
        }
        #expect(try TensorStore(modelFolder: folder.url).tensors.count == 4)
    }

    @Test func mappedMemoryOutlivesTheStoreAndTheFile() throws {
        let folder = try TemporaryFolder()
        let url = folder.path("a")
        try SafetensorsWriter.write(
            [TensorToWrite(name: "w", shape: [2], values: [1, 2])], metadata: [:], to: url)
        let stored = try #require(TensorStore(file: url).tensor("w"))
        try FileManager.default.removeItem(at: url)
        #expect(Array(stored.bytes) == [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40])
        stored.releasePages()
        #expect(Array(stored.bytes) == [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40])
    }

    @Test func unalignedDataIsRead() throws {
        let folder = try TemporaryFolder()
        var bytes = safetensors(#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} "#)
        try #require(bytes.count % 4 != 0)
        bytes += [0, 0, 0x80, 0x3F]
        let store = try TensorStore(file: folder.write("a", bytes))
        #expect(try Array(#require(store.tensor("w")).bytes) == [0, 0, 0x80, 0x3F])
        #expect(try floats(store, "w") == [1])
    }

    /// Swift's own Float16 is the reference; NaNs compare by being NaN, since hardware may quiet them.
    @Test func everyHalfConvertsExactly() throws {
        let folder = try TemporaryFolder()
        let bytes = (0...UInt16.max).flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        let tensor = TensorToWrite(name: "h", elementType: .float16, shape: [65536], bytes: bytes)
        try SafetensorsWriter.write([tensor], metadata: [:], to: folder.path("a"))
        let values = try floats(TensorStore(file: folder.path("a")), "h")
        let wrong = (0...UInt16.max).filter {
            let (expected, found) = (Float(Float16(bitPattern: $0)), values[Int($0)])
            return expected.isNaN ? !found.isNaN : expected.bitPattern != found.bitPattern
        }
        #expect(wrong == [])
    }

    @Test func emptyFilesAndNamesThatOnlyLookEqual() throws {
        let folder = try TemporaryFolder()
        #expect(try TensorStore(file: folder.write("none", safetensors("{}"))).tensors == [])
        let header =
            #"{"é":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"#
            + "\"e\u{301}\":" + #"{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#
        let store = try TensorStore(file: folder.write("two", safetensors(header, dataCount: 1) + [9]))
        #expect(store.tensors.count == 2)
        #expect(try store.bytes("\u{E9}") == [0])
        #expect(try store.bytes("e\u{301}") == [9])
    }

    @Test func readErrors() throws {
        let folder = try TemporaryFolder()
        let double = TensorToWrite(
            name: "d", elementType: .float64, shape: [2],
            bytes: littleEndian(0) + littleEndian(Double(1e300).bitPattern))
        let ids = TensorToWrite(name: "i", elementType: .int64, shape: [1], bytes: littleEndian(5))
        try SafetensorsWriter.write([double, ids], metadata: [:], to: folder.path("a"))
        let store = try TensorStore(file: folder.path("a"))
        #expect(
            message(folder) { _ = try floats(store, "d") }
                == "DIR/a: tensor 'd': element 1 is a finite F64 beyond the range of F32; "
                + "convert the model to F32 and look for overflows")
        #expect(
            message(folder) { _ = try floats(store, "i") }
                == "DIR/a: tensor 'i': the elements are I64, needed is one of F32, F16, BF16, F64; "
                + "use a model saved in one of these")
        #expect(
            message(folder) { _ = try store.bytes("x") }
                == "DIR/a: tensor 'x': not among the 2 tensors of the model; "
                + "check that the weights belong to this architecture")
    }
}
