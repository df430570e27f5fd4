import Autodiff
import Matrices
import ModelFiles

/// A decoder of RMS norms and rotary positions, as its traits say.
final class RMSNormDecoder: Decoder {
    let architecture: Architecture
    let linearLayers: [LinearLayer]
    let weights: [Weight]
    let unusedWeights: [String]
    let outputMatrix: Weight?
    let hooks = BackboneHooks()
    let rotary: [RotaryTables]
    let traits: DecoderTraits
    private let words: Weight
    private let blocks: [RMSNormBlock]
    private let finalNorm: Weight

    init(_ architecture: Architecture, _ traits: DecoderTraits, _ source: any TensorSource) throws {
        self.architecture = architecture
        self.traits = traits
        rotary = traits.rotary.map(RotaryTables.init)
        let weights = BackboneWeights(source, prefix: architecture.prefix)
        let words = try weights.table("embed_tokens", traits.vocabularySize, traits.hiddenSize)
        self.words = words
        blocks = try traits.layers.indices.map { try RMSNormBlock(weights, traits, layer: $0) }
        finalNorm = try weights.vector("norm.weight", traits.hiddenSize)
        linearLayers = blocks.flatMap(\.linearLayers)
        outputMatrix = try weights.output(
            architecture.vocabularyOutput, words: ("embed_tokens", words), isTied: traits.tiesEmbeddings)
        self.weights = weights.weights
        unusedWeights = weights.cursor.unusedNames { $0.hasSuffix("rotary_emb.inv_freq") }
    }

    var sizes: BackboneSizes { traits.sizes }
    var outputTransform: LogitTransform { traits.logits }
    func wordRows(_ ids: [Int32]) -> Matrix {
        let tape = Tape(evaluatingWith: BufferPool())
        let rows = tape.embedding([(words, ids)])
        return Matrix(
            copying: traits.scalesPrefix || traits.embeddingFactor == 1
                ? rows.value : tape.scaled(rows, by: traits.embeddingFactor).value)
    }

    var keyShape: (columns: Int, heads: Int) { (traits.keyColumns, traits.keyValueHeads) }
    var padding: Int32? { traits.padding }

    func isBuilt(as other: any Backbone) -> Bool {
        guard let other = other as? RMSNormDecoder else { return false }
        // People name a padding token when they train a classifier; the layers know nothing of it.
        var own = traits
        own.padding = other.padding
        return other.architecture.name == architecture.name && other.traits == own
    }

    func embeddings(
        _ ids: [Int32], _ prefix: (any RowPrefix)?, offsets: [Int], rows: [SequencePart], on tape: Tape
    ) -> Variable {
        func scaled(_ rows: Variable) -> Variable {
            traits.embeddingFactor == 1 ? rows : tape.scaled(rows, by: traits.embeddingFactor)
        }
        func prefixed(_ rows: Variable) -> Variable {
            prefix.map { hooks.prefixed(rows, $0, offsets: offsets, on: tape) } ?? rows
        }
        let hidden = tape.embedding([(words, ids)])
        return traits.scalesPrefix ? scaled(prefixed(hidden)) : prefixed(scaled(hidden))
    }

    func trains(layer: Int) -> Bool { blocks[layer].isTrainable }

    func output(
        ofLayer layer: Int, _ hidden: Variable, _ pass: DecoderPass, chosen: ChosenRows?, on tape: Tape
    ) -> Variable {
        blocks[layer](hidden, pass, chosen: chosen, hooks, traits, on: tape)
    }

    func normed(_ hidden: Variable, on tape: Tape) -> Variable {
        traits.norm(hidden, finalNorm, on: tape)
    }
}
