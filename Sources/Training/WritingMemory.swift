import Autodiff
import Matrices
import Transformers

/// What a text takes that a model writes token by token: keys and values of all layers, and the buffers of its passes.
package struct WritingMemory {
    /// Floats
    package let elements: Int

    /// Runs short texts and writes down what they ask for.
    ///
    /// - Parameters:
    ///   - prompt: its tokens, which are read at once.
    ///   - tokens: that are written after it.
    /// - Returns: nil of a model that writes nothing.
    package init?(_ model: SequenceModel, prompt: Int, tokens: Int) {
        let few = min(8, model.backbone.longestSequence / 2)
        guard few > 0, let cache = model.backbone.startCache() else { return nil }
        var pool = EmptyPool()
        pool.serve(
            Demand(Self.events(model, [few]), of: few, Self.events(model, [2 * few])), tokens: prompt)
        if tokens > 1 {
            // One token may go other ways than several.
            let next = Self.events(model, [few, 1])
            pool.serve(Demand(next, of: 1, next), tokens: 1)
        }
        let rows = prompt + (model.backbone.hooks.input?.count ?? 0)
        elements = pool.allocatedElements + cache.elements(reading: rows, thenSingly: max(0, tokens - 1))
    }

    /// Of the last of several readings of one text, as `TextGenerator` makes them.
    ///
    /// - Parameter counts: tokens of each reading.
    private static func events(_ model: SequenceModel, _ counts: [Int]) -> [BufferPool.Event] {
        guard let cache = model.backbone.startCache() else { return [] }
        let pool = BufferPool()
        var events: [BufferPool.Event] = []
        for count in counts {
            events = pool.record {
                let tape = Tape(evaluatingWith: pool)
                let ids = [Int32](repeating: 0, count: count)
                let hidden = model.backbone.hiddenStates(ids, after: cache, on: tape)
                _ = model.head.logits(tape.rows(hidden, [count - 1]), offsets: [0, 1], on: tape)
            }
        }
        return events
    }
}
