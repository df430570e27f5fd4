/// How the tags of a token classification task are to be read: as parts of spans, or each for itself.
public struct TagScheme: Sendable, Equatable {
    public let names: [String]
    /// Every tag is `O`, or a position (B, I, E, S) and a type as in `B-PER`.
    public let hasSpans: Bool

    public init(names: [String]) {
        self.names = names
        func isPosition(_ name: String) -> Bool {
            ["B-", "I-", "E-", "S-"].contains(String(name.prefix(2))) && name.count > 2
        }
        hasSpans = names.contains(where: isPosition) && names.allSatisfy { $0 == "O" || isPosition($0) }
    }

    /// Tags that are no part of a span although others are: then none is read so.
    public var oddTags: [String] {
        let odd = names.filter { !TagScheme(names: [$0]).hasSpans && $0 != "O" }
        return hasSpans || odd.count == names.filter({ $0 != "O" }).count ? [] : odd
    }

    /// The spans of a row of tags as seqeval's default mode finds them: a span begins at B or S, at I or E after O, E or
    /// S, and wherever the type changes; it ends before the next one, before O, and after E or S.
    public func spans(_ tags: [Int32]) -> [TagSpan] {
        var spans: [TagSpan] = []
        var previous = (position: Character("O"), type: "")
        var start = 0
        for index in 0...tags.count {
            let name = index < tags.count ? names[Int(tags[index])] : "O"
            let tag = (position: name.first ?? "O", type: name == "O" ? "" : String(name.dropFirst(2)))
            let changes = previous.type != tag.type
            let wasInside = previous.position != "O"
            let isInside = tag.position != "O"
            let closes = previous.position == "E" || previous.position == "S"
            let opens = tag.position == "B" || tag.position == "S"
            if wasInside && (closes || opens || !isInside || changes) {
                spans.append(TagSpan(type: previous.type, words: start..<index))
            }
            if isInside && (opens || closes || !wasInside || changes) { start = index }
            previous = tag
        }
        return spans
    }

    /// Tags that say "inside" where no span of their type goes on; each begins one.
    public func strays(_ tags: [Int32]) -> Int {
        var previous = "O"
        return tags.count { tag in
            defer { previous = names[Int(tag)] }
            let name = names[Int(tag)]
            guard hasSpans, name.hasPrefix("I-") || name.hasPrefix("E-") else { return false }
            let goesOn = previous.hasPrefix("B-") || previous.hasPrefix("I-")
            return !goesOn || previous.dropFirst(2) != name.dropFirst(2)
        }
    }
}

/// Words of one type.
public struct TagSpan: Sendable, Hashable {
    public let type: String
    /// Their positions in the sentence.
    public let words: Range<Int>

    public init(type: String, words: Range<Int>) {
        self.type = type
        self.words = words
    }
}

extension Metrics {
    /// Spans by type, sorted, as seqeval counts them: correct where type, start and end agree.
    ///
    /// - Parameter truth: tags of each sentence; as many predicted.
    public static func spans(truth: [[Int32]], predicted: [[Int32]], scheme: TagScheme) -> [(
        type: String, scores: ClassScores
    )] {
        precondition(truth.count == predicted.count, "\(truth.count) sentences, \(predicted.count) predicted")
        var (support, guesses, correct): ([String: Int], [String: Int], [String: Int]) = ([:], [:], [:])
        for (actual, guess) in zip(truth, predicted) {
            precondition(actual.count == guess.count, "\(actual.count) words, \(guess.count) predicted")
            let known = Set(scheme.spans(actual))
            for span in known { support[span.type, default: 0] += 1 }
            for span in scheme.spans(guess) {
                guesses[span.type, default: 0] += 1
                if known.contains(span) { correct[span.type, default: 0] += 1 }
            }
        }
        let types = Set(support.keys).union(guesses.keys)
            .sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
        return types.enumerated().map { index, type in
            (
                type,
                ClassScores(
                    index: index, support: support[type] ?? 0, predicted: guesses[type] ?? 0,
                    correct: correct[type] ?? 0)
            )
        }
    }

    /// One row for each of `classCount` classes of multi-label sets.
    public static func perClass(truth: [[Int32]], predicted: [[Int32]], classCount: Int) -> [ClassScores] {
        precondition(truth.count == predicted.count, "\(truth.count) sets but \(predicted.count) predicted")
        var support = [Int](repeating: 0, count: classCount)
        var (guesses, correct) = (support, support)
        for (actual, guess) in zip(truth, predicted) {
            for label in actual { support[Int(label)] += 1 }
            for label in guess { guesses[Int(label)] += 1 }
            for label in Set(actual).intersection(guess) { correct[Int(label)] += 1 }
        }
        return (0..<classCount).map {
            ClassScores(index: $0, support: support[$0], predicted: guesses[$0], correct: correct[$0])
        }
    }
}

extension [ClassScores] {
    /// Of all classes together; ratios are nil where they have nothing to divide by.
    public var micro: ClassScores {
        ClassScores(
            index: 0, support: reduce(0) { $0 + $1.support }, predicted: reduce(0) { $0 + $1.predicted },
            correct: reduce(0) { $0 + $1.correct })
    }

    /// Mean F1, 0 for a class that is neither true nor predicted anywhere (scikit-learn's `average="macro"` on label
    /// indicators); nil without classes.
    public var macroF1: Double? {
        isEmpty ? nil : reduce(0) { $0 + ($1.f1 ?? 0) } / Double(count)
    }
}
