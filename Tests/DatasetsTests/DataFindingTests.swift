import Datasets
import Testing

@Suite struct DataFindingTests {
    private func dataset(
        _ text: String, _ name: String = "a.csv", format: DataFormat = .csv, form: RowForm = .texts
    ) throws -> Dataset {
        try Dataset.parse(
            Array(text.utf8), name: name, format: format, form: form, requireLabels: true)
    }

    /// Line 4 repeats line 2, line 5 contradicts it, line 6 is another pair of texts.
    @Test func repeatedAndContradictoryRows() throws {
        let rows = try dataset("text,label\na,x\nb,y\na,x\na,y\nc,x\n")
        let findings = rows.repetitions()
        #expect(findings.map(\.kind) == [.duplicates, .conflictingLabels])
        #expect(findings.map(\.count) == [1, 1] && findings.map(\.lines) == [[4], [5]])
        #expect(findings.allSatisfy { !$0.isError && $0.file == "a.csv" })
        #expect(findings[0].text.hasPrefix("a.csv: 1 row repeats an earlier row, text and label (line 4)"))
        #expect(findings[1].text.contains("(line 5 as line 2)"))
        #expect(try dataset("text,label\na,x\nb,x\n").repetitions().isEmpty)
        let pairs = try dataset("text_a,text_b,label\na,1,x\na,2,y\n")
        #expect(pairs.repetitions().isEmpty)
    }

    /// The order of labels in a set says nothing, that of tags does; 3 and "3" are one class.
    @Test func whenLabelsAreTheSame() throws {
        let sets = try dataset(
            #"{"text": "a", "labels": ["x", "y"]}"# + "\n" + #"{"text": "a", "labels": ["y", "x"]}"#,
            format: .jsonl, form: .labelSets(separator: "|"))
        #expect(sets.repetitions().map(\.kind) == [.duplicates])
        let tags = try dataset(
            #"{"tokens": ["a", "b"], "tags": ["X", "O"]}"# + "\n"
                + #"{"tokens": ["a", "b"], "tags": ["O", "X"]}"#,
            format: .jsonl, form: .sentences)
        #expect(tags.repetitions().map(\.kind) == [.conflictingLabels])
        let numbers = try dataset(
            #"{"text": "a", "label": 3}"# + "\n" + #"{"text": "a", "label": "3"}"#, format: .jsonl)
        #expect(numbers.repetitions().map(\.kind) == [.duplicates])
    }

    @Test func rowsOfTwoFiles() throws {
        let train = try dataset("text,label\na,x\nb,y\nc,x\n", "train.csv")
        let other = try dataset("text,label\nd,x\na,x\nb,x\na,x\n", "test.csv")
        let leak = try #require(other.leak(from: train))
        #expect(leak.kind == .overlap && leak.count == 3 && leak.lines == [3, 4, 5] && !leak.isError)
        #expect(
            leak.text.hasPrefix(
                "test.csv: 3 of 4 rows also stand in train.csv (line 3 as line 2, line 4 as line 3, line 5 as line 2), "
                    + "1 with another label;"), "\(leak.text)")
        #expect(try dataset("text,label\nd,x\ne,y\n").leak(from: train) == nil)
    }

    @Test func onlyTheFirstFewLinesAreNamed() throws {
        let rows = (1...9).map { _ in "a,x\n" }.joined()
        let finding = try #require(try dataset("text,label\n" + rows).repetitions().first)
        #expect(finding.count == 8 && finding.lines == [3, 4, 5])
        #expect(finding.text.contains("lines 3, 4, 5, …"))
    }

