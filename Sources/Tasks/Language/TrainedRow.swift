/// A row as tokens, and which of them a language model learns.
struct TrainedRow {
    var ids: [Int32]
    /// Whether the model learns to say this token where it is next; one a token.
    var trained: [Bool]
    /// UTF-8 bytes of text that each token stands for; 0 for those that control.
    var bytes: [Int]
    /// Answers that a template writes otherwise once more is said, which are not learned
    var changedAnswers = 0
    /// Answers without a token that ends the turn
    var endlessAnswers = 0
    /// Answers whose text the template writes nothing of
    var silentAnswers = 0
    /// Control tokens that a row spells in what people say: plain text
    var spelledControls = 0

    /// The first is learned from nothing, so never.
    var trainedCount: Int { trained.dropFirst().reduce(0) { $0 + ($1 ? 1 : 0) } }

    mutating func cut(to length: Int) {
        ids = Array(ids.prefix(length))
        trained = Array(trained.prefix(length))
        bytes = Array(bytes.prefix(length))
    }

    /// Without `count` tokens behind the first `kept`.
    mutating func cut(_ count: Int, after kept: Int) {
        let range = kept..<min(kept + count, ids.count)
        ids.removeSubrange(range)
        trained.removeSubrange(range)
        bytes.removeSubrange(range)
    }

    mutating func append(_ id: Int32, trained isTrained: Bool, bytes count: Int = 0) {
        ids.append(id)
        trained.append(isTrained)
        bytes.append(count)
    }
}
