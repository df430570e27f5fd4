import Autodiff
import Matrices
import ModelFiles

/// An encoder of pre-norm blocks over the patches of images, as its architecture's traits say.
package final class PatchEncoder: Backbone {
    package let architecture: Architecture
    package let linearLayers: [LinearLayer]
    package let weights: [Weight]
    package let unusedWeights: [String]
    package let hooks = BackboneHooks()
    let configuration: PatchConfiguration
    private let embedding: PatchEmbedding
    private let blocks: [PreNormBlock]
    private let finalNorm: Norm

    init(
        _ architecture: Architecture, _ traits: PatchTraits, _ configuration: PatchConfiguration,
        _ source: any TensorSource
    ) throws {
        var own = architecture
        own.roles = architecture.roles.filter { configuration.roles.contains($0) }
        self.architecture = own
        self.configuration = configuration
        let weights = BackboneWeights(source, prefix: architecture.prefix)
        embedding = try PatchEmbedding(weights, configuration, traits)
        blocks = try (0..<configuration.layers).map {
            try PreNormBlock(weights, configuration, traits, layer: $0)
        }
        finalNorm = try weights.norm(traits.names.finalNorm, configuration.hiddenSize)
        linearLayers = blocks.flatMap(\.linearLayers)
        self.weights = weights.weights
        unusedWeights = weights.cursor.unusedNames { _ in false }
    }

    package var sizes: BackboneSizes { configuration.sizes }
    package var imageInput: ImageInput? { configuration.input }
    package var keyShape: (columns: Int, heads: Int) { (configuration.hiddenSize, configuration.heads) }

    package func wordRows(_ ids: [Int32]) -> Matrix {
        preconditionFailure("\(architecture.name) reads images, and is asked for words")
    }

    package func isBuilt(as other: any Backbone) -> Bool {
        guard let other = other as? PatchEncoder else { return false }
        return other.architecture.name == architecture.name && other.configuration == configuration
    }

    /// Of the last layer only keys and values need every row, where the first rows are all that is read.
    package func hiddenStates(
        _ batch: PackedBatch, rows: HiddenRows, after start: LayerInput?, recomputing: Bool, on tape: Tape,
        observe: ((Int, Variable) -> Void)?
    ) -> Variable {
        precondition(hooks.input == nil, "virtual tokens before the patches of an image")
        let readsFirst = rows == .first || rows == .start
        var hidden = start?.rows ?? embedding(batch, on: tape)
        if start == nil { observe?(0, hidden) }
        for layer in (start?.layer ?? 0)..<blocks.count {
            let block = blocks[layer]
            let isLast = layer == blocks.count - 1
            let isTrainable = hidden.needsGradient || block.isTrainable || hooks.act(inLayer: layer)
            if recomputing && !isLast && isTrainable {
                hidden = tape.recomputed(hidden) { [configuration, hooks] tape, hidden in
                    block(
                        hidden, offsets: batch.offsets, readsFirst: false, layer: layer, hooks, configuration,
                        on: tape)
                }
            } else {
                hidden = block(
                    hidden, offsets: batch.offsets, readsFirst: isLast && readsFirst, layer: layer, hooks,
                    configuration, on: tape)
            }
            observe?(layer + 1, hidden)
        }
        let read = readsFirst ? hidden : tape.taken(rows, of: hidden, batch, padding: nil)
        return finalNorm(read, epsilon: configuration.layerNormEpsilon, on: tape)
    }

    package func input(ofLayer layer: Int, _ batch: PackedBatch, after start: LayerInput?, on tape: Tape)
        -> Variable
    {
        var hidden = start?.rows ?? embedding(batch, on: tape)
        for before in (start?.layer ?? 0)..<layer {
            hidden = blocks[before](
                hidden, offsets: batch.offsets, readsFirst: false, layer: before, hooks, configuration,
                on: tape)
        }
        return hidden
    }
}
