/// How the tags of a token classification task are to be read: as parts of spans, or each for itself.
package struct TagScheme: Sendable, Equatable {
    package let names: [String]
    /// Every tag is outside of spans, or a position and a type as in `B-PER` or `PER-B`.
    package let hasSpans: Bool
    /// What each name says; nil where that is no part of a span.
    private let parts: [Part?]

    /// Where a word stands in a span, whatever letter a scheme has for it.
    private enum Position: Sendable { case outside, begin, inside, end, single }

    private struct Part: Sendable, Equatable {
        let position: Position
        let type: String
        /// As it is written
        let letter: Character

        static let outside = Part(position: .outside, type: "", letter: "O")
    }

    /// IOB1, IOB2 and IOBES; BILOU; BMES; BMEWO.
    private static let families: [[Character: Position]] = [
        ["B": .begin, "I": .inside, "E": .end, "S": .single],
        ["B": .begin, "I": .inside, "L": .end, "U": .single],
        ["B": .begin, "M": .inside, "E": .end, "S": .single],
        ["B": .begin, "M": .inside, "E": .end, "W": .single],
    ]
    /// CoNLL-U writes an underscore for nothing.
    private static let outsideNames: Set<String> = ["O", "o", "_"]
    private static let letters = Set("BIESLUMW")

    package init(names: [String]) {
        self.names = names
        let forms: [(String) -> Part?] = [Self.prefixed, Self.suffixed, Self.bare]
        let readings = forms.map { form in
            names.map { Self.outsideNames.contains($0) ? Part.outside : form($0) }
        }
        // Other forms than `B-PER` may have another meaning where nothing begins.
        let isUsual = names.allSatisfy { Self.outsideNames.contains($0) || $0.dropFirst().first == "-" }
        let needed: [Set<Character>] = [isUsual ? [] : ["B"], ["B"], ["B", "I"]]
        let found = readings.indices.first { Self.makesSpans(readings[$0], with: needed[$0]) }
        hasSpans = found != nil
        // One letter alone says nothing beside tags that are whole words.
        let after = readings[1].contains { $0?.position == .begin } ? readings[1] : []
        let nearest = Self.fit(after) > Self.fit(readings[0]) ? after : readings[0]
        parts = found.map { readings[$0] } ?? nearest
    }

    private static func fit(_ parts: [Part?]) -> Int { parts.count { $0 != nil && $0 != .outside } }

    /// Whether all are parts in letters of one family, the needed ones among them (M for I where the family has it).
    private static func makesSpans(_ parts: [Part?], with needed: Set<Character>) -> Bool {
        guard parts.allSatisfy({ $0 != nil }) else { return false }
        let inner = parts.compactMap { $0 }.filter { $0.position != .outside }
        let used = Set(inner.map { uppercase($0.letter) })
        guard !used.isEmpty, needed.isSubset(of: used.contains("M") ? used.union(["I"]) : used) else {
            return false
        }
        return families.contains { family in used.allSatisfy { family[$0] != nil } }
    }

    private static func uppercase(_ letter: Character) -> Character { letter.uppercased().first ?? letter }

    private static func part(_ letter: Character?, type: Substring) -> Part? {
        guard let letter, letters.contains(uppercase(letter)), !type.isEmpty else { return nil }
        let position = families.compactMap { $0[uppercase(letter)] }.first
        return position.map { Part(position: $0, type: String(type), letter: letter) }
    }

    /// `B-PER`, `B_PER`
    private static func prefixed(_ name: String) -> Part? {
        let rest = name.dropFirst()
        guard rest.first == "-" || rest.first == "_" else { return nil }
        return part(name.first, type: rest.dropFirst())
    }

    /// `PER-B`, `PER_B`
    private static func suffixed(_ name: String) -> Part? {
        let rest = name.dropLast()
        guard rest.last == "-" || rest.last == "_" else { return nil }
        return part(name.last, type: rest.dropLast())
    }

    /// `B`: spans of one type, which seqeval calls `_`.
    private static func bare(_ name: String) -> Part? { name.count == 1 ? part(name.first, type: "_") : nil }

    /// Tags that are no part of a span although others are: then none is read so.
    package var oddTags: [String] {
        if hasSpans || !parts.contains(where: { $0 != nil && $0 != .outside }) { return [] }
        let odd = zip(names, parts).filter { $0.1 == nil }.map(\.0)
        // Each is a part, in letters of different schemes.
        return odd.isEmpty ? names.filter { !Self.outsideNames.contains($0) } : odd
    }

    /// Of spans; none where tags make none.
    var types: Set<String> {
        hasSpans ? Set(parts.compactMap { $0 }.filter { $0.position != .outside }.map(\.type)) : []
    }

    private func part(_ tag: Int32) -> Part { parts[Int(tag)] ?? .outside }

    /// The spans of a row of tags as seqeval's default mode finds them: a span begins at B or S, at I or E after O, E or
    /// S, and wherever the type changes; it ends before the next one, before O, and after E or S. L and U of BILOU, M of
    /// BMES and W of BMEWO are read as the letters of IOBES that mean the same.
    package func spans(_ tags: [Int32]) -> [TagSpan] {
        var spans: [TagSpan] = []
        var previous = Part.outside
        var start = 0
        for index in 0...tags.count {
            let tag = index < tags.count ? part(tags[index]) : .outside
            let changes = previous.type != tag.type
            let wasInside = previous.position != .outside
            let isInside = tag.position != .outside
            let closes = previous.position == .end || previous.position == .single
            let opens = tag.position == .begin || tag.position == .single
            if wasInside && (closes || opens || !isInside || changes) {
                spans.append(TagSpan(type: previous.type, words: start..<index))
            }
            if isInside && (opens || closes || !wasInside || changes) { start = index }
            previous = tag
        }
        return spans
    }

    /// Tags that say "inside" where no span of their type goes on; each begins one.
    package func strays(_ tags: [Int32]) -> Int {
        var previous = Part.outside
        return tags.count { tag in
            let part = part(tag)
            defer { previous = part }
            guard hasSpans, part.position == .inside || part.position == .end else { return false }
            let goesOn = previous.position == .begin || previous.position == .inside
            return !goesOn || previous.type != part.type
        }
    }
}

/// Words of one type.
package struct TagSpan: Sendable, Hashable {
    package let type: String
    /// Their positions in the sentence.
    package let words: Range<Int>

    package init(type: String, words: Range<Int>) {
        self.type = type
        self.words = words
    }
}

extension Metrics {
    /// Spans by type, sorted, as seqeval counts them: correct where type, start and end agree.
    ///
    /// - Parameter truth: tags of each sentence; as many predicted.
    package static func spans(truth: [[Int32]], predicted: [[Int32]], scheme: TagScheme) -> [(
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
    package static func perClass(truth: [[Int32]], predicted: [[Int32]], classCount: Int) -> [ClassScores] {
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
    package var micro: ClassScores {
        ClassScores(
            index: 0, support: reduce(0) { $0 + $1.support }, predicted: reduce(0) { $0 + $1.predicted },
            correct: reduce(0) { $0 + $1.correct })
    }

    /// Mean F1, 0 for a class that is neither true nor predicted anywhere (scikit-learn's `average="macro"` on label
    /// indicators); nil without classes.
    package var macroF1: Double? {
        isEmpty ? nil : reduce(0) { $0 + ($1.f1 ?? 0) } / Double(count)
    }
}
