import ModelFiles

/// What an architecture of two towers, one for texts and one for images, does in its own way.
struct PairTraits: Sendable {
    /// The sizes of a tower where its configuration does not say them.
    struct UsualTower: Sendable {
        let width: Int
        let inner: Int
        let heads: Int
        var layers = 12
    }

    let usualText: UsualTower
    let usualVision: UsualTower
    let usualVocabulary: Int
    let usualPositions: Int
    let usualPatch: Int
    let usualActivation: String
    let usualEpsilon: Double
    /// Whether a token of a text sees those before it alone, and the one that ends the text is what the tower says of it; otherwise
    /// texts are filled up to one length, and the last token is, be it one that fills.
    let isCausal: Bool
    let loss: PairOutput.Loss
    let textNames: PatchNames
    let patches: PatchTraits
    /// Of a norm of the rows of images before the layers
    let firstNorm: String?
    /// Of what makes an image's row by attention over all rows (Lee et al. 2019, "Set Transformer"); without it the row of the class
    /// is read.
    let pool: String?
    /// The last matrix of each tower, where it has one
    let textProjection: String
    let visionProjection: String?
    let hasProjectionBias: Bool
    let logitScale: (name: String, shape: [Int])
    let logitBias: (name: String, shape: [Int])?
    /// Columns of both towers' rows. Throws where these are not one number.
    let columns:
        @Sendable (_ config: HFConfig, _ text: HFConfig, _ widths: (text: Int, vision: Int)) throws -> Int
    /// Whether `text_config_dict` and `vision_config_dict` may say what the towers are.
    var hasEarlierForm = false
    /// `model_type` of the configurations of the towers
    let towerTypes: (text: String, vision: String)
    /// Keys that are about training, or of what others do beside the model: of the model, and of a tower
    let idleKeys: [String]
    let idleTowerKeys: [String]
}

extension PatchNames {
    /// Of a tower's layers and embeddings, as CLIP and its kin call them.
    static func tower(_ model: String, finalNorm: String) -> PatchNames {
        PatchNames(
            layer: { "\(model).encoder.layers.\($0)" }, query: "self_attn.q_proj", key: "self_attn.k_proj",
            value: "self_attn.v_proj", attentionOutput: "self_attn.out_proj", attentionNorm: "layer_norm1",
            feedForwardNorm: "layer_norm2", finalNorm: "\(model).\(finalNorm)",
            projection: "\(model).embeddings.patch_embedding",
            classRow: "\(model).embeddings.class_embedding",
            positions: "\(model).embeddings.position_embedding.weight")
    }
}
