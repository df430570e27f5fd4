import Autodiff

/// Pre-norm layers, one after the other.
struct PreNormStack: Sendable {
    /// Which rows of the last layer's output are read, of each sequence.
    enum Rows: Sendable { case all, first, last }

    let shape: PreNormShape
    private let blocks: [PreNormBlock]

    var linearLayers: [LinearLayer] { blocks.flatMap(\.linearLayers) }

    /// - Parameter tower: that the layers are in, of a model of two.
    init(
        _ weights: BackboneWeights, _ shape: PreNormShape, _ names: PatchNames,
        tower: LinearSite.Tower? = nil
    ) throws {
        self.shape = shape
        blocks = try (0..<shape.layers).map {
            try PreNormBlock(weights, shape, names, tower: tower, layer: $0)
        }
    }

    /// hidden[T, C] through some layers, in its place, so that nobody keeps what is read no more; [B, C] where one row of each
    /// sequence is read. Of the last layer only keys and values need every row then.
    func run(
        _ hidden: inout Variable, offsets: [Int], layers: Range<Int>, rows: Rows = .all,
        recomputing: Bool = false, _ hooks: BackboneHooks, on tape: Tape,
        observe: ((Int, Variable) -> Void)? = nil
    ) {
        for layer in layers {
            let block = blocks[layer]
            let isLast = layer == blocks.count - 1
            let isTrainable = hidden.needsGradient || block.isTrainable || hooks.act(inLayer: layer)
            if recomputing && !isLast && isTrainable {
                hidden = tape.recomputed(hidden) { [shape] tape, hidden in
                    block(hidden, offsets: offsets, rows: .all, layer: layer, hooks, shape, on: tape)
                }
            } else {
                hidden = block(
                    hidden, offsets: offsets, rows: isLast ? rows : .all, layer: layer, hooks, shape, on: tape
                )
            }
            observe?(layer + 1, hidden)
        }
    }
}
