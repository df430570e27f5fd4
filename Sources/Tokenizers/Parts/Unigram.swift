/// The unigram language model of SentencePiece (Kudo 2018): of all ways to cut a word, the one whose pieces'
/// scores add up highest.
struct Unigram: Sendable {
    let unknownID: Int32
    private let scores: [Double]
    private let unknownScore: Double
    /// The token of each byte that has one ("<0x0A>"), when unknown text falls back to them.
    private let byteIDs: [Int32?]
    private let trie: ScalarTrie
    /// Scores are added up as Float32, as SentencePiece itself does it; the `tokenizers` library has Float64.
    private let isSingle: Bool

    /// A token's id is its position. Of equal tokens the last counts.
    ///
    /// - Parameter apart: tokens that no text is made of.
    init(
        vocabulary: [(token: String, score: Double)], unknownID: Int32, fallsBackToBytes: Bool,
        apart: Set<Int> = [], isSingle: Bool = false
    ) {
        self.unknownID = unknownID
        self.isSingle = isSingle
        scores = vocabulary.map(\.score)
        let least = scores.indices.lazy.filter { !apart.contains($0) }.map { vocabulary[$0].score }.min() ?? 0
        unknownScore = isSingle ? Double(Float(least - 10)) : least - 10
        var byteOfToken: [String: Int] = [:]
        for byte in 0..<(fallsBackToBytes ? 256 : 0) { byteOfToken[ByteToken.name(of: UInt8(byte))] = byte }
        var byteIDs = [Int32?](repeating: nil, count: 256)
        var trie = ScalarTrie(capacity: vocabulary.count * 3)
        for (id, token) in vocabulary.map(\.token).enumerated() {
            if !apart.contains(id) { trie.insert(token.unicodeScalars, Int32(id)) }
            if let byte = byteOfToken[token] { byteIDs[byte] = Int32(id) }
        }
        self.byteIDs = byteIDs
        self.trie = trie
    }

    /// The best way to the end of a scalar.
    private struct Step {
        var score = 0.0
        var start = -1
        var id: Int32 = -1
    }

    /// Appends the ids of one word.
    func encode(_ word: ArraySlice<LocatedScalar>, into output: inout TokenList) {
        let steps = bestSteps(word)
        let base = word.startIndex
        var pieces: [(range: Range<Int>, id: Int32)] = []
        var end = word.count
        while end > 0 {
            let step = steps[end]
            let range = (base + step.start)..<(base + end)
            // Neighboring unknown pieces are one.
            if step.id == unknownID, let last = pieces.last, last.id == unknownID {
                pieces[pieces.count - 1].range = range.lowerBound..<last.range.upperBound
            } else {
                pieces.append((range, step.id))
            }
            end = step.start
        }
        for piece in pieces.reversed() {
            let place = word[piece.range]
            if piece.id == unknownID {
                appendUnknown(place, to: &output)
            } else {
                output.append(piece.id, place)
            }
        }
    }

    private func bestSteps(_ word: ArraySlice<LocatedScalar>) -> [Step] {
        var steps = [Step](repeating: Step(), count: word.count + 1)
        func offer(_ sum: Double, _ id: Int32, _ range: Range<Int>) {
            // A sum of two Float32 in Float64, rounded once more, is their sum in Float32.
            let score = isSingle ? Double(Float(sum)) : sum
            if steps[range.upperBound].start < 0 || score > steps[range.upperBound].score {
                steps[range.upperBound] = Step(score: score, start: range.lowerBound, id: id)
            }
        }
        for start in 0..<word.count {
            let sum = steps[start].score
            var node: Int32 = 0
            var isKnown = false
            for (length, located) in word[(word.startIndex + start)...].enumerated() {
                guard let child = trie.child(of: node, located.scalar) else { break }
                node = child
                guard let id = trie.entry(at: node) else { continue }
                if length == 0 { isKnown = true }
                offer(scores[Int(id)] + sum, id, start..<(start + length + 1))
            }
            if !isKnown { offer(unknownScore + sum, unknownID, start..<(start + 1)) }
        }
        return steps
    }

    /// Unknown text may be a token after all once its pieces are joined, or fall back to its bytes.
    private func appendUnknown(_ place: ArraySlice<LocatedScalar>, to output: inout TokenList) {
        var node: Int32? = 0
        for located in place { node = node.flatMap { trie.child(of: $0, located.scalar) } }
        if let id = node.flatMap(trie.entry) {
            output.append(id, place)
            return
        }
        let ids = place.flatMap { UTF8.encode($0.scalar).map(Array.init) ?? [] }.map { byteIDs[Int($0)] }
        if ids.contains(nil) {
            output.append(unknownID, place)
        } else {
            for id in ids.compactMap(\.self) { output.append(id, place) }
        }
    }
}
