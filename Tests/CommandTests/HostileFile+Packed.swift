import Foundation
import GoldenFiles
import ModelFiles

/// Folders that bitsandbytes packed, or this program.
extension HostileFile {
    private static let module = "model.layers.0.mlp.up_proj"
    private static let matrix = module + ".weight"
    private static let state = matrix + ".quant_state.bitsandbytes__nf4"

    /// Trains over a copy of a golden model with one tensor in the place of another, or without it.
    ///
    /// - Parameter named: what the message names, where that is another tensor.
    private static func packed(
        _ name: String, _ model: String, _ tensor: String, named: String? = nil, _ problem: String,
        _ new: @escaping @Sendable (TensorInfo, [UInt8]) -> TensorToWrite?
    ) -> HostileFile {
        HostileFile(
            name, ["packed", named ?? tensor, problem],
            arguments: [
                "train", "--model", "packed", "--task", "causal-lm", "--train", "train.jsonl", "--budget",
                "12",
                "--threads", "1", "--output", "run",
            ]
        ) { workspace in
            try FileManager.default.copyItem(
                at: Golden.url("bitsandbytes/\(model)"), to: workspace.file("packed"))
            try workspace.editTensors(workspace.file("packed/model.safetensors")) { info, bytes in
                if info.name == tensor { return new(info, bytes) }
                return TensorToWrite(
                    name: info.name, elementType: info.elementType, shape: info.shape, bytes: bytes)
            }
        }
    }

    /// The same tensor with the first element as these bytes.
    private static func beginning(_ bytes: [UInt8]) -> @Sendable (TensorInfo, [UInt8]) -> TensorToWrite? {
        { info, own in
            TensorToWrite(
                name: info.name, elementType: info.elementType, shape: info.shape,
                bytes: bytes + own.dropFirst(bytes.count))
        }
    }

    /// The same tensor, a row long.
    private static func cut(_ info: TensorInfo, _ bytes: [UInt8]) -> TensorToWrite {
        let shape = [1] + info.shape.dropFirst()
        let count = shape.reduce(info.elementType.byteCount, *)
        return TensorToWrite(
            name: info.name, elementType: info.elementType, shape: Array(shape),
            bytes: Array(bytes.prefix(count)))
    }

    private static func text(_ text: String) -> @Sendable (TensorInfo, [UInt8]) -> TensorToWrite? {
        { info, _ in
            let bytes = Array(text.utf8)
            return TensorToWrite(name: info.name, elementType: .uint8, shape: [bytes.count], bytes: bytes)
        }
    }

    private static let nan: [UInt8] = [0, 0, 0xC0, 0x7F]
    private static let missing = "missing, and needed to unpack the weights"
    private static let notFinite = "holds NaN or infinite values"

