import Autodiff
import GoldenFiles
import GoldenModels
import Matrices
import ModelFiles
import Testing
import Transformers

/// What a `config.json` of two towers may say.
@Suite struct PairConfigTests {
    /// The golden's configuration with some keys of a tower edited.
    private static func edited(_ model: String, _ tower: String?, _ entries: String) throws -> EditedModel {
        let members = try JSONValue.parse("{\(entries)}").object?.members ?? []
        guard let tower else { return try EditedModel("pairs/\(model)", entries: members) }
        var inner = try #require(try Golden.json("pairs/\(model)/model/config.json")[tower]?.object)
        for (key, value) in members { inner[key] = value }
        return try EditedModel("pairs/\(model)", entries: [(tower, .object(inner))])
    }

    struct Row: Sendable {
        let model: String
        let tower: String?
        let entries: String
        let message: String
    }

    @Test(arguments: [
        Row(
            model: "clip", tower: "text_config", entries: #""hidden_act": "relu""#,
            message: "text_config.hidden_act: \"relu\" is not supported"),
        Row(
            model: "clip", tower: "text_config", entries: #""num_attention_heads": 5"#,
            message: "text_config.num_attention_heads: a width of 24 does not divide into 5 heads"),
        Row(
            model: "clip", tower: "text_config", entries: #""eos_token_id": 49407"#,
            message: "text_config.eos_token_id: 49407 is none of the 60 tokens"),
        Row(
            model: "clip", tower: "text_config", entries: #""eos_token_id": [59]"#,
            message: "key 'text_config.eos_token_id'"),
        Row(
            model: "clip", tower: "vision_config", entries: #""patch_size": 16"#,
            message: "vision_config.patch_size: patches of 16 × 16 pixels are larger than images of 12 × 12"),
        Row(
            model: "clip", tower: "vision_config", entries: #""image_size": [12, 12]"#,
            message: "key 'vision_config.image_size'"),
        Row(
            model: "clip", tower: "vision_config", entries: #""model_type": "vit""#,
            message: "vision_config.model_type: 'vit' is not supported, only clip_vision_model"),
        Row(
            model: "clip", tower: "text_config", entries: #""pruned_heads": {"0": [1]}"#,
            message: "text_config.pruned_heads: heads were taken out"),
        Row(
            model: "clip", tower: nil, entries: #""vision_config": 3"#,
            message: "key 'vision_config': 3 is not an object"),
        Row(
            model: "clip", tower: nil, entries: #""projection_dim": 16"#,
            message: "the weight has shape [20, 24], config.json asks for [16, 24]"),
        Row(
            model: "siglip", tower: "text_config", entries: #""projection_size": 24"#,
            message: "text_config.projection_size: rows of 24 columns have no product"),
        Row(
            model: "siglip", tower: "vision_config", entries: #""vision_use_head": false"#,
            message: "vision_config.vision_use_head: without its head"),
        Row(
            model: "siglip", tower: "text_config", entries: #""pad_token_id": 60"#,
            message: "text_config.pad_token_id: 60 is none of the 60 tokens"),
    ])
    private func whatIsNotComputedIsRefused(_ row: Row) throws {
        let edited = try Self.edited(row.model, row.tower, row.entries)
        let error = #expect(throws: ModelFileError.self) { try edited.backbone() }
        #expect("\(try #require(error))".contains(row.message), "\(String(describing: error))")
    }

    @Test(arguments: PairParityTests.names) func everyKeyIsKnown(name: String) throws {
        let config = try HFFolder(Golden.url("pairs/\(name)/model")).config
        _ = try Architecture.of(config).sizes(config)
        #expect(config.unreadKeys.isEmpty, "\(config.unreadKeys)")
    }

    /// As the files of openai/clip-vit-base-patch32 have them, with every key of transformers 4's base class.
    @Test func keysOfEarlierVersionsAreKnown() throws {
        let others = """
            "add_cross_attention": false, "architectures": null, "bad_words_ids": null, "chunk_size_feed_forward": 0,
            "diversity_penalty": 0.0, "dropout": 0.0, "gradient_checkpointing": false, "id2label": {"0": "LABEL_0"},
            "is_decoder": false, "is_encoder_decoder": false, "label2id": {"LABEL_0": 0}, "pruned_heads": {},
            "return_dict": true, "temperature": 1.0, "tie_encoder_decoder": false, "tie_word_embeddings": true,
            "tokenizer_class": null, "torchscript": false, "use_bfloat16": false, "typical_p": 1.0
            """
        let edited = try Self.edited("clip", "text_config", others)
        _ = try edited.backbone()
        let config = try HFFolder(edited.folder).config
        _ = try Architecture.of(config).sizes(config)
        #expect(config.unreadKeys.isEmpty, "\(config.unreadKeys)")
        let unknown = try Self.edited("clip", "vision_config", #""spectral": 2"#)
        let other = try HFFolder(unknown.folder).config
        _ = try Architecture.of(other).sizes(other)
        #expect(other.unreadKeys == ["vision_config.spectral"])
    }

    /// What `text_config` lacks, transformers' class says.
    @Test func defaultsOfTheClasses() throws {
        func sizes(_ type: String) throws -> BackboneSizes {
            let config = try HFConfig(json: .object(["model_type": .string(type)]), path: "c")
            return try Architecture.of(config).sizes(config)
        }
        let (clip, siglip) = (try sizes("clip"), try sizes("siglip"))
        #expect(clip.hidden == 1_024 && clip.layers == 24)
        #expect(clip.vocabulary == 49_408 && clip.positions == 77)
        #expect(siglip.hidden == 1_538 && siglip.layers == 24)
        #expect(siglip.vocabulary == 32_000 && siglip.positions == 64)
    }

    @Test func whichArchitectureAFileWithoutATypeIsOf() throws {
        for (name, type) in [("clip", "clip"), ("siglip", "siglip")] {
            let edited = try EditedModel("pairs/\(name)", absent: ["model_type", "architectures"])
            let error = #expect(throws: ModelFileError.self) { try edited.backbone() }
            #expect(
                "\(try #require(error))".contains("with the value \(type), by the names of the weights"),
                "\(String(describing: error))")
        }
        let tower = try HFConfig(json: .object(["model_type": .string("clip_text_model")]), path: "c")
        let error = #expect(throws: ModelFileError.self) { try Architecture.of(tower) }
        #expect("\(try #require(error))".contains("it is one tower of two"))
    }

    /// What methods hang on layers by their numbers would act on both towers.
    @Test func hooksTrap() async {
        await #expect(processExitsWith: .failure) {
            let model = try PairModel("clip")
            model.backbone.hooks.blocks = [0: Scaling(1)]
            _ = model.backbone.hiddenStates(
                try model.batch(), rows: .last, on: Tape(evaluatingWith: BufferPool()))
        }
        await #expect(processExitsWith: .failure) {
            let model = try PairModel("siglip")
            let texts = model.texts.map { (Array($0.prefix(11)), Array(repeating: Int32(0), count: 11)) }
            _ = model.backbone.hiddenStates(
                PackedBatch(texts), rows: .last, on: Tape(evaluatingWith: BufferPool()))
        }
    }
}
