import Autodiff
import Matrices
import Transformers

/// What goldens of language models are compared with.
extension Backbone {
    /// The model's own output matrix as a head.
    package func vocabularyHead() throws -> SequenceHead {
        try SequenceHead(
            backbone: self, outputs: 0, form: .vocabulary, dropout: 0,
            stream: RandomStream(seed: 0, purpose: "not drawn from"))
    }

    /// [B, V]: logits of the token after each sequence.
    package func lastLogits(_ batch: PackedBatch) throws -> [Float] {
        let tape = Tape(evaluatingWith: BufferPool())
        let ends = batch.offsets.dropFirst().map { $0 - 1 }
        let hidden = hiddenStates(batch, rows: .some(ends), on: tape)
        return try vocabularyHead().logits(hidden, offsets: Array(0...ends.count), on: tape).value.values
    }

    /// [V], of one sequence
    package func lastLogits(_ ids: [Int32]) throws -> [Float] {
        try lastLogits(PackedBatch([(ids, ids.map { _ in 0 })]))
    }
}
