import Datasets
import Foundation
import Images
import Matrices
import Tasks
import Tokenizers
import Transformers

/// What two forms of one model are compared on.
package enum LogitCheck {
    private static let madeUpSamples = 16
    private static let longestSample = 64

    /// Logits of all tokens, where a model has a number a word for each: 64 MiB
    private static let mostLogits = 1 << 24

    /// How far apart, relative to the largest logit or 1, the logits of one model in two forms may be: they are sums in
    /// other orders. On made-up tokens the tens of layers of a language model make more of what each rounds (30 layers of
    /// SmolLM2: 1.2e-4); a factor or an order of rows that is wrong moves logits by whole numbers.
    package static func tolerance(_ backbone: any Backbone) -> Double {
        backbone.outputMatrix == nil ? 1e-4 : 1e-3
    }

    private static let madeUpImages = 4

    /// Made-up sequences of tokens, or images for a model that reads these.
    ///
    /// - Parameter outputs: logits of each token; 0 where each sequence has some.
    package static func samples(
        _ tokenizer: Tokenizer, of backbone: any Backbone, maxLength: Int, outputs: Int = 0
    ) -> TokenizedDataset {
        if let input = backbone.imageInput {
            guard let pair = backbone.pair?.filling(with: tokenizer.paddingID) else { return images(input) }
            return images(input).with(texts: texts(tokenizer, backbone, pair, maxLength: maxLength))
        }
        let longest = min(longestSample, maxLength, max(4, mostLogits / madeUpSamples / max(outputs, 1)))
        var stream = RandomStream(seed: 1, purpose: "samples of an export")
        // Tokens that only side files declare may have no row in the model.
        let vocabulary = tokenizer.storedSize
        let sequences = (0..<madeUpSamples).map { _ in
            let length = 1 + Int(stream.uniform() * Double(longest))
            let ids = (0..<min(length, maxLength)).map { _ in Int32(stream.uniform() * Double(vocabulary)) }
            return TokenizedDataset.Sequence(ids: ids, typeIDs: ids.map { _ in 0 })
        }
        return TokenizedDataset(sequences: sequences)
    }

    /// Tokens for each of the made-up images, of which a model may read the last one alone.
    private static func texts(
        _ tokenizer: Tokenizer, _ backbone: any Backbone, _ pair: PairOutput, maxLength: Int
    ) -> [[Int32]] {
        var stream = RandomStream(seed: 1, purpose: "texts of an export")
        let words = ["a", "of", "one", "two", "red", "round", "small", "large"]
        return (0..<madeUpImages).map { _ in
            let text = (0..<4).map { _ in words[Int(stream.uniform() * Double(words.count))] }
            let room = min(maxLength, backbone.sizes.positions)
            return pair.filling(
                tokenizer.encode(text.joined(separator: " "), pair: nil, maxLength: room).ids)
        }
    }

    /// Noise of the size that the model was trained on.
    private static func images(_ input: ImageInput) -> TokenizedDataset {
        let size = input.size
        let feed = ImageFeed(
            channels: input.channels, size: (size.height, size.width), isAugmented: false
        ) { row, _ in
            var stream = RandomStream(seed: 1, purpose: "samples of an export", indices: [row])
            let values = Matrix(rows: 1, columns: input.channels * size.height * size.width)
            stream.fillNormal(values, deviation: 1)
            return PixelImage(
                channels: input.channels, height: size.height, width: size.width, values: values.values)
        }
        return TokenizedDataset(
            feed, count: madeUpImages, rows: input.rows(height: size.height, width: size.width),
            objective: nil)
    }
}
