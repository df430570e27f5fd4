import Foundation
import ModelFiles
import Testing

/// A file that somebody made to harm the program that opens it, or that came out damaged.
struct HostileFile: Sendable, CustomTestStringConvertible {
    let name: String
    /// By sysexits.h: 64 usage, 65 bad data, 66 missing input, 74 input or output failed.
    let status: Int32
    /// Words the message must contain: the file, and what is wrong.
    let mentions: [String]
    let arguments: [String]
    /// Size of the file, for what memory may be used.
    let byteCount: Int
    let prepare: @Sendable (Workspace) throws -> Void

    var testDescription: String { name }

    init(
        _ name: String, status: Int32 = 65, _ mentions: [String], bytes: Int = 0,
        arguments: [String] = training(), prepare: @escaping @Sendable (Workspace) throws -> Void
    ) {
        (self.name, self.status, self.mentions, byteCount) = (name, status, mentions, bytes)
        (self.arguments, self.prepare) = (arguments, prepare)
    }

    static func training(train: String = "train.jsonl", _ more: [String] = []) -> [String] {
        Workspace.training(train: train, validation: nil, ["--budget", "12", "--threads", "1"] + more)
    }

    static let all =
        weights + ggufFiles + packedFolders + indices + configurations + tokenizers + data + settings
        + adapters + imageFiles
    /// These are read in a step, when the run's folder is there already.
    static let ofSteps = damagedImages
    /// These spoil a copy of a finished run.
    static let ofRuns = descriptions + checkpoints

    private static let megabyte = 1 << 20

    // MARK: Weights

    private static func weights(_ name: String, _ problem: String, _ header: String, data: Int = 4)
        -> HostileFile
    {
        HostileFile(name, ["model/model.safetensors", problem]) {
            var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
            bytes += Array(header.utf8) + [UInt8](repeating: 0, count: data)
            try $0.write(bytes, to: "model/model.safetensors")
        }
    }

    private static func tensor(_ fields: String) -> String { "{\"a\":{\(fields)}}" }

