/// SentencePiece's pre-tokenizer: a visible mark for each space, and a word begins at each mark.
struct Metaspace: PreTokenizer {
    enum Prefix: String {
        case always
        /// Only at the very start of the original text.
        case first
        case never
    }

    let mark: Unicode.Scalar
    let prefix: Prefix
    let splitsWords: Bool

    func split(_ text: ArraySlice<LocatedScalar>) -> [ArraySlice<LocatedScalar>] {
        guard let first = text.first else { return [] }
        var marked = text.map { located in
            var located = located
            if located.scalar == " " { located.scalar = mark }
            return located
        }
        let addsMark = prefix == .always || (prefix == .first && first.start == 0)
        if addsMark && marked[0].scalar != mark {
            marked.insert(LocatedScalar(scalar: mark, start: first.start, end: first.end), at: 0)
        }
        if !splitsWords { return [marked[...]] }
        var words: [ArraySlice<LocatedScalar>] = []
        var start = 0
        for index in marked.indices.dropFirst() where marked[index].scalar == mark {
            words.append(marked[start..<index])
            start = index
        }
        words.append(marked[start...])
        return words
    }
}
