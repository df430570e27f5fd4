import Images

/// Sequences laid end to end, without padding: T rows in all, sequence b holds offsets[b] ..< offsets[b + 1]. They are token
/// ids, or images, which the embedding cuts into patches, or, for a model of two towers, texts each with an image; nothing
/// else asks which.
package struct PackedBatch: Sendable {
    package let ids: [Int32]
    package let typeIDs: [Int32]
    package let offsets: [Int]
    /// What sequences begin with alike, for models that compute that once; nil for each sequence by itself.
    package let tree: TokenTree?
    /// Gives the image of each sequence when the embedding asks; nil where there are none.
    package let images: (@Sendable () -> [PixelImage])?

    /// Rows of all sequences, be they tokens or what a model makes of images.
    package var tokens: Int { offsets[offsets.count - 1] }
    package var sequences: Int { offsets.count - 1 }

    /// - Parameter isShared: whether tokens that sequences begin with alike may be computed once, where they are many.
    package init(_ sequences: [(ids: [Int32], typeIDs: [Int32])], isShared: Bool = false) {
        var ids: [Int32] = []
        var typeIDs: [Int32] = []
        var offsets = [0]
        for sequence in sequences {
            precondition(!sequence.ids.isEmpty, "an empty sequence has no row to attend to")
            precondition(
                sequence.ids.count == sequence.typeIDs.count,
                "\(sequence.ids.count) ids with \(sequence.typeIDs.count) type ids")
            ids += sequence.ids
            typeIDs += sequence.typeIDs
            offsets.append(ids.count)
        }
        self.ids = ids
        self.typeIDs = typeIDs
        self.offsets = offsets
        tree = isShared ? TokenTree(sequences) : nil
        images = nil
    }

    /// Images.
    ///
    /// - Parameters:
    ///   - lengths: rows that the model makes of each.
    ///   - images: gives them, if the model asks for more than what it has made of them before.
    package init(lengths: [Int], images: @escaping @Sendable () -> [PixelImage]) {
        var offsets = [0]
        for length in lengths { offsets.append(offsets[offsets.count - 1] + length) }
        self.offsets = offsets
        (ids, typeIDs, tree) = ([], [], nil)
        self.images = images
    }

    /// Texts, each with an image: the offsets are those of the texts.
    package init(texts: [[Int32]], images: @escaping @Sendable () -> [PixelImage]) {
        var offsets = [0]
        for text in texts {
            precondition(!text.isEmpty, "an empty sequence has no row to attend to")
            offsets.append(offsets[offsets.count - 1] + text.count)
        }
        ids = texts.flatMap(\.self)
        typeIDs = Array(repeating: 0, count: ids.count)
        self.offsets = offsets
        tree = nil
        self.images = images
    }

    /// - Parameter input: of the model.
    package init(_ images: [PixelImage], _ input: ImageInput) {
        self.init(lengths: images.map { input.rows(height: $0.height, width: $0.width) }) { images }
    }

    /// Tokens of it that are computed by a model that computes once what sequences begin with alike
    package var computedTokens: Int { tree?.tokens ?? tokens }
    /// Of the longest sequence
    var longest: Int { zip(offsets, offsets.dropFirst()).reduce(0) { max($0, $1.1 - $1.0) } }

    /// first, first + 1, first + 2 … in each sequence; a token `skipped` stays at first − 1 and is not counted.
    package func positions(from first: Int = 0, skipping skipped: Int32? = nil) -> [Int32] {
        var positions: [Int32] = []
        positions.reserveCapacity(tokens)
        for sequence in 0..<sequences {
            var next = Int32(first)
            for id in ids[offsets[sequence]..<offsets[sequence + 1]] {
                positions.append(id == skipped ? Int32(first) - 1 : next)
                if id != skipped { next += 1 }
            }
        }
        return positions
    }
}
