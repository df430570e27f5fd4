import Autodiff
import Matrices
import Transformers

/// What a file of plain LoRA says of one matrix: ΔW = factor · B[O, r] · A[r, I].
package struct LoRAUpdate {
    package let layer: LinearLayer
    package let b: Matrix
    package let a: Matrix
    package let factor: Float

    package init(layer: LinearLayer, b: Matrix, a: Matrix, factor: Float) {
        precondition(
            b.rows == layer.outputs && a.columns == layer.inputs && a.rows == b.columns,
            "B [\(b.rows), \(b.columns)] and A [\(a.rows), \(a.columns)] on [\(layer.outputs), \(layer.inputs)]"
        )
        (self.layer, self.b, self.a, self.factor) = (layer, b, a, factor)
    }
}

extension AdapterSet {
    /// Hangs updates on their layers, for inference.
    package init(hanging updates: [LoRAUpdate]) {
        let adapters = updates.map { update in
            LowRankAdapter(
                layer: AdaptedLayer(update.layer),
                factors: LowRankFactors(
                    site: update.layer.site, b: update.b, a: update.a, factor: update.factor),
                dropout: 0)
        }
        self.init(adapters: adapters, layers: updates.map(\.layer))
        install()
    }
}
