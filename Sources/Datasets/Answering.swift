/// A stretch of a question's context as one sequence, with where its tokens stand.
package struct AnswerWindow: Sendable, Equatable {
    /// Which of the questions.
    package let question: Int
    /// The UTF-8 bytes of the context that each token stands for; nil outside the context.
    package let offsets: [Range<Int>?]

    package init(question: Int, offsets: [Range<Int>?]) {
        self.question = question
        self.offsets = offsets
    }

    /// The first and last token of an answer, or 0 and 0 (the window's first token) where the window does not hold all
    /// of it: the last token that begins at or before its start, the first that ends at or after its end.
    package func tokens(of answer: Range<Int>) -> (start: Int, end: Int) {
        guard let first = offsets.firstIndex(where: { $0 != nil }),
            let last = offsets.lastIndex(where: { $0 != nil }),
            let begin = offsets[first]?.lowerBound, let finish = offsets[last]?.upperBound,
            begin <= answer.lowerBound, finish >= answer.upperBound,
            let start = (first...last).last(where: { (offsets[$0]?.lowerBound ?? .max) <= answer.lowerBound }
            ),
            let end = (first...last).first(where: { (offsets[$0]?.upperBound ?? 0) >= answer.upperBound })
        else { return (0, 0) }
        return (start, end)
    }
}

/// The search for the best span over the windows of a question, as transformers' question answering example does it.
package struct AnswerSearch: Sendable {
    /// Of the starts and ends, how many of the best are paired.
    package var candidates = 20
    /// In tokens
    package var longestAnswer = 30
    /// Whether a question may have no answer.
    package var allowsNoAnswer = false
    /// No answer is given where its score exceeds the best answer's by more than this.
    package var noAnswerThreshold = 0.0

    package init() {}

    package struct Found: Sendable, Equatable {
        /// UTF-8 bytes of the context; nil for no answer.
        package let range: Range<Int>?
        /// The sum of its start and end logits.
        package let score: Double
        /// Score of no answer less that of the best answer; nil where there is no answer to compare with.
        package let noAnswerMargin: Double?
    }

    /// What one window has to offer.
    package struct Offer: Sendable, Equatable, Codable {
        /// The best span, as UTF-8 bytes of the context.
        let range: Range<Int>?
        let score: Double
        /// Of no answer
        let noAnswer: Double
    }

    /// - Parameters:
    ///   - starts: the start logits of the window's tokens; `ends` likewise.
    package func offer(_ window: AnswerWindow, starts: [Float], ends: [Float]) -> Offer {
        var best: (range: Range<Int>, score: Double)?
        let lasts = leading(ends)
        for first in leading(starts) {
            guard let begin = window.offsets[first] else { continue }
            for last in lasts where last >= first && last - first < longestAnswer {
                guard let end = window.offsets[last], begin.lowerBound < end.upperBound else { continue }
                let score = Double(starts[first]) + Double(ends[last])
                if best.map({ score > $0.score }) ?? true {
                    best = (begin.lowerBound..<end.upperBound, score)
                }
            }
        }
        return Offer(
            range: best?.range, score: best?.score ?? -.infinity,
            noAnswer: Double(starts[0]) + Double(ends[0]))
    }

    /// The best of the windows of a question, the first of equals.
    package func best(_ offers: [Offer]) -> Found {
        var best: (range: Range<Int>, score: Double)?
        var noAnswer = Double.infinity
        for offer in offers {
            noAnswer = min(noAnswer, offer.noAnswer)
            if let range = offer.range, best.map({ offer.score > $0.score }) ?? true {
                best = (range, offer.score)
            }
        }
        guard let best else { return Found(range: nil, score: noAnswer, noAnswerMargin: nil) }
        let margin = noAnswer - best.score
        let isNone = allowsNoAnswer && margin > noAnswerThreshold
        return Found(
            range: isNone ? nil : best.range, score: isNone ? noAnswer : best.score, noAnswerMargin: margin)
    }

    /// Positions of the largest values, largest first, the earlier one of two equals.
    private func leading(_ values: [Float]) -> ArraySlice<Int> {
        values.indices.sorted { (values[$1], $0) < (values[$0], $1) }.prefix(candidates)
    }
}

