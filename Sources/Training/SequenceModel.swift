import Autodiff
import Datasets
import Matrices
import Synchronization
import Transformers

/// An encoder with its head, run over shards by workers.
public struct SequenceModel: Sendable {
    public let encoder: TextEncoder
    public let head: SequenceHead
    public let workers: Workers
    /// Whether the layers run forward again in the backward pass, to save their memory.
    public let recomputesLayers: Bool

    public init(encoder: TextEncoder, head: SequenceHead, workers: Workers, recomputesLayers: Bool = false) {
        self.encoder = encoder
        self.head = head
        self.workers = workers
        self.recomputesLayers = recomputesLayers
    }

    /// Forward and backward over the examples `indices`. The mean loss of the step is returned, its gradient
    /// with respect to all trainable parameters written to `gradients` [1, N], summed in shard order.
    ///
    /// `shardGradients` grows to one buffer per worker and one more, and is reused from step to step.
    public func lossAndGradient(
        _ data: TokenizedDataset, indices: [Int], into gradients: Matrix, shardGradients: inout [Matrix],
        seed: UInt64, step: Int
    ) -> (loss: Double, tokens: Int) {
        let lengths = indices.map { data.sequences[$0].ids.count }
        let shards = ShardPlan.shards(lengths: lengths)
        if shardGradients.first?.count != gradients.count { shardGradients.removeAll() }
        while shardGradients.count < ShardSum.buffers(shards: shards.count, workers: workers.count) {
            shardGradients.append(Matrix(rows: 1, columns: gradients.count))
        }
        let sum = ShardSum(into: gradients, buffers: shardGradients)
        let divisor = weight(data, indices)
        let losses = Mutex([Double](repeating: 0, count: shards.count))
        workers.run(tasks: shards.count) { shard, pool in
            let members = shards[shard].map { indices[$0] }
            let buffer = sum.buffer(for: shard)
            let tape = Tape(
                pool: pool, parameterGradients: buffer,
                dropoutStream: RandomStream(seed: seed, purpose: "dropout", indices: [step, shard]))
            let logits = forward(data, members, on: tape)
            let value = loss(logits, data, members, divisor: divisor, on: tape)
            losses.withLock { $0[shard] = value }
            tape.backward()
            sum.add(buffer, of: shard)
        }
        return (losses.withLock { $0.reduce(0, +) }, lengths.reduce(0, +))
    }

    /// Sends the examples through shard by shard, on one core and without dropout, for the sake of probes that hang
    /// on the layers. With `scratch` [1, N] the loss goes backward too, and leaves its gradient there.
    public func probe(_ data: TokenizedDataset, indices: [Int], backwardInto scratch: Matrix?) {
        let pool = BufferPool()
        for shard in ShardPlan.shards(lengths: indices.map { data.sequences[$0].ids.count }) {
            let members = shard.map { indices[$0] }
            guard let scratch else {
                _ = forward(data, members, on: Tape(evaluatingWith: pool))
                continue
            }
            let tape = Tape(pool: pool, parameterGradients: scratch, dropoutStream: nil)
            let logits = forward(data, members, on: tape)
            _ = loss(logits, data, members, divisor: weight(data, indices), on: tape)
            tape.backward()
        }
    }

    /// What a shard of sequences of these lengths asks of a worker's pool, forward and, in training, backward. Nothing is
    /// learned.
    ///
    /// - Parameter trainable: the number of trainable parameters; nil for forward alone.
    func poolEvents(lengths: [Int], trainable: Int?) -> [BufferPool.Event] {
        let data = TokenizedDataset(
            sequences: lengths.map { length in
                let zeros = [Int32](repeating: 0, count: length)
                return TokenizedDataset.Sequence(ids: zeros, typeIDs: zeros)
            }, targets: nil)
        let pool = BufferPool()
        let members = Array(lengths.indices)
        return pool.record {
            guard let trainable else {
                _ = forward(data, members, on: Tape(evaluatingWith: pool))
                return
            }
            let tape = Tape(
                pool: pool, parameterGradients: Matrix(rows: 1, columns: trainable),
                dropoutStream: RandomStream(seed: 0, purpose: "size of a shard"))
            let logits = forward(data, members, on: tape)
            _ = tape.crossEntropy(
                logits, labels: [Int32](repeating: 0, count: logits.value.rows), divisor: 1)
            tape.backward()
        }
    }

    /// Logits [sequences, K] in the order of the data, or [tokens, K] from heads that read each; without dropout.
    public func logits(_ data: TokenizedDataset) -> Matrix {
        let work = LogitWork(data, head: head)
        run(work, work.shards[...])
        return work.logits
    }

    /// As above, or nil if `shouldStop` said so, which is asked every few shards.
    func logits(_ data: TokenizedDataset, unless shouldStop: () -> Bool) -> Matrix? {
        let work = LogitWork(data, head: head)
        var left = work.shards[...]
        while !left.isEmpty {
            if shouldStop() { return nil }
            let some = left.prefix(4 * workers.count)
            run(work, some)
            left = left.dropFirst(some.count)
        }
        return work.logits
    }

    private func run(_ work: LogitWork, _ shards: ArraySlice<[Int]>) {
        workers.run(tasks: shards.count) { task, pool in
            let members = shards[shards.startIndex + task]
            let values = forward(work.data, members, on: Tape(evaluatingWith: pool)).value
            var row = 0
            for index in members {
                let rows = work.firstRows[index + 1] - work.firstRows[index]
                work.logits.row(work.firstRows[index]).update(
                    from: values.row(row), count: rows * values.columns)
                row += rows
            }
        }
    }

    /// Mean loss of given logits against the data's targets.
    public func meanLoss(_ logits: Matrix, _ data: TokenizedDataset) -> Double {
        let tape = Tape(evaluatingWith: BufferPool())
        let all = Array(data.sequences.indices)
        return loss(tape.input(logits), data, all, divisor: weight(data, all), on: tape)
    }

    /// What the loss of a step is a mean over.
    private func weight(_ data: TokenizedDataset, _ members: [Int]) -> Double {
        data.objective?.weight(of: members) ?? Double(members.count)
    }

    private func forward(_ data: TokenizedDataset, _ members: [Int], on tape: Tape) -> Variable {
        let batch = PackedBatch(members.map { (data.sequences[$0].ids, data.sequences[$0].typeIDs) })
        let hidden = encoder.hiddenStates(
            batch, rows: head.rows, recomputing: recomputesLayers, on: tape)
        return head.logits(
            hidden, offsets: head.rows == .all ? batch.offsets : Array(0...batch.sequences), on: tape)
    }

    private func loss(
        _ logits: Variable, _ data: TokenizedDataset, _ members: [Int], divisor: Double, on tape: Tape
    ) -> Double {
        data.objective?.loss(logits, members, divisor: divisor, on: tape) ?? .nan
    }
}

/// The logits of a data set to be computed, and in which shards.
private struct LogitWork {
    let data: TokenizedDataset
    /// [sequences, K] or [tokens, K], in the order of the data; each shard fills rows of its own.
    let logits: Matrix
    /// Where the rows of each sequence begin.
    let firstRows: [Int]
    let shards: [[Int]]

    init(_ data: TokenizedDataset, head: SequenceHead) {
        var starts = Array(0...data.count)
        if head.form.isPerToken {
            for index in 0..<data.count {
                starts[index + 1] = starts[index] + data.sequences[index].ids.count
            }
        }
        self.data = data
        logits = Matrix(rows: starts[data.count], columns: head.outputs)
        firstRows = starts
        shards = data.evaluationShards
    }
}
