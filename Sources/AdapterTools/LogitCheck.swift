import Datasets
import Foundation
import Matrices
import Tasks
import Tokenizers

/// What two forms of one model are compared on.
package enum LogitCheck {
    private static let madeUpSamples = 16
    private static let longestSample = 64

    /// Made-up sequences of tokens.
    package static func samples(_ tokenizer: Tokenizer, maxLength: Int) -> TokenizedDataset {
        var stream = RandomStream(seed: 1, purpose: "samples of an export")
        // Tokens that only side files declare may have no row in the model.
        let vocabulary = tokenizer.storedSize
        let sequences = (0..<madeUpSamples).map { _ in
            let length = 1 + Int(stream.uniform() * Double(min(maxLength, longestSample)))
            let ids = (0..<min(length, maxLength)).map { _ in Int32(stream.uniform() * Double(vocabulary)) }
            return TokenizedDataset.Sequence(ids: ids, typeIDs: ids.map { _ in 0 })
        }
        return TokenizedDataset(sequences: sequences)
    }
}