/// SQuAD's exact match and F1 (the official evaluation scripts of 1.1 and 2.0).
package enum AnswerMatch {
    /// Lower case, without ASCII punctuation and the articles a, an and the; words with single spaces between them.
    package static func normalized(_ text: String) -> String {
        words(text).map { word in
            var view = String.UnicodeScalarView()
            view.append(contentsOf: word)
            return String(view)
        }.joined(separator: " ")
    }

    /// Words by their scalars, as Python compares them: Swift's strings of one look are equal however they are composed.
    static func words(_ text: String) -> [[Unicode.Scalar]] {
        // As the regular expression \b(a|an|the)\b puts a space in place of each article.
        var words: [[Unicode.Scalar]] = []
        var (word, run): ([Unicode.Scalar], [Unicode.Scalar]) = ([], [])
        func endRun() {
            if articles.contains(run) { endWord() } else { word += run }
            run.removeAll(keepingCapacity: true)
        }
        func endWord() {
            if !word.isEmpty { words.append(word) }
            word.removeAll(keepingCapacity: true)
        }
        for scalar in lowercase(Array(text.unicodeScalars)) where !isPunctuation(scalar) {
            if isWordPart(scalar) {
                run.append(scalar)
            } else {
                endRun()
                if isSpace(scalar) { endWord() } else { word.append(scalar) }
            }
        }
        endRun()
        endWord()
        return words
    }

    private static let articles = Set(["a", "an", "the"].map { Array($0.unicodeScalars) })

    /// Python's `str.lower`: as Unicode maps each scalar, but a capital sigma at the end of a word to the small one that
    /// stands there.
    private static func lowercase(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var lower: [Unicode.Scalar] = []
        lower.reserveCapacity(text.count)
        for (index, scalar) in text.enumerated() {
            if scalar.value < 0x80 {
                lower.append(
                    (0x41...0x5A).contains(scalar.value) ? Unicode.Scalar(UInt8(scalar.value + 32)) : scalar)
            } else if scalar == "\u{03A3}" {
                lower.append(endsWord(index, of: text) ? "\u{03C2}" : "\u{03C3}")
            } else {
                lower += scalar.properties.lowercaseMapping.unicodeScalars
            }
        }
        return lower
    }

    private static func endsWord(_ index: Int, of text: [Unicode.Scalar]) -> Bool {
        func isCased(_ scalar: Unicode.Scalar?) -> Bool { scalar?.properties.isCased ?? false }
        let isAfterCased = isCased(text[..<index].last { !$0.properties.isCaseIgnorable })
        return isAfterCased && !isCased(text[(index + 1)...].first { !$0.properties.isCaseIgnorable })
    }

    /// Python's `\w`: alphanumeric, or an underscore (which is punctuation and gone).
    private static func isWordPart(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
            .decimalNumber, .letterNumber, .otherNumber:
            true
        default: false
        }
    }

    /// Python's `str.isspace`.
    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
    }

    /// Python's `string.punctuation`.
    private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: true
        default: false
        }
    }

    /// Exact match and F1 of a prediction ("" for no answer) against the answers, the best of each.
    ///
    /// - Parameter allowsNoAnswer: the rules of SQuAD 2.0 in place of those of 1.1, which differ where nothing is left
    ///   of a normalized answer.
    package static func scores(_ predicted: String, answers: [String], allowsNoAnswer: Bool) -> (
        exact: Double, f1: Double
    ) {
        let guess = words(predicted)
        var golds = answers.map(words)
        if allowsNoAnswer {
            golds.removeAll(where: \.isEmpty)
            if golds.isEmpty { golds = [[]] }
        }
        return (
            golds.contains(guess) ? 1 : 0,
            golds.map { f1(guess, $0, emptyMatches: allowsNoAnswer) }.max() ?? 0
        )
    }

    private static func f1(_ guess: [[Unicode.Scalar]], _ gold: [[Unicode.Scalar]], emptyMatches: Bool)
        -> Double
    {
        if emptyMatches && (guess.isEmpty || gold.isEmpty) { return guess == gold ? 1 : 0 }
        var left: [[Unicode.Scalar]: Int] = [:]
        for word in gold { left[word, default: 0] += 1 }
        var same = 0
        for word in guess where (left[word] ?? 0) > 0 {
            left[word, default: 0] -= 1
            same += 1
        }
        guard same > 0 else { return 0 }
        let (precision, recall) = (Double(same) / Double(guess.count), Double(same) / Double(gold.count))
        return 2 * precision * recall / (precision + recall)
    }
}
