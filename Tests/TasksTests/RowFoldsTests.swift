import Datasets
import Foundation
import Tasks
import Testing

@Suite struct RowFoldsTests {
    private static func count(_ dataset: Dataset, _ part: [Int], _ label: String) -> Int {
        part.count { dataset.examples[$0].label?.className == label }
    }

    @Test func eachRowIsTestedOnceAndClassesKeepTheirShare() throws {
        let rows = LabelledRows.classes([50, 23, 7])
        let folds = try RowFolds(rows, rule: .labels, count: 5, seed: 1)
        #expect(folds.folds.flatMap { $0 }.sorted() == Array(0..<80) && folds.untested.isEmpty)
        #expect(folds.folds.allSatisfy { $0 == $0.sorted() && $0.count == 16 })
        for fold in folds.folds {
            #expect(Self.count(rows, fold, "c0") == 10)
            #expect([4, 5].contains(Self.count(rows, fold, "c1")))
            #expect([1, 2].contains(Self.count(rows, fold, "c2")))
        }
        let training = folds.training(without: 2)
        #expect(Set(training).isDisjoint(with: folds.folds[2]) && training.count == 64)
        #expect(training == training.sorted())
        #expect(folds.sentence == "5 folds of 16 rows (stratified, seed 1)")
    }

    @Test func aSeedChoosesAndRepeats() throws {
        let rows = LabelledRows.classes([30, 30])
        func folds(_ seed: UInt64) throws -> [[Int]] {
            try RowFolds(rows, rule: .labels, count: 3, seed: seed).folds
        }
        #expect(try folds(1) == folds(1) && folds(1) != folds(2))
        // By SplitMix64, Swift's shuffle and the dealing written in Python: other folds of the same rows would make the runs of a
        // comparison anew.
        #expect(
            try RowFolds(LabelledRows.classes([4, 2]), rule: .labels, count: 2, seed: 42).folds == Self.drawn)
    }

    private static let drawn = [[0, 1, 5], [2, 3, 4]]

    /// Capitals and white space make no other text, nor does the order of a pair, whatever the labels.
    @Test(arguments: [UInt64(1), 2, 3, 4, 5]) func oneTextIsInOneFold(_ seed: UInt64) throws {
        var examples: [Example] = []
        for at in 0..<40 {
            examples.append(Example(text: "A text \(at)", pair: "other \(at)", label: .text("x"), line: 0))
            examples.append(Example(text: "other \(at)", pair: "a  TEXT \(at) ", label: .text("y"), line: 0))
        }
        let folds = try RowFolds(
            Dataset(examples: examples, file: "f"), rule: .labels, count: 4, seed: seed)
        for fold in folds.folds {
            #expect(fold.count == 20 && Set(fold.map { $0 / 2 }).count == 10)
        }
    }

    @Test func questionsOnAContextGoTogether() throws {
        let examples = (0..<60).map {
            Example(text: "question \($0)", pair: "context \($0 / 6)", label: .answers([]), line: $0 + 1)
        }
        let folds = try RowFolds(
            Dataset(examples: examples, file: "f"), rule: .contexts, count: 5, seed: 3)
        for fold in folds.folds { #expect(fold.count == 12 && Set(fold.map { $0 / 6 }).count == 2) }
        #expect(folds.sentence == "5 folds of 12 rows (whole contexts, seed 3)")
    }

    /// A label of one text is never tested; one of two texts is in two folds.
    @Test(arguments: [UInt64(1), 2, 3, 4]) func eachLabelIsAlwaysInTraining(_ seed: UInt64) throws {
        let single = LabelledRows.classes([40, 1, 2])
        let folds = try RowFolds(single, rule: .labels, count: 5, seed: seed)
        #expect(folds.untested == [1])
        #expect(folds.sentence.hasSuffix("; 1 row is always for training, as the only text of some label"))
        for fold in folds.folds.indices {
            let labels = Set(folds.training(without: fold).map { single.examples[$0].label?.className })
            #expect(labels.count == 3)
        }
        // Two texts hold b and c, each with another rare label: whoever is dealt first, b stays in each training.
        let sets = LabelledRows.dataset([
            ("t0", .list(["a", "b"])), ("t1", .list(["a", "d"])), ("t2", .list(["b", "c"])),
            ("t3", .list(["c", "d"])), ("t4", .list(["e"])), ("t5", .list(["e"])), ("t6", .list(["e"])),
        ])
        let dealt = try RowFolds(sets, rule: .rows, count: 2, seed: seed)
        for fold in 0..<2 {
            let labels = Set(
                dealt.training(without: fold).flatMap { row -> [String] in
                    if case .list(let names) = sets.examples[row].label { names } else { [] }
                })
            #expect(labels == ["a", "b", "c", "d", "e"])
        }
    }

    /// Of 60 rows with one to three of four labels each fold has about a fifth of each label.
    @Test func severalLabelsAreSpread() throws {
        let sets = LabelledRows.dataset(
            (0..<60).map { at in
                let names = ["often"] + (at % 3 == 0 ? ["third"] : []) + (at % 10 == 0 ? ["tenth"] : [])
                return ("t \(at)", .list(names))
            })
        let folds = try RowFolds(sets, rule: .rows, count: 3, seed: 1)
        for fold in folds.folds {
            func count(_ label: String) -> Int {
                fold.count { row in
                    if case .list(let names) = sets.examples[row].label {
                        names.contains(label)
                    } else {
                        false
                    }
                }
            }
            #expect(count("tenth") == 2 && (6...7).contains(count("third")) && fold.count == 20)
        }
    }

    @Test func tooFewRowsAreAnError() throws {
        let error = #expect(throws: TaskError.self) {
            try RowFolds(LabelledRows.classes([3, 3]), rule: .labels, count: 7, seed: 1)
        }
        #expect("\(try #require(error))".hasPrefix("rows.jsonl: 6 rows are too few for 7 folds: "))
        #expect(throws: TaskError.self) {
            try RowFolds(
                LabelledRows.dataset([("same", .text("a")), ("Same", .text("a"))]), rule: .rows, count: 2,
                seed: 1)
        }
    }
}
