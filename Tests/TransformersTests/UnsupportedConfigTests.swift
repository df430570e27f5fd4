import Foundation
import GoldenFiles
import ModelFiles
import Testing
import Transformers

/// Settings of DeBERTa and MPNet that would compute something else are errors that name the key.
@Suite struct UnsupportedConfigTests {
    struct Row: Sendable {
        let model: String
        /// Members that replace those of the model's `config.json`.
        let settings: String
        let message: String

        init(_ model: String, _ settings: String, _ message: String) {
            (self.model, self.settings, self.message) = (model, settings, message)
        }
    }

    private func check(_ model: String, _ settings: String) throws {
        var config = try #require(try Golden.json("encoders/\(model)/model/config.json").object)
        for (key, value) in try JSONValue.parse("{\(settings)}").object?.members ?? [] { config[key] = value }
        let changed = try HFConfig(json: .object(config), path: "c")
        _ = try Architecture.of(changed).sizes(changed)
    }

    @Test(arguments: [
        Row("deberta", #""pos_att_type": "p2p|c2p""#, "pos_att_type: \"p2p\" is not supported"),
        Row("deberta", #""pos_att_type": []"#, "pos_att_type: no relative term is named"),
        Row("deberta", #""pos_att_type": null"#, "pos_att_type: no relative term is named"),
        Row("deberta", #""pos_att_type": 3"#, "pos_att_type': 3 is neither a string nor a list"),
        Row(
            "deberta", #""relative_attention": false"#,
            "relative_attention: DeBERTa without relative positions is not supported"),
        Row("deberta", #""norm_rel_ebd": "batch_norm""#, "norm_rel_ebd: \"batch_norm\" is not supported"),
        Row(
            "deberta", #""conv_kernel_size": 3"#,
            "conv_kernel_size: 3: the convolution after the first layer is not supported"),
        Row("deberta", #""embedding_size": 12"#, "embedding_size: 12 is not supported, only 24"),
        Row("deberta", #""attention_head_size": 12"#, "attention_head_size: 12 is not supported, only 8"),
        Row("deberta", #""pooler_hidden_size": 12"#, "pooler_hidden_size: 12 is not supported, only 24"),
        Row("deberta", #""pooler_hidden_act": "tanh""#, "pooler_hidden_act: \"tanh\" is not supported"),
        Row(
            "deberta", #""position_buckets": 64"#,
            "position_buckets: 64 buckets do not fit distances up to 32"),
        Row(
            "deberta", #""position_buckets": 1"#, "position_buckets: 1 buckets do not fit distances up to 32"),
        Row(
            "mpnet", #""relative_attention_num_buckets": 64"#,
            "relative_attention_num_buckets: 64 is not supported, only 32"),
    ])
    func isRefused(_ row: Row) throws {
        let error = #expect(throws: ModelFileError.self) { try check(row.model, row.settings) }
        let message = "\(try #require(error))"
        #expect(message.hasPrefix("c: ") && message.contains(row.message), "\(message)")
        #expect(message.contains("; "), "\(message) says what to try")
    }

    /// As published configs write them.
    @Test(arguments: [
        ("deberta", #""pos_att_type": "p2c|c2p", "max_relative_positions": -1, "conv_kernel_size": 0"#),
        ("deberta", #""attention_head_size": 8, "embedding_size": 24, "pooler_dropout": 0"#),
        ("deberta-own-projections", #""position_buckets": -1"#), ("mpnet", #""layer_norm_eps": 1e-5"#),
    ])
    func isAccepted(model: String, settings: String) throws {
        try check(model, settings)
    }

    /// The usual keys all have a meaning here.
    @Test(arguments: ["deberta", "deberta-own-projections", "mpnet"]) func everyKeyIsKnown(model: String)
        throws
    {
        let config = try HFFolder(Golden.url("encoders/\(model)/model")).config
        _ = try Architecture.of(config).sizes(config)
        #expect(config.unreadKeys.isEmpty, "\(config.unreadKeys)")
    }
}
