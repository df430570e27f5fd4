import Foundation
import ModelFiles
import Testing

/// Every refusal of a safetensors file, with the whole line that a user sees.
struct SafetensorsErrorTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let message: String

        init(_ name: String, _ bytes: [UInt8], _ message: String) {
            testDescription = name
            self.bytes = bytes
            self.message = message
        }

        /// A header fault: the advice is always the same.
        init(_ name: String, _ header: String, data: Int = 0, _ problem: String) {
            self.init(
                name, safetensors(header, dataCount: data),
                "DIR/f: \(problem); the file is damaged or badly written: download it again or write it anew")
        }

        /// One tensor named `a` with these fields and 4 bytes of data; the place is a byte of the header where the
        /// fault is in the JSON itself.
        init(_ name: String, tensor: String, header byte: Int? = nil, _ problem: String) {
            let place = byte.map { "header byte \($0)" } ?? "tensor 'a'"
            self.init(name, "{\"a\":{\(tensor)}}", data: 4, "\(place): \(problem)")
        }
    }

    static let types =
        "BOOL, U8, I8, F8_E5M2, F8_E4M3, F8_E8M0, I16, U16, F16, BF16, I32, U32, F32, C64, F64, I64, U64"

    /// The way to convert a pickle, which first makes way where it has the name that it is to have.
    static func convert(_ pickle: String, to file: String) -> String {
        "convert it, where you trust its source, with " + (pickle == file ? "mv \(file) \(file).bin && " : "")
            + "python3 -c \"import sys, torch, safetensors.torch as s; s.save_file({k: v.contiguous().clone() for k, v in "
            + "torch.load(sys.argv[1], weights_only=True).items()}, sys.argv[2], {'format': 'pt'})\" "
            + "\(pickle == file ? "\(file).bin" : pickle) \(file)"
    }

    static let files: [Row] = [
        Row(
            "empty file", [],
            "DIR/f: the file has 0 bytes, a safetensors file at least 8; download the file again"),
        Row(
            "7 bytes", [1, 0, 0, 0, 0, 0, 0],
            "DIR/f: the file has 7 bytes, a safetensors file at least 8; download the file again"),
        Row(
            "header over the limit", littleEndian(100_000_001) + [0x7B],
            "DIR/f: the header's length is 100000001 bytes, the limit is 100000000; "
                + "check that this is a safetensors file"),
        Row(
            "header length of 64 bits", littleEndian(.max) + [0x7B],
            "DIR/f: the header's length is 18446744073709551615 bytes, the limit is 100000000; "
                + "check that this is a safetensors file"),
        Row(
            "header longer than the file", littleEndian(60) + Array("{}".utf8),
            "DIR/f: the header's length is 60 bytes, but 2 follow; download the file again"),
        Row("zip pickle", [0x50, 0x4B, 3, 4, 0, 0, 8, 8, 0, 0], pickle),
        Row("bare pickle", [0x80, 2, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9], pickle),
        Row(
            "LFS pointer", Array("version https://git-lfs.github.com/spec/v1\noid".utf8),
            "DIR/f: this is a Git LFS pointer, not the file itself; run git lfs pull in its repository"),
        Row(
            "GGUF", Array("GGUF".utf8) + littleEndian(3),
            "DIR/f: this is a GGUF file; use the model's safetensors files"),
        Row(
            "HDF5", [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0],
            "DIR/f: this is an HDF5 file, as TensorFlow writes; use the model's safetensors files"),
        Row("empty header", "", "the header does not begin with '{'"),
        Row("header is an array", "[]", "the header does not begin with '{'"),
        Row("header with space before", " {}", "the header does not begin with '{'"),
        Row("not JSON", "{\"a\"", "header byte 4: the end of the text where ':' should follow a key"),
        Row("more after the JSON", "{} x", "header byte 3: 'x' after the end of the value"),
        Row("zeros as padding", "{}\0", "header byte 2: the byte 0x0 after the end of the value"),
        Row("duplicate tensor", "{\"a\":1,\"a\":2}", "header byte 7: duplicate key 'a'"),
        Row(
            "duplicate field", #"{"a":{"dtype":"U8","dtype":"U8"}}"#,
            "header byte 19: duplicate key 'dtype'"),
        Row(
            "bottomless nesting", "{\"a\":" + String(repeating: "[", count: 100_000),
            "header byte 68: nested deeper than 64 levels"),
        Row(
            "invalid UTF-8", littleEndian(5) + [0x7B, 0x22, 0xFF, 0x22, 0x7D],
            "DIR/f: header byte 1: a string that is not valid UTF-8; "
                + "the file is damaged or badly written: download it again or write it anew"),
        Row(
            "more values than memory should bear",
            "{\"a\":[" + String(repeating: "0,", count: 300_000) + "0]}",
            "header byte 0: the text has more than 200000 values"),
        Row(
            "more text than memory should bear",
            #"{"__metadata__":{"a":""# + String(repeating: "x", count: 17 << 20) + "\"}}",
            "header byte 0: the text has more than 16777216 bytes of strings"),
        Row("NaN", #"{"a":NaN}"#, "header byte 5: 'N' where a value should begin"),
        Row(
            "metadata not an object", #"{"__metadata__":[]}"#,
            "__metadata__: this is an array of 0, not an object of strings"),
        Row(
            "metadata not strings", #"{"__metadata__":{"a":1}}"#,
            "__metadata__: the value of 'a' is 1, not a string"),
        Row(
            "two spellings of a metadata key", "{\"__metadata__\":{\"\u{E9}\":\"\",\"e\u{301}\":\"\"}}",
            "__metadata__: the key 'e\u{301}' is given twice"),
        Row("bytes without tensors", "{}", data: 3, "3 bytes follow the last tensor, which ends at byte 0"),
    ]

    static let pickle =
        "DIR/f: this is a PyTorch pickle, which can run code when it is opened; "
        + convert("DIR/f", to: "DIR/f")

    static let tensors: [Row] = [
        Row("not an object", "{\"a\":7}", "tensor 'a': this is 7, not an object"),
        Row("no dtype", tensor: #""shape":[],"data_offsets":[0,4]"#, "'dtype' is missing"),
        Row("no shape", tensor: #""dtype":"F32","data_offsets":[0,4]"#, "'shape' is missing"),
        Row("no offsets", tensor: #""dtype":"F32","shape":[]"#, "'data_offsets' is missing"),
        Row(
            "unknown field", tensor: #""dtype":"F32","shape":[1],"data_offsets":[0,4],"strides":[1]"#,
            "unknown field 'strides'"),
        Row(
            "dtype a number", tensor: #""dtype":1,"shape":[1],"data_offsets":[0,4]"#,
            "'dtype' is not a string"),
        Row(
            "unknown dtype", tensor: #""dtype":"F31","shape":[1],"data_offsets":[0,4]"#,
            "unknown dtype 'F31', not one of \(types)"),
        Row(
            "shape a number", tensor: #""dtype":"F32","shape":1,"data_offsets":[0,4]"#,
            "'shape' is not an array"),
        Row(
            "negative size", tensor: #""dtype":"F32","shape":[-1],"data_offsets":[0,4]"#,
            "'shape' has -1, not an integer of at least 0"),
        Row(
            "fractional size", tensor: #""dtype":"F32","shape":[1.5],"data_offsets":[0,4]"#,
            "'shape' has 1.5, not an integer of at least 0"),
        Row(
            "inexact size", tensor: #""dtype":"F32","shape":[9007199254740993],"data_offsets":[0,4]"#,
            "'shape' has 9007199254740993, not an integer of at least 0"),
        Row(
            "size beyond a Double", tensor: #""dtype":"F32","shape":[1e999],"data_offsets":[0,4]"#,
            header: 29,
            "the number '1e999' is out of range"),
        Row(
            "65 sizes",
            tensor: #""dtype":"F32","shape":[1\#(String(repeating: ",1", count: 64))],"data_offsets":[0,4]"#,
            "'shape' has 65 sizes, the limit is 64"),
        Row(
            "fractional offset", tensor: #""dtype":"F32","shape":[1],"data_offsets":[0.5,4]"#,
            "'data_offsets' has 0.5, not an integer of at least 0"),
        Row(
            "offsets an object", tensor: #""dtype":"F32","shape":[1],"data_offsets":{"0":4}"#,
            "'data_offsets' is not an array"),
        Row(
            "size a string", tensor: #""dtype":"F32","shape":["1"],"data_offsets":[0,4]"#,
            "'shape' has the string '1', not an integer of at least 0"),
        Row(
            "overflowing shape",
            tensor: #""dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,4]"#,
            "the shape [4294967296, 4294967296] of U8 has more bytes than 64 bits can count"),
        Row(
            "overflow by the element size",
            tensor: #""dtype":"F64","shape":[2147483648,2147483648],"data_offsets":[0,4]"#,
            "the shape [2147483648, 2147483648] of F64 has more bytes than 64 bits can count"),
        Row(
            "one offset", tensor: #""dtype":"F32","shape":[1],"data_offsets":[0]"#,
            "'data_offsets' has 1 numbers, not 2"),
        Row(
            "negative offset", tensor: #""dtype":"F32","shape":[1],"data_offsets":[-4,0]"#,
            "'data_offsets' has -4, not an integer of at least 0"),
        Row(
            "end before begin", tensor: #""dtype":"F32","shape":[1],"data_offsets":[4,0]"#,
            "the data begins at byte 4 and ends before, at 0"),
        Row(
            "out of range", tensor: #""dtype":"F32","shape":[2],"data_offsets":[0,8]"#,
            "the data ends at byte 8, but the file holds 4 bytes of data"),
        Row(
            "shape and range differ", tensor: #""dtype":"F16","shape":[1],"data_offsets":[0,4]"#,
            "the shape [1] of F16 takes 2 bytes, the data has 4"),
        Row(
            "scalar without bytes", tensor: #""dtype":"F32","shape":[],"data_offsets":[0,0]"#,
            "the shape [] of F32 takes 4 bytes, the data has 0"),
        Row(
            "hole at the start", two("[1,2]", "[2,3]"), data: 3,
            "tensor 'a': begins at byte 1, leaving a hole after the start of the data at 0"),
        Row(
            "hole", two("[0,1]", "[2,3]"), data: 3,
            "tensor 'b': begins at byte 2, leaving a hole after tensor 'a' at 1"),
        Row(
            "the same bytes twice", two("[0,1]", "[0,1]"), data: 1,
            "tensor 'b': begins at byte 0, but tensor 'a' ends only at 1"),
        Row(
            "overlap by a byte",
            #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
            data: 3, "tensor 'b': begins at byte 1, but tensor 'a' ends only at 2"),
        Row(
            "a name without end", "{\"" + String(repeating: "n", count: 1 << 20) + "\":3}",
            "tensor '\(String(repeating: "n", count: 80))…': this is 3, not an object"),
        Row("rest", two("[0,1]", "[1,2]"), data: 5, "3 bytes follow the last tensor, which ends at byte 2"),
        Row(
            "a name of control characters", #"{"a\n\u001b[2J":3}"#,
            "tensor 'a\\u{a}\\u{1b}[2J': this is 3, not an object"),
    ]

    static func two(_ first: String, _ second: String) -> String {
        #"{"a":{"dtype":"U8","shape":[1],"data_offsets":\#(first)},"#
            + #""b":{"dtype":"U8","shape":[1],"data_offsets":\#(second)}}"#
    }

    @Test(arguments: files + tensors) func refused(_ row: Row) throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("f", row.bytes)
        #expect(message(folder) { _ = try TensorStore(file: file) } == row.message)
    }

    /// 0x0280 is a header length as good as any, though a pickle begins with the same two bytes.
    @Test func aHeaderLengthThatLooksLikeAPickle() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("f", safetensors("{}" + String(repeating: " ", count: 0x280 - 2)))
        #expect(try TensorStore(file: file).tensors.isEmpty)
    }

    @Test func notAFile() throws {
        let folder = try TemporaryFolder()
        #expect(
            message(folder) { _ = try TensorStore(file: folder.path("none")) }
                == "DIR/none: cannot open: No such file or directory; check the path")
        #expect(
            message(folder) { _ = try TensorStore(file: folder.url) }
                == "DIR: this is a folder; give the path of a file")
        #expect(
            message { _ = try TensorStore(file: URL(fileURLWithPath: "/dev/zero")) }
                == "/dev/zero: this is not a regular file; give the path of a file")
    }

    /// 100 MB of header in a file that takes no disk; its bytes after the brace are 0.
    @Test func sparseFileOfTheLargestHeader() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("f", littleEndian(100_000_000) + [0x7B])
        #expect(truncate(file.path, 8 + 100_000_000) == 0)
        #expect(
            message(folder) { _ = try TensorStore(file: file) }.hasPrefix(
                "DIR/f: header byte 1: the byte 0x0 where a key should begin;"))
    }

    /// Opening a pipe that nobody writes to would wait for ever.
    @Test func aPipeAndALoopOfLinks() throws {
        let folder = try TemporaryFolder()
        #expect(mkfifo(folder.path("pipe").path, 0o600) == 0)
        #expect(
            message(folder) { _ = try TensorStore(file: folder.path("pipe")) }
                == "DIR/pipe: this is not a regular file; give the path of a file")
        #expect(symlink("loop", folder.path("loop").path) == 0)
        #expect(
            message(folder) { _ = try TensorStore(file: folder.path("loop")) }
                == "DIR/loop: cannot open: Too many levels of symbolic links; check the path and the disk")
    }

    /// Truncations and single changed bytes of a good file: an error or a store, never a crash.
    @Test func damagedFilesNeverCrash() throws {
        let folder = try TemporaryFolder(inMemory: true)
        let good = try [UInt8](Data(contentsOf: golden("mixed.safetensors")))
        for count in stride(from: 0, to: good.count, by: 7) {
            let file = try folder.write("f", Array(good.prefix(count)))
            #expect(message { _ = try TensorStore(file: file) } != "no error", "\(count) bytes")
        }
        for at in 0..<good.count {
            var bytes = good
            bytes[at] ^= 0x15
            guard let store = try? TensorStore(file: folder.write("f", bytes)) else { continue }
            for tensor in store.tensors { #expect(try store.bytes(tensor.name).count == tensor.byteCount) }
        }
    }
}
