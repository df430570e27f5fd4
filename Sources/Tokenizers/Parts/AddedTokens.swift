/// An entry of `added_tokens`: a text that is one token wherever it stands.
struct AddedToken: Sendable {
    let text: String
    var id: Int32
    /// Takes the white space before it (after it) along.
    var stripsLeft = false
    var stripsRight = false
    /// Not inside a word.
    var isSingleWord = false
    /// Looked for in the normalized text, not in the original.
    var isNormalized = false
    /// Part of no text: of the model's own, or added as such.
    var isSpecial = false
    /// Whether nobody says `isNormalized`, so that it is the opposite of `isSpecial`.
    var followsSpecial = false
}

/// Finds added tokens in a text: the leftmost, and the longest of those that start at one place; or as llama.cpp does it,
/// the longest of all first.
struct AddedTokens: Sendable {
    enum Piece {
        case text(ArraySlice<LocatedScalar>)
        case token(Int32, ArraySlice<LocatedScalar>)
    }

    private struct Match {
        let token: AddedToken
        let range: Range<Int>
    }

    private let tokens: [AddedToken]
    private let trie: ScalarTrie
    private let openers: Set<Unicode.Scalar>
    /// `openers` below U+0080, where most text is.
    private let asciiOpeners: [Bool]
    private let isLongestFirst: Bool

    /// Compared by scalars: "[MASK]" followed by a combining mark still is one.
    init(_ tokens: [(scalars: [Unicode.Scalar], token: AddedToken)], isLongestFirst: Bool = false) {
        self.isLongestFirst = isLongestFirst
        self.tokens = tokens.map(\.token)
        var trie = ScalarTrie(capacity: 0)
        for (index, token) in tokens.enumerated() { trie.insert(token.scalars, Int32(index)) }
        self.trie = trie
        let openers = Set(tokens.compactMap(\.scalars.first))
        self.openers = openers
        asciiOpeners = (0..<0x80).map { openers.contains(Unicode.Scalar(UInt8($0))) }
    }

    func split(_ text: ArraySlice<LocatedScalar>) -> [Piece] {
        var data = DataRanges()
        return split(text, data: &data)
    }

    /// Special tokens are left as plain text where they touch data, and counted there.
    func split(_ text: ArraySlice<LocatedScalar>, data: inout DataRanges) -> [Piece] {
        if tokens.isEmpty { return [.text(text)] }
        var pieces: [Piece] = []
        var done = text.startIndex
        for match in isLongestFirst ? longestFirst(text, &data) : leftmost(text, &data) {
            let token = match.token
            var (start, end) = (match.range.lowerBound, match.range.upperBound)
            if token.isSingleWord {
                if start > text.startIndex && UnicodeClasses.isWordScalar(text[start - 1].scalar) { continue }
                if end < text.endIndex && UnicodeClasses.isWordScalar(text[end].scalar) { continue }
            }
            if token.stripsLeft {
                while start > done, UnicodeClasses.isWhitespace(text[start - 1].scalar) { start -= 1 }
            }
            if token.stripsRight {
                while end < text.endIndex, UnicodeClasses.isWhitespace(text[end].scalar) { end += 1 }
            }
            if done < start { pieces.append(.text(text[done..<start])) }
            pieces.append(.token(token.id, text[start..<end]))
            done = end
        }
        if done < text.endIndex { pieces.append(.text(text[done...])) }
        return pieces
    }

    private func leftmost(_ text: ArraySlice<LocatedScalar>, _ data: inout DataRanges) -> [Match] {
        var matches: [Match] = []
        var index = text.startIndex
        while index < text.endIndex {
            guard mayOpen(text[index].scalar), let match = self.matches(text[index...], &data).last else {
                index += 1
                continue
            }
            matches.append(match)
            index = match.range.upperBound
        }
        return matches
    }

    private func longestFirst(_ text: ArraySlice<LocatedScalar>, _ data: inout DataRanges) -> [Match] {
        var all: [Match] = []
        for index in text.indices where mayOpen(text[index].scalar) {
            all += matches(text[index...], &data)
        }
        func length(_ match: Match) -> Int { match.token.text.utf8.count }
        all.sort {
            length($0) != length($1) ? length($0) > length($1) : $0.range.lowerBound < $1.range.lowerBound
        }
        var isTaken = [Bool](repeating: false, count: all.isEmpty ? 0 : text.count)
        var matches: [Match] = []
        for match in all {
            let place = match.range.lowerBound - text.startIndex..<match.range.upperBound - text.startIndex
            if isTaken[place].contains(true) { continue }
            for index in place { isTaken[index] = true }
            matches.append(match)
        }
        return matches.sorted { $0.range.lowerBound < $1.range.lowerBound }
    }

    private func mayOpen(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x80 ? asciiOpeners[Int(scalar.value)] : openers.contains(scalar)
    }

    /// The tokens that start here, the longest last.
    private func matches(_ text: ArraySlice<LocatedScalar>, _ data: inout DataRanges) -> [Match] {
        var (node, found): (Int32, [Match]) = (0, [])
        for index in text.indices {
            guard let child = trie.child(of: node, text[index].scalar) else { break }
            node = child
            guard let entry = trie.entry(at: node) else { continue }
            let token = tokens[Int(entry)]
            if token.isSpecial, data.keepsOut(text[text.startIndex...index]) { continue }
            found.append(Match(token: token, range: text.startIndex..<(index + 1)))
        }
        return found
    }
}
