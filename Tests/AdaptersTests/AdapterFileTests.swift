import Adapters
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Testing
import Transformers

/// A folder of PEFT's whose files were spoiled: one line that names the file and the key or tensor.
@Suite struct AdapterFileTests {
    struct Row: Sendable, CustomTestStringConvertible {
        /// Members that replace those of the golden's `adapter_config.json`; `null` counts as absent.
        let settings: String
        let message: String
        var testDescription: String { "\(settings.prefix(80)): \(message)" }

        init(_ settings: String, _ message: String) { (self.settings, self.message) = (settings, message) }
    }

    private final class Folder {
        let url: URL

        init() throws {
            url = FileManager.default.temporaryDirectory.appendingPathComponent(
                "adapter-\(UUID().uuidString)")
            try FileManager.default.copyItem(at: Golden.url("merge/first"), to: url)
        }

        deinit { try? FileManager.default.removeItem(at: url) }

        func write(_ bytes: [UInt8], to name: String) throws {
            try Data(bytes).write(to: url.appendingPathComponent(name))
        }

        /// The message of loading the folder, with its path as `DIR`.
        func message() throws -> String {
            let base = try PretrainedModel.open(Golden.url("bert/model"))
            let backbone = try base.openBackbone()
            let head = try SequenceHead(
                backbone: backbone, outputs: 5, pooling: .pooler, dropout: 0,
                stream: RandomStream(seed: 0, purpose: "overwritten"))
            do {
                _ = try PEFTFolder.load(
                    url, onto: backbone, head: head, base: base.openWeights())
                return "no error"
            } catch { return "\(error)".replacingOccurrences(of: url.path, with: "DIR") }
        }
    }

    static let many = (0...10_000).map { "\"m\($0)\":1" }.joined(separator: ",")

