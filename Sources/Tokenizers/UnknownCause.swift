import ModelFiles

/// What would make a part of a text known to the vocabulary, as far as the text shows it.
package enum UnknownCause: Sendable, CaseIterable {
    /// Its capitals, which the tokenizer makes small.
    case keptCapitals
    /// Small letters instead of its capitals.
    case smallLetters
    /// Its accents, which the tokenizer drops.
    case keptAccents
    /// Letters without their accents.
    case noAccents
    /// Another way of splitting: it is made of tokens that the vocabulary has as words only.
    case splitting
    /// A limit that takes longer words.
    case length
    /// Nothing: it is neither letters nor digits.
    case symbols
    /// Nothing that is known here.
    case other
}

extension Tokenizer {
    /// How many unknown tokens of these texts have which cause, with some of the words.
    package func unknownCauses(in texts: [String]) -> [UnknownCause: (count: Int, words: [String])] {
        guard let unknownID else { return [:] }
        var causes: [UnknownCause: (count: Int, words: [String])] = [:]
        var known: [String: UnknownCause] = [:]
        let search = UnknownSearch(self)
        for text in texts {
            let tokens = tokens(of: text, by: pipeline)
            for (id, place) in zip(tokens.ids, tokens.offsets) where id == unknownID {
                let chunk = Self.chunk(of: text, around: place)
                let cause = known[chunk] ?? search.cause(chunk)
                known[chunk] = cause
                causes[cause, default: (0, [])].count += 1
                let words = causes[cause]?.words ?? []
                if words.count < 3, !words.contains(chunk) { causes[cause]?.words.append(chunk) }
            }
        }
        return causes
    }

    /// The text between white space in which a token stands.
    private static func chunk(of text: String, around place: Range<Int>) -> String {
        let scalars = LocatedScalar.scalars(of: text)
        guard var start = scalars.firstIndex(where: { $0.end > place.lowerBound }) else { return "" }
        var end = start
        func isSpace(_ index: Int) -> Bool { UnicodeClasses.isWhitespace(scalars[index].scalar) }
        while end < scalars.count, !isSpace(end) || scalars[end].start < place.upperBound { end += 1 }
        while start > 0, !isSpace(start - 1) { start -= 1 }
        var view = String.UnicodeScalarView()
        for located in scalars[start..<end] { view.append(located.scalar) }
        return String(view)
    }
}

/// Tries a text in other ways.
private struct UnknownSearch {
    private let tokenizer: Tokenizer
    private let words: ScalarTrie
    private let longestTried = 2_000

    init(_ tokenizer: Tokenizer) {
        self.tokenizer = tokenizer
        var words = ScalarTrie(capacity: 0)
        for (id, name) in tokenizer.tokenNames where id != tokenizer.unknownID {
            words.insert(name.unicodeScalars, id)
        }
        self.words = words
    }

    func cause(_ chunk: String) -> UnknownCause {
        let pipeline = tokenizer.pipeline
        let ways: [(UnknownCause, TextPipeline?)] = [
            (.keptCapitals, pipeline.folding(case: false)), (.smallLetters, pipeline.folding(case: true)),
            (.keptAccents, pipeline.folding(accents: false)), (.noAccents, pipeline.folding(accents: true)),
            (.keptCapitals, pipeline.folding(case: false, accents: false)),
            (.smallLetters, pipeline.folding(case: true, accents: true)),
            (.length, pipeline.ofAnyLength),
        ]
        for (cause, way) in ways {
            if let way, isKnown(chunk, by: way) { return cause }
        }
        let small = Lowercase().normalize(LocatedScalar.scalars(of: chunk)).map(\.scalar)
        if canBeCut(Array(chunk.unicodeScalars)) || canBeCut(small) { return .splitting }
        let spells = chunk.unicodeScalars.contains {
            UnicodeClasses.isLetter($0) || UnicodeClasses.isExpressionNumber($0)
        }
        return spells ? .other : .symbols
    }

    private func isKnown(_ chunk: String, by pipeline: TextPipeline) -> Bool {
        let ids = tokenizer.tokens(of: chunk, by: pipeline).ids
        return !ids.isEmpty && !ids.contains { $0 == tokenizer.unknownID }
    }

    /// Whether tokens of the vocabulary, each as it stands, make up a text of more than one.
    private func canBeCut(_ text: [Unicode.Scalar]) -> Bool {
        guard text.count > 1, text.count <= longestTried else { return false }
        var isReached = [Bool](repeating: false, count: text.count + 1)
        isReached[0] = true
        for start in text.indices where isReached[start] {
            var node: Int32 = 0
            for end in start..<text.count {
                guard let child = words.child(of: node, text[end]) else { break }
                node = child
                if words.entry(at: node) != nil { isReached[end + 1] = true }
            }
        }
        return isReached[text.count]
    }
}

extension TextPipeline {
    /// The same with another treatment of case and accents; nil where it is the same.
    func folding(case lowercase: Bool? = nil, accents stripped: Bool? = nil) -> TextPipeline? {
        switch self {
        case .bert(let old, let model):
            let new = BertNormalizer(
                cleanText: old.cleanText, handleChineseCharacters: old.handleChineseCharacters,
                stripAccents: stripped ?? old.stripAccents, lowercase: lowercase ?? old.lowercase)
            let isSame = new.stripAccents == old.stripAccents && new.lowercase == old.lowercase
            return isSame ? nil : .bert(new, model)
        case .subword(let steps, let splitting, let model):
            var new = steps
            if let lowercase {
                guard steps.contains(where: { $0 is Lowercase }) != lowercase else { return nil }
                new = lowercase ? [Lowercase()] + steps : steps.filter { !($0 is Lowercase) }
            }
            if let stripped {
                guard steps.contains(where: { $0 is StripAccents }) != stripped else { return nil }
                let marks: [any TextNormalizer] = [
                    NormalizationForm(isCompatible: false, composes: false), StripAccents(),
                ]
                new = stripped ? marks + new : new.filter { !($0 is StripAccents) }
            }
            return .subword(new, splitting, model)
        }
    }

    /// The same for words of any length; nil where it is the same.
    var ofAnyLength: TextPipeline? {
        guard case .bert(let normalizer, var model) = self else { return nil }
        model.longestWord = .max
        return .bert(normalizer, model)
    }
}
