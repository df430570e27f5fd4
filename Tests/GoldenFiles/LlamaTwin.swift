import Foundation
import ModelFiles

/// The tiny Llama of `llama/model` as a GGUF, as llama.cpp's converter writes such models: its names of tensors, and in
/// each head of queries and keys rows i and i + D/2 next to each other (`LlamaModel.permute`).
package enum LlamaTwin {
    private static let parts = [
        "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    ]
    private static let others = [
        "model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
        "lm_head.weight": "output.weight",
    ]
    private static let headWidth = 6

    package static func write(to url: URL) throws {
        let weights = try Golden.tensors("llama/model/model.safetensors")
        let tensors = try weights.names.map { name in
            guard let info = weights.info(name), let stored = storedName(name) else {
                throw Golden.Missing(description: "no name for \(name)")
            }
            var values = try weights.floats(name)
            if name.contains("q_proj") || name.contains("k_proj") {
                values = neighbouring(values, width: info.shape[1])
            }
            return GGUFTensorToWrite(name: stored, shape: info.shape, values: values)
        }
        try GGUFWriter.write(metadata: keys() + vocabulary(), tensors: tensors, to: url)
    }

    private static func storedName(_ name: String) -> String? {
        if let other = others[name] { return other }
        let words = name.split(separator: ".")
        guard words.count > 4, words[0] == "model", words[1] == "layers" else { return nil }
        return parts[words[3..<words.count - 1].joined(separator: ".")].map { "blk.\(words[2]).\($0).weight" }
    }

    /// Rows of a matrix, [heads, 2, D / 2] to [heads, D / 2, 2].
    package static func neighbouring(_ values: [Float], width: Int) -> [Float] {
        let half = headWidth / 2
        var sorted: [Float] = []
        for head in 0..<values.count / width / headWidth {
            for place in 0..<half {
                for side in 0..<2 {
                    let row = head * headWidth + side * half + place
                    sorted += values[row * width..<(row + 1) * width]
                }
            }
        }
        return sorted
    }

    private static func keys() -> [(key: String, value: GGUFValue)] {
        [
            ("general.architecture", .string("llama")), ("general.type", .string("model")),
            ("llama.block_count", .uint32(3)), ("llama.embedding_length", .uint32(24)),
            ("llama.attention.head_count", .uint32(4)), ("llama.attention.head_count_kv", .uint32(2)),
            ("llama.attention.key_length", .uint32(6)), ("llama.attention.value_length", .uint32(6)),
            ("llama.feed_forward_length", .uint32(40)), ("llama.context_length", .uint32(64)),
            ("llama.attention.layer_norm_rms_epsilon", .float32(1e-5)),
            ("llama.rope.freq_base", .float32(10_000)), ("llama.rope.dimension_count", .uint32(6)),
            ("llama.vocab_size", .uint32(272)),
        ]
    }

    private static func vocabulary() throws -> [(key: String, value: GGUFValue)] {
        let model = try Golden.json("llama/model/tokenizer.json")["model"]
        guard let words = model?["vocab"]?.object, let merges = model?["merges"]?.array else {
            throw Golden.Missing(description: "the tiny Llama has no vocabulary")
        }
        var tokens = [String](repeating: "", count: words.count)
        for word in words.keys { tokens[words[word]?.int ?? 0] = word }
        let pairs = merges.compactMap { merge in
            merge.string ?? merge.array.map { $0.compactMap(\.string).joined(separator: " ") }
        }
        return [
            ("tokenizer.ggml.model", .string("gpt2")), ("tokenizer.ggml.pre", .string("gpt-2")),
            ("tokenizer.ggml.tokens", .array(.string(tokens))),
            ("tokenizer.ggml.token_type", .array(.int32(tokens.indices.map { $0 < 3 ? 3 : 1 }))),
            ("tokenizer.ggml.merges", .array(.string(pairs))),
            ("tokenizer.ggml.bos_token_id", .uint32(0)), ("tokenizer.ggml.eos_token_id", .uint32(1)),
            ("tokenizer.ggml.padding_token_id", .uint32(2)), ("tokenizer.ggml.add_bos_token", .bool(true)),
        ]
    }
}
