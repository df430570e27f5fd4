import Autodiff
import Images
import Matrices
import ModelFiles

/// A tower for texts and one for images, whose rows are similar where text and image belong together (Radford et al. 2021, "CLIP").
///
/// The rows are such that their product is the logit: a text's is e^scale · t / ‖t‖, an image's v / ‖v‖; where logits have a
/// bias, it is one more column of the text's row, beside a 1 of the image's. So the loss has no weights of its own.
package final class TowerPair: Backbone {
    package let architecture: Architecture
    package let linearLayers: [LinearLayer]
    package let weights: [Weight]
    package let unusedWeights: [String]
    package let hooks = BackboneHooks()
    package let pair: PairOutput?
    package let sizes: BackboneSizes
    let configuration: PairConfiguration
    private let text: TextTower
    private let vision: VisionTower
    /// [1, 1]: the logarithm of what logits are multiplied by
    private let logitScale: Weight
    /// [1, 1]
    private let logitBias: Weight?

    init(
        _ architecture: Architecture, _ traits: PairTraits, _ configuration: PairConfiguration,
        _ source: any TensorSource
    ) throws {
        self.architecture = architecture
        self.configuration = configuration
        let output = configuration.output(traits)
        (pair, sizes) = (output, configuration.sizes(output))
        let weights = BackboneWeights(source, prefix: architecture.prefix)
        text = try TextTower(weights, configuration, traits)
        vision = try VisionTower(weights, configuration, traits)
        logitScale = try weights.vector(traits.logitScale.name, 1, shape: traits.logitScale.shape)
        logitBias = try traits.logitBias.map { try weights.vector($0.name, 1, shape: $0.shape) }
        linearLayers = text.layers.linearLayers + vision.layers.linearLayers
        self.weights = weights.weights
        // Files of earlier versions have which place each position is at.
        unusedWeights = weights.cursor.unusedNames { $0.hasSuffix("embeddings.position_ids") }
    }

    package var imageInput: ImageInput? { configuration.vision.input }
    package var keyShape: (columns: Int, heads: Int) { (configuration.text.width, configuration.text.heads) }

    package func wordRows(_ ids: [Int32]) -> Matrix {
        let rows = Matrix(rows: ids.count, columns: configuration.text.width)
        text.wordTable.gather(ids, into: rows, adding: false, pool: BufferPool())
        return rows
    }

    package func isBuilt(as other: any Backbone) -> Bool {
        guard let other = other as? TowerPair else { return false }
        return other.architecture.name == architecture.name && other.configuration == configuration
    }

    /// [B, 2 · D] of texts with images, [B, D] of texts or images alone.
    ///
    /// `observe` is called with what the text tower does, then with what the other one does, which goes on counting.
    package func hiddenStates(
        _ batch: PackedBatch, rows: HiddenRows, after start: LayerInput?, recomputing: Bool, on tape: Tape,
        observe: ((Int, Variable) -> Void)?
    ) -> Variable {
        precondition(rows == .last, "\(rows) rows of towers that give one row of each text and image")
        precondition(start == nil, "towers begin with words and patches")
        precondition(
            hooks.input == nil && hooks.blocks.isEmpty && hooks.attention.isEmpty,
            "hooks by layer on towers whose layers have the same numbers")
        let texts =
            batch.ids.isEmpty
            ? nil : textRows(batch, recomputing: recomputing, on: tape, observe: observe)
        let images = batch.images.map { images in
            imageRows(images(), recomputing: recomputing, on: tape) { layer, rows in
                observe?(self.configuration.text.layers + 1 + layer, rows)
            }
        }
        guard let texts else {
            guard let images else { preconditionFailure("neither texts nor images for two towers") }
            return images
        }
        guard let images else { return texts }
        precondition(images.rows == texts.rows, "\(images.rows) images of \(texts.rows) texts")
        return tape.beside(texts, images)
    }

    /// [B, D]
    private func textRows(
        _ batch: PackedBatch, recomputing: Bool, on tape: Tape, observe: ((Int, Variable) -> Void)?
    ) -> Variable {
        let rows = text(batch, recomputing: recomputing, hooks, on: tape, observe: observe)
        let scaled = tape.scaled(tape.unitRows(rows), byExponentialOf: logitScale)
        return logitBias.map { tape.beside(scaled, tape.repeated($0, rows: rows.rows)) } ?? scaled
    }

    /// [B, D]
    private func imageRows(
        _ images: [PixelImage], recomputing: Bool, on tape: Tape, observe: @escaping (Int, Variable) -> Void
    ) -> Variable {
        let rows = tape.unitRows(
            vision(images, recomputing: recomputing, hooks, on: tape, observe: observe))
        guard logitBias != nil else { return rows }
        let ones = tape.pool.matrix(rows: rows.rows, columns: 1)
        ones.fill(1)
        return tape.beside(rows, tape.input(ones))
    }

    package func input(ofLayer layer: Int, _ batch: PackedBatch, after start: LayerInput?, on tape: Tape)
        -> Variable
    {
        preconditionFailure(
            "\(architecture.name) has two towers, and is asked for the input of layer \(layer)")
    }
}
