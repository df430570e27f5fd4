import Foundation
import Matrices
import ModelFiles

/// A folder of made-up weights: time does not depend on their values.
package struct RandomModel {
    package enum Kind: String, CaseIterable { case bert, llama }

    let kind: Kind
    let layers: Int
    let width: Int
    let positions: Int

    package init(kind: Kind, layers: Int, width: Int, positions: Int) {
        self.kind = kind
        self.layers = layers
        self.width = width
        self.positions = positions
    }

    private static let heads = 12

    private var vocabulary: Int { kind == .bert ? 1000 : 16_384 }
    /// Llama's feed-forward network, whose gate is a third matrix.
    private var inner: Int { kind == .bert ? 4 * width : 8 * width / 3 }
    /// A third of the queries' heads share keys.
    private var keys: Int { width / 3 }

    package func write(to folder: URL) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var config: JSONObject = [
            "model_type": .string(kind.rawValue), "vocab_size": JSONValue(vocabulary),
            "hidden_size": JSONValue(width), "num_hidden_layers": JSONValue(layers),
            "num_attention_heads": JSONValue(Self.heads), "intermediate_size": JSONValue(inner),
            "max_position_embeddings": JSONValue(positions),
        ]
        if kind == .bert {
            config["type_vocab_size"] = JSONValue(2)
        } else {
            config["num_key_value_heads"] = JSONValue(Self.heads / 3)
            config["tie_word_embeddings"] = .bool(true)
        }
        try AtomicFile.write(
            Data(JSONValue.object(config).text().utf8), to: folder.appendingPathComponent("config.json"))
        try SafetensorsWriter.write(
            kind == .bert ? encoder : decoder, metadata: ["format": "pt"],
            to: folder.appendingPathComponent("model.safetensors"))
    }

    private var encoder: [TensorToWrite] {
        let embeddings = "bert.embeddings"
        var all = [
            weight("\(embeddings).word_embeddings.weight", vocabulary, width),
            weight("\(embeddings).position_embeddings.weight", positions, width),
            weight("\(embeddings).token_type_embeddings.weight", 2, width),
        ]
        all += norm("\(embeddings).LayerNorm")
        for layer in 0..<layers {
            let path = "bert.encoder.layer.\(layer)"
            for name in ["query", "key", "value"] {
                all += linear("\(path).attention.self.\(name)", width, width)
            }
            all += linear("\(path).attention.output.dense", width, width)
            all += norm("\(path).attention.output.LayerNorm")
            all += linear("\(path).intermediate.dense", 4 * width, width)
            all += linear("\(path).output.dense", width, 4 * width)
            all += norm("\(path).output.LayerNorm")
        }
        return all + linear("bert.pooler.dense", width, width)
    }

    private var decoder: [TensorToWrite] {
        var all = [
            weight("model.embed_tokens.weight", vocabulary, width), vector("model.norm.weight", width, 1),
        ]
        for layer in 0..<layers {
            let path = "model.layers.\(layer)"
            let shapes = [
                ("self_attn.q_proj", width, width), ("self_attn.k_proj", keys, width),
                ("self_attn.v_proj", keys, width), ("self_attn.o_proj", width, width),
                ("mlp.gate_proj", inner, width), ("mlp.up_proj", inner, width),
                ("mlp.down_proj", width, inner),
            ]
            all += shapes.map { weight("\(path).\($0.0).weight", $0.1, $0.2) }
            all += ["input", "post_attention"].map { vector("\(path).\($0)_layernorm.weight", width, 1) }
        }
        return all
    }

    private func weight(_ name: String, _ rows: Int, _ columns: Int) -> TensorToWrite {
        let matrix = Matrix(rows: rows, columns: columns)
        var stream = RandomStream(seed: 1, purpose: name)
        stream.fillNormal(matrix, deviation: 0.02)
        return TensorToWrite(name: name, shape: [rows, columns], values: matrix.values)
    }

    private func vector(_ name: String, _ count: Int, _ value: Float) -> TensorToWrite {
        TensorToWrite(name: name, shape: [count], values: [Float](repeating: value, count: count))
    }

    private func norm(_ name: String) -> [TensorToWrite] {
        [vector("\(name).weight", width, 1), vector("\(name).bias", width, 0)]
    }

    private func linear(_ name: String, _ outputs: Int, _ inputs: Int) -> [TensorToWrite] {
        [weight("\(name).weight", outputs, inputs), vector("\(name).bias", outputs, 0)]
    }
}
