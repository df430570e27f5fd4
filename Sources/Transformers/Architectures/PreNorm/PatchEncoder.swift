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
    private let blocks: PreNormStack
    private let finalNorm: Norm

    init(
        _ architecture: Architecture, _ traits: PatchTraits, _ configuration: PatchConfiguration,
        _ source: any TensorSource
    ) throws {
        var own = architecture
        own.roles = architecture.roles.filter { configuration.shape.roles.contains($0) }
        self.architecture = own
        self.configuration = configuration
        let weights = BackboneWeights(source, prefix: architecture.prefix)
        embedding = try PatchEmbedding(weights, configuration, traits)
        blocks = try PreNormStack(weights, configuration.shape, traits.names)
        finalNorm = try weights.norm(traits.names.finalNorm, configuration.shape.width)
        linearLayers = blocks.linearLayers
        self.weights = weights.weights
        unusedWeights = weights.cursor.unusedNames { _ in false }
    }

    package var sizes: BackboneSizes { configuration.sizes }
    package var imageInput: ImageInput? { configuration.input }
    package var keyShape: (columns: Int, heads: Int) {
        (configuration.shape.width, configuration.shape.heads)
    }

    package func wordRows(_ ids: [Int32]) -> Matrix {
        preconditionFailure("\(architecture.name) reads images, and is asked for words")
    }

    package func isBuilt(as other: any Backbone) -> Bool {
        guard let other = other as? PatchEncoder else { return false }
        return other.architecture.name == architecture.name && other.configuration == configuration
    }

    package func hiddenStates(
        _ batch: PackedBatch, rows: HiddenRows, after start: LayerInput?, recomputing: Bool, on tape: Tape,
        observe: ((Int, Variable) -> Void)?
    ) -> Variable {
        precondition(hooks.input == nil, "virtual tokens before the patches of an image")
        let readsFirst = rows == .first || rows == .start
        var hidden = start?.rows ?? embedding(batch, on: tape)
        if start == nil { observe?(0, hidden) }
        blocks.run(
            &hidden, offsets: batch.offsets, layers: (start?.layer ?? 0)..<blocks.shape.layers,
            rows: readsFirst ? .first : .all, recomputing: recomputing, hooks, on: tape, observe: observe)
        let read = readsFirst ? hidden : tape.taken(rows, of: hidden, batch, padding: nil)
        return finalNorm(read, epsilon: blocks.shape.epsilon, on: tape)
    }

    package func input(ofLayer layer: Int, _ batch: PackedBatch, after start: LayerInput?, on tape: Tape)
        -> Variable
    {
        var hidden = start?.rows ?? embedding(batch, on: tape)
        blocks.run(
            &hidden, offsets: batch.offsets, layers: (start?.layer ?? 0)..<layer, hooks, on: tape)
        return hidden
    }
}
