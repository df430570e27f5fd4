import Foundation
import ModelFiles
import Testing

/// What a broken GGUF file is told by.
struct GGUFErrorTests {
    struct Row: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let bytes: [UInt8]
        let message: String

        init(_ name: String, _ bytes: [UInt8], _ message: String, _ advice: String = rewrite) {
            testDescription = name
            self.bytes = bytes
            self.message = "DIR/f: \(message); \(advice)"
        }
    }

    static let rewrite = "the file is damaged or badly written: download it again or convert the model anew"
    private static let again = "download the file again"
    private static let one = GGUFBytes.key("k", 4, GGUFBytes.number(UInt32(7)))

    static let files: [Row] = [
        Row("empty", [], "the file does not begin with GGUF", "check that this is a GGUF file, and whole"),
        Row(
            "half a magic", Array("GGU".utf8), "the file does not begin with GGUF",
            "check that this is a GGUF file, and whole"),
        Row("magic alone", Array("GGUF".utf8), "version: the file ends at byte 4, within its header", again),
        Row(
            "LFS pointer", Array("version https://git-lfs.github.com/spec/v1\noid".utf8),
            "this is a Git LFS pointer, not the file itself", "run git lfs pull in its repository"),
        Row(
            "safetensors", safetensors("{}"), "this is a safetensors file", "give the folder that holds it"),
        Row(
            "pickle", [0x50, 0x4B, 3, 4, 0, 0, 8, 8, 0, 0], "this is a PyTorch pickle, not a GGUF file",
            "use the model's GGUF or safetensors files"),
        Row(
            "GGML", Array("tjgg".utf8) + GGUFBytes.number(UInt32(3)),
            "this is a GGML file, as llama.cpp wrote before August 2023", "take the model as GGUF"),
        Row(
            "version 1", GGUFBytes.file(version: 1),
            "version: the file has version 1 of GGUF, known are 2 and 3",
            "convert the model anew with a llama.cpp of today"),
        Row(
            "version 4", GGUFBytes.file(version: 4),
            "version: the file has version 4 of GGUF, known are 2 and 3",
            "convert the model anew with a llama.cpp of today"),
        Row(
            "big-endian", GGUFBytes.file(version: UInt32(3).byteSwapped), "version: the file is big-endian",
            "convert it with gguf_convert_endian.py of llama.cpp"),
        Row(
            "many keys", GGUFBytes.file([one], keyCount: .max),
            "number of keys: 9223372036854775807 of them do not fit in the 17 bytes that follow"),
        Row(
            "keys below 0", GGUFBytes.file([one], keyCount: -1),
            "number of keys: -1 of them do not fit in the 17 bytes that follow"),
        Row(
            "many tensors", GGUFBytes.file([one], tensorCount: 1 << 40),
            "number of tensors: 1099511627776 of them do not fit in the 25 bytes that follow"),
        Row("bytes without tensors", GGUFBytes.file(data: 40), "40 bytes follow the last tensor"),
    ]

    static let keys: [Row] = [
        Row(
            "key without a name", GGUFBytes.file([GGUFBytes.key("", 4, GGUFBytes.number(UInt32(7)) + [0])]),
            "key 1 of 1: its name has 0 bytes, allowed are 1 to 65535"),
        Row(
            "long name", GGUFBytes.file([GGUFBytes.key(String(repeating: "k", count: 65_536), 7, [0])]),
            "key 1 of 1: its name has 65536 bytes, allowed are 1 to 65535"),
        Row(
            "name without end", GGUFBytes.file([GGUFBytes.number(UInt64.max) + [1, 2, 3, 4, 5, 6]]),
            "key 1 of 1: a string of 18446744073709551615 bytes, the limit is 1073741824"),
        Row(
            "name beyond the file", GGUFBytes.file([GGUFBytes.number(UInt64(100)) + [1, 2, 3, 4, 5, 6]]),
            "key 1 of 1: a string of 100 bytes, but 6 follow"),
        Row(
            "name not in UTF-8", GGUFBytes.file([GGUFBytes.number(UInt64(1)) + [0xFF, 0, 0, 0, 0, 0]]),
            "key 1 of 1: its name is not valid UTF-8"),
        Row(
            "two of a name", GGUFBytes.file([one, one]), "key 'k': the key is given twice"),
        Row(
            "unknown type", GGUFBytes.file([GGUFBytes.key("k", 13, [0])]),
            "key 'k': the type 13 of its value is none of 0 to 12"),
        Row(
            "unknown type in an array", GGUFBytes.file([GGUFBytes.array("k", of: 99, count: 0, [])]),
            "key 'k': the type 99 of its value is none of 0 to 12"),
        Row(
            "array of arrays",
            GGUFBytes.file([GGUFBytes.array("k", of: 9, count: 1, GGUFBytes.number(UInt32(4)))]),
            "key 'k': an array of arrays", "no known model has one: check the source"),
        Row(
            "array over the limit", GGUFBytes.file([GGUFBytes.array("k", of: 0, count: 1 << 40, [])]),
            "key 'k': an array of 1099511627776 values, the limit is 1073741824"),
        Row(
            "array beyond the file", GGUFBytes.file([GGUFBytes.array("k", of: 12, count: 9, [0, 0])]),
            "key 'k': 9 values of type f64 need 72 bytes, but 2 follow"),
        Row(
            "strings beyond the file",
            GGUFBytes.file([GGUFBytes.array("k", of: 8, count: 1 << 29, GGUFBytes.text("a"))]),
            "key 'k': 536870912 values of type str need 4294967296 bytes, but 9 follow"),
        Row(
            "string in an array beyond the file",
            GGUFBytes.file([
                GGUFBytes.array(
                    "k", of: 8, count: 2, GGUFBytes.text("ab") + GGUFBytes.number(UInt64(5)) + [0])
            ]), "key 'k': a string of 5 bytes, but 1 follow"),
        Row(
            "value beyond the file", GGUFBytes.file([GGUFBytes.key("key", 10, [0])]),
            "key 'key': 1 values of type u64 need 8 bytes, but 1 follow"),
        Row(
            "alignment of another type",
            GGUFBytes.file([GGUFBytes.key("general.alignment", 10, GGUFBytes.number(UInt64(32)))]),
            "key 'general.alignment': the value is not of type u32"),
        Row(
            "alignment 0",
            GGUFBytes.file([GGUFBytes.key("general.alignment", 4, GGUFBytes.number(UInt32(0)))]),
            "key 'general.alignment': the alignment 0 is no power of two"),
        Row(
            "alignment 48",
            GGUFBytes.file([GGUFBytes.key("general.alignment", 4, GGUFBytes.number(UInt32(48)))]),
            "key 'general.alignment': the alignment 48 is no power of two"),
    ]

    private static func tensor(_ bytes: [UInt8], data: Int = 4) -> [UInt8] {
        GGUFBytes.file([], [bytes], data: data)
    }

    static let tensors: [Row] = [
        Row(
            "no name", tensor(GGUFBytes.tensor("", [1])),
            "tensor 1 of 1: its name has 0 bytes, allowed are 1 to 63"),
        Row(
            "64 bytes of name", tensor(GGUFBytes.tensor(String(repeating: "n", count: 64), [1])),
            "tensor 1 of 1: its name has 64 bytes, allowed are 1 to 63"),
        Row(
            "two of a name",
            GGUFBytes.file([], [GGUFBytes.tensor("t", [1]), GGUFBytes.tensor("t", [1], at: 32)], data: 36),
            "tensor 't': the tensor is given twice"),
        Row(
            "5 dimensions", tensor(GGUFBytes.tensor("t", [1, 1, 1, 1, 1])),
            "tensor 't': it has 5 dimensions, the limit is 4"),
        Row("size below 0", tensor(GGUFBytes.tensor("t", [-1])), "tensor 't': a dimension has the size -1"),
        Row(
            "overflow", tensor(GGUFBytes.tensor("t", [1 << 32, 1 << 32])),
            "tensor 't': the shape [4294967296, 4294967296] of F32 has more bytes than 64 bits can count"),
        Row(
            "overflow by the element", tensor(GGUFBytes.tensor("t", [1 << 31, 1 << 31])),
            "tensor 't': the shape [2147483648, 2147483648] of F32 has more bytes than 64 bits can count"),
        Row(
            "broken block", tensor(GGUFBytes.tensor("t", [48, 2], type: 2), data: 54),
            "tensor 't': its rows of 48 weights are no whole blocks of Q4_0, which hold 32"),
        Row(
            "scalar of blocks", tensor(GGUFBytes.tensor("t", [], type: 2), data: 18),
            "tensor 't': its rows of 1 weights are no whole blocks of Q4_0, which hold 32"),
        Row(
            "unknown format", tensor(GGUFBytes.tensor("t", [1], type: 43)),
            "tensor 't': it is in the format 43, which is not known",
            "take the model in another format, such as Q8_0 or Q4_K_M"),
        Row(
            "removed format", tensor(GGUFBytes.tensor("t", [32], type: 31)),
            "tensor 't': it is in Q4_0_4_4, a format that llama.cpp no longer has", "quantise the model anew"),
        Row(
            "unaligned", tensor(GGUFBytes.tensor("t", [1], at: 4), data: 8),
            "tensor 't': its data begins at byte 4, which is no multiple of 32; that of the tensors before ends at 0"
        ),
        Row(
            "hole", tensor(GGUFBytes.tensor("t", [1], at: 32), data: 36),
            "tensor 't': its data begins at byte 32; that of the tensors before ends at 0"),
        Row(
            "overlap",
            GGUFBytes.file([], [GGUFBytes.tensor("a", [9]), GGUFBytes.tensor("b", [9], at: 32)], data: 100),
            "tensor 'b': its data begins at byte 32; that of the tensors before ends at 64"),
        Row(
            "the same bytes twice",
            GGUFBytes.file([], [GGUFBytes.tensor("a", [1]), GGUFBytes.tensor("b", [1])], data: 4),
            "tensor 'b': its data begins at byte 0; that of the tensors before ends at 32"),
        Row(
            "offset of 64 bits", tensor(GGUFBytes.tensor("t", [1], at: .max)),
            "tensor 't': its data begins at byte 18446744073709551615, which is no multiple of 32; that of the tensors "
                + "before ends at 0"),
        Row(
            "data beyond the file", tensor(GGUFBytes.tensor("t", [3]), data: 11),
            "tensor 't': its 12 bytes begin at byte 64, but the file has 75 bytes",
            "the file is not complete: download it again"),
        Row(
            "no data", Array(tensor(GGUFBytes.tensor("t", [3])).prefix(60)),
            "tensor 't': its 12 bytes begin at byte 64, but the file has 60 bytes",
            "the file is not complete: download it again"),
        Row("rest", tensor(GGUFBytes.tensor("t", [1]), data: 33), "1 bytes follow the last tensor"),
        Row(
            "a name of control characters", tensor(GGUFBytes.tensor("a\n\u{1B}[2J", [-3])),
            "tensor 'a\\u{a}\\u{1b}[2J': a dimension has the size -3"),
    ]

    @Test(arguments: files + keys + tensors) func refused(_ row: Row) throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("f", row.bytes)
        #expect(message(folder) { _ = try GGUFFile(file) } == row.message)
    }

    @Test func whatIsAllowed() throws {
        let folder = try TemporaryFolder()
        // Padding behind the last tensor or none, another alignment, no tensors with or without padding, no elements.
        let alignment = GGUFBytes.key("general.alignment", 4, GGUFBytes.number(UInt32(8)))
        let two = [GGUFBytes.tensor("a", [1]), GGUFBytes.tensor("b", [1, 2], at: 8)]
        let rows = [
            (Self.tensor(GGUFBytes.tensor("t", [1]), data: 32), 1),
            (Self.tensor(GGUFBytes.tensor(String(repeating: "n", count: 63), [1])), 1),
            (GGUFBytes.file([alignment], two, data: 16, alignment: 8), 2), (GGUFBytes.file(), 0),
            (GGUFBytes.file([Self.one]), 0), (GGUFBytes.file() + [UInt8](repeating: 0, count: 8), 0),
            (GGUFBytes.file([], [GGUFBytes.tensor("e", [4, 0]), GGUFBytes.tensor("f", [1])], data: 4), 2),
        ]
        for (bytes, count) in rows {
            let file = try GGUFFile(folder.write("f", bytes))
            #expect(file.tensors.count == count)
        }
        #expect(
            message(folder) { _ = try GGUFFile(folder.url) }
                == "DIR: this is a folder; give the path of a file")
        #expect(
            message(folder) { _ = try GGUFFile(folder.path("none")) }
                == "DIR/none: cannot open: No such file or directory; check the path")
        #expect(
            message { _ = try GGUFFile(GGUFFileTests.golden("big-endian.gguf")) }
                .contains("version: the file is big-endian"))
    }

    /// Truncations and changed bytes of a good file: an error or a file whose every value can be asked for, never a crash.
    @Test func damagedFilesNeverCrash() throws {
        let folder = try TemporaryFolder(inMemory: true)
        let good = try [UInt8](Data(contentsOf: GGUFFileTests.golden("version2.gguf")))
        let whole = try GGUFFile(GGUFFileTests.golden("version2.gguf"))
        let end = good.count - 28  // of the last tensor's 36 bytes, 28 bytes of padding follow
        for count in 0..<good.count {
            let url = try folder.write("f", Array(good.prefix(count)))
            guard count >= end else {
                #expect(message { _ = try GGUFFile(url) } != "no error", "\(count) bytes")
                continue
            }
            let file = try GGUFFile(url)
            #expect(file.tensors.map(\.name) == whole.tensors.map(\.name))
            for name in file.names {
                #expect(try #require(file.tensor(name)).isSame(as: try #require(whole.tensor(name))))
            }
        }
        for at in 0..<good.count {
            for change: UInt8 in [0x01, 0x15, 0x80] {
                var bytes = good
                bytes[at] ^= change
                guard let file = try? GGUFFile(folder.write("f", bytes)) else { continue }
                for key in file.metadata.keys { _ = try? file.metadata.value(key) }
                for tensor in file.tensors {
                    #expect(file.tensor(tensor.name)?.bytes.count == tensor.byteCount)
                }
            }
        }
    }

    // MARK: Parts

    private static func part(_ number: UInt16, of count: UInt16, tensors: Int32, _ tensor: String) -> [UInt8]
    {
        GGUFBytes.file(
            [
                GGUFBytes.key("split.no", 2, GGUFBytes.number(number)),
                GGUFBytes.key("split.count", 2, GGUFBytes.number(count)),
                GGUFBytes.key("split.tensors.count", 5, GGUFBytes.number(tensors)),
            ], [GGUFBytes.tensor(tensor, [1])], data: 4)
    }

    private static let first = "m-00001-of-00002.gguf"
    private static let second = "m-00002-of-00002.gguf"

    @Test func partsThatDoNotBelongTogether() throws {
        let folder = try TemporaryFolder()
        func opened(_ name: String = Self.first) -> String {
            message(folder) { _ = try GGUFFile(folder.path(name)) }
        }
        try folder.write(Self.first, Self.part(0, of: 2, tensors: 2, "a"))
        #expect(
            opened()
                == "DIR/\(Self.second): part 2 of 2 of the model is missing; put all parts into one folder")
        try folder.write(Self.second, Self.part(1, of: 2, tensors: 2, "b"))
        #expect(opened() == "no error" && opened(Self.second) == "no error")
        let other = "the files are of different models: download all of them again"
        let needed = "needed is part 2 of 2, 2 tensors in all; \(other)"
        // Itself once more, one of another model, one that is whole.
        for (bytes, says) in [
            (Self.part(0, of: 2, tensors: 2, "b"), "part 1 of 2, 2 tensors in all"),
            (Self.part(1, of: 3, tensors: 2, "b"), "part 2 of 3, 2 tensors in all"),
            (Self.part(1, of: 2, tensors: 9, "b"), "part 2 of 2, 9 tensors in all"),
            (GGUFBytes.file(), "not part of anything"),
        ] {
            try folder.write(Self.second, bytes)
            #expect(opened() == "DIR/\(Self.second): by its keys this is \(says), \(needed)")
        }
        try folder.write(Self.second, Self.part(1, of: 2, tensors: 2, "a"))
        #expect(
            opened()
                == "DIR/\(Self.second): tensor 'a': \(Self.first) holds a tensor of this name too; "
                + "keep the files of one model only")
        try folder.write(Self.first, Self.part(0, of: 2, tensors: 3, "a"))
        try folder.write(Self.second, Self.part(1, of: 2, tensors: 3, "b"))
        #expect(
            opened() == "DIR/\(Self.first): the 2 parts hold 2 tensors, not 3; download all of them again")
        // A link from one part to the other.
        try FileManager.default.removeItem(at: folder.path(Self.second))
        #expect(symlink(Self.first, folder.path(Self.second).path) == 0)
        #expect(opened().hasPrefix("DIR/\(Self.second): by its keys this is part 1 of 2,"))
        #expect(
            opened(Self.second)
                == "DIR/\(Self.second): this is part 1 of 2 of a model, but the name does not end in "
                + "-00001-of-00002.gguf; give the parts the names that they had, in one folder")
    }

    @Test func partsWithoutTheirKeys() throws {
        let folder = try TemporaryFolder()
        let count = GGUFBytes.key("split.count", 2, GGUFBytes.number(UInt16(2)))
        let url = try folder.write(Self.first, GGUFBytes.file([count]))
        #expect(
            message(folder) { _ = try GGUFFile(url) }
                == "DIR/\(Self.first): key 'split.no': missing, though split.count is 2; \(Self.rewrite)")
        try folder.write(Self.first, Self.part(2, of: 2, tensors: 1, "a"))
        #expect(
            message(folder) { _ = try GGUFFile(url) }
                == "DIR/\(Self.first): key 'split.no': part 2 of 2, where numbers begin at 0; \(Self.rewrite)"
        )
        // One part is a model by itself, whatever its name.
        try folder.write("alone", Self.part(0, of: 1, tensors: 1, "a"))
        #expect(try GGUFFile(folder.path("alone")).names == ["a"])
    }
}
