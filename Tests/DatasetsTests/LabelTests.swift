import Datasets
import Testing

struct LabelTests {
    private func dataset(_ labels: [RawLabel?]) -> Dataset {
        let examples = labels.enumerated().map { Example(text: "t", label: $1, line: $0 + 2) }
        return Dataset(examples: examples, file: "f")
    }

    private func message(_ body: () throws -> Any) throws -> String {
        try #require(throws: DataError.self) { _ = try body() }.description
    }

    @Test func integersAreInNumericOrder() throws {
        let labels = try LabelSet(from: dataset([.text("10"), .number(9), .text("-1"), .number(10)]))
        #expect(labels.names == ["-1", "9", "10"])
        #expect(
            try LabelSet(from: dataset([.text("7"), .text("07"), .text("3")])).names == ["3", "07", "7"])
    }

    @Test func otherNamesAreInScalarOrder() throws {
        let names = ["b", "é", "Z", "a", "10", "9", "😀", "ﬁ"]
        let labels = try LabelSet(from: dataset(names.map { .text($0) }))
        #expect(labels.names == ["10", "9", "Z", "a", "b", "é", "ﬁ", "😀"])
    }

    @Test func numberAndTextNameTheSameClass() throws {
        let labels = try LabelSet(from: dataset([.number(3), .text("0")]))
        #expect(labels.index(of: .text("3")) == 1)
        #expect(labels.index(of: .number(3)) == 1)
        #expect(labels.index(of: .number(0)) == 0)
        #expect(labels.index(of: .text("4")) == nil)
        #expect(RawLabel.number(-0.0).className == "0")
        #expect(RawLabel.number(0.5).className == "0.5")
    }

    @Test func refusesLabelsThatMakeNoClassifier() throws {
        #expect(
            try message { try LabelSet(from: dataset([.text("a"), .text("a")])) }
                == "f: all labels are the same ('a'), there is nothing to learn; check the label column")
        #expect(
            try message { try LabelSet(from: dataset([.text("a"), nil])) }
                == "f:3: the label is missing; add it or remove the row")
        #expect(
            try message { try LabelSet(from: dataset((0...10_000).map { .number(Double($0)) })) }
                == "f:10002: more than 10000 different labels; "
                + "use --task regression for scores, or check the label column")
        #expect(
            try message { try LabelSet(from: dataset([.number(1e30), .number(2)])) }
                == "f:2: number 1e+30 is too large for a class name; "
                + "put the label in quotes, or use --task regression")
        #expect(
            try message { try LabelSet(names: ["a", "b", "a"], source: "m") }
                == "m: class 'a' occurs twice; name each class once")
        #expect(
            try message { try LabelSet(names: ["a"], source: "m") }
                == "m: a classifier needs two or more classes, not 1; check the label column")
        #expect(try LabelSet(from: dataset((0..<10_000).map { .number(Double($0)) })).names.count == 10_000)
    }

    @Test func classTargets() throws {
        let labels = try LabelSet(names: ["neutral", "positive", "negative"], source: "m")
        let sound = dataset([.text("positive"), .text("neutral"), .text("negative")])
        #expect(try Targets.classes(of: sound, labels: labels) == [1, 0, 2])
        #expect(
            try message {
                try Targets.classes(of: dataset([.text("neutral"), .text("Postive")]), labels: labels)
            }
                == "f:3: unknown label 'Postive', did you mean 'positive'?; "
                + "the known labels are 'neutral', 'positive', 'negative'")
        let many = try LabelSet(names: (0..<41).map { "\($0)" }, source: "m")
        #expect(
            try message { try Targets.classes(of: dataset([.text("elephant")]), labels: many) }
                == "f:2: unknown label 'elephant'; the known labels are '0', '1', '2', '3', '4', '5', '6', '7', "
                + "'8', '9' and 31 more")
        #expect(
            try message { try Targets.classes(of: dataset([nil]), labels: labels) }
                == "f:2: the label is missing; add it or remove the row")
    }

    @Test func scoreTargets() throws {
        let sound = dataset([.number(2.5), .text("-1e-3"), .text("+4"), .number(3)])
        #expect(try Targets.scores(of: sound) == [2.5, -0.001, 4, 3])
        let (correct, alone, missing, point) = (
            "correct it, or train for classification", "write the number alone, or train for classification",
            "it stands for a missing value: remove the row, or give its score",
            "write it with a decimal point"
        )
        for (bad, advice) in [
            ("nan", missing), ("None", missing), ("inf", correct), ("-Infinity", correct), ("0x10", alone),
            ("1e60", correct), ("", correct), ("true", correct), ("1,5", point), ("1.2.3", alone),
            ("3 stars", alone), ("50%", alone),
        ] {
            #expect(
                try message { try Targets.scores(of: dataset([.text(bad)])) }
                    == "f:2: label '\(bad)' is not a finite number; \(advice)")
        }
        #expect(try Targets.scores(of: dataset([.text(" 1"), .text("2\u{a0}")])) == [1, 2])
        #expect(
            try message { try Targets.scores(of: dataset([.number(1), .number(.nan)])) }
                == "f:3: label 'nan' is not a finite number; it stands for a missing value: remove the row, or give its score"
        )
        #expect(
            try message { try Targets.scores(of: dataset([nil])) }
                == "f:2: the label is missing; add it or remove the row")
    }
}
