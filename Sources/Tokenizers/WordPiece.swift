/// Greedy longest-match-first WordPiece (Wu et al. 2016, as in BERT) over UTF-8 bytes.
struct WordPiece: Sendable {
    private var ids: [UInt64: Int32] = [:]
    private let continuationHash: UInt64
    let unknownID: Int32
    /// Longer words, in scalars, become the unknown token.
    let longestWord: Int
    /// In scalars; no longer piece needs a look, which keeps long words linear.
    private let longestPiece: Int

    private static let seed: UInt64 = 0xCBF2_9CE4_8422_2325

    /// Throws when two tokens share a 64-bit hash (hostile, or by chance once in 10¹⁰ vocabularies).
    init(
        vocabulary: [(token: String, id: Int32)], unknownID: Int32, continuingPrefix: String,
        longestWord: Int, file: String
    ) throws {
        self.unknownID = unknownID
        self.longestWord = longestWord
        longestPiece = vocabulary.map(\.token.unicodeScalars.count).max() ?? 0
        continuationHash = continuingPrefix.utf8.reduce(Self.seed, Self.mix)
        ids.reserveCapacity(vocabulary.count)
        for (token, id) in vocabulary {
            let hash = token.utf8.reduce(Self.seed, Self.mix)
            if ids.updateValue(id, forKey: hash) != nil {
                throw TokenizerError(file: file, problem: "token \"\(token)\" stands twice in the vocabulary")
            }
        }
    }

    /// FNV-1a
    private static func mix(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
        (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
    }

    /// Appends the ids of one word. All prefixes of a piece are hashed in one pass; the longest known wins.
    func encode(_ word: ArraySlice<Unicode.Scalar>, into output: inout [Int32]) {
        if word.count > longestWord {
            output.append(unknownID)
            return
        }
        let firstPiece = output.count
        var start = word.startIndex
        while start < word.endIndex {
            var hash = start == word.startIndex ? Self.seed : continuationHash
            var best: (id: Int32, end: Int)?
            for end in start..<min(word.endIndex, start + longestPiece) {
                if word[end].value < 0x80 {
                    hash = Self.mix(hash, UInt8(word[end].value))
                } else {
                    for byte in UTF8.encode(word[end]) ?? .init() { hash = Self.mix(hash, byte) }
                }
                if let id = ids[hash] { best = (id, end + 1) }
            }
            guard let best else {
                output.removeLast(output.count - firstPiece)
                output.append(unknownID)
                return
            }
            output.append(best.id)
            start = best.end
        }
    }
}
