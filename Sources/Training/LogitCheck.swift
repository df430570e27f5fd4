import Datasets
import Foundation
import Matrices
import Tokenizers

/// Whether two forms of one model answer alike.
enum LogitCheck {
    private static let madeUpSamples = 16
    private static let longestSample = 64

    /// Made-up sequences of tokens.
    static func samples(_ tokenizer: Tokenizer, maxLength: Int) -> TokenizedDataset {
        var stream = RandomStream(seed: 1, purpose: "samples of an export")
        let vocabulary = tokenizer.vocabularySize
        let sequences = (0..<madeUpSamples).map { _ in
            let length = 1 + Int(stream.uniform() * Double(min(maxLength, longestSample)))
            let ids = (0..<min(length, maxLength)).map { _ in Int32(stream.uniform() * Double(vocabulary)) }
            return TokenizedDataset.Sequence(ids: ids, typeIDs: ids.map { _ in 0 })
        }
        return TokenizedDataset(sequences: sequences, targets: nil)
    }

    /// The largest difference, and the largest logit of `a`.
    static func difference(_ a: Matrix, _ b: Matrix) -> (largest: Double, logit: Double) {
        guard a.rows == b.rows, a.columns == b.columns else { return (.infinity, 0) }
        var (largest, logit) = (0.0, 0.0)
        for index in 0..<a.count {
            let (x, y) = (Double(a.pointer[index]), Double(b.pointer[index]))
            guard (x - y).isFinite else { return (.infinity, logit) }
            largest = max(largest, abs(x - y))
            logit = max(logit, abs(x))
        }
        return (largest, logit)
    }
}
