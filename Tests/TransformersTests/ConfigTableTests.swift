import Foundation
import GoldenFiles
import ModelFiles
import Testing
import Transformers

/// Every entry of a config.json that transformers reads for our architectures: followed as there, or refused by name. By
/// scripts/goldens/configs_parity.py.
@Suite struct ConfigTableTests {
    private static let models = [
        "bert", "encoders/roberta", "encoders/distilbert", "encoders/electra", "encoders/albert",
        "encoders/mpnet",
        "encoders/deberta", "encoders/deberta-own-projections",
    ]

    private func rows(of model: String) throws -> [JSONValue] {
        let rows = try Golden.json("configs.json").array ?? []
        return rows.filter { $0["model"]?.string == model }
    }

    // PyTorch's own Float32 error is 1e-6 on models of this size; the forms of tanh-GELU add as much.
    @Test(arguments: models) func followsTransformersOrRefuses(model: String) throws {
        let rows = try rows(of: model)
        try #require(rows.count > 20)
        let sequences = try Golden.sequences(Golden.json("\(model)/batch.json"))
        for row in rows {
            let entries = row["entries"]?.object?.members ?? []
            let absent = (row["absent"]?.array ?? []).compactMap(\.string)
            let edited = try EditedModel(model, entries: entries, absent: absent)
            if let key = row["refused"]?.string {
                let error = #expect(throws: ModelFileError.self, "\(row)") { try edited.backbone() }
                #expect(
                    error.map { "\($0)" }?.contains("\(key): ") == true,
                    "\(row): \(String(describing: error))")
                continue
            }
            let expected = (row["logits"]?.array ?? []).flatMap { $0.array ?? [] }.compactMap(\.double)
            let logits = try edited.logits(sequences)
            #expect(
                relativeError(logits, expected.map { Float($0) }) < 1e-5,
                "\(row["entries"] ?? .null) \(absent)")
        }
    }

    /// What sizes a config leaves out are those of transformers' classes; the weights then have to be of them.
    @Test(arguments: [
        ("bert", ["num_attention_heads"], "a width of 32 does not divide into 12 heads"),
        ("bert", ["hidden_size"], "config.json asks for [101, 768]"),
        ("bert", ["vocab_size"], "config.json asks for [30522, 32]"),
        ("bert", ["intermediate_size"], "config.json asks for [3072, 32]"),
        ("bert", ["max_position_embeddings"], "config.json asks for [512, 32]"),
        (
            "bert", ["num_hidden_layers"],
            "bert.encoder.layer.2.attention.self.query.weight: this weight is missing"
        ),
        ("encoders/roberta", ["vocab_size"], "config.json asks for [50265, 24]"),
        ("encoders/distilbert", ["dim", "n_heads"], "config.json asks for [61, 768]"),
        ("encoders/distilbert", ["hidden_dim"], "config.json asks for [3072, 24]"),
        ("encoders/electra", ["hidden_size", "num_attention_heads"], "config.json asks for [256, 16]"),
        ("encoders/albert", ["hidden_size", "num_attention_heads"], "config.json asks for [4096, 16]"),
        ("encoders/albert", ["embedding_size"], "config.json asks for [61, 128]"),
        (
            "encoders/deberta", ["hidden_size", "num_attention_heads"],
            "pooler_hidden_size: 24 is not supported, only 1536"
        ),
        ("encoders/mpnet", ["vocab_size"], "config.json asks for [30527, 24]"),
    ])
    func sizesLeftOut(model: String, keys: [String], problem: String) throws {
        let edited = try EditedModel(model, absent: keys)
        let error = #expect(throws: ModelFileError.self) { try edited.backbone() }
        #expect("\(try #require(error))".contains(problem), "\(String(describing: error))")
    }

    @Test(arguments: [
        (
            #""quantization_config": {"quant_method": "bitsandbytes"}"#,
            "quantization_config: the weights are quantized"
        ),
        (#""pruned_heads": {"0": [1]}"#, "pruned_heads: heads were taken out"),
        (#""per_layer_config": {"0": {"num_attention_heads": 2}}"#, "per_layer_config: layers have settings"),
    ])
    func otherWeightsAreRefused(entry: String, problem: String) throws {
        let entries = try JSONValue.parse("{\(entry)}").object?.members ?? []
        let edited = try EditedModel("bert", entries: entries)
        let error = #expect(throws: ModelFileError.self) { try edited.backbone() }
        #expect("\(try #require(error))".contains(problem), "\(String(describing: error))")
    }

    /// Whatever says nothing about the function is no key to warn of; what might is.
    @Test func keysToWarnOf() throws {
        let row = try #require(try rows(of: "bert").first)
        var entries = try #require(row["entries"]?.object).members
        entries += [(key: "auto_map", value: .object([:])), (key: "rope_theta", value: JSONValue(1))]
        let edited = try EditedModel("bert", entries: entries)
        let folder = try HFFolder(edited.folder)
        _ = try Architecture.of(folder.config).sizes(folder.config)
        #expect(folder.config.unreadKeys == ["auto_map", "rope_theta"])
    }
}
