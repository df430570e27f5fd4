import Datasets
import Foundation
import ModelFiles
import Testing

/// Whole files of rows for language models.
@Suite struct ConversationFileTests {
    private static func read(
        _ text: String, _ format: DataFormat, text columns: [String]? = nil, trained: TrainedColumns? = nil,
        requireLabels: Bool = true
    ) throws -> Dataset {
        var names = ColumnNames(text: columns)
        names.trained = trained
        return try Dataset.parse(
            Array(text.utf8), name: "f", format: format, form: .conversations, columns: names,
            requireLabels: requireLabels)
    }

    private static let mixed = [
        #"{"messages": [{"role": "user", "content": "a é"}, {"role": "assistant", "content": "b"}], "tools": "[{\"name\": \"f\"}]", "id": 1}"#,
        #"{"text": "c"}"#, "", #"{"prompt": "d", "completion": ""}"#,
        #"{"conversations": [{"from": "human", "value": "e"}, {"from": "gpt", "value": "f"}]}"#,
        #"{"instruction": "g", "output": "h", "history": [["i", "j"]]}"#,
        #"{"segments": [{"text": "k", "label": true}]}"#, "",
    ].joined(separator: "\n")

    private static func stream(_ bytes: [UInt8], _ format: RowFormat) throws -> RowStream {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("rows-\(UUID().uuidString)")
        try Data(bytes).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try RowStream(
            ByteStream(file), format: format, form: .conversations, columns: ColumnNames())
    }

    @Test func rowByRowIsAsTheWholeFile() throws {
        let lines = Self.mixed.split(separator: "\n")
        let array = "[\n" + lines.joined(separator: ",\n") + "\n]\n"
        let oneLine = "[" + lines.joined(separator: ", ") + "]"
        let table = "prompt,completion,tools\n\"a\n\"\"\",b,\nc,,\n"
        for (text, format) in [
            (Self.mixed, RowFormat.jsonl), (Self.mixed, .json), (array, .json), (oneLine, .json),
            (table, .csv), ("text\tn\na\t1\n", .tsv),
        ] {
            let bytes = Array(text.utf8)
            let whole = try Self.read(text, #require(format.data), requireLabels: false)
            #expect(whole.examples.allSatisfy { $0.conversation != nil })
            for bytes in [bytes, Gzip.packed(bytes)] {
                let stream = try Self.stream(bytes, format)
                var rows: [RowStream.Row] = []
                while case let more = try stream.next(.init(rows: 2, bytes: .max)), !more.isEmpty {
                    rows += more
                }
                #expect(try rows.map { try $0.example.get() } == whole.examples, "\(text)")
                #expect(stream.columns == whole.columns, "\(text)")
                let warnings = try stream.warnings().map { $0.replacing(stream.file, with: "") }
                #expect(warnings == whole.warnings.map { $0.replacing("f: ", with: ": ") }, "\(text)")
            }
        }
    }

    /// Lines where rows have some, else their numbers, and a word on it.
    @Test func linesOfArrays() throws {
        let oneLine = try Self.read(#"[{"text": "a"}, {"text": "b"}]"#, .json)
        #expect(oneLine.examples.map(\.line) == [1, 2])
        #expect(
            oneLine.warnings == [
                "f: several rows stand on one line, so rows are counted: 'line 3' is the third of them"
            ])
        let lines = try Self.read("\u{feff}\n[{\"text\":\n\"a\"},\r\n\r\n{\"text\": \"b\"}\n]\n\n", .json)
        #expect(lines.examples.map(\.line) == [2, 5] && lines.warnings.isEmpty)
    }

    @Test func namesOfFiles() {
        let names = ["a.json", "a.json.gz", "a.jsonl", "a.csv", "a.txt"]
        #expect(
            names.map { DataFormat(fileName: $0, form: .conversations) } == [.json, .json, .jsonl, .csv, nil])
        #expect(DataFormat(fileName: "a.json", form: .choices) == .json)
        #expect(DataFormat(fileName: "a.json", form: .texts) == .jsonl)
    }

