import Foundation
import GoldenFiles
import ModelFiles
import Testing
import Transformers

/// Values that no model has: each is refused by the key it belongs to, before anything of that size is made.
@Suite struct HostileConfigTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let model: String
        /// Members that replace those of the golden's `config.json`
        let settings: String
        let problem: String
        var testDescription: String { "\(model): \(settings)" }

        init(_ model: String, _ settings: String, _ problem: String) {
            (self.model, self.settings, self.problem) = (model, settings, problem)
        }

        init(_ settings: String, _ problem: String) { self.init("bert", settings, problem) }
    }

    private func message(_ model: String, _ settings: String) throws -> String {
        let path = model == "bert" ? "bert/model/config.json" : "encoders/\(model)/model/config.json"
        var config = try #require(try Golden.json(path).object)
        for (key, value) in try JSONValue.parse("{\(settings)}").object?.members ?? [] { config[key] = value }
        do {
            let config = try HFConfig(json: .object(config), path: "c")
            _ = try Architecture.of(config).sizes(config)
            return "no error"
        } catch { return "\(error)" }
    }

    @Test(arguments: [
        Row(#""num_hidden_layers":1000000000"#, "key 'num_hidden_layers': 1000000000 is outside 1...1000"),
        Row(#""num_hidden_layers":0"#, "key 'num_hidden_layers': 0 is outside 1...1000"),
        Row(#""num_hidden_layers":-2"#, "key 'num_hidden_layers': -2 is outside 1...1000"),
        Row(#""num_hidden_layers":2.5"#, "key 'num_hidden_layers': 2.5 is not an integer"),
        Row(#""num_hidden_layers":null"#, "key 'num_hidden_layers': missing"),
        Row(#""hidden_size":1000000000000"#, "key 'hidden_size': 1000000000000 is outside 1...65536"),
        Row(
            #""hidden_size":12345678901234567890"#,
            "key 'hidden_size': 12345678901234567890 is not an integer"),
        Row(#""hidden_size":"32""#, "key 'hidden_size': the string '32' is not an integer"),
        Row(#""hidden_size":[32]"#, "key 'hidden_size': an array of 1 is not an integer"),
        Row(#""hidden_size":33"#, "num_attention_heads: a width of 33 does not divide into 4 heads"),
        Row(#""num_attention_heads":5"#, "num_attention_heads: a width of 32 does not divide into 5 heads"),
        Row(#""num_attention_heads":0"#, "key 'num_attention_heads': 0 is outside 1...1024"),
        Row(#""num_attention_heads":64"#, "num_attention_heads: a width of 32 does not divide into 64 heads"),
        Row(#""num_attention_heads":true"#, "key 'num_attention_heads': true is not an integer"),
        Row(#""intermediate_size":0"#, "key 'intermediate_size': 0 is outside 1...262144"),
        Row(#""vocab_size":0"#, "key 'vocab_size': 0 is outside 1...10000000"),
        Row(#""vocab_size":1e12"#, "key 'vocab_size': 1000000000000 is outside 1...10000000"),
        Row(#""max_position_embeddings":0"#, "key 'max_position_embeddings': 0 is outside 1...1000000"),
        Row(#""max_position_embeddings":1e300"#, "key 'max_position_embeddings': 1e+300 is not an integer"),
        Row(#""type_vocab_size":0"#, "key 'type_vocab_size': 0 is outside 1...1024"),
        Row(#""layer_norm_eps":0"#, "key 'layer_norm_eps': 0.0 is outside 1e-20...0.1"),
        Row(#""layer_norm_eps":-1e-12"#, "key 'layer_norm_eps': -1e-12 is outside"),
        Row(#""layer_norm_eps":"small""#, "key 'layer_norm_eps': the string 'small' is not a number"),
        Row(#""hidden_act":"relu""#, "hidden_act: \"relu\" is not supported"),
        Row(#""hidden_act":"ge\nlu""#, #"hidden_act: "ge\u{a}lu" is not supported"#),
        Row(#""hidden_act":7"#, "key 'hidden_act': 7 is not a string"),
        Row(#""model_type":"gpt5""#, "model_type: \"gpt5\" is not an architecture this version can train"),
        Row(#""model_type":"""#, "key 'model_type': missing or not a string"),
        Row(#""model_type":["bert"]"#, "key 'model_type': missing or not a string"),
        Row(#""is_decoder":true"#, "is_decoder: a decoder attends causally"),
        Row(#""is_decoder":"no""#, "key 'is_decoder': the string 'no' is neither true nor false"),
        Row(#""add_cross_attention":true"#, "add_cross_attention: a decoder attends causally"),
        Row(#""position_embedding_type":"relative_key""#, "position_embedding_type: \"relative_key\" is not"),
        Row(#""pad_token_id":-1"#, "key 'pad_token_id': -1 is outside 0...1000000"),
        Row("roberta", #""max_position_embeddings":2"#, "2 rows leave no position after the padding id 1"),
        Row("roberta", #""pad_token_id":999999"#, "rows leave no position after the padding id 999999"),
        Row("albert", #""num_hidden_groups":2"#, "num_hidden_groups: 2 is not supported, only 1"),
        Row("albert", #""embedding_size":0"#, "key 'embedding_size': 0 is outside 1...65536"),
        Row("electra", #""embedding_size":-4"#, "key 'embedding_size': -4 is outside 1...65536"),
        Row("distilbert", #""n_heads":5"#, "does not divide into 5 heads"),
        Row("distilbert", #""n_layers":1e9"#, "key 'n_layers': 1000000000 is outside 1...1000"),
        Row("distilbert", #""activation":"relu""#, "activation: \"relu\" is not supported"),
        Row("deberta", #""max_relative_positions":1e9"#, "'max_relative_positions': 1000000000 is outside"),
        Row("deberta", #""position_buckets":2.5"#, "key 'position_buckets': 2.5 is not an integer"),
        Row(
            "mpnet", #""relative_attention_num_buckets":-1"#,
            "'relative_attention_num_buckets': -1 is outside"),
    ])
    func isRefused(_ row: Row) throws {
        let message = try message(row.model, row.settings)
        #expect(message.hasPrefix("c: ") && message.contains(row.problem), "\(message)")
        #expect(message.contains("; ") && !message.contains("\n"), "\(message) says what to try")
    }

    @Test func modelTypeOfAnotherKind() throws {
        let config = try HFConfig(json: .object(["model_type": .number(1)]), path: "c")
        let error = #expect(throws: ModelFileError.self) { try Architecture.of(config) }
        #expect(
            "\(try #require(error))"
                == "c: key 'model_type': missing or not a string; check that this is a model's config.json, and add "
                + "\"model_type\" with one of bert, roberta, xlm-roberta, camembert, distilbert, electra, albert, "
                + "deberta-v2, mpnet, llama, mistral, ministral3, qwen2, qwen3, gemma2, gemma3_text, phi3, "
                + "smollm3, granite, granitemoehybrid, olmo2, olmo3, gpt2, gpt_neox, vit, deit, dinov2, "
                + "dinov2_with_registers, clip, siglip")
    }

    /// JSON has no such numbers, though Python writes them.
    @Test(arguments: ["NaN", "Infinity", "-Infinity", "1e999"])
    func numbersThatAreNone(number: String) throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(
            "config-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data("{\"model_type\":\"bert\",\"layer_norm_eps\":\(number)}".utf8).write(to: file)
        let error = #expect(throws: ModelFileError.self) { try HFConfig(file: file) }
        let message = "\(try #require(error))"
        #expect(message.hasPrefix("\(file.path): line 1, byte ") && message.contains("the file must be JSON"))
    }
}
