extension Backbone {
    /// Runs `body` on the model without what methods have hung on it: its layers' adapters and its hooks. Nobody else may use
    /// the model meanwhile.
    package func withoutAdapters<Value>(_ body: () throws -> Value) rethrows -> Value {
        let layers = linearLayers.filter { $0.adapter != nil }
        let adapters = layers.map(\.adapter)
        let (blocks, attention, input) = (hooks.blocks, hooks.attention, hooks.input)
        for layer in layers { layer.adapter = nil }
        (hooks.blocks, hooks.attention, hooks.input) = ([:], [:], nil)
        defer {
            for (layer, adapter) in zip(layers, adapters) { layer.adapter = adapter }
            (hooks.blocks, hooks.attention, hooks.input) = (blocks, attention, input)
        }
        return try body()
    }
}