    @Test func linesOfText() throws {
        let stream = try Self.stream(Array("a\nb\n".utf8), .text)
        let rows = try stream.next(.init(rows: 9, bytes: .max))
        #expect(
            try rows.map { try $0.example.get().conversation } == [
                Conversation(.text("a"), format: .text), Conversation(.text("b"), format: .text),
            ])
    }

    /// JSONL is read row by row: the first ones are there before the last are written.
    @Test func rowsComeAsTheyAreWritten() throws {
        let pipe = Pipe()
        let input = try ByteStream(
            URL(fileURLWithPath: "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)"))
        let stream = try RowStream(input, format: .jsonl, form: .conversations, columns: ColumnNames())
        for text in ["a", "b"] {
            pipe.fileHandleForWriting.write(Data("{\"text\": \"\(text)\"}\n".utf8))
            let rows = try stream.next(.init(rows: 9, bytes: .max))
            #expect(try rows.map { try $0.example.get().text } == [text])
        }
        try pipe.fileHandleForWriting.close()
        #expect(try stream.next(.init(rows: 9, bytes: .max)).isEmpty)
    }

    @Test func tables() throws {
        let pairs = try Self.read("id,prompt,completion\n1,\"a, b\",c\n", .csv)
        #expect(
            pairs.examples.map(\.conversation) == [
                Conversation(.completion(prompt: "a, b", completion: "c"), format: .completion)
            ])
        #expect(pairs.columns?.text == ["prompt", "completion"] && pairs.columns?.unused == ["id"])
        let alpaca = try Self.read("instruction;input;output;system\na;b;c;\n", .csv)
        #expect(
            alpaca.examples.map(\.conversation) == [
                Conversation(
                    .chat([ChatMessage(.user, "a\nb"), ChatMessage(.assistant, "c")]), format: .alpaca)
            ])
        #expect(alpaca.columns?.unused == [] && alpaca.columns?.delimiter == .semicolon)
        let text = try Self.read("Text\tn\na\t1\n", .tsv)
        #expect(text.examples.map(\.conversation) == [Conversation(.text("a"), format: .text)])
        let named = try Self.read("question,answer\na,b\n", .csv, text: ["question", "answer"])
        #expect(
            named.examples.map(\.conversation) == [
                Conversation(.completion(prompt: "a", completion: "b"), format: .completion)
            ])
        for (table, problem) in [
            ("text,prompt,completion\na,b,c\n", "'text', 'prompt + completion' could each be the text"),
            ("prompt,n\na,1\n", "no text column (such as 'text', or 'prompt' and 'completion')"),
            ("instruction,output,input,input\na,b,c,d\n", "column 'input' occurs twice in the header"),
            ("prompt,completion,system\na,b,c\n", "'system' stands beside a prompt that is a string"),
        ] {
            let error = try #require(throws: DataError.self) { try Self.read(table, .csv) }
            #expect(error.problem == problem)
        }
    }

    /// Who names columns decides among several; what a model was trained on decides too.
    @Test func namedColumns() throws {
        let row =
            #"{"messages": [{"role": "user", "content": "a"}], "text": "b", "dialog": [{"from": "gpt", "value": "c"}], "pieces": [{"text": "d", "label": true}], "instruction": "e", "input": "f", "output": "g"}"#
        let alpaca = Conversation(
            .chat([ChatMessage(.user, "e\nf"), ChatMessage(.assistant, "g")]), format: .alpaca)
        for (names, expected) in [
            (["messages"], Conversation(.chat([ChatMessage(.user, "a")]), format: .messages)),
            (["Text"], Conversation(.text("b"), format: .text)),
            (["dialog"], Conversation(.chat([ChatMessage(.assistant, "c")]), format: .shareGPT)),
            (["pieces"], Conversation(.segments([TextSegment("d", trains: true)]), format: .segments)),
            (["instruction", "output"], alpaca),
            (
                ["text", "input"],
                Conversation(.completion(prompt: "b", completion: "f"), format: .completion)
            ),
        ] {
            #expect(try Self.read(row, .jsonl, text: names).examples.map(\.conversation) == [expected])
            // A row without these columns is found by its own.
            let trained = TrainedColumns(text: names, labels: [])
            let both = try Self.read(
                "{\"prompt\": \"x\", \"completion\": \"y\"}\n" + row, .jsonl, trained: trained)
            #expect(both.examples.last?.conversation == expected)
            #expect(both.examples.first?.conversation?.format == .completion)
        }
        // Conversations are the same however they are written: a model of messages answers a table.
        let table = try Self.read(
            "prompt,completion\na,b\n", .csv, trained: TrainedColumns(text: ["messages"], labels: []))
        #expect(table.examples.count == 1)
    }

    @Test func columnsOfTheFirstRow() throws {
        let dataset = try Self.read(Self.mixed, .jsonl)
        #expect(dataset.columns?.text == ["messages"] && dataset.columns?.unused == ["id"])
        #expect(dataset.examples.map(\.line) == [1, 2, 4, 5, 6, 7])
        #expect(dataset.warnings == ["f: 1 blank line skipped, first at line 3"])
    }

    @Test func badRowsAreLeftOut() throws {
        let good = #"{"text": "a"}"#
        let rows = [good, "{\"text\": 1}", good, "{\"messages\": []}", "{", good]
        let lines = try Dataset.parseLeavingOut(
            Array(rows.joined(separator: "\n").utf8), name: "f", format: .jsonl, form: .conversations,
            columns: ColumnNames())
        #expect(lines.dataset.examples.map(\.line) == [1, 3, 6] && lines.rejected.map(\.line) == [2, 4, 5])
        let unbroken = rows.filter { $0 != "{" }
        for (separator, places) in [(",\n", [2, 4]), (",", [nil, nil])] {
            let array = try Dataset.parseLeavingOut(
                Array(("[" + unbroken.joined(separator: separator) + "]").utf8), name: "f", format: .json,
                form: .conversations, columns: ColumnNames())
            #expect(array.dataset.examples.map(\.line) == [1, 3, 5] && array.rejected.map(\.line) == places)
        }
        #expect(throws: NoRowLeft.self) {
            try Dataset.parseLeavingOut(
                Array("[3, {}]".utf8), name: "f", format: .json, form: .conversations, columns: ColumnNames())
        }
        let many = try #require(throws: DataError.self) {
            try Dataset.parseLeavingOut(
                Array(("[" + [String](repeating: "3", count: 21).joined(separator: ",") + "]").utf8),
                name: "f", format: .json, form: .conversations, columns: ColumnNames())
        }
        #expect(
            many.problem
                == "more than 20 rows cannot be read; of the first: row 1 of the array: this is a number, not an object"
        )
    }

    /// Rows of files that somebody made to do harm: read, or refused in one line.
    @Test func hostileRows() throws {
        let deep = String(repeating: "[", count: 100_000)
        let wide = String(repeating: "0,", count: 300_000)
        let long = String(repeating: "x", count: 1 << 20)
        for (row, problem) in [
            ("{\"messages\": \(deep)", "nested deeper than 64 levels"),
            (
                "{\"messages\": [{\"role\": \"user\", \"content\": \"a\", \"x\": \(deep)",
                "nested deeper than 64 levels"
            ),
            ("{\"text\": \"a\", \"text\": \"b\"}", "duplicate key 'text'"),
            (
                "{\"messages\": [{\"role\": \"user\", \"role\": \"user\", \"content\": \"a\"}]}",
                "duplicate key 'role'"
            ),
            ("{\"text\": \"\\ud800\"}", "a lone surrogate"),
            ("{\"text\": \"a\\u0000\"}", "NUL character in the text"),
            ("{\"text\": \"a\", \"n\": [\(wide)0]}", "the text has more than 200000 values"),
            ("{\"text\": \"a\", \"n\": 1e999}", "the number '1e999' is out of range"),
            ("{\"\(long)\": 1}", "nothing to learn is found"),
            ("{\"messages\": [{\"role\": \"\(long)\", \"content\": \"a\"}]}", "has the role 'xxx"),
            ("{\"conversations\": [{\"from\": \"\(long)\", \"value\": \"a\"}]}", "is from 'xxx"),
            (
                "{\"conversations\": [{\"from\": \"function_call\", \"value\": \"\(deep)\"}]}",
                "is a function_call that is no JSON"
            ),
            (
                "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"tools\": \"\(deep)\"}",
                "nested deeper than 64 levels"
            ),
        ] {
            for (text, format) in [(row, DataFormat.jsonl), ("[\(row)]", .json)] {
                let error = try #require(throws: DataError.self) { try Self.read(text, format) }
                let shown = error.description
                #expect(shown.contains(problem) || format == .json, "\(shown)")
                #expect(!shown.contains("\n") && shown.utf8.count < 1_000, "\(shown.prefix(2_000))")
            }
        }
        // A long row is a row.
        let text = String(repeating: "é ", count: 1 << 20)
        let dataset = try Self.read("{\"text\": \"\(text)\"}", .jsonl)
        #expect(dataset.examples[0].conversation == Conversation(.text(text), format: .text))
    }

    /// Whatever is cut off or changed, reading ends with conversations or a `DataError`.
    @Test(arguments: [DataFormat.jsonl, .json]) func survivesDamage(format: DataFormat) throws {
        let rows = Self.mixed.split(separator: "\n")
        let sound = format == .json ? "[" + rows.joined(separator: ",\n") + "]" : Self.mixed
        let bytes = Array(sound.utf8)
        var (read, refused) = (0, 0)
        for index in bytes.indices {
            for replacement: UInt8? in [nil, 0, 10, 34, 44, 48, 92, 91, 93, 123, 125, 0xFF] {
                var changed = bytes
                if let replacement { changed[index] = replacement } else { changed.removeSubrange(index...) }
                do {
                    let dataset = try Dataset.parse(
                        changed, name: "f", format: format, form: .conversations, requireLabels: true)
                    #expect(dataset.examples.allSatisfy { $0.conversation?.text == $0.text })
                    read += 1
                } catch let error as DataError {
                    #expect(!error.description.contains("\n"))
                    refused += 1
                }
            }
        }
        #expect(read > 0 && refused > 0)
    }

    /// Rows of an array are no lines that files of their own could hold.
    @Test func chunksOfLinesAlone() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "chunks-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("a.json")
        func chunks(_ text: String) throws -> RowChunks {
            try Data(text.utf8).write(to: file)
            let dataset = try Dataset.read(file, form: .conversations, requireLabels: true)
            return try RowChunks(file, form: .conversations, dataset)
        }
        #expect(try chunks(Self.mixed).rows.count == 6)
        let error = try #require(throws: DataError.self) {
            try chunks("[\n{\"text\": \"a\"},\n{\"text\": \"b\"}\n]")
        }
        #expect(error.problem == "an array has no lines to put into files of their own")
    }
}
