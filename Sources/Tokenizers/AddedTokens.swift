/// An entry of `added_tokens`: a text that is one token wherever it stands.
struct AddedToken: Sendable {
    let text: String
    let id: Int32
    /// Takes the white space before it (after it) along.
    var stripsLeft = false
    var stripsRight = false
    /// Not inside a word.
    var isSingleWord = false
    /// Looked for in the normalized text, not in the original.
    var isNormalized = false
}

/// Finds added tokens in a text: the leftmost, and the longest of those that start at one place.
struct AddedTokens: Sendable {
    enum Piece {
        case text(ArraySlice<LocatedScalar>)
        case token(Int32, ArraySlice<LocatedScalar>)
    }

    private let patterns: [(scalars: [Unicode.Scalar], token: AddedToken)]
    private let openers: Set<Unicode.Scalar>
    /// `openers` below U+0080, where most text is.
    private let asciiOpeners: [Bool]

    /// Compared by scalars: "[MASK]" followed by a combining mark still is one.
    init(_ tokens: [(scalars: [Unicode.Scalar], token: AddedToken)]) {
        patterns = tokens.enumerated().sorted {
            ($1.element.scalars.count, $0.offset) < ($0.element.scalars.count, $1.offset)
        }.map(\.element)
        let openers = Set(patterns.compactMap(\.scalars.first))
        self.openers = openers
        asciiOpeners = (0..<0x80).map { openers.contains(Unicode.Scalar(UInt8($0))) }
    }

    func split(_ text: ArraySlice<LocatedScalar>) -> [Piece] {
        if patterns.isEmpty { return [.text(text)] }
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
        let found = patterns.first { pattern in
            pattern.scalars.count <= text.count && zip(pattern.scalars, text).allSatisfy { $0 == $1.scalar }
        }
        return found.map { ($0.token, $0.scalars.count) }
    }
}
