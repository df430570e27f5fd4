import Autodiff
import Matrices
import Tasks

/// What a loss over all sequences of a step sends back to the rows of each.
struct JointGradient {
    let loss: Double
    /// [N, C]
    private let gradient: Matrix
    /// By position in the data set, which of these rows
    private let places: [Int: Int]

    /// - Parameters:
    ///   - rows: of each of `members` what the head says.
    init(_ objective: any JointObjective, _ members: [Int], rows: [[Float]]) {
        (loss, gradient) = objective.loss(Matrix(rowValues: rows))
        places = Dictionary(zip(members, 0...)) { first, _ in first }
    }

    /// Begins the backward pass of a shard.
    func seed(_ rows: ShardRows) {
        let said = rows.logits()
        let own = rows.tape.pool.matrix(rows: said.rows, columns: said.columns)
        for (row, member) in rows.members.enumerated() {
            guard let place = places[member] else {
                preconditionFailure("sequence \(member) is not of the step")
            }
            own.row(row).update(from: gradient.row(place), count: own.columns)
        }
        rows.tape.seed(said, with: said.needsGradient ? own : nil)
    }
}

/// Losses that no shard has by itself take two passes: one for what all shards say, from which the loss and what it sends back are
/// computed, and a second one forward and backward, shard by shard (Gao et al. 2021, "Scaling Deep Contrastive Learning Batch Size under
/// Memory Limited Setup"). So the batch may be as large as its rows fit, whatever the layers keep; dropout draws the same keys in both.
extension SequenceModel {
    /// The first pass of a training step, each shard in its process; nil of a loss that shards have by themselves.
    func jointGradient(
        _ data: TokenizedDataset, _ indices: [Int], _ sharded: ShardedSequences, _ owners: [Int],
        _ stream: @Sendable (_ shard: Int) -> RandomStream
    ) throws -> JointGradient? {
        guard let objective = data.objective?.joint else { return nil }
        let places = Dictionary(uniqueKeysWithValues: zip(indices, 0...))
        let rows = RowResults<[Float]>(count: indices.count)
        let own = sharded.shards.indices.filter { owners[$0] == exchange.rank }
        workers.run(tasks: own.count) { task, pool in
            let shard = own[task]
            let tape = Tape(evaluatingWith: pool, dropoutStream: stream(shard))
            let said = forward(data, sharded.shards[shard], isShared: sharded.isShared, on: tape)
            rows.put(said.valuesOfRows, at: said.members.compactMap { places[$0] })
        }
        var ownersOfRows = [Int](repeating: 0, count: indices.count)
        for (shard, members) in sharded.shards.enumerated() {
            for member in members { if let place = places[member] { ownersOfRows[place] = owners[shard] } }
        }
        try exchange.complete([rows], owners: ownersOfRows)
        return JointGradient(objective, indices, rows: rows.all)
    }

    /// The same on one core and without dropout.
    func jointGradient(_ data: TokenizedDataset, _ shards: [[Int]], _ pool: BufferPool) -> JointGradient? {
        guard let objective = data.objective?.joint else { return nil }
        let rows = shards.flatMap { forward(data, $0, on: Tape(evaluatingWith: pool)).valuesOfRows }
        return JointGradient(objective, shards.flatMap(\.self), rows: rows)
    }
}
