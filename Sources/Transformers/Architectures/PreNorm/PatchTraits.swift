import Autodiff
import ModelFiles

/// What an architecture of pre-norm blocks over the patches of an image (Dosovitskiy et al. 2021) does in its own way; unless it
/// says so, as ViT.
package struct PatchTraits: Sendable {
    var names = PatchNames()
    var usualPatch = 16
    var usualEpsilon = 1e-12
    /// Whether a row of the class stands before those of the patches.
    var hasClassRow = true
    /// Whether what patches are multiplied by has a bias.
    var hasPatchBias = true
    /// Whether files have the row of the class and the positions without a first dimension of 1.
    var isFlat = false
    /// Whether a row of distillation stands behind that of the class (Touvron et al. 2021, "DeiT").
    var hasDistillation = false
    /// Rows without a position behind that of the class (Darcet et al. 2024, "Vision Transformers Need Registers").
    var registers: @Sendable (HFConfig) throws -> Int = { _ in 0 }
    /// Whether checkpoints may hold a row that stands for hidden patches, of which there are none here.
    var keepsMask = false
    /// Whether what a part of a layer adds has a factor for each column (Touvron et al. 2021, "CaiT").
    var hasLayerScale = false
    /// Whether the width of feed-forward networks is `mlp_ratio` times that of the layers, and these may be gated.
    var isByRatio = false
    /// Whether smaller images see positions averaged over what they cover.
    var antialiases = false
    /// Whether the rows of class and distillation and the positions begin at 0; otherwise as matrices do.
    var startsAtZero = false
    /// Keys of `config.json` that are about training, other heads or poolers.
    var idleKeys: [String] = []

    /// As transformers' `_init_weights` of these models: its truncated normal is cut at ±2, a hundred deviations off.
    func starts(_ config: HFConfig) throws -> @Sendable (_ name: String) -> InitialTensors.Start {
        let deviation = try config.double("initializer_range", in: 0...10, default: 0.02)
        let scale = try config.double("layerscale_value", in: -1e6...1e6, default: 1)
        let zero =
            [names.maskRow, names.registerRows]
            + (startsAtZero ? [names.classRow, names.distillationRow, names.positions] : [])
        let norms = [names.attentionNorm, names.feedForwardNorm, names.finalNorm].map { $0 + ".weight" }
        let scales = [names.attentionScale, names.feedForwardScale]
        return { name in
            if zero.contains(name) || name.hasSuffix(".bias") { return .constant(0) }
            if norms.contains(where: { name == $0 || name.hasSuffix("." + $0) }) { return .constant(1) }
            if scales.contains(where: { name.hasSuffix("." + $0) }) { return .constant(Float(scale)) }
            return .normal(deviation == 0 ? 0.02 : deviation)
        }
    }
}

/// Where the parts of a layer, and what lies around the layers, stand in transformers' model.
struct PatchNames: Sendable {
    var layer: @Sendable (Int) -> String = { "layers.\($0)" }
    var query = "attention.q_proj"
    var key = "attention.k_proj"
    var value = "attention.v_proj"
    var attentionOutput = "attention.o_proj"
    var attentionNorm = "layernorm_before"
    var feedForwardNorm = "layernorm_after"
    var attentionScale = "layer_scale1.lambda1"
    var feedForwardScale = "layer_scale2.lambda1"
    var intermediate = "mlp.fc1"
    var output = "mlp.fc2"
    var gate = "mlp.gate_proj"
    var up = "mlp.up_proj"
    var down = "mlp.down_proj"
    var finalNorm = "layernorm"
    var projection = "embeddings.patch_embeddings.projection"
    var classRow = "embeddings.cls_token"
    var distillationRow = "embeddings.distillation_token"
    var registerRows = "embeddings.register_tokens"
    var maskRow = "embeddings.mask_token"
    var positions = "embeddings.position_embeddings"
}
