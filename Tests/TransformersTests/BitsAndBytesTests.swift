import Autodiff
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Testing
import Transformers

/// Folders that transformers and bitsandbytes packed (scripts/goldens/bitsandbytes_weights.py).
@Suite struct BitsAndBytesTests {
    static let models = ["nf4", "nf4-double", "int8", "gpt2-nf4"]

    private static func model(_ name: String) -> URL { Golden.url("bitsandbytes/\(name)") }

    /// Matrices stay packed, to the bit as bitsandbytes unpacks them; the model computes what transformers does with these.
    @Test(arguments: models) func weightsAndLogits(name: String) throws {
        let backbone = try PretrainedModel.open(Self.model(name)).openBackbone()
        let expected = try Golden.tensors("bitsandbytes/\(name)/unpacked.safetensors")
        var packed = 0
        for weight in backbone.weights where expected.info(weight.name) != nil {
            #expect(weight.format == (name == "int8" ? "INT8" : "NF4"), "\(weight.name)")
            #expect(
                try weight.floats.map(\.bitPattern) == expected.floats(weight.name).map(\.bitPattern),
                "\(weight.name)")
            packed += 1
        }
        #expect(packed == expected.names.count - 3)
        #expect(backbone.unusedWeights.isEmpty)
        let ids = try #require(expected.tensor("ids")).bytes
        let tokens = (0..<12).map { Int32(ids.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self)) }
        let batch = PackedBatch([(tokens, tokens.map { _ in 0 })])
        let tape = Tape(evaluatingWith: BufferPool())
        let hidden = backbone.hiddenStates(batch, on: tape)
        // As far as the parity of the plain models: another order of sums.
        #expect(relativeError(hidden.value.values, try expected.floats("hidden")) < 1e-5)
        let head = try SequenceHead(
            backbone: backbone, outputs: 0, form: .vocabulary, dropout: 0,
            stream: RandomStream(seed: 0, purpose: "not drawn from"))
        let logits = head.logits(hidden, offsets: batch.offsets, on: tape)
        #expect(relativeError(logits.value.values, try expected.floats("logits")) < 1e-5)
    }

    /// Who reads values as Float32 gets them unpacked, and does not see the parts that they are unpacked with.
    @Test(arguments: models) func tensorsAreThoseOfTheModel(name: String) throws {
        let source = try PretrainedModel.open(Self.model(name)).openWeights()
        let expected = try Golden.tensors("bitsandbytes/\(name)/unpacked.safetensors")
        #expect(
            !source.names.contains { $0.contains("absmax") || $0.contains("quant") || $0.contains("SCB") })
        #expect(!source.names.contains { $0.hasSuffix("weight_format") })
        for tensor in expected.tensors where tensor.name.hasSuffix(".weight") {
            let stored = try #require(source.tensor(tensor.name))
            #expect(stored.shape == tensor.shape)
            var values = [Float](repeating: .nan, count: tensor.elementCount)
            try values.withUnsafeMutableBufferPointer { try source.copyFloat32(tensor.name, into: $0) }
            #expect(try values == expected.floats(tensor.name))
        }
    }

    // MARK: - Damaged folders

    private static let query = "model.layers.1.self_attn.q_proj.weight"
    private static let module = "model.layers.1.self_attn.q_proj"

    private static func tensor(_ name: String, _ type: ElementType, _ bytes: [UInt8]) -> TensorToWrite {
        TensorToWrite(name: name, elementType: type, shape: [bytes.count / type.byteCount], bytes: bytes)
    }

    /// The message on opening a model with one tensor in the place of another, or without it.
    private static func message(_ model: String, _ name: String, _ edit: (TensorToWrite) -> TensorToWrite?)
        throws
        -> String
    {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("bnb-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.copyItem(
            at: self.model(model).appendingPathComponent("config.json"),
            to: folder.appendingPathComponent("config.json"))
        let store = try TensorStore(modelFolder: self.model(model))
        try #require(store.info(name) != nil, "\(name)")
        let tensors = try store.tensors.compactMap { info in
            let own = TensorToWrite(
                name: info.name, elementType: info.elementType, shape: info.shape,
                bytes: try store.bytes(info.name))
            return info.name == name ? edit(own) : own
        }
        try SafetensorsWriter.write(
            tensors, metadata: ["format": "pt"], to: folder.appendingPathComponent("model.safetensors"))
        do {
            _ = try PretrainedModel.open(folder).openBackbone()
            return "no error"
        } catch { return "\(error)" }
    }

    private static func floats(_ values: [Float]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }

    /// The state of NF4 with other text.
    private static func state(_ text: String) throws -> String {
        let name = query + ".quant_state.bitsandbytes__nf4"
        return try message("nf4", name) { _ in tensor(name, .uint8, Array(text.utf8)) }
    }

    private static func stateText(
        type: String = "nf4", block: String = "64", dtype: String = "float32", shape: String = "[24, 24]",
        more: String = ""
    ) -> String {
        #"{"quant_type": "\#(type)", "blocksize": \#(block), "dtype": "\#(dtype)", "shape": \#(shape)\#(more)}"#
    }

    @Test func theStateAsItIsOpens() throws { #expect(try Self.state(Self.stateText()) == "no error") }

    static let states: [(text: String, problem: String)] = [
        (stateText(type: "fp4"), "key 'quant_type': it is not \"nf4\""),
        (stateText(block: "48"), "key 'blocksize': not one of 32, 64"),
        (stateText(block: "0"), "key 'blocksize': not one of 32, 64"),
        (stateText(dtype: "int8"), "key 'dtype': not one of bfloat16, float16, float32"),
        (stateText(shape: "[24]"), "key 'shape': not two sizes of at least 1"),
        (stateText(shape: "[0, 24]"), "key 'shape': not two sizes of at least 1"),
        (stateText(shape: "null"), "key 'shape': not two sizes of at least 1"),
        (stateText(shape: "[4611686018427387904, 4]"), "key 'shape'"),
        (stateText(shape: "[9007199254740991, 9007199254740991]"), "are more than there can be"),
        (stateText(shape: "[24, 48]"), "the tensor has 288 bytes, 24 × 48 weights of NF4 take 576"),
        (stateText(shape: "[12, 48]"), "the weight has shape [12, 48], config.json asks for [24, 24]"),
        (stateText(block: "32"), ".absmax': the tensor has 9 values, needed are 18"),
        (stateText(more: #", "nested_blocksize": 0"#), "key 'nested_blocksize': not a number of scales"),
        (
            stateText(more: #", "nested_blocksize": 256, "nested_dtype": "float16""#),
            "key 'nested_dtype': it is not \"float32\""
        ),
        (
            stateText(more: #", "nested_blocksize": 256, "nested_dtype": "float32""#),
            "key 'nested_offset': not a number"
        ),
        (
            stateText(
                more: #", "nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": 1e300"#),
            "key 'nested_offset': not a number"
        ),
        (
            stateText(more: #", "nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": 1"#),
            ".absmax': the elements are F32, needed are U8"
        ),
        ("[]", "the text is not a JSON object"), ("{", "byte 1: "), ("", "byte 0: "),
        (stateText() + "x", "byte "), (String(repeating: " ", count: 70_000), "not a text of JSON"),
    ]

    @Test(arguments: states) func statesThatDoNotFit(text: String, problem: String) throws {
        let message = try Self.state(text)
        #expect(message.contains(problem), "\(message)")
        #expect(message.contains(Self.query), "\(message)")
        #expect(!message.contains { $0.isNewline } && message.count < 400)
    }

    @Test func partsThatDoNotFit() throws {
        let absmax = Self.query + ".absmax"
        let levels = Self.query + ".quant_map"
        let nested = Self.query + ".nested_quant_map"
        let cases: [(model: String, name: String, new: TensorToWrite?, problem: String)] = [
            ("nf4", absmax, nil, "'\(absmax)': missing, and needed to unpack the weights"),
            (
                "nf4", absmax, Self.tensor(absmax, .float32, Self.floats(.init(repeating: 1, count: 8))),
                "'\(absmax)': the tensor has 8 values, needed are 9"
            ),
            (
                "nf4", absmax, Self.tensor(absmax, .float32, Self.floats(.init(repeating: .nan, count: 9))),
                "\(Self.query): the weight holds NaN or infinite values"
            ),
            (
                "nf4", absmax, Self.tensor(absmax, .float16, .init(repeating: 0, count: 18)),
                "'\(absmax)': the elements are F16, needed are F32"
            ),
            (
                "nf4", levels, Self.tensor(levels, .float32, Self.floats(.init(repeating: 0, count: 16))),
                "'\(levels)': the levels are not those of NF4"
            ),
            (
                "nf4", Self.query, Self.tensor(Self.query, .uint8, [1, 2, 3]),
                "'\(Self.query)': the tensor has 3 bytes, 24 × 24 weights of NF4 take 288"
            ),
            ("nf4", Self.query, nil, "'\(Self.query)': missing, and needed to unpack the weights"),
            (
                "nf4", Self.query + ".quant_state.bitsandbytes__nf4", nil,
                "there is no '\(Self.query).quant_state.bitsandbytes__nf4', which says how it is used"
            ),
            (
                "nf4-double", nested,
                Self.tensor(nested, .float32, Self.floats(.init(repeating: .nan, count: 256))),
                "'\(nested)': it holds NaN or infinite values"
            ),
            (
                "nf4-double", Self.query + ".nested_absmax",
                Self.tensor(Self.query + ".nested_absmax", .float32, Self.floats([.infinity])),
                "\(Self.query): the weight holds NaN or infinite values"
            ),
            (
                "int8", Self.module + ".SCB",
                Self.tensor(Self.module + ".SCB", .float32, Self.floats([1, 2])),
                "'\(Self.module).SCB': the tensor has 2 values, needed are 24"
            ),
            (
                "int8", Self.module + ".SCB",
                Self.tensor(Self.module + ".SCB", .float32, Self.floats(.init(repeating: .nan, count: 24))),
                "\(Self.query): the weight holds NaN or infinite values"
            ),
            (
                "int8", Self.module + ".weight_format",
                Self.tensor(Self.module + ".weight_format", .uint8, [2]),
                "layout 2 of the bytes, supported is 0, row by row"
            ),
            ("int8", Self.query, nil, "there is no '\(Self.query)' that these are the scales of"),
        ]
        for (model, name, new, problem) in cases {
            let message = try Self.message(model, name) { _ in new }
            #expect(message.contains(problem), "\(name): \(message)")
        }
    }

    @Test func anotherTypeIsRefusedByName() throws {
        let name = Self.query + ".quant_state.bitsandbytes__"
        let message = try Self.message("nf4", name + "nf4") { _ in
            Self.tensor(name + "fp4", .uint8, [123, 125])
        }
        #expect(
            message.contains("the weights are FP4, which is not supported; take a folder of NF4"),
            "\(message)")
    }

    /// What a file that was cut short says is said of every safetensors file: where the data end.
    @Test func aFileCutShort() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("bnb-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let source = Self.model("nf4-double")
        try FileManager.default.copyItem(
            at: source.appendingPathComponent("config.json"), to: folder.appendingPathComponent("config.json")
        )
        let data = try Data(contentsOf: source.appendingPathComponent("model.safetensors"))
        try data.prefix(data.count - 100).write(to: folder.appendingPathComponent("model.safetensors"))
        let error = #expect(throws: ModelFileError.self) {
            try PretrainedModel.open(folder).openBackbone()
        }
        let message = "\(try #require(error))"
        #expect(message.contains("tensor '") && message.contains("but the file holds"), "\(message)")
    }

    static let configurations: [(entry: String, problem: String)] = [
        (#""quantization_config": {"quant_method": "gptq", "bits": 4}"#, "by GPTQ"),
        (#""quantization_config": {"quant_method": "awq", "bits": 4}"#, "by AWQ"),
        (#""quantization_config": {"quant_method": "compressed-tensors"}"#, "by compressed-tensors"),
        (#""quantization_config": {"quant_method": "fbgemm_fp8"}"#, "by FBGEMM as FP8"),
        (#""quantization_config": {"quant_method": "hqq"}"#, "by HQQ"),
        (#""quantization_config": {"quant_method": "aqlm"}"#, "by AQLM"),
        (#""quantization_config": {"quant_method": "fp8"}"#, "by blocks of FP8"),
        (#""quantization_config": {"quant_method": "mxfp4"}"#, "by MXFP4 of safetensors"),
        (#""quantization_config": {"quant_method": "newest"}"#, "by 'newest'"),
        (#""quantization_config": {"bits": 4}"#, "in a way that it does not name"),
        (#""quantization_config": 4"#, "in a way that it does not name"),
        (#""quantization": {"group_size": 64, "bits": 4}"#, "by MLX"),
        (
            #""quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": true}"#,
            "by bitsandbytes as FP4"
        ),
        (
            #""quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": true, "bnb_4bit_quant_type": "nf3"}"#,
            "by bitsandbytes as 'nf3'"
        ),
        (
            #""quantization_config": {"quant_method": "bitsandbytes"}"#,
            "by bitsandbytes with neither 4 nor 8 bits"
        ),
    ]

    @Test(arguments: configurations) func otherPackingsAreRefusedByName(entry: String, problem: String) throws
    {
        let members = try JSONValue.parse("{\(entry)}").object?.members ?? []
        let model = try EditedModel("llama", entries: members.map { ($0.key, $0.value) })
        let error = #expect(throws: ModelFileError.self) { try model.backbone() }
        let message = "\(try #require(error))"
        #expect(
            message.contains("the weights are quantized \(problem), which is not supported; take"),
            "\(message)")
        #expect(message.contains("GGUF"))
    }
}
