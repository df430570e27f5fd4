import Autodiff
import Messages
import ModelFiles

/// The numbers of a `config.json` of two towers.
struct PairConfiguration: Sendable, Equatable {
    /// The row of a text that is read.
    enum TextRow: Sendable, Equatable {
        /// The first of this token, which ends texts
        case first(Int32)
        /// The first of the highest token: so transformers reads checkpoints whose `eos_token_id` is 2, whatever ends their texts
        case firstOfHighest
        /// The last of a text that is filled up with this token
        case last(filledWith: Int32)
    }

    let text: PreNormShape
    let vocabulary: Int
    /// Tokens of the longest text
    let positions: Int
    let textRow: TextRow
    let vision: PatchConfiguration
    /// Of what both towers are projected to
    let columns: Int

    init(_ config: HFConfig, _ traits: PairTraits) throws {
        try config.refuseOtherWeights()
        for key in traits.idleKeys { _ = config.value(key) }
        let text = try Self.tower(config, "text_config", traits)
        let vision = try Self.tower(config, "vision_config", traits)
        try Self.check(text, is: traits.towerTypes.text, traits)
        try Self.check(vision, is: traits.towerTypes.vision, traits)
        self.text = try Self.shape(text, traits.usualText, traits, isCausal: traits.isCausal)
        vocabulary = try text.int("vocab_size", in: 1...10_000_000, default: traits.usualVocabulary)
        positions = try text.int(
            "max_position_embeddings", in: 1...1_000_000, default: traits.usualPositions)
        textRow = try Self.textRow(text, traits, vocabulary: vocabulary)
        let shape = try Self.shape(vision, traits.usualVision, traits, isCausal: false)
        self.vision = PatchConfiguration(shape: shape, input: try Self.input(vision, traits), registers: 0)
        columns = try traits.columns(config, text, (self.text.width, shape.width))
    }

    /// Of what a model shows to others: the rows of both towers side by side, and their layers one after the other.
    func sizes(_ pair: PairOutput) -> BackboneSizes {
        BackboneSizes(
            hidden: 2 * pair.columns, layers: text.layers + vision.shape.layers, vocabulary: vocabulary,
            positions: positions)
    }

    func output(_ traits: PairTraits) -> PairOutput {
        var filled: (length: Int, id: Int32)?
        var end: Int32?
        switch textRow {
        case .last(let id): filled = (positions, id)
        case .first(let id): end = id
        case .firstOfHighest: break
        }
        return PairOutput(
            columns: columns + (traits.logitBias == nil ? 0 : 1), loss: traits.loss, filled: filled, end: end)
    }

    /// The configuration of a tower. Where the form of the first versions of CLIP is there (`text_config_dict`), transformers takes
    /// that with the defaults of its class, whatever the other one says.
    static func tower(_ config: HFConfig, _ key: String, _ traits: PairTraits) throws -> HFConfig {
        let earlier = key + "_dict"
        guard traits.hasEarlierForm, config.value(earlier) != nil else { return try config.nested(key) }
        _ = config.value(key)
        return try config.nested(earlier)
    }

    private static func check(_ tower: HFConfig, is type: String, _ traits: PairTraits) throws {
        guard tower.modelType == nil || tower.modelType == type else {
            throw ModelFileError(
                file: tower.path, place: tower.named("model_type"),
                problem: "\(quoted(tower.modelType ?? "")) is not supported, only \(type)",
                advice: "use a checkpoint whose towers are its own")
        }
        try tower.refuseOtherWeights()
        guard try tower.bool("vision_use_head", default: true) else {
            throw ModelFileError(
                file: tower.path, place: tower.named("vision_use_head"),
                problem: "without its head the tower gives no row of an image",
                advice: "use a checkpoint with the head")
        }
        // Dropout of the frozen model is off.
        for key in traits.idleTowerKeys + ["attention_dropout"] { _ = tower.value(key) }
    }

    private static func shape(
        _ tower: HFConfig, _ usual: PairTraits.UsualTower, _ traits: PairTraits, isCausal: Bool
    ) throws -> PreNormShape {
        let width = try tower.int("hidden_size", in: 1...65_536, default: usual.width)
        let heads = try tower.int("num_attention_heads", in: 1...1_024, default: usual.heads)
        try tower.check(width: width, heads: heads, at: "num_attention_heads")
        return PreNormShape(
            width: width,
            layers: try tower.int("num_hidden_layers", in: 1...1_000, default: usual.layers),
            heads: heads, inner: try tower.int("intermediate_size", in: 1...262_144, default: usual.inner),
            epsilon: Float(
                try tower.double("layer_norm_eps", in: 1e-20...0.1, default: traits.usualEpsilon)),
            activation: try GELUForm(tower, "hidden_act", usual: traits.usualActivation), isCausal: isCausal)
    }

    private static func textRow(_ text: HFConfig, _ traits: PairTraits, vocabulary: Int) throws -> TextRow {
        guard traits.isCausal else {
            let id = try text.int("pad_token_id", in: 0...10_000_000, default: 1)
            return .last(filledWith: Int32(try check(id, "pad_token_id", text, vocabulary)))
        }
        let id = try text.int("eos_token_id", in: 0...10_000_000, default: 49_407)
        return id == 2 ? .firstOfHighest : .first(Int32(try check(id, "eos_token_id", text, vocabulary)))
    }

    private static func check(_ id: Int, _ key: String, _ text: HFConfig, _ vocabulary: Int) throws -> Int {
        guard id < vocabulary else {
            throw ModelFileError(
                file: text.path, place: text.named(key),
                problem: "\(id) is none of the \(vocabulary) tokens, and tells which row of a text is read",
                advice: "use the config.json that was saved with the weights")
        }
        return id
    }

    private static func input(_ vision: HFConfig, _ traits: PairTraits) throws -> ImageInput {
        // transformers' classes of these models take squares alone.
        func side(_ key: String, _ most: Int, _ usual: Int) throws -> ImageSize {
            let side = try vision.int(key, in: 1...most, default: usual)
            return ImageSize(height: side, width: side)
        }
        let size = try side("image_size", 16_384, 224)
        let patch = try side("patch_size", 1_024, traits.usualPatch)
        try vision.check(patch: patch, of: size)
        return ImageInput(
            channels: try vision.int("num_channels", in: 1...64, default: 3), patch: patch,
            leading: traits.patches.hasClassRow ? 1 : 0, size: size)
    }
}
