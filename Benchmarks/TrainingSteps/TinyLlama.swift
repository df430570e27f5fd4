import Foundation
import ModelFiles

/// A Llama of two layers with made-up weights as a GGUF: the same numbers in every format that it is written in.
struct TinyLlama {
    enum Format: Sendable {
        case float32
        /// Q4_0 of the linear layers; norms and embeddings stay Float32, as in files of llama.cpp.
        case fourBits
    }

    let format: Format

    static let vocabulary = 96
    private static let (layers, width, inner, heads, keyHeads, headWidth) = (2, 64, 96, 4, 2, 16)
    private static let positions = 64

    func write(to url: URL) throws {
        try GGUFWriter.write(metadata: Self.keys, tensors: tensors, to: url)
    }

    private static let keys: [(key: String, value: GGUFValue)] = [
        ("general.architecture", .string("llama")), ("general.type", .string("model")),
        ("llama.block_count", .uint32(UInt32(layers))), ("llama.embedding_length", .uint32(UInt32(width))),
        ("llama.attention.head_count", .uint32(UInt32(heads))),
        ("llama.attention.head_count_kv", .uint32(UInt32(keyHeads))),
        ("llama.attention.key_length", .uint32(UInt32(headWidth))),
        ("llama.attention.value_length", .uint32(UInt32(headWidth))),
        ("llama.feed_forward_length", .uint32(UInt32(inner))),
        ("llama.context_length", .uint32(UInt32(positions))),
        ("llama.attention.layer_norm_rms_epsilon", .float32(1e-5)),
        ("llama.rope.freq_base", .float32(10_000)),
        ("llama.rope.dimension_count", .uint32(UInt32(headWidth))),
        ("llama.vocab_size", .uint32(UInt32(vocabulary))),
    ]

    private var tensors: [GGUFTensorToWrite] {
        let (width, inner) = (Self.width, Self.inner)
        let (queries, keys) = (Self.heads * Self.headWidth, Self.keyHeads * Self.headWidth)
        var all = [embeddings("token_embd", seed: 1), embeddings("output", seed: 2), norm("output_norm")]
        for layer in 0..<Self.layers {
            let block = "blk.\(layer)"
            let shapes = [
                ("attn_q", queries, width), ("attn_k", keys, width), ("attn_v", keys, width),
                ("attn_output", width, queries), ("ffn_gate", inner, width), ("ffn_up", inner, width),
                ("ffn_down", width, inner),
            ]
            for (place, shape) in shapes.enumerated() {
                all.append(
                    matrix("\(block).\(shape.0)", shape.1, shape.2, seed: 3 + layer * shapes.count + place))
            }
            all += [norm("\(block).attn_norm"), norm("\(block).ffn_norm")]
        }
        return all
    }

    private static let blockWeights = 32
    /// A power of two, which half precision has.
    private static let scale: Float = 1.0 / 32

    /// Nibbles 0…15 of a linear congruence; a weight is `scale` · (nibble − 8).
    private static func nibbles(_ count: Int, seed: Int) -> [UInt8] {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(state >> 60)
        }
    }

    private static func values(_ nibbles: [UInt8]) -> [Float] { nibbles.map { scale * (Float($0) - 8) } }

    private func embeddings(_ name: String, seed: Int) -> GGUFTensorToWrite {
        let count = Self.vocabulary * Self.width
        return GGUFTensorToWrite(
            name: "\(name).weight", shape: [Self.vocabulary, Self.width],
            values: Self.values(Self.nibbles(count, seed: seed)))
    }

    private func norm(_ name: String) -> GGUFTensorToWrite {
        GGUFTensorToWrite(
            name: "\(name).weight", shape: [Self.width], values: [Float](repeating: 1, count: Self.width))
    }

    private func matrix(_ name: String, _ rows: Int, _ columns: Int, seed: Int) -> GGUFTensorToWrite {
        let nibbles = Self.nibbles(rows * columns, seed: seed)
        guard format == .fourBits, let type = GGMLType.named("Q4_0") else {
            return GGUFTensorToWrite(
                name: "\(name).weight", shape: [rows, columns], values: Self.values(nibbles))
        }
        let bytes = Self.packed(nibbles)
        return GGUFTensorToWrite(name: "\(name).weight", type: type, shape: [rows, columns]) { append in
            try bytes.withUnsafeBytes { try append($0) }
        }
    }

    /// ggml's blocks: the scale in half precision, then bytes of weight i (low) and weight i + 16 (high).
    private static func packed(_ nibbles: [UInt8]) -> [UInt8] {
        let scale = Float16(scale).bitPattern
        let half = blockWeights / 2
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: nibbles.count, by: blockWeights) {
            bytes += [UInt8(truncatingIfNeeded: scale), UInt8(scale >> 8)]
            for place in start..<start + half {
                let (low, high) = (nibbles[place], nibbles[place + half])
                bytes.append(low | high << 4)
            }
        }
        return bytes
    }
}
