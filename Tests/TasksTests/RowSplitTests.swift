import Datasets
import Foundation
import Tasks
import Testing

@Suite struct RowSplitTests {
    private static func counts(_ dataset: Dataset, _ part: [Int]) -> [String: Int] {
        part.reduce(into: [:]) { $0[dataset.examples[$1].label?.className ?? "", default: 0] += 1 }
    }

    /// 0.15 of 100, 40 and 11 rows are 15, 6 and 1.65: 22.65, so 23 in all, the third class gets the row that is left.
    @Test func eachClassKeepsItsShare() throws {
        let rows = LabelledRows.classes([100, 40, 11])
        let split = try RowSplit(rows, rule: .labels, fractions: [0.15], seed: 1)
        #expect(Self.counts(rows, split.parts[1]) == ["c0": 15, "c1": 6, "c2": 2])
        #expect((split.parts[0] + split.parts[1]).sorted() == Array(0..<151))
        #expect(split.parts.allSatisfy { $0 == $0.sorted() })
        #expect(split.sentence == "holding out 23 of 151 rows (stratified, seed 1) for validation")
    }

    @Test func aSeedChoosesAndRepeats() throws {
        let rows = LabelledRows.classes([30, 30])
        func held(_ seed: UInt64) throws -> [Int] {
            try RowSplit(rows, rule: .labels, fractions: [0.2], seed: seed).parts[1]
        }
        #expect(try held(1) == held(1) && held(1) != held(2))
        // By SplitMix64 and Swift's shuffle written in Python: other rows would break runs that are to be resumed.
        let rule = try RowSplit(rows, rule: .rows, fractions: [0.1], seed: 42)
        #expect(rule.parts[1] == Self.drawn, "\(rule.parts[1])")
    }

    private static let drawn = [2, 17, 27, 28, 29, 58]

    /// Test rows come out of the training rows; the validation rows stay the ones they were without.
    @Test func aTestPartTakesNothingFromValidation() throws {
        let rows = LabelledRows.classes([50, 50])
        let one = try RowSplit(rows, rule: .labels, fractions: [0.1], seed: 7)
        let two = try RowSplit(rows, rule: .labels, fractions: [0.1, 0.2], seed: 7)
        #expect(one.parts[1] == two.parts[1] && two.parts[2].count == 20 && two.parts[0].count == 70)
        #expect(Set(two.parts[1]).isDisjoint(with: two.parts[2]))
        #expect(
            two.sentence
                == "holding out 10 of 100 rows (stratified, seed 7) for validation and 20 of 100 rows (stratified, seed 7) "
                + "for testing")
    }

    /// Capitals and white space make no other text, nor does the order of a pair.
    @Test(arguments: [UInt64(1), 2, 3, 4, 5]) func oneTextIsOnOneSide(_ seed: UInt64) throws {
        var examples: [Example] = []
        for at in 0..<40 {
            examples.append(Example(text: "A text \(at)", pair: "other \(at)", label: .text("x"), line: 0))
            examples.append(Example(text: "other \(at)", pair: "a  TEXT \(at) ", label: .text("y"), line: 0))
            if at % 3 == 0 {
                examples.append(
                    Example(text: "a text \(at)", pair: "Other \(at)", label: .text("x"), line: 0))
            }
        }
        let split = try RowSplit(
            Dataset(examples: examples, file: "f"), rule: .labels, fractions: [0.25], seed: seed)
        func numbers(_ part: [Int]) -> Set<String> {
            Set(part.map { String(examples[$0].text.split(separator: " ").last ?? "") })
        }
        #expect(numbers(split.parts[0]).isDisjoint(with: numbers(split.parts[1])))
        #expect(split.parts[1].count >= 20)
    }

    @Test func questionsOnAContextGoTogether() throws {
        let examples = (0..<60).map {
            Example(text: "question \($0)", pair: "context \($0 / 6)", label: .answers([]), line: $0 + 1)
        }
        let split = try RowSplit(
            Dataset(examples: examples, file: "f"), rule: .contexts, fractions: [0.2], seed: 3)
        #expect(split.parts[1].count == 12)
        let held = Set(split.parts[1].map { $0 / 6 })
        #expect(held.count == 2 && held.isDisjoint(with: split.parts[0].map { $0 / 6 }))
        #expect(split.sentence == "holding out 12 of 60 rows (whole contexts, seed 3) for validation")
    }

    /// The training rows decide which labels there are: none may be held out whole.
    @Test(arguments: [UInt64(1), 2, 3, 4]) func noLabelIsHeldOutWhole(_ seed: UInt64) throws {
        let single = LabelledRows.classes([40, 1, 1, 2])
        let split = try RowSplit(single, rule: .labels, fractions: [0.5], seed: seed)
        #expect(Set(Self.counts(single, split.parts[0]).keys).count == 4)
        let sets = LabelledRows.dataset(
            (0..<20).map { ("t \($0)", .list($0 == 3 ? ["rare", "often"] : ["often"])) })
        let parts = try RowSplit(sets, rule: .rows, fractions: [0.5], seed: seed).parts
        #expect(parts[0].contains(3) && parts[1].count == 10)
    }

    @Test func tooFewRowsAreAnError() throws {
        let rows = LabelledRows.classes([1, 1])
        let error = #expect(throws: TaskError.self) {
            try RowSplit(rows, rule: .labels, fractions: [0.5], seed: 1)
        }
        #expect("\(try #require(error))".hasPrefix("rows.jsonl: 2 rows are too few to hold any out: "))
        #expect(throws: TaskError.self) {
            try RowSplit(
                LabelledRows.dataset([("same", .text("a")), ("Same", .text("a"))]), rule: .rows,
                fractions: [0.5],
                seed: 1)
        }
    }

    @Test func rulesOfTheTasks() {
        #expect(
            TaskKind.allCases.map { $0.type.splitRule.name } == [
                "stratified", "at random", "at random", "at random", "whole contexts", "at random",
                "at random", "stratified", "at random", "at random",
            ])
    }
}
