/// Which biases train.
package struct BiasSettings: Sendable, Equatable {
    /// Of `roleNames`
    package var roles = [AdaptedRoles.allName]
    /// nil for all, and what stands outside the layers
    package var layers: Set<Int>?

    static let embeddings = "embeddings"
    static let norm = "norm"
    static let pooler = "pooler"
    package static let roleNames = AdaptedRoles.names + [norm, embeddings, pooler]
}

/// Biases that train beside adapters, by PEFT's names; no budget pays for them.
package enum BiasesBesideAdapters: String, CaseIterable, Sendable {
    case none, all
    /// Those of the adapted matrices
    case loraOnly = "lora_only"
}
