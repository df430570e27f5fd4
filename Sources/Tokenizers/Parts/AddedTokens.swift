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

/// Finds added tokens in a text: the leftmost, and the longest of those that start at one place.
struct AddedTokens: Sendable {
    enum Piece {
        case text(ArraySlice<LocatedScalar>)
        case token(Int32, ArraySlice<LocatedScalar>)
    }

    private let tokens: [AddedToken]
    private let trie: ScalarTrie
    private let openers: Set<Unicode.Scalar>
    /// `openers` below U+0080, where most text is.
    private let asciiOpeners: [Bool]

    /// Compared by scalars: "[MASK]" followed by a combining mark still is one.
    init(_ tokens: [(scalars: [Unicode.Scalar], token: AddedToken)]) {
        self.tokens = tokens.map(\.token)
        var trie = ScalarTrie(capacity: 0)
        for (index, token) in tokens.enumerated() { trie.insert(token.scalars, Int32(index)) }
        self.trie = trie
        let openers = Set(tokens.compactMap(\.scalars.first))
        self.openers = openers
        asciiOpeners = (0..<0x80).map { openers.contains(Unicode.Scalar(UInt8($0))) }
    }

    func split(_ text: ArraySlice<LocatedScalar>) -> [Piece] {
        if tokens.isEmpty { return [.text(text)] }
        var pieces: [Piece] = []
        var done = text.startIndex
        var index = text.startIndex
        while index < text.endIndex {
            guard mayOpen(text[index].scalar), let (token, count) = match(text[index...]) else {
                index += 1
                continue
            }
            var start = index
            var end = index + count
            index = end
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

    private func mayOpen(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x80 ? asciiOpeners[Int(scalar.value)] : openers.contains(scalar)
    }

    private func match(_ text: ArraySlice<LocatedScalar>) -> (AddedToken, Int)? {
        var (node, longest): (Int32, (AddedToken, Int)?) = (0, nil)
        for (length, located) in text.enumerated() {
            guard let child = trie.child(of: node, located.scalar) else { break }
            node = child
            if let index = trie.entry(at: node) { longest = (tokens[Int(index)], length + 1) }
        }
        return longest
    }
}
