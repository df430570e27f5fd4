import Autodiff
import Matrices
import Transformers

/// The leading right singular vectors of each site's inputs over a few batches, and how much they explain.
///
/// The inputs X [rows, I] are never held together: each batch is folded into the triangle of a running QR
/// (`geqrf` of the triangle over the new rows), and XᵀX = RᵀR makes the right singular vectors of R those of X.
package final class ActivationSVD {
    /// Sites that read the same rows (query, key and value of a layer) share a group.
    private struct Group {
        var members: [Int]
        let triangle: Matrix
    }

    package struct Directions: Sendable {
        /// `[k, I]`, orthonormal rows, the leading ones first
        package let vectors: Matrix
        /// The share of the inputs' energy Σσ² that lies along each, `[k]`
        package let explained: [Float]
    }

    private let layers: [LinearLayer]
    private let probes: [InputProbe]
    private var groups: [Group] = []

    /// Hangs probes on `layers`, which have no adapters yet; `finish` takes them off again.
    package init(probing layers: [LinearLayer]) {
        self.layers = layers
        probes = layers.map { _ in InputProbe() }
        for (layer, probe) in zip(layers, probes) {
            precondition(layer.adapter == nil, "\(layer.site) already has an adapter")
            layer.adapter = probe
        }
    }

    /// Folds in what went through the layers since the last call, groups in parallel.
    package func fold(workers: Workers) throws {
        if groups.isEmpty { makeGroups() }
        let inputs = groups.map { group in group.members.first.map { probes[$0].inputs } ?? [] }
        let triangles = groups.map(\.triangle)
        _ = try workers.mapThrowing(tasks: groups.count) { task in
            for rows in inputs[task] { try Factorization.fold(rows, intoTriangle: triangles[task]) }
        }
        for probe in probes { probe.removeAll() }
    }

    private func makeGroups() {
        for (index, probe) in probes.enumerated() {
            if let last = groups.indices.last, let member = groups[last].members.first,
                probes[member].inputs.elementsEqual(probe.inputs, by: ===)
            {
                groups[last].members.append(index)
            } else {
                let width = layers[index].inputs
                groups.append(Group(members: [index], triangle: Matrix(rows: width, columns: width)))
            }
        }
    }

    /// Takes the probes off and returns the `count` leading directions of each layer, in the order of `layers`.
    package func finish(count: Int, seed: UInt64, workers: Workers) throws -> [Directions] {
        for layer in layers { layer.adapter = nil }
        let triangles = groups.map(\.triangle)
        let found = try workers.mapThrowing(tasks: triangles.count) { task in
            let energy = triangles[task].sumOfSquares
            let svd = try Factorization.leadingTriplets(
                of: triangles[task], count: count,
                stream: RandomStream(seed: seed, purpose: "activation svd", indices: [task]))
            let explained = svd.values.map { energy > 0 ? Float(Double($0) * Double($0) / energy) : 0 }
            return Directions(vectors: svd.vt, explained: explained)
        }
        var result = [Directions?](repeating: nil, count: layers.count)
        for (group, directions) in zip(groups, found) {
            for member in group.members { result[member] = directions }
        }
        return result.map { directions in
            guard let directions else { preconditionFailure("no activations were folded in before the end") }
            return directions
        }
    }
}
