import Autodiff
import GoldenFiles
import GoldenModels
import Matrices
import ModelFiles
import Transformers

/// The tiny random decoders of scripts/goldens/decoders_parity.py.
enum DecoderGoldens {
    static let models = [
        "mistral", "ministral3", "qwen2", "qwen3", "gemma2", "gemma3", "phi3", "smollm3", "granite",
        "granite4", "olmo2", "olmo3",
    ]

    static func open(_ model: String) throws -> any Backbone {
        try PretrainedModel.open(Golden.url("decoders/\(model)/model")).openBackbone()
    }

    static func sequences(_ model: String) throws -> [[Int32]] {
        try Golden.sequences(Golden.json("decoders/\(model)/batch.json")).map(\.ids)
    }

    static func batch(_ model: String) throws -> PackedBatch { packed(try sequences(model)) }

    static func packed(_ sequences: [[Int32]]) -> PackedBatch {
        PackedBatch(sequences.map { ($0, Array(repeating: 0, count: $0.count)) })
    }

    /// For each token the one after it.
    static func targets(_ sequences: [[Int32]]) -> [Int32] {
        sequences.flatMap { $0.dropFirst() + [Tape.ignoredLabel] }
    }

    /// Values of rows [N, C] that somebody reads, and the gradient of a loss on their logits, where the other rows have no
    /// target.
    static func chosen(
        _ rows: [Int], _ asked: HiddenRows, _ backbone: any Backbone, _ batch: PackedBatch
    ) throws -> (values: [Float], gradients: [Float]) {
        let vector = ParameterVector(backbone.weights.map { $0.thaw() })
        let gradients = Matrix(rows: 1, columns: vector.count)
        let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
        let hidden = backbone.hiddenStates(batch, rows: asked, on: tape)
        let values = hidden.value.values
        let all = (0..<batch.tokens).map { rows.contains($0) ? Int32($0 % 7) : Tape.ignoredLabel }
        let head = try head(backbone)
        _ = tape.vocabularyCrossEntropy(
            hidden, weight: head.outputMatrix, targets: asked == .all ? all : rows.map { all[$0] },
            divisor: 2,
            transform: head.outputTransform)
        tape.backward()
        return (values, gradients.values)
    }

    static func head(_ backbone: any Backbone) throws -> SequenceHead {
        try backbone.vocabularyHead()
    }

    /// [T, C] of the last layer
    static func hidden(_ backbone: any Backbone, _ sequences: [[Int32]]) -> Matrix {
        backbone.hiddenStates(packed(sequences), on: Tape(evaluatingWith: BufferPool())).value
    }

    /// [T, V]
    static func logits(_ backbone: any Backbone, _ sequences: [[Int32]]) throws -> Matrix {
        let (tape, batch) = (Tape(evaluatingWith: BufferPool()), packed(sequences))
        let hidden = backbone.hiddenStates(batch, on: tape)
        return try head(backbone).logits(hidden, offsets: batch.offsets, on: tape).value
    }
}