    static let packedFolders: [HostileFile] = [
        packed("codes cut short", "nf4-double", matrix, "bytes, 36 × 24 weights of NF4 take 432", cut),
        packed("no codes", "nf4-double", matrix, missing) { _, _ in nil },
        packed("scales cut short", "nf4-double", matrix + ".absmax", "bytes, 14 blocks take 14", cut),
        packed(
            "scales that are no numbers", "nf4", matrix + ".absmax", named: matrix,
            "\(matrix): the weight \(notFinite)", beginning(nan)),
        packed("scales of a byte more", "nf4", matrix + ".absmax", "the tensor has 15 values, needed are 14")
        {
            info, bytes in
            TensorToWrite(
                name: info.name, elementType: .float32, shape: [15], bytes: bytes + [0, 0, 0, 0])
        },
        packed(
            "scales of scales that are no numbers", "nf4-double", matrix + ".nested_absmax",
            named: matrix, "\(matrix): the weight \(notFinite)", beginning(nan)),
        packed("no scales of scales", "nf4-double", matrix + ".nested_absmax", missing) { _, _ in nil },
        packed("no map of scales", "nf4-double", matrix + ".nested_quant_map", missing) { _, _ in nil },
        packed(
            "map that is no numbers", "nf4-double", matrix + ".nested_quant_map", "it \(notFinite)",
            beginning(nan)),
        packed("map cut short", "nf4-double", matrix + ".nested_quant_map", "1 values, needed are 256", cut),
        packed(
            "levels of another code", "nf4", matrix + ".quant_map", "the levels are not those of NF4",
            beginning([0, 0, 0, 0])),
        packed("no levels", "nf4", matrix + ".quant_map", missing) { _, _ in nil },
        packed("no state", "nf4", state, "which says how it is used") { _, _ in nil },
        packed("state that is no JSON", "nf4", state, "byte 0: ", text("quant")),
        packed(
            "deep state", "nf4", state, "nested deeper than 64 levels",
            text(String(repeating: "[", count: 60_000))),
        packed(
            "endless state", "nf4", state, "not a text of JSON", text(String(repeating: " ", count: 70_000))),
        packed(
            "state of endless weights", "nf4", state, "are more than there can be",
            text(
                #"{"quant_type":"nf4","blocksize":64,"dtype":"float32","shape":[9007199254740991,9007199254740991]}"#
            )),
        packed(
            "state of other weights", "nf4", state, named: matrix,
            "bytes, 4000000000 × 4 weights of NF4 take 8000000000",
            text(#"{"quant_type":"nf4","blocksize":64,"dtype":"float32","shape":[4000000000,4]}"#)),
        packed(
            "state without blocks", "nf4", state, "'blocksize': not one of",
            text(#"{"quant_type":"nf4","blocksize":0,"dtype":"float32","shape":[36,24]}"#)),
        packed("bytes cut short", "int8", matrix, named: module + ".SCB", "36 values, needed are 1", cut),
        packed("no bytes", "int8", matrix, "that these are the scales of") { _, _ in nil },
        packed("scales of bytes cut short", "int8", module + ".SCB", "1 values, needed are 36", cut),
        packed(
            "scales of bytes that are no numbers", "int8", module + ".SCB", named: matrix,
            "\(matrix): the weight \(notFinite)", beginning(nan)),
        packed("no scales of bytes", "int8", module + ".SCB", "which its bytes are unpacked with") { _, _ in
            nil
        },
        blocks("rows that are no blocks", "which are no whole blocks of Q8_0", shape: [32, 33]),
        blocks(
            "blocks of scales that are no numbers", "the weight \(notFinite)", shape: [32, 34], byte: 0xFF),
        blocks("blocks cut short", "config.json asks for [32, 32]", shape: [16, 34]),
        blocks("blocks without end", "which are no whole blocks of Q8_0", shape: [1_000_000_000, 0]),
    ]

    /// Trains over a BERT one of whose matrices is said to be blocks.
    private static func blocks(_ name: String, _ problem: String, shape: [Int], byte: UInt8 = 0)
        -> HostileFile
    {
        HostileFile(name, ["model", "encoder.layer.0.attention.self.query.weight", problem]) { workspace in
            var changed = ""
            try workspace.editWeights { info, bytes in
                guard info.name.hasSuffix("encoder.layer.0.attention.self.query.weight") else {
                    return TensorToWrite(
                        name: info.name, elementType: info.elementType, shape: info.shape, bytes: bytes)
                }
                changed = info.name
                return TensorToWrite(
                    name: info.name, elementType: .uint8, shape: shape,
                    bytes: [UInt8](repeating: byte, count: shape.reduce(1, *)))
            }
            let file = workspace.file("model/config.json")
            guard var config = try JSONValue.read(file).object else {
                throw CommandFailure(description: "config.json is no object")
            }
            config["quantization_config"] = .object([
                "quant_method": .string("adalora"),
                "formats": .object(["Q8_0": .array([.string(changed)])]),
            ])
            try workspace.write(JSONValue.object(config).bytes(), to: "model/config.json")
        }
    }
}
