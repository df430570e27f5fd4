import Datasets
import Testing

/// Labels that are one written in several ways, or that look as if they were no names of classes.
@Suite struct LabelSpellingTests {
    private func entry(_ labels: [String], _ file: String = "f", text: (Int) -> String = { "t\($0)" }) -> (
        dataset: Dataset, tally: LabelTally
    ) {
        let dataset = Dataset(
            examples: labels.enumerated().map { Example(text: text($0), label: .text($1), line: $0 + 2) },
            file: file)
        return (dataset, LabelTally(classesOf: dataset))
    }

    private func spellings(_ files: (labels: [String], file: String)...) -> [DataFinding] {
        LabelTally.spellings(files.map { (entry($0.labels, $0.file).tally, $0.file) })
    }

    private static let oneLabelCases: [[String]] = [
        ["pos", "pos ", "Pos"], ["1", "1.0", "01", "+1"], ["True", "TRUE", "true"], ["yes", "Yes"],
        ["pos", "'pos'", "\u{201C}pos\u{201D}"], ["pos", "pos\u{A0}"], ["pos", "pos\u{200B}"],
        ["pos", "\u{FF50}\u{FF4F}\u{FF53}"], ["fi", "\u{FB01}"], ["1", "\u{FF11}"], ["1", "true"],
        ["very good", "very_good", "very-good", "very  good"], ["good", "good."], ["B-PER", "B-per"],
    ]

    @Test(arguments: oneLabelCases) func oneLabel(names: [String]) throws {
        let findings = spellings((["other"] + names, "f"))
        let finding = try #require(findings.first)
        #expect(findings.count == 1 && finding.count == names.count - 1 && !finding.isError)
        #expect(finding.text.hasPrefix("f: 1 label written in several ways: "))
    }

    private static let severalLabelsCases: [[String]] = [
        ["pos", "neg"], ["1", "-1"], ["1", "2", "1.5"], [".", ",", ":", "''", "``"], ["C", "C++"],
        ["NN", "NNS", "PRP", "PRP$"], ["123456789012345678", "123456789012345679"], ["a-1", "a1"],
        ["O", "0"], ["é", "e"],
    ]

    @Test(arguments: severalLabelsCases) func severalLabels(names: [String]) {
        #expect(spellings((names, "f")).isEmpty)
    }

    @Test func namedWithTheirCounts() {
        let train = ["pos", "neg", "pos ", " neg", "Pos", "pos"]
        let findings = spellings((train, "train.csv"), (["POS", "neg", "pos"], "test.csv"))
        #expect(
            findings.map(\.text) == [
                "train.csv: 2 labels written in several ways: 'neg' (1), ' neg' (1); 'pos' (2), 'pos ' (1), 'Pos' (1); "
                    + "each spelling is a label of its own, so write one",
                "test.csv: 1 label written in several ways here and in train.csv: 'pos' (2), 'POS' (1), 'pos ' (1), 'Pos' (1); "
                    + "each spelling is a label of its own, so write one",
            ])
        #expect(findings.map(\.count) == [3, 3] && findings[0].lines == [4, 5, 6])
        // Both spellings in both files are told once.
        #expect(spellings((["a", "A"], "f"), (["a", "A"], "g")).map(\.file) == ["f"])
        // Swift and Python's normalized texts hold the two for one already.
        #expect(spellings((["caf\u{E9}", "cafe\u{301}"], "f")).isEmpty)
    }

    @Test func theUnknownIsFoundBySpelling() throws {
        let labels = try LabelSet(names: ["1", "0"], source: "m")
        let error = try #require(throws: DataError.self) {
            try Targets.classes(of: entry(["1.0"]).dataset, labels: labels)
        }
        #expect(
            error.description == "f:2: unknown label '1.0', did you mean '1'?; the known labels are '1', '0'")
    }

    private func odd(_ labels: [String]) -> [String] {
        let (dataset, tally) = entry(labels)
        return dataset.oddClasses(tally).map { "\($0.kind.rawValue) \($0.text)" }
    }

    @Test func whatLabelsLookLike() {
        #expect(odd(["a", "b", "a"]).isEmpty)
        #expect(odd(["1", "2", "3", "4", "5", "1", "2"]).isEmpty)
        // Numbers of classes leave none out; scores do, and codes are far apart.
        let numbers = (0...20).map { "\($0)" }
        #expect(odd(numbers + numbers).isEmpty)
        #expect(odd((numbers + numbers).map { $0 + "00" }).isEmpty)
        let scores = odd(numbers.filter { $0 != "7" } + ["3", "4"])
        #expect(
            scores == [
                "odd-labels f: all 20 labels are numbers, with gaps between them; each is learned as a class of its own: "
                    + "for scores use --task regression"
            ])
        #expect(
            odd(["a", "a", "a", "a", "a", "b", "c", "b"]) == [
                "rare-labels f: 1 label with a single row: 'c'; little is learned of one row, and none is left to measure "
                    + "it by: add rows, or join such labels to others"
            ])
        #expect(
            odd(["a", "nan", "b", "nan"]) == [
                "missing-labels f: 2 rows with the label 'nan', which programs write for a missing one; it is learned as a "
                    + "class: remove such rows if it is none"
            ])
        #expect(
            odd(["1", "2", "3", "4", "5", "1.5"]) == [
                "odd-labels f: all 6 labels are numbers, also with fractions; each is learned as a class of its own: for "
                    + "scores use --task regression"
            ])
        #expect(
            odd((0..<10).map { "id\($0)" }) == [
                "odd-labels f: each of the 10 rows has a label of its own, as ids or free text have; check the label column"
            ])
        #expect(
            odd([String(repeating: "a ", count: 60), String(repeating: "b ", count: 60)]) == [
                "odd-labels f: the labels have 120 characters on average, as ids or free text have; check the label column"
            ])
        #expect(
            odd(["a|b", "b|c", "a"]) == [
                "odd-labels f: 2 rows with a label that looks like several with '|' between them ('a|b', 'b|c'); each is a "
                    + "class of its own: for several labels a row use --task multi-label"
            ])
        #expect(odd(["Paris, France", "Lyon, France"]).isEmpty)
        #expect(odd(["a, b", "a", "b"]).count == 1 && odd(["a/b", "a", "b"]).count == 1)
        #expect(odd(["101", "010"]).first?.hasPrefix("odd-labels f: the labels look like a 0 or 1") == true)
        #expect(odd(["1,5", "2,5"]).first?.hasPrefix("odd-labels f: all 2 labels are numbers") == true)
        #expect(odd(["10", "11"]).isEmpty)
    }

    @Test func whatScoresAndTextsLookLike() {
        #expect(
            entry(["0", "1", "1", "0"]).dataset.oddScores()?.text
                == "f: all scores are 0 or 1; for two classes train for classification")
        #expect(entry(["0", "1", "2", "0"]).dataset.oddScores() == nil)
        #expect(
            entry(["a", "b", "a", "b"], text: { "\($0)" }).dataset.oddTexts()?.text
                == "f: all texts are numbers, as ids are; check the text column")
        #expect(entry(["a", "b", "a", "b"]).dataset.oddTexts() == nil)
    }
}
