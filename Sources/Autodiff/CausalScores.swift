/// How causal attention makes scores of queries and keys; unless it says so, q·kᵀ / √D of all keys up to the query's own.
package struct CausalScores: Sendable, Equatable {
    /// In the place of 1/√D.
    package var scale: Float?
    /// c: scaled scores s become c · tanh(s / c), before anything is hidden. Gemma Team 2024, "Gemma 2".
    package var softCap: Float?
    /// W: query row i sees key row j where j ≤ i and i − j < W (Beltagy et al. 2020, "Longformer").
    package var window: Int?

    package init(scale: Float? = nil, softCap: Float? = nil, window: Int? = nil) {
        precondition((softCap ?? 1) > 0 && (window ?? 1) > 0, "a cap or window that leaves nothing")
        self.scale = scale
        self.softCap = softCap
        self.window = window
    }
}

/// What stands between products and their softmax.
struct ScoreForm {
    let scale: Float
    var softCap: Float?
}
