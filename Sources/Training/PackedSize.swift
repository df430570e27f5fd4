import Autodiff
import Matrices
import Transformers

/// What oneDNN's own layout of frozen weights takes beside the mapped ones, whose pages go back to the system.
package struct PackedSize: Equatable {
    package let bytes: Int

    init(_ trainer: Trainer, _ encoder: TextEncoder, _ load: ShardLoad) {
        let lowest = trainer.adapters.adapters.map(\.site.layer).min()
        let layers = encoder.linearLayers.filter { !$0.weight.isTrainable }
        guard PackedWeight.isSupported, !layers.isEmpty else {
            self.init([], remainders: 0)
            return
        }
        self.init(
            layers.map { layer in
                // A gradient of their input is wanted by all layers above the lowest adapter; below that of layer 0 or
                // of the lowest layer's query, key and value there is nothing to learn.
                let readsInput = [.query, .key, .value].contains(layer.site.role)
                let isBackward = lowest.map {
                    layer.site.layer > $0 || (layer.site.layer == $0 && !readsInput)
                }
                return (layer.weight, isBackward ?? false)
            }, remainders: load.remainders.count)
    }

    /// - Parameters:
    ///   - weights: `[O, I]`, and whether products with it go backward too.
    ///   - remainders: numbers of rows that products are made for beside whole blocks.
    package init(_ weights: [(weight: Parameter, isBackward: Bool)], remainders: Int) {
        struct Shape: Hashable {
            let rows, columns: Int
        }
        var bytes = 0
        var shapes: Set<Shape> = []
        for (parameter, isBackward) in weights {
            let (outputs, inputs) = (parameter.values.rows, parameter.values.columns)
            let plain = parameter.values.isBorrowed ? outputs * inputs : 0
            bytes += (Self.padded(inputs, outputs) - plain) * MemoryLayout<Float>.size
            shapes.insert(Shape(rows: inputs, columns: outputs))
            guard isBackward else { continue }
            bytes += Self.padded(outputs, inputs) * MemoryLayout<Float>.size
            shapes.insert(Shape(rows: outputs, columns: inputs))
        }
        self.bytes = bytes + shapes.count * min(remainders + 1, PackedWeight.block) * Self.kernel
    }

    /// Columns come in blocks of 64.
    private static func padded(_ rows: Int, _ columns: Int) -> Int { rows * ((columns + 63) / 64 * 64) }

    /// A compiled kernel, as `PackedWeight.block` says.
    private static let kernel = 75_000
}
