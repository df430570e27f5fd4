import ModelFiles

extension Architecture {
    /// Two towers with these traits.
    ///
    /// - Parameters:
    ///   - parts: starts of weights' names that tell it from its kin.
    ///   - initial: as `Architecture.initial`.
    init(
        pair traits: PairTraits, modelTypes: [ModelType], parts: [String],
        initial: @escaping @Sendable (HFConfig) throws -> @Sendable (_ name: String) -> InitialTensors.Start
    ) {
        let layer = traits.textNames.layer(0)
        self.init(
            modelTypes: modelTypes, prefix: "", parts: parts,
            marks: ["\(layer).\(traits.textNames.query)."],
            roles: [.query, .key, .value, .attentionOutput, .intermediate, .output],
            inputRoles: [.query, .key, .value], heads: nil,
            sizes: {
                let configuration = try PairConfiguration($0, traits)
                return configuration.sizes(configuration.output(traits))
            }, open: { try TowerPair($0, traits, PairConfiguration($1, traits), $2) })
        isPair = true
        self.initial = initial
    }
}
