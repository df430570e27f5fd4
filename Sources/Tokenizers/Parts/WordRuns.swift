/// The matches of `\w+|[^\w\s]+`: words, and what else stands together; white space is gone.
struct WordRuns: PreTokenizer {
    private enum Kind {
        case word, space, other

        init(_ scalar: Unicode.Scalar) {
            self =
                UnicodeClasses.isWordScalar(scalar)
                ? .word : UnicodeClasses.isWhitespace(scalar) ? .space : .other
        }
    }

    func split(_ text: ArraySlice<LocatedScalar>) -> [ArraySlice<LocatedScalar>] {
        var runs: [ArraySlice<LocatedScalar>] = []
        var start = text.startIndex
        while start < text.endIndex {
            let kind = Kind(text[start].scalar)
            let end = text[start...].firstIndex { Kind($0.scalar) != kind } ?? text.endIndex
            if kind != .space { runs.append(text[start..<end]) }
            start = end
        }
        return runs
    }
}
