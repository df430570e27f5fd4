/// A regular expression from a tokenizer file, as Oniguruma reads it (Ruby's syntax).
///
/// It has a matcher of its own because none at hand is exact and safe: the categories must be those of Unicode 16, and
/// Debian's PCRE2 has 14 (ideographs, scripts and emoji of two versions would be split otherwise), Foundation's and
/// Swift's engines have the system's; and an expression that tries one way after the other without end must not keep a run
/// busy, where a match limit of PCRE2 would leave the text unsplit. Here each branch is tried once at each place, so that
/// a search takes at most (length of the text) × (length of the program) steps.
struct Expression: Sendable {
    enum Instruction: Sendable {
        /// Takes one scalar of a set.
        case scalar(Int)
        /// Takes as many scalars of a set as there are, from `minimum` to `maximum`, and gives none back.
        case run(set: Int, minimum: Int, maximum: Int)
        case jump(Int)
        /// Tries one way, then the other; branches are numbered.
        case branch(Int, first: Int, second: Int)
        /// Goes on at `next` if the instructions from here to the `accept` before `next` match (do not match), whose
        /// branches are these.
        case look(isNegative: Bool, branches: Range<Int>, next: Int)
        /// The end of the text or of a line.
        case lineEnd
        case accept
    }

    let instructions: [Instruction]
    let sets: [ScalarSet]
    /// How many branches the instructions have.
    let branches: Int
    let edition: UnicodeEdition

    /// Throws `ExpressionError` for what this version does not know.
    init(_ text: String, edition: UnicodeEdition = .oniguruma) throws(ExpressionError) {
        var parser = ExpressionParser(text)
        let tree = try parser.parse()
        var compiler = ExpressionCompiler()
        try compiler.compile(tree)
        instructions = compiler.instructions
        branches = compiler.branches
        sets = parser.sets
        self.edition = edition
    }

    /// A text as it stands.
    init(literal text: [Unicode.Scalar]) {
        sets = text.map { ScalarSet([.range($0.value...$0.value)]) }
        instructions = text.indices.map { .scalar($0) } + [.accept]
        branches = 0
        edition = .oniguruma
    }

    /// The matches in order and what stands between them, which together are the text; matches may be empty.
    func pieces(of text: ArraySlice<LocatedScalar>) -> [(range: Range<Int>, isMatch: Bool)] {
        if text.isEmpty { return [] }
        var matcher = ExpressionMatcher(self, text)
        var pieces: [(range: Range<Int>, isMatch: Bool)] = []
        var (done, from) = (0, 0)
        var lastEnd: Int?
        while from <= text.count, let match = matcher.firstMatch(from: from) {
            // No empty match right behind another one.
            if match.isEmpty, match.lowerBound == lastEnd {
                from += 1
                continue
            }
            if done < match.lowerBound { pieces.append((done..<match.lowerBound, false)) }
            pieces.append((match, true))
            done = match.upperBound
            (from, lastEnd) = (done, done)
        }
        if done < text.count { pieces.append((done..<text.count, false)) }
        let start = text.startIndex
        return pieces.map { (($0.range.lowerBound + start)..<($0.range.upperBound + start), $0.isMatch) }
    }
}

/// What of an expression this version does not read.
struct ExpressionError: Error {
    let what: String
}
