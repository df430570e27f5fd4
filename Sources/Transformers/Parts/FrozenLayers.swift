import Autodiff

/// What a layer reads of all tokens of a batch.
package struct LayerInput {
    /// 0 for the first
    package let layer: Int
    /// [T, C]
    package let rows: Variable

    package init(layer: Int, rows: Variable) {
        self.layer = layer
        self.rows = rows
    }
}

extension Backbone {
    /// How many layers, from the first on, make the same rows of a sequence in each step, since nothing in them or before them
    /// learns; all of them where only a head does. None of two towers, whose layers do not follow on each other.
    package var frozenLayers: Int {
        if pair != nil { return 0 }
        if hooks.input != nil || weights.contains(where: { $0.parameter != nil }) { return 0 }
        let adapted = linearLayers.filter { $0.adapter?.acts ?? false }.map(\.site.layer)
        return (adapted + hooks.blocks.keys + hooks.attention.keys).min() ?? sizes.layers
    }
}
