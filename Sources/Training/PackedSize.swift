import Matrices
import Transformers

/// What oneDNN's own layout of frozen weights takes beside the mapped ones, whose pages go back to the system.
package struct PackedSize: Equatable {
    package let bytes: Int

    package init(_ trainer: Trainer, _ backbone: any Backbone, _ load: ShardLoad) {
        // What stands before all layers wants a gradient of them all. Each tower has a lowest of its own; parts of layers
        // are not for two.
        let places =
            trainer.adapters.adapters.map { ($0.site.tower, $0.site.layer) }
            + trainer.adapters.parts.map { (nil, $0.layer ?? -1) }
        let lowest = Dictionary(places, uniquingKeysWith: min)
        // Norms and biases that train stand before any matrix.
        let trainsBeside = backbone.weights.contains(where: \.isTrainable)
        let layers = backbone.linearLayers.filter { !$0.weight.isTrainable }
        self.init(
            layers.map { layer in
                // A gradient of their input is wanted by all layers above the lowest adapter; below that of layer 0 or
                // of the lowest layer's query, key and value there is nothing to learn.
                let readsInput = backbone.architecture.inputRoles.contains(layer.site.role)
                let isBackward = lowest[layer.site.tower].map {
                    layer.site.layer > $0 || (layer.site.layer == $0 && !readsInput)
                }
                return layer.weight.productMemory(isBackward: trainsBeside || (isBackward ?? false))
            }, remainders: load.remainders.count)
    }

    /// - Parameters:
    ///   - weights: what each weight says of its products.
    ///   - remainders: numbers of rows that products are made for beside whole blocks.
    package init(_ weights: [ProductMemory], remainders: Int) {
        let kernels = weights.reduce(into: Set<ProductMemory.Shape>()) { $0.formUnion($1.kernels) }
        bytes =
            weights.reduce(0) { $0 + $1.bytes }
            + kernels.count * min(remainders + 1, PackedWeight.block) * PackedWeight.kernelBytes
    }
}
