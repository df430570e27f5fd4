import Autodiff
import Matrices
import Transformers

/// What a data set's targets ask of a model: a loss to learn from, and figures for people.
package protocol Objective: Sendable {
    /// What the loss of these sequences is a mean over: the sequences, or their labelled tokens; the weights of their
    /// classes where these have some.
    func weight(of members: [Int]) -> Double
    /// Which rows of a sequence the loss reads, in their order; nil for those that the head reads.
    func rowsRead(_ member: Int) -> [Int]?
    /// The loss of a shard, over `divisor`. What lies between the model's last layer and the loss, the product with the
    /// head too, is the task's.
    func loss(_ rows: ShardRows, divisor: Double) -> Double
    /// The loss over all sequences of a step together, where it is no sum over them; nil where it is.
    var joint: (any JointObjective)? { get }
    /// Of the rows of each sequence those of its image, beside a text; nil where there are none, or as many as the model's own size makes.
    var imageRows: Int? { get }
    /// An empty one, for all sequences.
    ///
    /// - Parameter outputs: columns of the logits.
    func meter(_ options: AnswerOptions, outputs: Int) -> any Meter
    /// Bias of a fresh head that answers every row with what the targets are on average; nil for a bias of 0.
    func startingBias(outputs: Int) -> [Float]?
    /// The class of each row or token, of tokens by sequence; negative for none, empty where these have not one each.
    var classes: [[Int32]] { get }
    /// The same with a loss in which rows or tokens count as their classes weigh.
    func weighted(by weights: [Double]) -> any Objective
    /// The same task's for made-up sequences of these lengths, that memory can be estimated with.
    func madeUp(lengths: [Int]) -> any Objective
}

extension Objective {
    package func weight(of members: [Int]) -> Double { Double(members.count) }
    package func rowsRead(_ member: Int) -> [Int]? { nil }
    package var joint: (any JointObjective)? { nil }
    package var imageRows: Int? { nil }
    /// A softmax does not notice what all its logits have in common, so that nothing drives a head away from 0.
    package func startingBias(outputs: Int) -> [Float]? { nil }
    package var classes: [[Int32]] { [] }
    package func weighted(by weights: [Double]) -> any Objective { self }
}

/// Takes what a model says of a data set shard by shard, keeps no more of it than figures need, and tells them.
package protocol Meter: Sendable {
    /// What `read` keeps of rows.
    var kept: [any ExchangedResults] { get }
    /// From any thread, shards in any order: what is kept of a row has a place of its own.
    func read(_ rows: ShardRows)
    /// Once all shards were read. Sums run in the order of the data, so that their bits are the same however shards came.
    func evaluation() -> Evaluation
}

/// What the model's last layer says of the sequences of a shard, and the head that reads it.
package struct ShardRows {
    /// Which of the data's sequences
    package let members: [Int]
    /// [U, C]: the rows of `hidden`, one that several sequences have once: for objectives that can do with fewer.
    package let distinct: Variable
    /// For each row of `hidden` which of these it is; nil where they are the same.
    package let places: [Int]?
    /// Sequence b of the shard is rows offsets[b] ..< offsets[b + 1] of `hidden`.
    package let offsets: [Int]
    package let head: SequenceHead
    package let tape: Tape

    /// - Parameter hidden: the distinct rows where there are places.
    package init(
        members: [Int], hidden: Variable, places: [Int]? = nil, offsets: [Int], head: SequenceHead, tape: Tape
    ) {
        self.members = members
        distinct = hidden
        self.places = places
        self.offsets = offsets
        self.head = head
        self.tape = tape
    }

    /// [T, C], or those of each sequence that the head or the loss reads.
    package var hidden: Variable { places.map { tape.rows(distinct, $0) } ?? distinct }

    /// [sequences, K], or [T, K] from a head that reads each token.
    package func logits() -> Variable { head.logits(hidden, offsets: offsets, on: tape) }

    /// The same of each sequence, of a head that reads one row of it: [sequences][K].
    package var valuesOfRows: [[Float]] {
        let said = logits().value
        return (0..<said.rows).map {
            Array(UnsafeBufferPointer(start: said.row($0), count: said.columns))
        }
    }
}

/// What the figures of one class out of several need of a row of logits.
struct ClassAnswer: Codable {
    /// The position of the first largest.
    let predicted: Int32
    /// −log softmax(logits)[label]
    let loss: Double

    /// - Parameter row: of logits [B, K]
    init(_ logits: Matrix, row: Int, label: Int32, on tape: Tape) {
        predicted = logits.largestColumn(row)
        loss = tape.crossEntropy(
            tape.input(logits.view(offset: row * logits.columns, rows: 1, columns: logits.columns)),
            labels: [label], divisor: 1)
    }
}

extension Matrix {
    /// Of the first largest value of a row.
    package func largestColumn(_ row: Int) -> Int32 {
        let values = self.row(row)
        var best = 0
        for column in 1..<max(columns, 1) where values[column] > values[best] { best = column }
        return Int32(best)
    }
}
