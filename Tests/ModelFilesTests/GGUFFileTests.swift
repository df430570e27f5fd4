import Foundation
import ModelFiles
import Testing

struct GGUFFileTests {
    static func golden(_ name: String) -> URL {
        ModelFilesTests.golden("").deletingLastPathComponent().appendingPathComponent("gguf/\(name)")
    }

    /// The value that JSON says a key has, by the type of the file.
    private static func expected(_ type: String, _ value: JSONValue?) throws -> GGUFValue {
        func integer<T: FixedWidthInteger>(_: T.Type) throws -> T { try #require(T(value?.string ?? "")) }
        switch type {
        case "UINT8": return .uint8(try integer(UInt8.self))
        case "INT8": return .int8(try integer(Int8.self))
        case "UINT16": return .uint16(try integer(UInt16.self))
        case "INT16": return .int16(try integer(Int16.self))
        case "UINT32": return .uint32(try integer(UInt32.self))
        case "INT32": return .int32(try integer(Int32.self))
        case "UINT64": return .uint64(try integer(UInt64.self))
        case "INT64": return .int64(try integer(Int64.self))
        case "FLOAT32": return .float32(Float(try #require(value?.double)))
        case "FLOAT64": return .float64(try #require(value?.double))
        case "BOOL": return .bool(try #require(value?.bool as Bool?))
        default: return .string(try #require(value?.string))
        }
    }

    /// The elements of an array, one by one.
    private static func elements(_ array: GGUFArray) -> [GGUFValue] {
        switch array {
        case .uint8(let values): values.map { .uint8($0) }
        case .int8(let values): values.map { .int8($0) }
        case .uint16(let values): values.map { .uint16($0) }
        case .int16(let values): values.map { .int16($0) }
        case .uint32(let values): values.map { .uint32($0) }
        case .int32(let values): values.map { .int32($0) }
        case .uint64(let values): values.map { .uint64($0) }
        case .int64(let values): values.map { .int64($0) }
        case .float32(let values): values.map { .float32($0) }
        case .float64(let values): values.map { .float64($0) }
        case .bool(let values): values.map { .bool($0) }
        case .string(let values): values.map { .string($0) }
        }
    }

    /// types.gguf and types.json are written by ggml's Python package: scripts/goldens/gguf_files.py.
    @Test func keysAreThoseOfTheReference() throws {
        let metadata = try GGUFFile(Self.golden("types.gguf")).metadata
        let keys = try #require(try JSONValue.read(Self.golden("types.json"))["keys"]?.array)
        #expect(metadata.keys == keys.compactMap { $0["key"]?.string } && keys.count > 30)
        for entry in keys {
            let key = try #require(entry["key"]?.string)
            let value = try #require(try metadata.value(key))
            #expect(metadata.has(key))
            guard let type = entry["type"]?.array?.first?.string else {
                let type = try #require(entry["type"]?.string)
                #expect(try value == Self.expected(type, entry["value"]), "\(key)")
                #expect(!metadata.isArray(key))
                continue
            }
            guard case .array(let array) = value else {
                Issue.record("\(key) is no array")
                continue
            }
            let expected = try (entry["value"]?.array ?? []).map { try Self.expected(type, $0) }
            #expect(Self.elements(array) == expected, "\(key)")
            #expect(metadata.isArray(key))
        }
        // Two spellings of é are equal strings; their bytes tell them apart.
        let strings = try #require(try metadata.strings("strings"))
        #expect(strings.map { Array($0.utf8) }[2...3] == [[0xC3, 0xA9], [0x65, 0xCC, 0x81]])
    }

    @Test func tensorsAreThoseOfTheReference() throws {
        let file = try GGUFFile(Self.golden("types.gguf"))
        let expected = try #require(try JSONValue.read(Self.golden("types.json"))["tensors"]?.object)
        #expect(file.tensors.map(\.name) == expected.keys && file.names == expected.keys.sorted())
        for (name, tensor) in expected.members {
            let info = try #require(file.info(name))
            let stored = try #require(file.tensor(name))
            #expect(info.type.name == tensor["format"]?.string && stored.format == info.type.name, "\(name)")
            #expect(info.shape == tensor["shape"]?.array?.compactMap(\.int), "\(name)")
            #expect(stored.shape == info.shape && info.elementCount == info.shape.reduce(1, *), "\(name)")
            #expect(info.fileName == "types.gguf" && stored.bytes.count == info.byteCount)
            let hexadecimal = stored.bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
            #expect(hexadecimal.joined() == tensor["bytes"]?.string, "\(name)")
            var values = [Float](repeating: -1, count: info.elementCount)
            let copy = message {
                try values.withUnsafeMutableBufferPointer { try file.copyFloat32(name, into: $0) }
            }
            guard let bits = tensor["float32_bits"]?.array?.compactMap(\.int) else {
                #expect(
                    copy.hasSuffix(
                        "types.gguf: tensor '\(name)': the elements are \(info.type.name), which cannot be read as "
                            + "numbers here; take the model in another format, such as BF16, Q8_0 or Q4_K_M"))
                continue
            }
            #expect(copy == "no error" && values.map { Int($0.bitPattern) } == bits, "\(name)")
        }
        // Every format but the one that the package does not know yet.
        #expect(Set(file.tensors.map(\.type.name)).count == 34)
        #expect(file.tensor("none") == nil && file.info("none") == nil)
        #expect(
            message { try file.copyFloat32("none", into: UnsafeMutableBufferPointer(start: nil, count: 0)) }
                .hasSuffix(
                    "tensor 'none': not among the \(expected.count) tensors of the model; "
                        + "check that the weights belong to this architecture"))
    }

    @Test func typedGetters() throws {
        let metadata = try GGUFFile(Self.golden("types.gguf")).metadata
        #expect(try metadata.string("general.architecture") == "llama")
        #expect(try metadata.int("int8.0") == -128 && metadata.int("uint32.1") == 4_294_967_295)
        #expect(try metadata.int("int64.0") == .min && metadata.ints("uint16s") == [0, 65535])
        #expect(try metadata.double("float32") == Double(Float(0.1)) && metadata.double("float64") == 0.1)
        #expect(try metadata.doubles("float32s")?.count == 4 && metadata.doubles("float64s") == [0.1, 1e300])
        #expect(try metadata.floats("float32s") == [1.5, -0.0, .leastNonzeroMagnitude, 3e38])
        #expect(try metadata.bool("true") == true && metadata.bool("false") == false)
        #expect(try metadata.bools("bools") == [true, false, true])
        #expect(try metadata.strings("strings")?.count == 5)
        #expect(try metadata.string("none") == nil && metadata.int("none") == nil)
        #expect(try metadata.double("none") == nil && metadata.bool("none") == nil)
        #expect(try metadata.strings("none") == nil && metadata.ints("none") == nil)
        #expect(try metadata.floats("none") == nil && metadata.doubles("none") == nil)
        #expect(try metadata.bools("none") == nil && metadata.value("none") == nil)
        #expect(!metadata.has("none") && !metadata.isArray("none"))
    }

    @Test func gettersRefuseOtherTypes() throws {
        let metadata = try GGUFFile(Self.golden("types.gguf")).metadata
        func problem(_ body: () throws -> Any?) -> String {
            let text = message { _ = try body() }
            return String(text.split(separator: "types.gguf: ").last ?? "")
        }
        let advice = "; convert the model anew with llama.cpp's convert_hf_to_gguf.py"
        let rows: [(String, String)] = [
            (
                problem { try metadata.string("int8.0") },
                "key 'int8.0': the value is of type i8, not a string"
            ),
            (
                problem { try metadata.string("strings") },
                "key 'strings': the value is an array of 5 values of type str, not a string"
            ),
            (problem { try metadata.int("true") }, "key 'true': the value is of type bool, not an integer"),
            (
                problem { try metadata.int("float32") },
                "key 'float32': the value is of type f32, not an integer"
            ),
            (
                problem { try metadata.int("uint8s") },
                "key 'uint8s': the value is an array of 2 values of type u8, not an integer"
            ),
            (
                problem { try metadata.double("uint8.0") },
                "key 'uint8.0': the value is of type u8, not a floating-point number"
            ),
            (
                problem { try metadata.bool("uint8.0") },
                "key 'uint8.0': the value is of type u8, not true or false"
            ),
            (
                problem { try metadata.strings("general.name") },
                "key 'general.name': the value is a string, not an array of strings"
            ),
            (
                problem { try metadata.ints("float32s") },
                "key 'float32s': the value is an array of 4 values of type f32, not an array of integers"
            ),
            (
                problem { try metadata.doubles("strings") },
                "key 'strings': the value is an array of 5 values of type str, not an array of floating-point numbers"
            ),
            (
                problem { try metadata.floats("float64s") },
                "key 'float64s': the value is an array of 2 values of type f64, not an array of f32"
            ),
            (
                problem { try metadata.bools("uint8s") },
                "key 'uint8s': the value is an array of 2 values of type u8, not an array of true and false"
            ),
        ]
        for (found, expected) in rows { #expect(found == expected + advice) }
        let beyond = "the integer 18446744073709551615 is beyond 63 bits; \(GGUFErrorTests.rewrite)"
        #expect(problem { try metadata.int("uint64.1") } == "key 'uint64.1': \(beyond)")
        #expect(problem { try metadata.ints("uint64s") } == "key 'uint64s': \(beyond)")
    }

    /// What only a reader of the value can see, and what other keys do not suffer from.
    @Test func brokenValuesAreErrorsOfTheirKeys() throws {
        let folder = try TemporaryFolder()
        let bad: [UInt8] = GGUFBytes.number(UInt64(2)) + [0x61, 0xFF]
        let url = try folder.write(
            "f",
            GGUFBytes.file([
                GGUFBytes.key("text", 8, bad),
                GGUFBytes.array("texts", of: 8, count: 2, GGUFBytes.text("a") + bad),
                GGUFBytes.key("flag", 7, [2]), GGUFBytes.key("good", 8, GGUFBytes.text("ü")),
                GGUFBytes.array("none", of: 5, count: 0, []),
            ]))
        let metadata = try GGUFFile(url).metadata
        #expect(try metadata.string("good") == "ü" && metadata.ints("none") == [])
        let rewrite = "; \(GGUFErrorTests.rewrite)"
        #expect(
            message(folder) { _ = try metadata.string("text") }
                == "DIR/f: key 'text': the string is not valid UTF-8" + rewrite)
        #expect(
            message(folder) { _ = try metadata.strings("texts") }
                == "DIR/f: key 'texts': string 1 of 2 is not valid UTF-8" + rewrite)
        #expect(
            message(folder) { _ = try metadata.bool("flag") }
                == "DIR/f: key 'flag': the byte 2 stands for neither true nor false" + rewrite)
    }

    @Test func versionTwoIsReadAsVersionThree() throws {
        let (old, new) = (try GGUFFile(Self.golden("version2.gguf")), try GGUFFile(Self.golden("types.gguf")))
        #expect(old.metadata.keys == new.metadata.keys)
        for key in new.metadata.keys {
            #expect(try old.metadata.value(key) == new.metadata.value(key), "\(key)")
        }
        #expect(old.names == ["q4_0.weight", "three"])
        for name in old.names {
            #expect(try #require(old.tensor(name)).isSame(as: try #require(new.tensor(name))), "\(name)")
        }
    }

    @Test func anyPartOpensAll() throws {
        let whole = try GGUFFile(Self.golden("types.gguf"))
        for part in 1...3 {
            let url = Self.golden("split/model-0000\(part)-of-00003.gguf")
            let file = try GGUFFile(url)
            #expect(try file.path == url.path && file.metadata.int("llama.block_count") == 7)
            #expect(
                file.tensors.map(\.name) == ["three", "q8_0.weight", "f32.weight", "bf16.weight", "scalar"])
            #expect(file.info("scalar")?.fileName == "model-00003-of-00003.gguf")
            for name in file.names {
                #expect(
                    try #require(file.tensor(name)).isSame(as: try #require(whole.tensor(name))), "\(name)")
            }
        }
    }

    @Test func mappedMemoryOutlivesTheFile() throws {
        let folder = try TemporaryFolder()
        let url = try folder.write(
            "f",
            GGUFBytes.file(
                [GGUFBytes.key("a", 8, GGUFBytes.text("text"))],
                [GGUFBytes.tensor("t", [5], type: 24)], data: 5))
        let file = try GGUFFile(url)
        let stored = try #require(file.tensor("t"))
        try FileManager.default.removeItem(at: url)
        stored.releasePages()
        #expect(try Array(stored.bytes) == [0, 1, 2, 3, 4] && file.metadata.string("a") == "text")
    }

    @Test func doublesBeyondFloat32() throws {
        let folder = try TemporaryFolder()
        let values = GGUFBytes.number(Double(1).bitPattern) + GGUFBytes.number(Double(1e300).bitPattern)
        let url = try folder.write(
            "f",
            Array(GGUFBytes.file([], [GGUFBytes.tensor("d", [2], type: 28)], data: 16).dropLast(16)) + values)
        let file = try GGUFFile(url)
        var out: [Float] = [0, 0]
        #expect(
            message(folder) { try out.withUnsafeMutableBufferPointer { try file.copyFloat32("d", into: $0) } }
                == "DIR/f: tensor 'd': element 1 is a finite F64 beyond the range of F32; "
                + "convert the model to F32 and look for overflows")
    }
}
