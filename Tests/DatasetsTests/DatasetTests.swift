import Datasets
import Foundation
import Testing

private func parse(
    _ content: String, _ format: DataFormat, columns: ColumnNames = ColumnNames(), requireLabels: Bool = true
) throws -> Dataset {
    try Dataset.parse(
        Array(content.utf8), name: "f", format: format, columns: columns, requireLabels: requireLabels)
}

struct DatasetTests {
    @Test func readsCSVAsRFC4180Has() throws {
        let dataset = try parse(
            "id,text,label\r\n1,\"a, \"\"b\"\"\r\nc\",x\r\n2,  d ,\"y\"\r\n3,\"\"\"\",x", .csv)
        #expect(
            dataset.examples == [
                Example(text: "a, \"b\"\r\nc", label: .text("x"), line: 2),
                Example(text: "  d ", label: .text("y"), line: 4),
                Example(text: "\"", label: .text("x"), line: 5),
            ])
        #expect(dataset.warnings.isEmpty)
    }

    /// Where one column alone is meant; what is written exactly goes before.
    @Test(
        arguments: [
            ("Text,LABEL\na,x\n", nil, "a", "x"), ("TEXT,text,label\nb,a,x\n", nil, "a", "x"),
            ("text,Sentence,label\na,b,x\n", nil, "a", "x"), ("Body,label\na,x\n", ["body"], "a", "x"),
            ("text,label,Score\na,x,3\n", nil, "a", "x"),
        ] as [(String, [String]?, String, String)])
    func capitalsDoNotMatter(file: String, asked: [String]?, text: String, label: String) throws {
        let dataset = try parse(file, .csv, columns: ColumnNames(text: asked))
        #expect(dataset.examples.map(\.text) == [text])
        #expect(dataset.examples.map(\.label) == [.text(label)])
    }

    @Test func twoColumnsThatDifferInCapitalsAreNotGuessed() throws {
        let error = #expect(throws: DataError.self) { try parse("Text,TEXT,label\na,b,x\n", .csv) }
        #expect(error?.problem.contains("no text column") == true)
        let rows = "{\"Text\": \"a\", \"id\": 1}\n{\"Text\": \"b\", \"Label\": \"x\"}\n"
        let dataset = try parse(rows, .jsonl, requireLabels: false)
        #expect(dataset.examples.map(\.label) == [nil, .text("x")])
    }

    @Test func readsTSVWithoutQuoting() throws {
        let dataset = try parse("sentence\tlabel\n\"a\tx\nb \"c\"\ty\r\n", .tsv)
        #expect(dataset.examples.map(\.text) == ["\"a", "b \"c\""])
        #expect(dataset.examples.map(\.label) == [.text("x"), .text("y")])
        #expect(dataset.warnings.isEmpty)
    }

    @Test func warnsOfCSVQuotingInTSV() throws {
        let dataset = try parse("text\tlabel\n\"say \"\"a\"\" now\"\tx\nb\ty\n", .tsv)
        #expect(
            dataset.warnings
                == [
                    "f: rows that look quoted as in CSV: 1; tsv has no quoting, so the quotes are read as text"
                ])
    }

    @Test func readsJSONLinesWhateverTheOrderOfKeys() throws {
        let dataset = try parse(
            #"{"text":"a","label":"x"}"# + "\r\n" + #"{"extra":{"k":[1]},"label":3,"text":"b: \"é😀"}"# + "\n"
                + #"{"label":true,"text":"c","other":null}"# + "\n" + #"{"label":2.5,"text":"d"}"#, .jsonl)
        #expect(dataset.examples.map(\.text) == ["a", "b: \"é😀", "c", "d"])
        #expect(dataset.examples.map(\.label) == [.text("x"), .number(3), .text("true"), .number(2.5)])
        #expect(dataset.examples.map(\.line) == [1, 2, 3, 4])
    }

    @Test func keepsLargeIntegersApart() throws {
        let dataset = try parse(
            #"{"text":"a","label":9007199254740993}"# + "\n" + #"{"text":"b","label":9007199254740992}"#,
            .jsonl)
        #expect(try LabelSet(from: dataset).names == ["9007199254740992", "9007199254740993"])
    }

    @Test(arguments: [
        ("text", ["text"]), ("sentence", ["sentence"]), ("text_a,text_b", ["text_a", "text_b"]),
        ("sentence1,sentence2", ["sentence1", "sentence2"]),
        ("premise,hypothesis", ["premise", "hypothesis"]),
        ("question,sentence", ["question", "sentence"]),
    ])
    func recognizesTextColumns(header: String, expected: [String]) throws {
        // Every field holds its column's name, the columns in reverse to show that order does not matter.
        let names = Array(header.split(separator: ",").map(String.init).reversed())
        let line = names.joined(separator: ",")
        let dataset = try parse("score,\(line)\n1,\(line)\n", .csv)
        let example = try #require(dataset.examples.first)
        #expect([example.text, example.pair].compactMap { $0 } == expected)
        #expect(example.label == .text("1"))
    }

    @Test func takesNamedColumns() throws {
        let columns = ColumnNames(text: ["b", "a"], label: "c")
        let dataset = try parse("a,b,c,text,label\n1,2,3,4,5\n", .csv, columns: columns)
        #expect(dataset.examples == [Example(text: "2", pair: "1", label: .text("3"), line: 2)])
    }

    @Test func labelsMayBeMissingForPrediction() throws {
        #expect(try parse("text\na\n", .csv, requireLabels: false).examples.map(\.label) == [nil])
        let csv = try parse("text,label\na,\nb,x\n", .csv, requireLabels: false)
        #expect(csv.examples.map(\.label) == [nil, .text("x")])
        let json = try parse(
            #"{"text":"a"}"# + "\n" + #"{"text":"b","label":1}"# + "\n" + #"{"text":"c","label":null}"#,
            .jsonl,
            requireLabels: false)
        #expect(json.examples.map(\.label) == [nil, .number(1), nil])
        let named = try parse(
            "text\na\n", .csv, columns: ColumnNames(label: "class"), requireLabels: false)
        #expect(named.examples.map(\.label) == [nil])
    }

    @Test func countsEmptyTextsAndBlankLines() throws {
        let csv = try parse("\u{FEFF}text,label\n\na,x\n ,y\n\n\n,z\n\n\n", .csv)
        #expect(csv.examples.map(\.line) == [3, 4, 7])
        #expect(
            csv.warnings == [
                "f: 3 blank lines skipped, first at line 2", "f: 2 rows with empty text, first at line 4",
            ])
        let json = try parse(
            "\n" + #"{"text":"a","label":1}"# + "\n\n" + #"{"text":"","label":1}"# + "\n\n", .jsonl)
        #expect(json.examples.map(\.line) == [2, 4])
        #expect(
            json.warnings == [
                "f: 2 blank lines skipped, first at line 1", "f: 1 row with empty text, first at line 4",
            ])
    }

    @Test func blankLineIsAnExampleInOneColumn() throws {
        let dataset = try parse("text\na\n\nb\n", .csv, requireLabels: false)
        #expect(dataset.examples.map(\.text) == ["a", "", "b"])
        #expect(dataset.warnings == ["f: 1 row with empty text, first at line 3"])
    }

    @Test func readsAFileByItsExtension() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).TSV")
        try Data("text\tlabel\na\tx\n".utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let dataset = try Dataset.read(file, requireLabels: true)
        #expect(dataset.examples == [Example(text: "a", label: .text("x"), line: 2)])
        #expect(dataset.file == file.path)
        #expect(throws: DataError.self) { try Dataset.read(file, format: .jsonl, requireLabels: true) }
    }

    @Test func extensionsNameFormats() {
        let names = ["a.jsonl", "a.b.ndjson", "a.json", "a.CSV", "a.tsv", "csv", "a.txt", ""]
        #expect(
            names.map { DataFormat(fileName: $0) } == [.jsonl, .jsonl, .jsonl, .csv, .tsv, nil, nil, nil])
    }

    @Test func countsOverlap() throws {
        let train = try parse("text,label\na,x\nb,y\n", .csv)
        let validation = try parse("text,label\nb,z\nb,y\nc,x\n", .csv)
        #expect(validation.overlap(with: train) == 2)
        #expect(train.overlap(with: validation) == 1)
        let pairs = try parse("text_a,text_b,label\nb,b,x\n", .csv)
        #expect(pairs.overlap(with: train) == 0)
    }

    /// Whatever is cut off or changed, reading ends with examples or a `DataError`.
    @Test(arguments: DataFormat.allCases)
    func survivesDamage(format: DataFormat) throws {
        let sound: String
        switch format {
        case .jsonl:
            sound = #"{"text":"a \"é","label":1}"# + "\r\n" + #"{"label":[{"x":-2e3}],"text":"b"}"# + "\n"
        case .csv: sound = "text,label\r\n\"a \"\"é\nb\",x\r\n,y\n"
        case .tsv: sound = "text\tlabel\r\n\"a é\"\tx\n\ty\n"
        case .conll: sound = "-DOCSTART- O\n\né B-PER\nb I-PER\r\n\nc O\n"
        case .squad:
            sound =
                #"{"data":[{"paragraphs":[{"context":"é b c","qas":[{"id":"1","question":"q?","#
                + #""answers":[{"text":"b","answer_start":2}]}]}]}]}"#
        case .json:
            sound = #"[{"text":"a \"é"},"# + "\r\n" + #"{"messages":[{"role":"user","content":"b"}]}]"# + "\n"
        }
        let forms: [DataFormat: RowForm] = [.conll: .sentences, .squad: .questions, .json: .conversations]
        let form = forms[format] ?? .texts
        let bytes = Array(sound.utf8)
        var damaged: [[UInt8]] = bytes.indices.map { Array(bytes[..<$0]) }
        for index in bytes.indices {
            for replacement: UInt8 in [0, 9, 10, 13, 34, 44, 92, 91, 123, 125, 0xC3, 0xFF] {
                var changed = bytes
                changed[index] = replacement
                damaged.append(changed)
            }
        }
        var refused = 0
        for content in damaged {
            do {
                _ = try Dataset.parse(content, name: "f", format: format, form: form, requireLabels: false)
            } catch let error as DataError {
                refused += 1
                #expect(!error.description.contains("\n"))
            }
        }
        #expect(refused > 0)
    }
}
