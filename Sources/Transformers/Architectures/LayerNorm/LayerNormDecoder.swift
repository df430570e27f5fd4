import Autodiff
import Matrices
import ModelFiles

/// Decoders as GPT-2 (Radford et al. 2019) and GPT-NeoX (Black et al. 2022) are: pre-norm blocks of layer norms.
final class LayerNormDecoder: Decoder {
    let architecture: Architecture
    let linearLayers: [LinearLayer]
    let weights: [Weight]
    let unusedWeights: [String]
    let outputMatrix: Weight?
    let hooks = BackboneHooks()
    let rotary: [RotaryTables]
    let configuration: LayerNormConfiguration
    private let words: Weight
    private let positions: Weight?
    private let blocks: [LayerNormBlock]
    private let finalNorm: Norm

    init(_ architecture: Architecture, _ c: LayerNormConfiguration, _ source: any TensorSource) throws {
        self.architecture = architecture
        configuration = c
        rotary = c.rotary.map { [RotaryTables($0)] } ?? []
        let weights = BackboneWeights(source, prefix: architecture.prefix)
        let words = try weights.table(c.names.words, c.vocabularySize, c.hiddenSize)
        self.words = words
        positions = try c.names.positions.map { try weights.table($0, c.positions, c.hiddenSize) }
        blocks = try (0..<c.layers).map { try LayerNormBlock(weights, c, layer: $0) }
        finalNorm = try weights.norm(c.names.finalNorm, c.hiddenSize)
        linearLayers = blocks.flatMap(\.linearLayers)
        outputMatrix = try weights.output(
            architecture.vocabularyOutput, words: (c.names.words, words), isTied: c.tiesEmbeddings)
        self.weights = weights.weights
        unusedWeights = weights.cursor.unusedNames { c.names.buffers.contains(where: $0.hasSuffix) }
    }

    var sizes: BackboneSizes { configuration.sizes }
    func wordRows(_ ids: [Int32]) -> Matrix {
        Matrix(copying: Tape(evaluatingWith: BufferPool()).embedding([(words, ids)]).value)
    }

    var keyShape: (columns: Int, heads: Int) { (configuration.hiddenSize, configuration.heads) }
    var padding: Int32? { configuration.padding }

    func isBuilt(as other: any Backbone) -> Bool {
        guard let other = other as? LayerNormDecoder else { return false }
        // People name a padding token when they train a classifier; the layers know nothing of it.
        var own = configuration
        own.padding = other.padding
        return other.architecture.name == architecture.name && other.configuration == own
    }

    /// Words, with the rows of a prefix before them, and where positions are learned theirs.
    func embeddings(
        _ ids: [Int32], _ prefix: (any RowPrefix)?, offsets: [Int], rows: [SequencePart], on tape: Tape
    ) -> Variable {
        let own: [(table: any Operand, indices: [Int32])] = [(words, ids)]
        let learned = positions.map {
            [(table: $0 as any Operand, indices: rows.flatMap { $0.positions.map(Int32.init) })]
        }
        guard let prefix else { return tape.embedding(own + (learned ?? [])) }
        let prefixed = hooks.prefixed(tape.embedding(own), prefix, offsets: offsets, on: tape)
        return learned.map { tape.add(prefixed, tape.embedding($0)) } ?? prefixed
    }

    func trains(layer: Int) -> Bool { blocks[layer].isTrainable }

    func output(
        ofLayer layer: Int, _ hidden: Variable, _ pass: DecoderPass, chosen: ChosenRows?, on tape: Tape
    ) -> Variable {
        blocks[layer](hidden, pass, chosen: chosen, hooks, configuration, on: tape)
    }

    func normed(_ hidden: Variable, on tape: Tape) -> Variable {
        finalNorm(hidden, epsilon: configuration.normEpsilon, on: tape)
    }
}
