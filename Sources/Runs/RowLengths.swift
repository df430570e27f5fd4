import Datasets
import Tasks
import Tokenizers

/// Lengths of a file's rows in tokens, special tokens included, before anything is cut.
package struct RowLengths: Sendable, Equatable {
    package let shortest: Int
    package let median: Int
    /// 95 % of the rows have at most this many.
    package let percentile95: Int
    package let longest: Int
    /// Rows of more than the longest allowed: cut, left out or, of questions, read through several windows.
    package let tooLong: Int
    /// Tokens that a language model learns to say, once rows are cut; nil for other tasks.
    package let learned: Int?

    /// Percentiles by nearest rank. `lengths` is not empty.
    package init(_ lengths: [Int], maxLength: Int, learned: Int? = nil) {
        precondition(!lengths.isEmpty, "lengths of no rows")
        let sorted = lengths.sorted()
        func rank(_ percent: Int) -> Int { sorted[(percent * sorted.count + 99) / 100 - 1] }
        shortest = sorted[0]
        median = rank(50)
        percentile95 = rank(95)
        longest = sorted[sorted.count - 1]
        self.learned = learned
        tooLong = lengths.count { $0 > maxLength }
    }

    /// Of what a language model reads, one length a sequence.
    init(words data: TokenizedDataset, maxLength: Int) {
        self.init(
            zip(data.sequences, data.truncated).map { $0.ids.count + $1 }, maxLength: maxLength,
            learned: data.objective.map { Int($0.weight(of: Array(data.sequences.indices))) })
    }

    init(_ dataset: Dataset, _ tokenizer: Tokenizer, maxLength: Int) {
        self.init(
            dataset.examples.map { example in
                if let words = example.words {
                    return tokenizer.encode(words: words, maxLength: Int.max).encoding.ids.count
                }
                return tokenizer.encode(example.text, pair: example.pair, maxLength: Int.max).ids.count
            }, maxLength: maxLength)
    }
}
