/// Greedy longest-match-first WordPiece (Wu et al. 2016, as in BERT) over UTF-8 bytes.
struct WordPiece: Sendable {
    let unknownID: Int32
    private let vocabulary: [(token: String, id: Int32)]
    /// Longer words, in scalars, become the unknown token.
    var longestWord: Int
    /// In scalars; no longer piece needs a look, which keeps long words linear.
    private let longestPiece: Int
    private let continuingPrefix: [UInt8]
    private let continuationHash: UInt64
    /// All tokens end to end, entry i from `ends[i]` to `ends[i + 1]`.
    private var bytes: [UInt8] = []
    private var ends: [Int] = [0]
    /// The entry of each hash. A match is checked by its bytes, since anyone can make texts of equal hash.
    private var entries: [UInt64: Int32] = [:]

    private static let seed: UInt64 = 0xCBF2_9CE4_8422_2325

    /// Throws when a token stands twice, or two share a 64-bit hash (hostile, or by chance once in 10¹⁰
    /// vocabularies).
    init(
        vocabulary: [(token: String, id: Int32)], unknownID: Int32, continuingPrefix: String,
        longestWord: Int, file: String
    ) throws {
        self.vocabulary = vocabulary
        self.unknownID = unknownID
        self.longestWord = longestWord
        self.continuingPrefix = Array(continuingPrefix.utf8)
        continuationHash = continuingPrefix.utf8.reduce(Self.seed, Self.mix)
        longestPiece = vocabulary.reduce(0) { max($0, $1.token.unicodeScalars.count) }
        entries.reserveCapacity(vocabulary.count)
        ends.reserveCapacity(vocabulary.count + 1)
        for (entry, token) in vocabulary.map(\.token).enumerated() {
            let hash = token.utf8.reduce(Self.seed, Self.mix)
            if let other = entries.updateValue(Int32(entry), forKey: hash) {
                let twin = vocabulary[Int(other)].token
                let same = twin.utf8.elementsEqual(token.utf8)
                throw TokenizerError(
                    file: file,
                    problem: same
                        ? "token \(inQuotes(token)) stands twice in the vocabulary"
                        : "tokens \(inQuotes(token)) and \(inQuotes(twin)) have the same hash")
            }
            bytes += token.utf8
            ends.append(bytes.count)
        }
    }

    /// FNV-1a
    private static func mix(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
        (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
    }

    /// Appends the ids of one word. All prefixes of a piece are hashed in one pass; the longest known wins.
    func encode(_ word: ArraySlice<LocatedScalar>, into output: inout TokenList) {
        if word.count > longestWord {
            output.append(unknownID, word)
            return
        }
        let firstPiece = output.count
        var piece: [UInt8] = []
        var start = word.startIndex
        while start < word.endIndex {
            let isFirst = start == word.startIndex
            var hash = isFirst ? Self.seed : continuationHash
            piece.removeAll(keepingCapacity: true)
            if !isFirst { piece += continuingPrefix }
            var best: (entry: Int, end: Int)?
            for end in start..<min(word.endIndex, start + longestPiece) {
                let scalar = word[end].scalar
                if scalar.value < 0x80 {
                    piece.append(UInt8(scalar.value))
                    hash = Self.mix(hash, UInt8(scalar.value))
                } else {
                    for byte in UTF8.encode(scalar) ?? .init() {
                        piece.append(byte)
                        hash = Self.mix(hash, byte)
                    }
                }
                if let entry = entries[hash], isEntry(Int(entry), piece) { best = (Int(entry), end + 1) }
            }
            guard let best else {
                output.cut(to: firstPiece)
                output.append(unknownID, word)
                return
            }
            output.append(vocabulary[best.entry].id, word[start..<best.end])
            start = best.end
        }
    }

    private func isEntry(_ entry: Int, _ piece: [UInt8]) -> Bool {
        bytes[ends[entry]..<ends[entry + 1]].elementsEqual(piece)
    }
}
