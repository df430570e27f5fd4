import Autodiff
import Matrices

extension Backbone {
    /// [T, K] each, layer by layer: keys and values that the model makes of a text's tokens without what methods have hung on it,
    /// turned by their positions where it turns them.
    package func keysAndValues(_ ids: [Int32]) -> [(keys: Matrix, values: Matrix)] {
        withoutAdapters {
            let tape = Tape(evaluatingWith: BufferPool())
            if let cache = startCache() {
                _ = hiddenStates(ids, after: cache, on: tape)
                return (0..<sizes.layers).map { layer in
                    let kept = cache.kept(inLayer: layer)
                    return (Matrix(copying: kept.keys), Matrix(copying: kept.values))
                }
            }
            let batch = PackedBatch([(ids, ids.map { _ in 0 })])
            return (0..<sizes.layers).map { layer in
                let hidden = input(ofLayer: layer, batch, after: nil, on: tape)
                func made(_ role: LinearSite.Role) -> Matrix {
                    // Layers that are one and the same belong to the first.
                    let own = linearLayers.first { $0.site == LinearSite(layer: layer, role: role) }
                    guard let linear = own ?? linearLayers.first(where: { $0.site.role == role }) else {
                        preconditionFailure("\(architecture.name) has no \(role.rawValue)")
                    }
                    return Matrix(copying: linear(hidden, on: tape).value)
                }
                return (made(.key), made(.value))
            }
        }
    }
}
