/// How large a part of the logits of a vocabulary exists at a time. The rules look at sizes alone, so that the bits are the
/// same on any number of threads.
package struct VocabularyBlocks {
    package let rows: Int
    package let words: Int

    /// A megabyte of logits, which stay in the second cache of a core between the product that makes them and the one that
    /// reads them: up to 512 rows, so that a packed matrix is unpacked once for all of them, and 512 words or more.
    package static func passing(count: Int, vocabulary: Int) -> VocabularyBlocks {
        let elements = 1 << 18
        let rows = max(1, min(count, 512))
        return VocabularyBlocks(
            rows: rows, words: max(1, min(vocabulary, elements / max(rows, 32) / 64 * 64)))
    }

    package init(rows: Int, words: Int) {
        self.rows = rows
        self.words = words
    }

    /// For gradients that need all logits of a row at a time. 32 MiB of them: up to 262,144 words all of a row's, which are then computed once, and 32 to 256 rows, for
    /// products that keep their speed.
    package init(count: Int, vocabulary: Int) {
        let elements = 1 << 23
        let most = max(32, min(256, elements / max(vocabulary, 1) / 8 * 8))
        self.init(rows: max(1, min(count, most)), words: max(1, min(vocabulary, elements / most)))
    }
}

/// What a model says of the token that follows.
package struct TokenScore: Sendable, Equatable {
    /// −log of its probability
    package let loss: Double
    /// No word is more probable.
    package let isFirst: Bool

    package init(loss: Double, isFirst: Bool) { (self.loss, self.isFirst) = (loss, isFirst) }
}
