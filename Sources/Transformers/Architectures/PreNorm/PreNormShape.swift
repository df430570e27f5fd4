import Autodiff

/// What pre-norm layers are made of.
struct PreNormShape: Sendable, Equatable {
    /// C
    let width: Int
    let layers: Int
    let heads: Int
    /// Columns between the matrices of a feed-forward network
    let inner: Int
    let epsilon: Float
    let activation: GELUForm
    /// Of query, key and value
    var hasAttentionBias = true
    /// Whether feed-forward networks are gated by silu; `activation` is not read then.
    var isGated = false
    /// Whether what a part of a layer adds has a factor for each column (Touvron et al. 2021, "CaiT").
    var hasLayerScale = false
    /// Whether a row sees none behind it.
    var isCausal = false

    /// What a layer's matrices do
    var roles: Set<LinearSite.Role> {
        Set([.query, .key, .value, .attentionOutput]).union(
            isGated ? [.gate, .up, .down] : [.intermediate, .output])
    }
}
