/// GPT-2's pre-tokenizer: a text in words by a regular expression, then each UTF-8 byte as one visible
/// scalar, so that a vocabulary of 256 scalars spells everything.
struct ByteLevel: PreTokenizer {
    /// Puts a space before a text that does not begin with one.
    let addsPrefixSpace: Bool
    /// Without it each text is one word.
    let splitsWords: Bool

    /// What stands for a space.
    static let space: Unicode.Scalar = scalars[0x20]

    /// The scalar of each byte: itself where it is visible, or else the next one from U+0100.
    static let scalars: [Unicode.Scalar] = {
        var next: UInt32 = 0x100
        return (UInt32(0)..<256).map { byte in
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(UInt8(byte))
            default:
                defer { next += 1 }
                return Unicode.Scalar(next) ?? " "
            }
        }
    }()

    func split(_ text: ArraySlice<LocatedScalar>) -> [ArraySlice<LocatedScalar>] {
        guard let first = text.first else { return [] }
        var text = text
        if addsPrefixSpace && first.scalar != " " {
            text.insert(LocatedScalar(scalar: " ", start: first.start, end: first.end), at: text.startIndex)
        }
        var bytes: [LocatedScalar] = []
        bytes.reserveCapacity(text.count)
        var ends: [Int] = []
        for word in splitsWords ? Self.words(text) : [text.indices] {
            for var located in text[word] {
                let scalar = located.scalar
                if scalar.value < 0x80 {
                    located.scalar = Self.scalars[Int(scalar.value)]
                    bytes.append(located)
                } else {
                    for byte in UTF8.encode(scalar) ?? .init() {
                        located.scalar = Self.scalars[Int(byte)]
                        bytes.append(located)
                    }
                }
            }
            ends.append(bytes.count)
        }
        return zip([0] + ends, ends).map { bytes[$0..<$1] }
    }

    private enum Kind {
        case space, letter, number, other

        init(_ scalar: Unicode.Scalar) {
            if UnicodeClasses.isWhitespace(scalar) {
                self = .space
            } else if UnicodeClasses.isLetter(scalar) {
                self = .letter
            } else if UnicodeClasses.isExpressionNumber(scalar) {
                self = .number
            } else {
                self = .other
            }
        }
    }

    /// The matches of `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`, which
    /// cover the text.
    private static func words(_ text: ArraySlice<LocatedScalar>) -> [Range<Int>] {
        let kinds = text.map { Kind($0.scalar) }
        let base = text.startIndex
        var words: [Range<Int>] = []
        var start = 0
        while start < kinds.count {
            var end = start + contraction(text[(base + start)...])
            if end == start {
                let isSpace = text[base + start].scalar == " "
                let first =
                    isSpace && start + 1 < kinds.count && kinds[start + 1] != .space ? start + 1 : start
                end = first + 1
                while end < kinds.count, kinds[end] == kinds[first] { end += 1 }
                // The last of several spaces before a word is left to that word.
                if kinds[first] == .space, end < kinds.count, end - start > 1 { end -= 1 }
            }
            words.append((base + start)..<(base + end))
            start = end
        }
        return words
    }

    /// The length of a contraction's ending at the start of a text, or 0.
    private static func contraction(_ text: ArraySlice<LocatedScalar>) -> Int {
        guard text.first?.scalar == "'", let second = text.dropFirst().first?.scalar else { return 0 }
        switch second {
        case "s", "t", "m", "d": return 2
        case "r", "v": return text.dropFirst(2).first?.scalar == "e" ? 3 : 0
        case "l": return text.dropFirst(2).first?.scalar == "l" ? 3 : 0
        default: return 0
        }
    }
}
