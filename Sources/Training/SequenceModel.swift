import Autodiff
import Foundation
import Matrices
import Tasks
import Transformers

/// A backbone with its head, run over shards by workers.
package struct SequenceModel: Sendable {
    package let backbone: any Backbone
    package let head: SequenceHead
    package let workers: Workers
    /// Whether the layers run forward again in the backward pass, to save their memory.
    package let recomputesLayers: Bool
    /// Where what sequences begin with alike is computed once
    package let sharing: BeginningSharing
    /// The processes that share the work
    package let exchange: any GradientExchange

    package init(
        backbone: any Backbone, head: SequenceHead, workers: Workers, recomputesLayers: Bool = false,
        sharing: BeginningSharing = .none, exchange: any GradientExchange = SoleProcess()
    ) {
        self.backbone = backbone
        self.head = head
        self.workers = workers
        self.recomputesLayers = recomputesLayers
        self.sharing = sharing
        self.exchange = exchange
    }

    /// Forward and backward over the examples `indices`. The mean loss of the step is returned, its gradient
    /// with respect to all trainable parameters written to `gradients` [1, N], summed in the shape of a `ShardTree`. Each process
    /// runs some of the shards, and all have loss and gradient.
    ///
    /// `shardGradients` grows to a few buffers, and is reused from step to step. Dropout draws from a
    /// stream of its own for each step, shard and pass of the step.
    package func lossAndGradient(
        _ data: TokenizedDataset, indices: [Int], into gradients: Matrix, shardGradients: inout [Matrix],
        seed: UInt64, step: Int, pass: Int = 0
    ) throws -> (loss: Double, tokens: Int) {
        let sharded = ShardedSequences(training: data, indices, mayShare: sharesInTraining)
        let shards = sharded.shards
        let owners = ShardOwners.of(loads(sharded, data), processes: exchange.processes)
        let own = shards.indices.filter { owners[$0] == exchange.rank }
        let tree = ShardTree(shards: shards.count)
        if shardGradients.first?.count != gradients.count { shardGradients.removeAll() }
        while shardGradients.count < ShardSum.buffers(tree, own: own, workers: workers.count) {
            shardGradients.append(Matrix(rows: 1, columns: gradients.count))
        }
        let sum = ShardSum(tree, own: own, buffers: shardGradients, workers: workers.count)
        let divisor = weight(data, indices)
        let losses = RowResults<Double>(count: shards.count)
        @Sendable func stream(_ shard: Int) -> RandomStream {
            RandomStream(
                seed: seed, purpose: "dropout", indices: pass == 0 ? [step, shard] : [step, shard, pass])
        }
        let joint = try jointGradient(data, indices, sharded, owners, stream)
        workers.run(tasks: own.count) { place, pool in
            let shard = own[place]
            let buffer = sum.buffer(for: place)
            let tape = Tape(pool: pool, parameterGradients: buffer, dropoutStream: stream(shard))
            // Rows that were read go before the backward pass, which has what it reads of them.
            func forward() -> Double {
                let rows = self.forward(data, shards[shard], isShared: sharded.isShared, on: tape)
                joint?.seed(rows)
                return joint == nil ? loss(rows, data, divisor: divisor) : 0
            }
            losses.put([forward()], at: [shard])
            tape.backward()
            sum.add(buffer, of: place)
        }
        try exchange.complete([losses], owners: owners)
        try exchange.sum(sum.sums, tree, owners: owners, into: gradients)
        return (joint?.loss ?? losses.all.reduce(0, +), indices.reduce(0) { $0 + data.sequences[$1].length })
    }

    /// Throws where an image of these rows could not be read, in whichever process.
    ///
    /// - Parameter loss: of the step, which is no number then.
    func checkImages(_ data: TokenizedDataset, loss: Double) throws {
        guard exchange.processes > 1 else { return try data.checkImages() }
        if loss.isFinite { return }
        let own = Result { try data.checkImages() }
        var text = ""
        if case .failure(let error) = own { text = "\(error)" }
        for said in try exchange.gather(Data(text.utf8)) where !said.isEmpty {
            throw TrainingError(String(decoding: said, as: UTF8.self))
        }
    }

    /// What each shard computes, in tokens.
    private func loads(_ sharded: ShardedSequences, _ data: TokenizedDataset) -> [Int] {
        if exchange.processes == 1 { return sharded.shards.map { _ in 0 } }
        return sharded.shards.map { shard in
            sharded.isShared
                ? data.batch(shard, isShared: true).computedTokens
                : shard.reduce(0) { $0 + data.sequences[$1].length }
        }
    }

    /// Sends the examples through shard by shard, on one core and without dropout, for the sake of probes that hang
    /// on the layers: each sees the rows of every sequence. With `scratch` [1, N] the loss goes backward too, and leaves its gradient there.
    package func probe(_ data: TokenizedDataset, indices: [Int], backwardInto scratch: Matrix?) {
        let pool = BufferPool()
        // Probes see what goes through the layers, frozen ones too.
        let data = data.caching(in: nil)
        let shards = ShardPlan.shards(lengths: indices.map { data.sequences[$0].length })
            .map { shard in shard.map { indices[$0] } }
        let joint = scratch == nil ? nil : jointGradient(data, shards, pool)
        for members in shards {
            guard let scratch else {
                _ = forward(data, members, on: Tape(evaluatingWith: pool))
                continue
            }
            let tape = Tape(pool: pool, parameterGradients: scratch, dropoutStream: nil)
            let rows = forward(data, members, on: tape)
            joint?.seed(rows)
            if joint == nil { _ = loss(rows, data, divisor: weight(data, indices)) }
            tape.backward()
        }
    }

    /// What a shard of sequences of these lengths asks of a worker's pool, forward and, in training, backward. Nothing is
    /// learned.
    ///
    /// - Parameters:
    ///   - objective: of the run's task, whose loss or figures are computed.
    ///   - trainable: the number of trainable parameters; nil for an evaluation.
    func poolEvents(lengths: [Int], objective: any Objective, trainable: Int?) -> [BufferPool.Event] {
        let data = madeUp(lengths, objective)
        guard let trainable else {
            return poolEvents(data) { meter(data, AnswerOptions()).read($0) }
        }
        let pool = BufferPool()
        let members = Array(lengths.indices)
        return pool.record {
            let tape = Tape(
                pool: pool, parameterGradients: Matrix(rows: 1, columns: trainable),
                dropoutStream: RandomStream(seed: 0, purpose: "size of a shard"))
            _ = loss(forward(data, members, on: tape), data, divisor: 1)
            tape.backward()
        }
    }

    /// As above, of a shard that somebody reads without training.
    package func poolEvents(
        lengths: [Int], objective: any Objective, reading body: (ShardRows) -> Void
    ) -> [BufferPool.Event] {
        poolEvents(madeUp(lengths, objective), body)
    }

    private func poolEvents(_ data: TokenizedDataset, _ body: (ShardRows) -> Void) -> [BufferPool.Event] {
        let pool = BufferPool()
        return pool.record {
            body(forward(data, Array(0..<data.count), on: Tape(evaluatingWith: pool)))
        }
    }

    private func madeUp(_ lengths: [Int], _ objective: any Objective) -> TokenizedDataset {
        if let input = backbone.imageInput, backbone.pair != nil {
            let own = input.rows(height: input.size.height, width: input.size.width)
            return TokenizedDataset(
                pairsOfRows: lengths[0], imageRows: objective.imageRows ?? own, count: lengths.count, input,
                objective.madeUp(lengths: lengths))
        }
        if let input = backbone.imageInput {
            return TokenizedDataset(
                imagesOfRows: lengths[0], count: lengths.count, input, objective.madeUp(lengths: lengths))
        }
        return TokenizedDataset(
            sequences: lengths.map { length in
                let zeros = [Int32](repeating: 0, count: length)
                return TokenizedDataset.Sequence(ids: zeros, typeIDs: zeros)
            }, objective: objective.madeUp(lengths: lengths))
    }

    /// Runs some shards of an evaluation, at least one, until they come to `rows` sequences: those of all lengths. Nothing is
    /// told of them.
    ///
    /// - Returns: the tokens that were read.
    package func tryEvaluation(of data: TokenizedDataset, rows: Int) -> Int {
        let meter = meter(data, AnswerOptions())
        let sharded = shards(evaluating: data)
        let all = sharded.shards
        let wanted = max(1, min(all.count, all.count * rows / max(data.count, 1)))
        let some = (0..<wanted).map { all[$0 * all.count / wanted] }
        read(data, some[...], isShared: sharded.isShared) { meter.read($0) }
        return some.joined().reduce(0) { $0 + data.sequences[$1].length }
    }

    /// Loss and metrics of labelled data, without dropout. What is kept of a shard is the task's affair.
    package func evaluation(_ data: TokenizedDataset, _ options: AnswerOptions = AnswerOptions()) throws
        -> Evaluation
    {
        let meter = meter(data, options)
        try read(data, keeping: meter.kept) { meter.read($0) }
        return meter.evaluation()
    }

    /// As above, or nil if `shouldStop` said so, which is asked every few shards.
    func evaluation(_ data: TokenizedDataset, unless shouldStop: () throws -> Bool) throws -> Evaluation? {
        let meter = meter(data, AnswerOptions())
        let sharded = shards(evaluating: data)
        // All processes ask at the same places whether to stop, whatever their threads are.
        let some = exchange.processes == 1 ? 4 * workers.count : 16 * exchange.processes
        for start in stride(from: 0, to: sharded.shards.count, by: some) {
            if try shouldStop() { return nil }
            read(data, own(sharded, from: start, count: some), isShared: sharded.isShared) { meter.read($0) }
        }
        try complete(meter.kept, sharded)
        return meter.evaluation()
    }

    /// Sends all sequences through without dropout, and calls `body` with each shard on the worker that ran it; in each process.
    package func read(_ data: TokenizedDataset, _ body: @Sendable (ShardRows) -> Void) {
        let sharded = shards(evaluating: data)
        read(data, sharded.shards[...], isShared: sharded.isShared, body)
    }

    /// As above, each shard in one of the processes.
    ///
    /// - Parameter results: what `body` leaves of sequences; in the end every process has it of all.
    package func read(
        _ data: TokenizedDataset, keeping results: [any ExchangedResults],
        _ body: @Sendable (ShardRows) -> Void
    ) throws {
        let sharded = shards(evaluating: data)
        read(data, own(sharded, from: 0, count: sharded.shards.count), isShared: sharded.isShared, body)
        try complete(results, sharded)
    }

    /// Those of some shards of an evaluation, in turns, that are this process's.
    private func own(_ sharded: ShardedSequences, from start: Int, count: Int) -> ArraySlice<[Int]> {
        sharded.shards.indices.dropFirst(start).prefix(count)
            .filter { $0 % exchange.processes == exchange.rank }.map { sharded.shards[$0] }[...]
    }

    private func complete(_ results: [any ExchangedResults], _ sharded: ShardedSequences) throws {
        var owners = [Int](repeating: 0, count: sharded.shards.joined().reduce(0) { max($0, $1 + 1) })
        for (place, shard) in sharded.shards.enumerated() {
            for member in shard { owners[member] = place % exchange.processes }
        }
        try exchange.complete(results, owners: owners)
    }

    private func read(
        _ data: TokenizedDataset, _ shards: ArraySlice<[Int]>, isShared: Bool,
        _ body: @Sendable (ShardRows) -> Void
    ) {
        workers.run(tasks: shards.count) { task, pool in
            let members = shards[shards.startIndex + task]
            body(forward(data, members, isShared: isShared, on: Tape(evaluatingWith: pool)))
        }
    }

    /// Logits [sequences, K] in the order of the data, or [tokens, K] from heads that read each; without dropout. For
    /// comparing models: everything is held.
    package func logits(_ data: TokenizedDataset) -> Matrix {
        var firstRows = Array(0...data.count)
        if head.form.isPerToken {
            for index in 0..<data.count {
                firstRows[index + 1] = firstRows[index] + data.sequences[index].length
            }
        }
        let starts = firstRows
        // Each shard fills rows of its own.
        let logits = Matrix(rows: starts[data.count], columns: head.outputs)
        read(data.unasked) { rows in
            let values = rows.logits().value
            var row = 0
            for index in rows.members {
                let count = starts[index + 1] - starts[index]
                logits.row(starts[index]).update(from: values.row(row), count: count * values.columns)
                row += count
            }
        }
        return logits
    }

    private func meter(_ data: TokenizedDataset, _ options: AnswerOptions) -> any Meter {
        guard let objective = data.objective else {
            preconditionFailure("an evaluation of rows without labels")
        }
        return objective.meter(options, outputs: head.outputs)
    }

    /// What the loss of a step is a mean over.
    private func weight(_ data: TokenizedDataset, _ members: [Int]) -> Double {
        data.objective?.weight(of: members) ?? Double(members.count)
    }

    /// Whether a step computes once what sequences of up to so many tokens begin with alike.
    package func sharesInTraining(longest: Int) -> Bool {
        sharing.trains && backbone.sharesBeginnings(longest: longest)
    }

    /// The same of an evaluation.
    package func sharesInEvaluations(longest: Int) -> Bool {
        sharing.evaluates && backbone.sharesBeginnings(longest: longest)
    }

    private func shards(evaluating data: TokenizedDataset) -> ShardedSequences {
        ShardedSequences(evaluating: data, mayShare: sharesInEvaluations)
    }

    func forward(
        _ data: TokenizedDataset, _ members: [Int], isShared: Bool = false, on tape: Tape
    ) -> ShardRows {
        let batch = data.batch(members, isShared: isShared)
        let (rows, offsets) = rowsRead(of: batch, members, data.objective)
        let start = data.frozenCache.flatMap { frozenInput(data, members, $0, on: tape) }
        if let start, start.layer == backbone.sizes.layers {
            return ShardRows(members: members, hidden: start.rows, offsets: offsets, head: head, tape: tape)
        }
        var (asked, places): (HiddenRows, [Int]?) = (rows, nil)
        if case .some(let read) = rows, let distinct = batch.tree?.distinct(read) {
            (asked, places) = (.some(distinct.rows), distinct.places)
        }
        let hidden = backbone.hiddenStates(
            batch, rows: asked, after: start, recomputing: recomputesLayers, on: tape, observe: nil)
        return ShardRows(
            members: members, hidden: hidden, places: places, offsets: offsets, head: head, tape: tape)
    }

    /// What of the last layer the head, or of many rows the loss, reads, and where each sequence's begin.
    func rowsRead(of batch: PackedBatch, _ members: [Int], _ objective: (any Objective)?) -> (
        HiddenRows, [Int]
    ) {
        guard head.rows == .all else { return (head.rows, Array(0...batch.sequences)) }
        var (rows, offsets): ([Int], [Int]) = ([], [0])
        for (place, member) in members.enumerated() {
            guard let read = objective?.rowsRead(member) else { return (.all, batch.offsets) }
            rows += read.map { batch.offsets[place] + $0 }
            offsets.append(rows.count)
        }
        return (.some(rows), offsets)
    }

    private func loss(_ rows: ShardRows, _ data: TokenizedDataset, divisor: Double) -> Double {
        data.objective?.loss(rows, divisor: divisor) ?? .nan
    }
}
