import Autodiff
import Images

/// The tower that reads images: patches, pre-norm layers, a row of each image, projected or not.
struct VisionTower: Sendable {
    /// What makes the rows of an image one.
    private enum Reading: Sendable {
        /// That of the class, times [D, C]
        case classRow(projection: Weight)
        case pooled(AttentionPool)
    }

    let layers: PreNormStack
    private let input: ImageInput
    private let embedding: PatchEmbedding
    private let firstNorm: Norm?
    private let finalNorm: Norm
    private let reading: Reading

    init(_ weights: BackboneWeights, _ c: PairConfiguration, _ traits: PairTraits) throws {
        let (vision, names) = (c.vision, traits.patches.names)
        let width = vision.shape.width
        input = vision.input
        embedding = try PatchEmbedding(weights, vision, traits.patches)
        firstNorm = try traits.firstNorm.map { try weights.norm($0, width) }
        layers = try PreNormStack(weights, vision.shape, names, tower: .vision)
        finalNorm = try weights.norm(names.finalNorm, width)
        if let pool = traits.pool {
            reading = .pooled(try AttentionPool(weights, pool, vision.shape))
        } else if let projection = traits.visionProjection {
            reading = .classRow(projection: try weights.table(projection, c.columns, width))
        } else {
            preconditionFailure("a tower whose rows nobody makes one")
        }
    }

    /// [B, D]
    func callAsFunction(
        _ images: [PixelImage], recomputing: Bool, _ hooks: BackboneHooks, on tape: Tape,
        observe: ((Int, Variable) -> Void)?
    ) -> Variable {
        let batch = PackedBatch(images, input)
        var hidden = embedding(batch, on: tape)
        if let firstNorm { hidden = firstNorm(hidden, epsilon: layers.shape.epsilon, on: tape) }
        observe?(0, hidden)
        let isPooled = if case .pooled = reading { true } else { false }
        layers.run(
            &hidden, offsets: batch.offsets, layers: 0..<layers.shape.layers,
            rows: isPooled ? .all : .first, recomputing: recomputing, hooks, on: tape, observe: observe)
        let normed = finalNorm(hidden, epsilon: layers.shape.epsilon, on: tape)
        switch reading {
        case .classRow(let projection): return tape.linear(normed, weight: projection, bias: nil)
        case .pooled(let pool): return pool(normed, offsets: batch.offsets, on: tape)
        }
    }
}
