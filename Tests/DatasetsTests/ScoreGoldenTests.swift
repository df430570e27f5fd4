import Datasets
import Foundation
import Testing

/// Scores against the libraries that people compare with (scripts/goldens/scores.py).
@Suite struct ScoreGoldenTests {
    private static func golden<Value: Decodable>(_ name: String, _ type: Value.Type = Value.self) throws
        -> Value
    {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Goldens/scores/\(name).json")
        return try JSONDecoder().decode(Value.self, from: Data(contentsOf: file))
    }

    /// Ratios of small whole numbers, summed in another order.
    private static func agree(_ ours: Double?, _ theirs: Double?) -> Bool {
        guard let ours, let theirs else { return ours == nil && theirs == nil }
        return abs(ours - theirs) < 1e-12
    }

    private struct Classes: Decodable {
        let truth: [Int32]
        let predicted: [Int32]
        let accuracy: Double
        let macroF1: Double
        let matthews: Double
    }

    @Test func classesAsInScikitLearn() throws {
        let cases: [Classes] = try Self.golden("classes")
        try #require(cases.count == 68)
        for line in cases {
            let (truth, predicted) = (line.truth, line.predicted)
            #expect(
                Self.agree(Metrics.accuracy(truth: truth, predicted: predicted), line.accuracy), "\(line)")
            #expect(Self.agree(Metrics.macroF1(truth: truth, predicted: predicted), line.macroF1), "\(line)")
            let matthews = Metrics.matthewsCorrelation(truth: truth, predicted: predicted)
            #expect(Self.agree(matthews, line.matthews), "\(line)")
        }
        #expect(cases.contains { $0.matthews == 0 && Set($0.predicted).count == 1 })
    }

    private struct LabelSets: Decodable {
        let truth: [[Int32]]
        let predicted: [[Int32]]
        let classes: Int
        let microF1: Double
        let macroF1: Double
    }

    @Test func labelSetsAsInScikitLearn() throws {
        let cases: [LabelSets] = try Self.golden("label_sets")
        try #require(cases.count == 64)
        for line in cases {
            let scores = Metrics.perClass(
                truth: line.truth, predicted: line.predicted, classCount: line.classes)
            // Where there is neither a true nor a given label, evaluations say 0 too.
            #expect(Self.agree(scores.micro.f1 ?? 0, line.microF1), "\(line)")
            #expect(Self.agree(scores.macroF1, line.macroF1), "\(line)")
        }
    }

    private struct Scores: Decodable {
        let truth: [Float?]
        let predicted: [Float?]
        let pearson: Double?
        let spearman: Double?
    }

    @Test func correlationsAsInSciPy() throws {
        let cases: [Scores] = try Self.golden("scores")
        try #require(cases.count == 70)
        for line in cases {
            let (truth, predicted) = (line.truth.map { $0 ?? .nan }, line.predicted.map { $0 ?? .nan })
            #expect(Self.agree(Metrics.pearson(truth: truth, predicted: predicted), line.pearson), "\(line)")
            #expect(
                Self.agree(Metrics.spearman(truth: truth, predicted: predicted), line.spearman), "\(line)")
        }
        #expect(cases.contains { $0.pearson == nil } && cases.contains { $0.pearson != nil })
    }

    private struct Tags: Decodable {
        let scheme: String
        let names: [String]
        let truth: [[String]]
        let predicted: [[String]]
        /// F1, precision, recall
        let figures: [Double]
    }

    @Test func tagsOfEverySchemeAsInSeqeval() throws {
        let cases: [Tags] = try Self.golden("tags")
        try #require(cases.count == 11)
        for line in cases {
            let scheme = TagScheme(names: line.names)
            #expect(scheme.hasSpans && scheme.oddTags.isEmpty, "\(line.scheme)")
            func ids(_ rows: [[String]]) -> [[Int32]] {
                rows.map { $0.map { tag in Int32(line.names.firstIndex(of: tag) ?? -1) } }
            }
            let types = Metrics.spans(truth: ids(line.truth), predicted: ids(line.predicted), scheme: scheme)
            let micro = types.map(\.scores).micro
            for (ours, theirs) in zip([micro.f1, micro.precision, micro.recall], line.figures) {
                #expect(Self.agree(ours, theirs), "\(line.scheme)")
            }
            #expect(types.count == (line.scheme.hasSuffix("alone") ? 1 : 2), "\(line.scheme)")
        }
    }

    private struct Normalized: Decodable {
        let text: String
        let normalized: String
    }

    @Test func answersAreNormalizedAsInPython() throws {
        let lines: [Normalized] = try Self.golden("answers")
        try #require(lines.count > 800)
        for line in lines {
            // By their bytes: Swift's strings are equal however they are composed.
            let ours = AnswerMatch.normalized(line.text)
            #expect(ours.utf8.elementsEqual(line.normalized.utf8), "\(line) but \(ours)")
        }
        let composed = AnswerMatch.scores("caf\u{e9}", answers: ["cafe\u{301}"], allowsNoAnswer: false)
        #expect(composed.exact == 0 && composed.f1 == 0)
    }

    private struct Scalars: Decodable {
        let runs: [[UInt32]]
        let blocks: [[Block]]
        enum Block: Decodable {
            case number(UInt32)
            case hash(String)

            init(from decoder: any Decoder) throws {
                let value = try decoder.singleValueContainer()
                if let number = try? value.decode(UInt32.self) {
                    self = .number(number)
                } else {
                    self = .hash(try value.decode(String.self))
                }
            }
        }
    }

    /// Lower case, word boundaries, white space and punctuation of every scalar.
    @Test func everyScalarIsNormalizedAsInPython() throws {
        let golden: Scalars = try Self.golden("scalars")
        var expected: [UInt32: String] = [:]
        for entry in golden.blocks {
            if case .number(let block) = entry[0], case .hash(let hash) = entry[1] { expected[block] = hash }
        }
        try #require(expected.count > 500)
        var hashes: [UInt32: UInt64] = [:]
        for scalar in golden.runs.flatMap({ $0[0]...$0[1] }).compactMap(Unicode.Scalar.init) {
            var hash = hashes[scalar.value >> 8] ?? 0xCBF2_9CE4_8422_2325
            for text in ["X\(scalar)the", "a \(scalar)a"] {
                for byte in Array(AnswerMatch.normalized(text).utf8) + [0x0A] {
                    hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
                }
            }
            hashes[scalar.value >> 8] = hash
        }
        let different = expected.filter { block, hash in
            let own = hashes[block].map { String($0, radix: 16) } ?? ""
            return String(repeating: "0", count: max(0, 16 - own.count)) + own != hash
        }
        #expect(different.isEmpty, "blocks \(different.keys.sorted().map { String($0, radix: 16) })")
    }
}