    @Test(arguments: [
        Row(#""peft_type":null"#, "peft_type: missing; only these adapters can be loaded"),
        Row(#""peft_type":"LO\nHA""#, #"peft_type: 'LO\u{a}HA' is none of ADALORA, LORA, IA3, LN_TUNING"#),
        Row(#""r":null"#, "r: missing or not a whole number from 1 to 10000"),
        Row(#""r":0"#, "r: missing or not a whole number from 1 to 10000"),
        Row(#""r":-3"#, "r: missing or not a whole number from 1 to 10000"),
        Row(#""r":3.5"#, "r: missing or not a whole number from 1 to 10000"),
        Row(#""r":1000000000000"#, "r: missing or not a whole number from 1 to 10000"),
        Row(#""r":"3""#, "r: missing or not a whole number from 1 to 10000"),
        Row(#""r":4"#, "the tensor has rank 3, adapter_config.json says 4"),
        Row(#""peft_type":"ADALORA""#, "init_r: missing or not a whole number from 1 to 10000"),
        Row(#""lora_alpha":"6""#, "lora_alpha: missing or not a number"),
        Row(
            #""lora_alpha":1e300"#,
            "lora_alpha: the factor of bert.encoder.layer.0.attention.self.query is beyond"),
        Row(#""use_rslora":1"#, "use_rslora: neither true nor false"),
        Row(#""use_dora":"yes""#, "use_dora: neither true nor false"),
        Row(#""fan_in_fan_out":"no""#, "fan_in_fan_out: neither true nor false"),
        Row(#""use_qalora":true"#, "use_qalora: it works on quantized groups, which is not supported"),
        Row(#""bias":7"#, "bias: '?' is neither none, all nor lora_only"),
        Row(#""alpha_pattern":[1]"#, "alpha_pattern: not an object of modules and numbers"),
        Row(#""alpha_pattern":{"a":"b"}"#, "alpha_pattern: the value of 'a' is not a number"),
        Row(
            #""alpha_pattern":{"(a":1}"#,
            "alpha_pattern: '(a' is a regular expression that is not read here; write the names"),
        Row(
            #""alpha_pattern":{"^bert.*query$":"b"}"#,
            "alpha_pattern: the value of '^bert.*query$' is not a number"),
        Row(
            #""rank_pattern":{"^bert.*layer\\.0.*query$":2}"#,
            "the tensor has rank 3, adapter_config.json says 2"),
        Row(#""bias":"all""#, "biases of the base were trained, and the file has none of them"),
        Row(#""bias":"lora_only""#, "biases of the base were trained, and the file has none of them"),
        Row(
            #""modules_to_save":["classifier","word_embeddings"]"#,
            "the tensor is missing, though modules_to_save names 'word_embeddings'"),
        Row(#""use_qalora":true"#, "use_qalora: it works on quantized groups"),
        Row(#""layer_replication":[[0,1]]"#, "layer_replication: layers of the base are repeated"),
        Row(#""megatron_config":{"a":1}"#, "megatron_config: its modules are Megatron's"),
        Row(#""arrow_config":{"top_k":3}"#, "arrow_config: several adapters are routed"),
        Row(#""trainable_token_indices":[1]"#, "trainable_token_indices: rows of embeddings are replaced"),
        Row(#""alora_invocation_tokens":[1]"#, "alora_invocation_tokens: it acts only after certain tokens"),
        Row(#""target_parameters":["a"]"#, "target_parameters: it adapts parameters that are no module"),
        Row(#""use_bdlora":{"nblocks":2}"#, "use_bdlora: its matrices are block-diagonal"),
        Row(#""kasa_config":{"beta":1}"#, "kasa_config: KaSA changes the base's weights"),
        Row(#""monteclora_config":{"a":1}"#, "monteclora_config: its matrices are drawn at random"),
        Row(#""velora_config":{"a":1}"#, "velora_config: VeLoRA's module is another one"),
        Row(#""init_lora_weights":"loftq""#, "'loftq' changes the base's weights at the start"),
        Row(#""init_lora_weights":"moon""#, "'moon' is a start that is not known here"),
        Row(#""use_moonlora":true"#, "use_moonlora: a field that is not known here is set, and may change"),
        Row(
            #""moon_config":{"phase":1}"#,
            "moon_config: a field that is not known here is set, and may change"),
        Row("\"alpha_pattern\":{\(many)}", "alpha_pattern: more than 10000 entries"),
        Row("\"rank_pattern\":{\(many)}", "rank_pattern: more than 10000 entries"),
        Row(#""rank_pattern":{"query":2}"#, "the tensor has rank 3, adapter_config.json says 2"),
        Row(
            #""target_modules":["query","output.dense"]"#,
            "output.dense.lora_A.weight: the tensor is missing, though target_modules names its module"),
        // Neither keeps a matcher busy, nor does the stack run out.
        Row(#""target_modules":"((((.*)*)*)*)*dense""#, "the tensor is missing, though target_modules names"),
    ])
    func spoiledSettings(_ row: Row) throws {
        let folder = try Folder()
        let file = folder.url.appendingPathComponent("adapter_config.json")
        var config = try #require(try JSONValue.read(file).object)
        for (key, value) in try JSONValue.parse("{\(row.settings)}").object?.members ?? [] {
            config[key] = value
        }
        try folder.write(JSONValue.object(config).bytes(), to: "adapter_config.json")
        let message = try folder.message()
        #expect(message.hasPrefix("DIR/adapter_") && message.contains(row.message), "\(message)")
        #expect(message.contains("; ") && !message.contains("\n"), "\(message) says what to try")
    }

    static let weights = "adapter_model.safetensors"

    @Test(arguments: [
        ("adapter_config.json", [UInt8](), "line 1, byte 0: the text is empty"),
        ("adapter_config.json", Array("[]".utf8), "peft_type: missing"),
        ("adapter_config.json", [0x7B, 0x22, 0xFF, 0x22], "a string that is not valid UTF-8"),
        ("adapter_config.json", [0x80, 2, 0x7D, 0x71], "the byte 0x80 where a value should begin"),
        (weights, [], "the file has 0 bytes, a safetensors file at least 8"),
        (weights, [0x80, 2, 0x7D, 0x71, 0, 0, 0, 0, 0, 0], "this is a PyTorch pickle"),
        (weights, [0x50, 0x4B, 3, 4, 0, 0, 0, 0, 0, 0], "this is a PyTorch pickle"),
        (weights, [2, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D], "lora_A.weight: the tensor is missing"),
    ])
    func otherFiles(name: String, bytes: [UInt8], problem: String) throws {
        let folder = try Folder()
        try folder.write(bytes, to: name)
        let message = try folder.message()
        #expect(message.hasPrefix("DIR/\(name): ") && message.contains(problem), "\(message)")
    }

    /// PEFT wrote this before safetensors.
    @Test func weightsInAPickleAlone() throws {
        let folder = try Folder()
        try FileManager.default.removeItem(at: folder.url.appendingPathComponent(Self.weights))
        #expect(
            try folder.message()
                == "DIR/adapter_model.safetensors: cannot open: No such file or directory; check the path")
        try folder.write([0x50, 0x4B, 3, 4], to: "adapter_model.bin")
        let message = try folder.message()
        #expect(message.hasPrefix("DIR/adapter_model.bin: the weights are only here as a PyTorch pickle"))
        #expect(message.contains("torch.load(sys.argv[1], weights_only=True)"))
        #expect(message.hasSuffix(" DIR/adapter_model.bin DIR/adapter_model.safetensors"))
    }

    @Test(arguments: [
        ("a.b", "a.b", true), ("a.b", "axb", true), (#"a\.b"#, "axb", false), ("a", "ab", false),
        ("", "", true),
        ("", "a", false), (".*", "abc", true), ("a*", "", true), ("a+", "", false), ("a+", "aaa", true),
        ("a?b", "b", true), ("a?b", "aab", false), ("(ab|cd)+", "abcdab", true), ("(ab|cd)+", "abc", false),
        ("a|b|", "", true), ("x(?:a|b|c)y", "xcy", true), (".*?(q|v)$", "layer.0.q", true),
        ("^a$", "a", true), ("b^a", "ba", false), ("[a-c1]+", "ab1c", true), ("[^a-c]", "b", false),
        ("[^a-c]", "d", true), (#"[\w.]+\d"#, "a.b_2", true), (#"\D\S\W"#, "ab.", true), ("[]a]", "]", true),
        ("[a-]", "-", true), ("(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false),
        ("((a|a)(a|a))*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false),
        (#"model\.layers\.\d+\.(self_attn|mlp)\.(q|up)_proj"#, "model.layers.17.mlp.up_proj", true),
        (
            #"vision_model\.encoder\..*\.(q|v)_proj"#, "vision_model.encoder.layers.1.self_attn.v_proj", true
        ),
        (#"vision_model\.encoder\..*\.(q|v)_proj"#, "text_model.encoder.layers.1.self_attn.v_proj", false),
    ])
    func patternsMatchWholePaths(pattern: String, path: String, expected: Bool) throws {
        #expect(try #require(ModulePattern(pattern)).matches(path) == expected)
    }

    @Test(arguments: [
        "(", ")", "a)", "(a", "[a", "[", "*a", "a**", "a{2}", "(?=a)", "(?!a)", #"\1"#, #"\b"#, "é", "[z-a]",
        #"\"#,
        "a++", String(repeating: "(", count: 100_000), String(repeating: "a|", count: 1_001),
        String(repeating: "(", count: 40) + "a" + String(repeating: ")", count: 40),
    ])
    func otherPatternsAreNotRead(pattern: String) {
        #expect(ModulePattern(pattern) == nil)
    }
}
