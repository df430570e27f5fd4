import Datasets
import Foundation
import Testing

/// Spans, label sets and answers: by hand, and against seqeval and SQuAD's scripts (scripts/goldens/passages.py).
@Suite struct TaskMetricTests {
    private static func golden(_ name: String) throws -> [Data] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Goldens/passages/\(name)")
        let lines = try Data(contentsOf: file).split(separator: UInt8(ascii: "\n"))
        try #require(!lines.isEmpty)
        return lines.map { Data($0) }
    }

    private static func ids(_ tags: [String], _ scheme: TagScheme) -> [Int32] {
        tags.map { tag in Int32(scheme.names.firstIndex(of: tag) ?? -1) }
    }

    @Test func spansByHand() {
        let scheme = TagScheme(names: ["B-LOC", "B-PER", "I-LOC", "I-PER", "O"])
        #expect(scheme.hasSpans && scheme.oddTags.isEmpty)
        func spans(_ tags: String...) -> [TagSpan] { scheme.spans(Self.ids(tags, scheme)) }
        #expect(
            spans("B-PER", "I-PER", "O", "B-LOC") == [
                TagSpan(type: "PER", words: 0..<2), TagSpan(type: "LOC", words: 3..<4),
            ])
        // "Inside" without a beginning begins one, and another type begins another.
        #expect(
            spans("I-PER", "I-LOC", "B-LOC", "I-LOC") == [
                TagSpan(type: "PER", words: 0..<1), TagSpan(type: "LOC", words: 1..<2),
                TagSpan(type: "LOC", words: 2..<4),
            ])
        #expect(spans("O", "O").isEmpty && scheme.spans([]).isEmpty)
        #expect(scheme.strays(Self.ids(["I-PER", "I-LOC", "B-LOC", "I-LOC", "O", "I-LOC"], scheme)) == 3)
        #expect(!TagScheme(names: ["NN", "VB"]).hasSpans)
        #expect(!TagScheme(names: ["B-X", "I-X", "NN", "O"]).hasSpans)
        #expect(TagScheme(names: ["B-X", "I-X", "NN", "O"]).oddTags == ["NN"])
        #expect(TagScheme(names: ["NN", "VB"]).oddTags.isEmpty)
    }

    private struct Spans: Decodable {
        struct Row: Decodable {
            let truth: [String]
            let predicted: [String]
        }
        let names: [String]
        let rows: [Row]
        let figures: [String: [String: Double]]
    }

    @Test func spansAsSeqevalCountsThem() throws {
        let golden = try JSONDecoder().decode(Spans.self, from: try Self.golden("spans.json")[0])
        let scheme = TagScheme(names: golden.names)
        try #require(scheme.hasSpans && golden.rows.count == 60)
        let types = Metrics.spans(
            truth: golden.rows.map { Self.ids($0.truth, scheme) },
            predicted: golden.rows.map { Self.ids($0.predicted, scheme) }, scheme: scheme)
        #expect(types.map(\.type) == ["LOC", "PER"])
        var ours = Dictionary(uniqueKeysWithValues: types.map { ($0.type, $0.scores) })
        ours["micro avg"] = types.map(\.scores).micro
        for (name, figures) in golden.figures {
            let scores = try #require(ours[name])
            // The same ratios of whole numbers, F1 by another formula.
            #expect(abs((scores.precision ?? 0) - (figures["precision"] ?? -1)) < 1e-12)
            #expect(abs((scores.recall ?? 0) - (figures["recall"] ?? -1)) < 1e-12)
            #expect(abs((scores.f1 ?? 0) - (figures["f1-score"] ?? -1)) < 1e-12)
            #expect(Double(scores.support) == figures["support"])
        }
    }

    /// Truth {0, 1}, {}, {2}; predicted {0}, {1}, {2}: 2 of 3 true labels, 2 of 3 given.
    @Test func labelSetsByHand() {
        let scores = Metrics.perClass(
            truth: [[0, 1], [], [2]], predicted: [[0], [1], [2]], classCount: 4)
        #expect(scores.map(\.correct) == [1, 0, 1, 0])
        #expect(scores.micro.f1 == 2.0 / 3)
        #expect(scores.macroF1 == 0.5)  // 1, 0, 1, and 0 for the label that never occurs
        #expect([ClassScores]().macroF1 == nil && [ClassScores]().micro.f1 == nil)
    }

    private struct Match: Decodable {
        let predicted: String
        let answers: [String]
        let v1: [Double]?
        let v2: [Double]
    }

    @Test func answersMatchAsInTheScripts() throws {
        let lines = try Self.golden("matches.jsonl")
        try #require(lines.count == 252)
        for line in lines {
            let golden = try JSONDecoder().decode(Match.self, from: line)
            for (expected, allows) in [(golden.v1, false), (golden.v2, true)] {
                guard let expected else { continue }
                let got = AnswerMatch.scores(
                    golden.predicted, answers: golden.answers, allowsNoAnswer: allows)
                #expect([got.exact, got.f1] == expected, "\(golden) \(allows)")
            }
        }
        #expect(AnswerMatch.normalized("The  U.S. and an Apple's\ttree") == "us and apples tree")
    }

    private struct Search: Decodable {
        struct Window: Decodable {
            let offsets: [[Int]?]
            let starts: [Float]
            let ends: [Float]
        }
        struct Best: Decodable {
            let range: [Int]?
            let margin: Double
        }
        let windows: [Window]
        let v1: Best
        let v2: Best
    }

    @Test func bestAnswersAreThoseOfTheExample() throws {
        let lines = try Self.golden("searches.jsonl")
        try #require(lines.count == 60)
        var none = 0
        for line in lines {
            let golden = try JSONDecoder().decode(Search.self, from: line)
            for (expected, allows) in [(golden.v1, false), (golden.v2, true)] {
                var search = AnswerSearch()
                search.allowsNoAnswer = allows
                let got = search.best(
                    golden.windows.map { window in
                        search.offer(
                            AnswerWindow(
                                question: 0, offsets: window.offsets.map { $0.map { $0[0]..<$0[1] } }),
                            starts: window.starts, ends: window.ends)
                    })
                #expect(got.range.map { [$0.lowerBound, $0.upperBound] } == expected.range)
                #expect(got.noAnswerMargin == expected.margin)
                none += got.range == nil ? 1 : 0
            }
        }
        #expect(none > 0 && none < 60)
    }

    private static func tokens(_ window: AnswerWindow, _ answer: Range<Int>) -> [Int] {
        let (start, end) = window.tokens(of: answer)
        return [start, end]
    }

    @Test func windowsOfAnswersByHand() {
        // [CLS] q [SEP] "ab" "cd" "ef" [SEP]
        let window = AnswerWindow(question: 0, offsets: [nil, nil, nil, 0..<2, 3..<5, 6..<8, nil])
        #expect(Self.tokens(window, 3..<5) == [4, 4])
        #expect(Self.tokens(window, 0..<8) == [3, 5])
        #expect(Self.tokens(window, 4..<7) == [4, 5])  // inside words: the words
        #expect(Self.tokens(window, 6..<8) == [5, 5])
        #expect(Self.tokens(window, 6..<9) == [0, 0])
        let later = AnswerWindow(question: 0, offsets: [nil, 3..<5, nil])
        #expect(Self.tokens(later, 0..<5) == [0, 0])
        #expect(Self.tokens(AnswerWindow(question: 0, offsets: [nil]), 0..<1) == [0, 0])
    }

    private struct Windows: Decodable {
        struct Answer: Decodable {
            let text: String
            let start: Int
        }
        struct Window: Decodable {
            let ids: [Int]
            let context: Int
            let offsets: [Int]
            let start: Int
            let end: Int
        }
        let context: String
        let answer: Answer?
        let windows: [Window]
    }

    @Test func windowsHaveThePositionsOfTheExample() throws {
        var found = 0
        for line in try Self.golden("windows.jsonl") {
            let golden = try JSONDecoder().decode(Windows.self, from: line)
            guard let answer = golden.answer else { continue }
            let before = String(String.UnicodeScalarView(golden.context.unicodeScalars.prefix(answer.start)))
            let range = before.utf8.count..<(before.utf8.count + answer.text.utf8.count)
            for window in golden.windows {
                var offsets = [Range<Int>?](repeating: nil, count: window.ids.count)
                for token in 0..<(window.offsets.count / 2) {
                    offsets[window.context + token] =
                        window.offsets[2 * token]..<window.offsets[2 * token + 1]
                }
                let got = Self.tokens(AnswerWindow(question: 0, offsets: offsets), range)
                #expect(got == [window.start, window.end], "\(String(decoding: line, as: UTF8.self))")
                found += got[1] > 0 ? 1 : 0
            }
        }
        #expect(found > 100)
    }
}
