import Autodiff
import ModelFiles

/// The numbers of a `config.json` of a model that reads images.
package struct PatchConfiguration: Sendable, Equatable {
    let shape: PreNormShape
    let input: ImageInput
    /// Rows without a position behind the first
    let registers: Int

    /// Images have no longest sequence: positions are interpolated.
    var sizes: BackboneSizes {
        BackboneSizes(hidden: shape.width, layers: shape.layers, vocabulary: 0, positions: Self.mostRows)
    }

    private static let mostRows = 1 << 20

    /// Patches that positions were learned for
    var grid: ImageSize { input.grid(height: input.size.height, width: input.size.width) }

    init(shape: PreNormShape, input: ImageInput, registers: Int) {
        (self.shape, self.input, self.registers) = (shape, input, registers)
    }

    package init(_ config: HFConfig, _ traits: PatchTraits) throws {
        try config.refuseOtherWeights()
        let width = try config.size(["hidden_size"], in: 1...65_536, 768)
        let layers = try config.size(["num_hidden_layers"], in: 1...1_000, 12)
        let heads = try config.size(["num_attention_heads"], in: 1...1_024, 12)
        try config.check(width: width, heads: heads, at: "num_attention_heads")
        let headWidth = try config.int("head_dim", in: 1...65_536, default: width / heads)
        guard headWidth == width / heads else {
            throw ModelFileError(
                file: config.path, place: "head_dim",
                problem:
                    "\(headWidth) is not supported, only hidden_size / num_attention_heads, \(width / heads)",
                advice: "use a checkpoint whose heads divide its width")
        }
        let isGated = try traits.isByRatio && config.bool("use_swiglu_ffn", default: false)
        let inner = try Self.intermediateSize(config, traits, width, isGated: isGated)
        registers = try traits.registers(config)
        input = try Self.input(config, traits, registers: registers)
        shape = PreNormShape(
            width: width, layers: layers, heads: heads, inner: inner,
            epsilon: Float(
                try config.double("layer_norm_eps", in: 1e-20...0.1, default: traits.usualEpsilon)),
            activation: try GELUForm(config, "hidden_act", usual: "gelu"),
            hasAttentionBias: try config.bool("qkv_bias", default: true), isGated: isGated,
            hasLayerScale: traits.hasLayerScale)
        // Dropout of the frozen model is off; the others shape answers of other heads.
        for key in traits.idleKeys + ["hidden_dropout_prob", "attention_probs_dropout_prob"] {
            _ = config.value(key)
        }
    }

    private static func input(_ config: HFConfig, _ traits: PatchTraits, registers: Int) throws -> ImageInput
    {
        let size = try config.imageSize("image_size", in: 1...16_384, 224)
        let patch = try config.imageSize("patch_size", in: 1...1_024, traits.usualPatch)
        try config.check(patch: patch, of: size)
        return ImageInput(
            channels: try config.int("num_channels", in: 1...64, default: 3), patch: patch,
            leading: 1 + (traits.hasDistillation ? 1 : 0) + registers, size: size)
    }

    /// A gated network of the same cost has two thirds of the width, in whole eights, as transformers rounds it.
    private static func intermediateSize(
        _ config: HFConfig, _ traits: PatchTraits, _ hidden: Int, isGated: Bool
    ) throws -> Int {
        guard traits.isByRatio else {
            return try config.size(["intermediate_size"], in: 1...262_144, 3_072)
        }
        let width = Int(Double(hidden) * (try config.double("mlp_ratio", in: 0.01...64, default: 4)))
        guard width > 0 else {
            throw ModelFileError(
                file: config.path, place: "mlp_ratio", problem: "feed-forward networks would have no width",
                advice: "use the config.json that was saved with the weights")
        }
        return isGated ? (Int(Double(width * 2) / 3) + 7) / 8 * 8 : width
    }
}

extension HFConfig {
    /// Throws unless an image has a patch.
    func check(patch: ImageSize, of size: ImageSize) throws {
        guard patch.height <= size.height, patch.width <= size.width else {
            throw ModelFileError(
                file: path, place: named("patch_size"),
                problem:
                    "patches of \(patch.height) × \(patch.width) pixels are larger than images of \(size.height) × "
                    + "\(size.width)", advice: "use the config.json that was saved with the weights")
        }
    }

    /// One number for both sides, or height and width.
    func imageSize(_ key: String, in range: ClosedRange<Int>, _ usual: Int) throws -> ImageSize {
        guard let sides = value(key)?.array else {
            let side = try int(key, in: range, default: usual)
            return ImageSize(height: side, width: side)
        }
        let numbers = sides.compactMap(\.int)
        guard sides.count == 2, numbers.count == 2, numbers.allSatisfy(range.contains) else {
            throw ModelFileError(
                file: path, place: "key '\(key)'",
                problem: "neither a whole number nor two, of \(range.lowerBound) to \(range.upperBound)",
                advice: "check that this model is of a supported kind and its config.json complete")
        }
        return ImageSize(height: numbers[0], width: numbers[1])
    }
}