    @Test func labelsAreCountedInTheOrderOfALabelSet() throws {
        let rows = try dataset("text,label\na,10\nb,9\nc,10\n")
        guard case .classes(let classes) = LabelTally(classesOf: rows) else {
            Issue.record("no classes")
            return
        }
        #expect(classes.map(\.name) == ["9", "10"] && classes.map(\.count) == [1, 2])
        #expect(classes.map(\.line) == [3, 2])
        #expect(try classes.map(\.name) == LabelSet(from: rows).names)
        // (1 + 2.5 − 1) / 3
        let scores = try dataset("text,label\na,1\nb,2.5\nc,-1\n")
        #expect(
            LabelTally(scoresOf: scores)
                == .scores(LabelTally.ScoreRange(count: 3, lowest: -1, highest: 2.5, mean: 2.5 / 3)))
    }

    @Test func labelsThatOneFileLacks() throws {
        let train = try dataset("text,label\na,good\nb,bad\nc,plain\n", "train.csv")
        let other = try dataset("text,label\nd,good\ne,goood\nf,strange\ng,goood\n", "test.csv")
        let findings = LabelTally.compare(
            LabelTally(classesOf: other), of: other, with: LabelTally(classesOf: train), of: "train.csv")
        #expect(findings.map(\.kind) == [.unknownLabels, .unmeasuredLabels])
        #expect(findings.map(\.isError) == [true, false])
        #expect(findings[0].count == 3 && findings[0].lines == [3, 4])
        #expect(
            findings[0].text.hasPrefix(
                "test.csv:3: unknown label 'goood', did you mean 'good'?; train.csv lacks 2 labels")
        )
        #expect(findings[1].count == 2 && findings[1].text.contains("2 of the 3 labels: 'bad', 'plain'"))
        #expect(
            LabelTally.compare(
                LabelTally(classesOf: train), of: train, with: LabelTally(classesOf: train), of: "train.csv"
            ).isEmpty)
    }

    /// A question without an answer on one side only is no error, but worth knowing.
    @Test func answersThatOneFileLacks() throws {
        func questions(_ answers: [String]) throws -> Dataset {
            let rows = answers.map { #"{"question": "q", "context": "c", "answers": \#($0)}"# }
            return try dataset(rows.joined(separator: "\n"), "q.jsonl", format: .jsonl, form: .questions)
        }
        let (none, one) = ("[]", #"[{"text": "c", "answer_start": 0}]"#)
        let (all, some) = (try questions([one, one]), try questions([one, none]))
        #expect(LabelTally(answersOf: some) == .answers(answered: 1, unanswered: 1))
        func kinds(_ own: Dataset, _ train: Dataset) -> [DataFinding.Kind] {
            LabelTally.compare(
                LabelTally(answersOf: own), of: own, with: LabelTally(answersOf: train), of: "t"
            ).map {
                #expect(!$0.isError)
                return $0.kind
            }
        }
        #expect(kinds(some, all) == [.unknownLabels] && kinds(all, some) == [.unmeasuredLabels])
        #expect(kinds(some, some).isEmpty && kinds(all, all).isEmpty)
    }

    @Test func columnsAreRemembered() throws {
        let csv = try dataset("id,text,label\n1,a,x\n")
        #expect(
            csv.columns?.text == ["text"] && csv.columns?.label == "label" && csv.columns?.unused == ["id"])
        let json = try dataset(
            #"{"z": 1, "sentence1": "a", "sentence2": "b", "score": 1}"#, format: .jsonl)
        #expect(json.columns?.text == ["sentence1", "sentence2"] && json.columns?.label == "score")
        #expect(json.columns?.unused == ["z"])
        let tagged = try dataset("a N X\n", format: .conll, form: .sentences).columns
        #expect(tagged?.text == ["1"] && tagged?.label == "3" && tagged?.unused == ["2"])
    }
}

/// Reading that goes on behind rows that cannot be read.
@Suite struct RejectionTests {
    private func read(_ text: String, _ format: DataFormat, form: RowForm = .texts) throws -> (
        rows: [Example], lines: [Int?], warnings: [String]
    ) {
        let (dataset, rejected) = try Dataset.parseLeavingOut(
            Array(text.utf8), name: "f", format: format, form: form, columns: ColumnNames())
        return (dataset.examples, rejected.map(\.line), dataset.warnings)
    }

    @Test func rowsOfEachFormat() throws {
        let json = #"{"text": "a", "label": "x"}"#
        let lines = try read("\(json)\nbroken\n\(json)\n{\"text\": 3}\n\(json)\n", .jsonl)
        #expect(lines.rows.map(\.line) == [1, 3, 5] && lines.lines == [2, 4] && lines.warnings.isEmpty)
        let table = try read("text,label\na,x\nb\n\"c\",y\nd,\n", .csv)
        #expect(table.rows.map(\.line) == [2, 4] && table.lines == [3, 5])
        let tabs = try read("text\tlabel\na\tx\ty\nb\tx\n", .tsv)
        #expect(tabs.rows.map(\.line) == [3] && tabs.lines == [2])
        // Nothing of a quoted field that goes on over lines stays behind as a row.
        for bad in [
            "\"b,1\n\"\"c\"\",x\nd\",x,y", "\"b\nc,x\n\" d,x", "b,\"x\n\ny\",z", "\"b\nc,x\"\"\n\"",
            "b \"c,x",
            "\"b\" c,x",
        ] {
            let rows = try read("text,label\na,x\n\(bad)\n\"e\nf\",y\n\"g\",x\n", .csv)
            #expect(rows.rows.map(\.text) == ["a", "e\nf", "g"] && rows.lines.count == 1, "\(bad)")
        }
        // One that never closes takes its own line alone with it.
        let open = try read("text,label\n\"a,x\nb,y\n", .csv)
        #expect(open.rows.map(\.line) == [3] && open.lines == [2])
        // Nor do good rows go that a missing quote would take up.
        let good = (1...300).map { "row \($0),x\n" }.joined()
        let far = try read("text,label\na,x\n\"abc,x\n\(good)\"q\",y\n", .csv)
        #expect(far.rows.count == 302 && far.lines == [3])
        // The whole sentence goes, not half of it.
        let words = try read("a X\nb O\n\nc X\nd\ne O\n\nf X\n", .conll, form: .sentences)
        #expect(words.rows.map(\.line) == [1, 8] && words.lines == [5])
    }

    @Test func nothingIsWrong() throws {
        let whole = try read("text,label\n\na,x\n", .csv)
        #expect(whole.lines.isEmpty && whole.warnings.count == 1)
    }

    /// Without its header, or with too much to leave out, a file as a whole is at fault.
    @Test func filesAtFault() throws {
        func message(_ text: String, _ format: DataFormat, form: RowForm = .texts) -> String {
            do {
                _ = try read(text, format, form: form)
                return "read"
            } catch {
                return "\(error)"
            }
        }
        #expect(message("words,label\na,x\n", .csv).hasPrefix("f:1: no text column"))
        #expect(message("", .jsonl) == "f: the file is empty; check the path")
        #expect(message("broken\n", .jsonl).hasPrefix("f:1: broken JSON"))
        let rows = [String](repeating: "a,b,c", count: Dataset.mostRejected + 1).joined(separator: "\n")
        #expect(
            message("text,label\na,x\n\(rows)\n", .csv).hasPrefix("f:3: more than 20 rows cannot be read"))
        #expect(message("{}", .squad, form: .questions).hasPrefix("f: not a SQuAD document"))
    }
}