    private static let weights: [HostileFile] = [
        HostileFile("header over 100 MB", ["the header's length is 100000001 bytes"], bytes: 100 * megabyte) {
            try $0.write([0x01, 0xE1, 0xF5, 0x05, 0, 0, 0, 0, 0x7B], to: "model/model.safetensors")
            try $0.extend("model/model.safetensors", to: 100_000_009)
        },
        HostileFile("header of 100 MB of nothing", ["header byte 1: the byte 0x0"], bytes: 100 * megabyte) {
            try $0.write([0x00, 0xE1, 0xF5, 0x05, 0, 0, 0, 0, 0x7B], to: "model/model.safetensors")
            try $0.extend("model/model.safetensors", to: 100_000_008)
        },
        weights(
            "values without end", "more than 200000 values",
            "{\"a\":[" + String(repeating: "0,", count: megabyte)),
        weights(
            "deep header", "nested deeper than 64 levels", "{\"a\":" + String(repeating: "[", count: megabyte)
        ),
        weights(
            "overlapping tensors", "begins at byte 0, but tensor 'a' ends only at 4",
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
        ),
        weights(
            "tensor beyond the file", "the data ends at byte 8000000000",
            tensor(#""dtype":"F32","shape":[2000000000],"data_offsets":[0,8000000000]"#)),
        weights(
            "hole", "leaving a hole", tensor(#""dtype":"F32","shape":[1],"data_offsets":[4,8]"#), data: 8),
        weights(
            "rest", "4 bytes follow", tensor(#""dtype":"F32","shape":[1],"data_offsets":[0,4]"#), data: 8),
        weights("tensor twice", "duplicate key 'a'", #"{"a":{},"a":{}}"#),
        weights(
            "overflowing shape", "more bytes than 64 bits can count",
            tensor(#""dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,4]"#)),
        weights(
            "negative shape", "'shape' has -1", tensor(#""dtype":"F32","shape":[-1],"data_offsets":[0,4]"#)),
        weights(
            "fractional shape", "'shape' has 0.5",
            tensor(#""dtype":"F32","shape":[0.5],"data_offsets":[0,4]"#)),
        HostileFile("name that is no UTF-8", ["header byte 1: a string that is not valid UTF-8"]) {
            try $0.write(
                [5, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x22, 0xFF, 0x22, 0x7D], to: "model/model.safetensors")
        },
        HostileFile("zip of pickles", ["this is a PyTorch pickle", "torch.load"]) {
            try $0.write([0x50, 0x4B, 3, 4, 0, 0, 0, 0, 0, 0], to: "model/model.safetensors")
        },
        HostileFile("pickle alone", ["model/pytorch_model.bin", "only here as a PyTorch pickle"]) {
            try FileManager.default.removeItem(at: $0.file("model/model.safetensors"))
            try $0.write([0x80, 2, 0x7D, 0x71], to: "model/pytorch_model.bin")
        },
        HostileFile("pipe for weights", ["model.safetensors: this is not a regular file"]) {
            try FileManager.default.removeItem(at: $0.file("model/model.safetensors"))
            guard mkfifo($0.file("model/model.safetensors").path, 0o600) == 0 else {
                throw CommandFailure(description: "no pipe")
            }
        },
    ]

    private static func index(_ name: String, status: Int32 = 65, _ problem: String, _ map: String)
        -> HostileFile
    {
        HostileFile(name, status: status, ["model", problem]) {
            try FileManager.default.moveItem(at: $0.file("model/model.safetensors"), to: $0.file("model/one"))
            try $0.write("{\"weight_map\":\(map)}", to: "model/model.safetensors.index.json")
        }
    }

    private static let indices: [HostileFile] = [
        index(
            "shard in the folder above", "not the name of a file in this folder", #"{"a":"../train.jsonl"}"#),
        index("shard anywhere", "not the name of a file in this folder", #"{"a":"/etc/passwd"}"#),
        index("missing shard", status: 66, "the index names this shard, but it is missing", #"{"a":"two"}"#),
        index("tensor in no shard", "but not in the index", #"{"a":"one"}"#),
        index("shards as numbers", "its shard is 1", #"{"a":1}"#),
    ]

    // MARK: The rest of a model

    private static func configuration(_ name: String, _ problem: String, _ old: String, _ new: String)
        -> HostileFile
    {
        HostileFile(name, ["config.json", problem]) { workspace in
            let text = try workspace.text("model/config.json")
            guard text.contains(old) else { throw CommandFailure(description: "no \(old) in config.json") }
            try workspace.write(text.replacingOccurrences(of: old, with: new), to: "model/config.json")
        }
    }

    private static let configurations: [HostileFile] = [
        configuration(
            "heads that do not divide", "does not divide into 5 heads", #""num_attention_heads": 4"#,
            #""num_attention_heads": 5"#),
        configuration(
            "billions of layers", "1000000000 is outside 1...1000", #""num_hidden_layers": 2"#,
            #""num_hidden_layers": 1000000000"#),
        configuration(
            "endless width", "1000000000000 is outside", #""hidden_size": 32"#,
            #""hidden_size": 1000000000000"#),
        configuration(
            "width NaN", "'N' where a value should begin", #""hidden_size": 32"#, #""hidden_size": NaN"#),
        configuration("width 1e999", "out of range", #""hidden_size": 32"#, #""hidden_size": 1e999"#),
        configuration(
            "fewer words than the tokenizer", "config.json asks for [50, 32]", #""vocab_size": 101"#,
            #""vocab_size": 50"#),
    ]

    private static let tokenizers: [HostileFile] = [
        HostileFile(
            "ten million lines", ["vocab.txt", "10000000 tokens, the limit is 1000000"], bytes: 20 * megabyte
        ) {
            try $0.write(
                [UInt8](repeating: 0x0A, count: 20_000_000).replacingOdd(with: 0x61), to: "model/vocab.txt")
        },
        HostileFile(
            "ten million entries", ["tokenizer.json", "more than 4000000 values"], bytes: 50 * megabyte
        ) {
            let entries = Array(repeatElement(Array("\"a\":1,".utf8), count: 10_000_000).joined())
            try $0.write(Array("{\"model\":{\"vocab\":{".utf8) + entries, to: "model/tokenizer.json")
        },
        HostileFile("steps in steps", ["tokenizer.json", "nested deeper than 64 levels"]) {
            let deep = String(repeating: #"{"type":"Sequence","normalizers":["#, count: 10_000)
            try $0.write("{\"normalizer\":\(deep)", to: "model/tokenizer.json")
        },
        HostileFile("settings in settings", ["tokenizer_config.json", "nested deeper than 64 levels"]) {
            try $0.write(
                String(repeating: #"{"added_tokens_decoder":"#, count: 10_000),
                to: "model/tokenizer_config.json")
        },
        HostileFile("an added token for each number", ["model's embedding", "has the id 101"]) {
            let tokens = (101..<20_000).map { "\"word\($0)x\":\($0)" }.joined(separator: ",")
            try $0.write("{\(tokens)}", to: "model/added_tokens.json")
            try $0.write(#"{"cls_token":"word101x"}"#, to: "model/tokenizer_config.json")
        },
        HostileFile("one id for two tokens", ["tokenizer.json", "belongs to another token too"]) {
            try $0.write(
                #"{"normalizer":{"type":"BertNormalizer"},"pre_tokenizer":{"type":"BertPreTokenizer"},"#
                    + #""post_processor":{"type":"BertProcessing"},"model":{"type":"WordPiece","vocab":{"a":0,"b":0}}}"#,
                to: "model/tokenizer.json")
        },
    ]

    // MARK: Data and settings

    private static func data(
        _ name: String, status: Int32 = 65, _ problem: String, _ file: String, bytes: Int = 0,
        _ content: @escaping @Sendable () -> [UInt8]
    ) -> HostileFile {
        HostileFile(name, status: status, [file, problem], bytes: bytes, arguments: training(train: file)) {
            try $0.write(content(), to: file)
        }
    }

    private static let data: [HostileFile] = [
        data(
            "line of 100 MB", "bad.jsonl:1: the line is longer than 16 MB", "bad.jsonl", bytes: 100 * megabyte
        ) {
            [UInt8](repeating: 0x78, count: 100 * megabyte)
        },
        data("line of 19 MB that gzip packed", "bad.csv:1: the line is longer than 16 MB", "bad.csv") {
            // 64 KB of one letter, 300 times.
            let member = [UInt8](
                Data(
                    base64Encoded:
                        "H4sIAAAAAAACA+3BAQEAAACAkNvN7wgKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAappYtCwAAAEA"
                ) ?? Data())
            return Array([[UInt8]](repeating: member, count: 300).joined())
        },
        data("values without end in a line", "more than 200000 values", "bad.jsonl", bytes: 15 * megabyte) {
            Array("{\"text\":\"a\",\"label\":[".utf8)
                + [UInt8](repeating: 0x2C, count: 15 * megabyte).replacingOdd(with: 0x30)
        },
        data("quote that never closes", "never closed", "bad.csv", bytes: 15 * megabyte) {
            Array("text,label\n\"".utf8) + [UInt8](repeating: 0x78, count: 15 * megabyte)
        },
        data("NUL", "bad.csv:2: NUL byte", "bad.csv") { Array("text,label\na\0,x\n".utf8) },
        data("no UTF-8", "bad.tsv:2: invalid UTF-8", "bad.tsv") {
            Array("text\tlabel\n".utf8) + [0xC3, 0x28, 0x0A]
        },
        data("ragged rows", "bad.tsv:3: the row has fewer fields", "bad.tsv") {
            Array("text\tlabel\na\tx\nb\n".utf8)
        },
        data("empty", "the file is empty", "bad.jsonl") { [] },
        HostileFile(
            "class weights without end", ["bad.txt", "broken JSON"], bytes: megabyte,
            arguments: training(["--class-weights", "bad.txt"])
        ) {
            try $0.write([UInt8](repeating: UInt8(ascii: "["), count: megabyte), to: "bad.txt")
        },
        HostileFile(
            "label names of zeros", ["bad.txt:1: NUL byte"], bytes: megabyte,
            arguments: training(["--label-names", "bad.txt"])
        ) {
            try $0.write([UInt8](repeating: 0, count: megabyte), to: "bad.txt")
        },
        HostileFile(
            "pipe that nobody writes", status: 74, ["bad.jsonl", "not a regular file"],
            arguments: training(train: "bad.jsonl")
        ) {
            guard mkfifo($0.file("bad.jsonl").path, 0o600) == 0 else {
                throw CommandFailure(description: "no pipe")
            }
        },
    ]

    private static func yaml(_ name: String, status: Int32 = 64, _ problem: String, _ text: String)
        -> HostileFile
    {
        HostileFile(
            name, status: status, ["bad.yaml", problem], arguments: training(["--config", "bad.yaml"])
        ) {
            try $0.write(text, to: "bad.yaml")
        }
    }

    private static let settings: [HostileFile] = [
        yaml(
            "aliases of aliases", "anchors and aliases are not accepted",
            "a0: &a0 [x, x]\n" + (1...40).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]\n" }.joined()),
        yaml("lists in lists", "not valid YAML", "seed: " + String(repeating: "[", count: 100_000)),
        yaml("a key twice", "'seed' was already given", "seed: 1\nseed: 2\n"),
        HostileFile(
            "settings without end", ["/dev/zero", "not a regular file"],
            arguments: training(["--config", "/dev/zero"])
        ) { _ in },
    ]

    // MARK: Adapters

    /// Changes one of the two files of an adapter that PEFT could have written.
    private static func adapter(
        _ name: String, status: Int32 = 65, _ problem: String,
        _ spoil: @escaping @Sendable (Workspace) throws -> Void
    ) -> HostileFile {
        let arguments = [
            "import", "bad", "--model", "model", "--output", "run", "--any-base-name", "--threads", "1",
        ]
        return HostileFile(name, status: status, ["bad", problem], arguments: arguments) { workspace in
            let seed = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appendingPathComponent("FuzzTests/corpus/adapter/seed-lora")
            let parts = try Data(contentsOf: seed).split(separator: 0x1E, maxSplits: 1)
            try FileManager.default.createDirectory(
                at: workspace.file("bad"), withIntermediateDirectories: true)
            try workspace.write(Array(parts[0]), to: "bad/adapter_config.json")
            try workspace.write(Array(parts[1]), to: "bad/adapter_model.safetensors")
            try spoil(workspace)
        }
    }

    private static func setting(_ name: String, _ problem: String, _ members: JSONObject) -> HostileFile {
        adapter(name, problem) { workspace in
            let file = workspace.file("bad/adapter_config.json")
            guard var config = try JSONValue.read(file).object else {
                throw CommandFailure(description: "adapter_config.json is no object")
            }
            for member in members.members { config[member.key] = member.value }
            try workspace.write(JSONValue.object(config).bytes(), to: "bad/adapter_config.json")
        }
    }

    private static let adapters: [HostileFile] = [
        setting("endless rank", "r: missing or not a whole number from 1 to 10000", ["r": .number(1e12)]),
        setting(
            "infinite factor", "beyond the range of F32",
            ["alpha_pattern": .object(["query": .number(1e300)])]),
        setting("switch that is none", "use_rslora: neither true nor false", ["use_rslora": .string("yes")]),
        adapter("adapter in a pickle", "only here as a PyTorch pickle") {
            try FileManager.default.removeItem(at: $0.file("bad/adapter_model.safetensors"))
            try $0.write([0x80, 2], to: "bad/adapter_model.bin")
        },
        adapter(
            "endless classes without a byte", "classifier.weight: shape [1000000000000000, 0], a classifier"
        ) {
            try $0.editTensors($0.file("bad/adapter_model.safetensors")) { info, bytes in
                let isEndless = info.name.hasSuffix("classifier.weight")
                return TensorToWrite(
                    name: info.name, elementType: info.elementType,
                    shape: isEndless ? [1_000_000_000_000_000, 0] : info.shape, bytes: isEndless ? [] : bytes)
            }
        },
        adapter("deep adapter", "nested deeper than 64 levels") {
            try $0.write(String(repeating: "{\"a\":", count: 100_000), to: "bad/adapter_config.json")
        },
        adapter("half an adapter", "but the file holds") {
            try $0.write(
                Array($0.bytes("bad/adapter_model.safetensors").dropLast(8)),
                to: "bad/adapter_model.safetensors")
        },
    ]

    // MARK: Runs

    private static func description(_ name: String, _ problem: String, _ old: String, _ new: String)
        -> HostileFile
    {
        let file = "run/adapter/adalora.json"
        let arguments = ["evaluate", "run", "--data", "validation.jsonl", "--threads", "1"]
        return HostileFile(name, [file, problem], arguments: arguments) { workspace in
            let text = try workspace.text(file)
            guard text.contains(old) else { throw CommandFailure(description: "no \(old) in \(text)") }
            try workspace.write(text.replacingOccurrences(of: old, with: new), to: file)
            try FolderManifest.write(into: workspace.file("run/adapter"))
        }
    }

    private static let descriptions: [HostileFile] = [
        description(
            "length that is none", "maxLength: missing, or no value", #""maxLength": 32"#, #""maxLength": -1"#
        ),
        description("labels that are none", "labels: missing, or no value", #""positive""#, "7"),
        description("unknown task", "task: missing, or no value", #""classification""#, #""divination""#),
        description(
            "damaged description", "where a value should begin", #""maxLength": 32"#, #""maxLength": x"#),
    ]

    /// - Parameter isSigned: the manifest knows nothing of the fault, so that the reader has to find it.
    private static func checkpoint(
        _ name: String, _ problem: String, isSigned: Bool = true,
        _ spoil: @escaping @Sendable (Workspace) throws -> Void
    ) -> HostileFile {
        HostileFile(
            name, status: 66, ["run has no whole checkpoint", problem],
            arguments: ["train", "--resume", "run"]
        ) {
            try spoil($0)
            if isSigned { try FolderManifest.write(into: $0.file("run/checkpoints/step-6")) }
        }
    }

    private static func state(_ name: String, _ problem: String, _ key: String, _ value: JSONValue)
        -> HostileFile
    {
        checkpoint(name, problem) { workspace in
            let file = "run/checkpoints/step-6/state.json"
            guard var state = try JSONValue.read(workspace.file(file)).object else {
                throw CommandFailure(description: "state.json is no object")
            }
            state[key] = value
            try workspace.write(JSONValue.object(state).bytes(), to: file)
        }
    }

    private static let checkpoints: [HostileFile] = [
        state("step before the first", "step: -1 is not from 0", "step", .number(-1)),
        state("log that ends before its start", "eventOffset: -5 is not from 0", "eventOffset", .number(-5)),
        state(
            "tokens without end", "tokens: 9007199254740991 is not", "tokens", .number(9_007_199_254_740_991)),
        state(
            "mask of words", "masks: missing or of the wrong type", "masks", .array([.array([.string("x")])])),
        checkpoint("state that is no number", "values: the tensor holds NaN") { workspace in
            try workspace.editTensors(workspace.file("run/checkpoints/step-6/state.safetensors")) {
                info, bytes in
                let nan = withUnsafeBytes(of: Float.nan.bitPattern.littleEndian) { Array($0) }
                return TensorToWrite(
                    name: info.name, elementType: info.elementType, shape: info.shape,
                    bytes: info.name == "values" ? nan + bytes.dropFirst(4) : bytes)
            }
        },
        checkpoint("state with another bit", "SHA-256 differs", isSigned: false) {
            var bytes = Array(try $0.bytes("run/checkpoints/step-6/state.safetensors"))
            bytes[bytes.count - 1] ^= 1
            try $0.write(bytes, to: "run/checkpoints/step-6/state.safetensors")
        },
        checkpoint("manifest of other files", "not an entry this version can read", isSigned: false) {
            try $0.write(
                #"{"format":1,"files":{"../../config.yaml":{"bytes":1,"sha256":""}}}"#,
                to: "run/checkpoints/step-6/manifest.json")
        },
        checkpoint("half a state", "but the file holds") {
            let file = "run/checkpoints/step-6/state.safetensors"
            try $0.write(Array($0.bytes(file).dropLast(64)), to: file)
        },
    ]
}

extension [UInt8] {
    fileprivate func replacingOdd(with byte: UInt8) -> [UInt8] {
        var copy = self
        for index in stride(from: 0, to: copy.count, by: 2) { copy[index] = byte }
        return copy
    }
}

extension Workspace {
    func write(_ bytes: [UInt8], to name: String) throws { try Data(bytes).write(to: file(name)) }

    /// By a hole, which takes no disk.
    fileprivate func extend(_ name: String, to byteCount: Int) throws {
        guard truncate(file(name).path, byteCount) == 0 else {
            throw CommandFailure(description: "\(name) cannot be extended")
        }
    }
}
