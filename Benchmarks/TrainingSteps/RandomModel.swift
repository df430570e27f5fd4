import Foundation
import Matrices
import ModelFiles

/// A BERT folder of made-up weights: time does not depend on their values.
package struct RandomModel {
    let layers: Int
    let width: Int
    let positions: Int

    package init(layers: Int, width: Int, positions: Int) {
        self.layers = layers
        self.width = width
        self.positions = positions
    }

    private static let vocabulary = 1000
    private static let heads = 12

    package func write(to folder: URL) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let config: JSONObject = [
            "model_type": .string("bert"), "vocab_size": JSONValue(Self.vocabulary),
            "hidden_size": JSONValue(width), "num_hidden_layers": JSONValue(layers),
            "num_attention_heads": JSONValue(Self.heads), "intermediate_size": JSONValue(4 * width),
            "max_position_embeddings": JSONValue(positions), "type_vocab_size": JSONValue(2),
        ]
        try AtomicFile.write(
            Data(JSONValue.object(config).text().utf8), to: folder.appendingPathComponent("config.json"))
        try SafetensorsWriter.write(
            tensors, metadata: ["format": "pt"], to: folder.appendingPathComponent("model.safetensors"))
    }

    private var tensors: [TensorToWrite] {
        let embeddings = "bert.embeddings"
        var all = [
            weight("\(embeddings).word_embeddings.weight", Self.vocabulary, width),
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
