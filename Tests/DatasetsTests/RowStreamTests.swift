import Datasets
import Foundation
import ModelFiles
import Testing

/// Row by row the same is read as of a whole file.
@Suite struct RowStreamTests {
    private static func stream(
        _ bytes: [UInt8], _ format: RowFormat, _ form: RowForm, _ columns: ColumnNames,
        keep: KeptColumns = .none
    ) throws -> RowStream {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("rows-\(UUID().uuidString)")
        try Data(bytes).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try RowStream(ByteStream(file), format: format, form: form, columns: columns, keep: keep)
    }

    private static func rows(_ stream: RowStream, batch: Int) throws -> [RowStream.Row] {
        var all: [RowStream.Row] = []
        while case let rows = try stream.next(.init(rows: batch, bytes: .max)), !rows.isEmpty { all += rows }
        return all
    }

    private struct Case: Sendable {
        let text: String
        let format: RowFormat
        var form = RowForm.texts
        var columns = ColumnNames()
    }

    private static let good: [Case] = [
        Case(
            text: "{\"text\": \"a\", \"label\": 1}\n\n \n{\"text\": \"b\"}\r\n{\"text\": \"\"}\n\n",
            format: .jsonl),
        Case(text: "\u{feff}{\"text\": \"a\"}\n\u{feff}{\"text\": \"b\"}", format: .jsonl),
        Case(text: "{\"sentence1\": \"a\", \"sentence2\": \"b\"}\n", format: .jsonl),
        Case(
            text: "{\"text\": \"a\", \"labels\": [\"x\"]}\n", format: .jsonl, form: .labelSets(separator: nil)
        ),
        Case(
            text: "{\"tokens\": [\"a\", \"b\"], \"tags\": [\"O\", \"O\"]}\n", format: .jsonl, form: .sentences
        ),
        Case(
            text:
                "{\"id\": 1, \"question\": \"a\", \"context\": \"b\", \"is_impossible\": false, \"answers\": []}\n",
            format: .jsonl, form: .questions),
        Case(text: "a,text\n1,\"x, \"\"y\"\"\nz\"\n\n2,w\na,text\n3,\"\"\n", format: .csv),
        Case(text: "\u{feff}sep=;\r\n\r\ntext;label\r\na;x\r\n\"b;c\";y", format: .csv),
        Case(text: "text\na\n\n \nb\n\n", format: .csv), Case(text: "text;n\n\"a\nb\";1\n", format: .csv),
        Case(text: "text\tn\n\"a\"\"b\"\t1\n\"\t2\n", format: .tsv),
        Case(text: "text,n\n\"a\nb\",1\n", format: .tsv),
        Case(text: "text|n\n\"a|\nb\"|1\n", format: .csv, columns: ColumnNames(delimiter: .pipe)),
        Case(text: "text,n\ra,1\rb,2\r", format: .csv),
        Case(text: "{\"text\": \"a\"}\r{\"text\": \"b\"}", format: .jsonl),
        Case(text: "sep,text\nsep=;,a\n", format: .csv), Case(text: "text\nsep=;\nb\n", format: .csv),
        Case(text: "a O\nb X\n\nc O\n", format: .conll, form: .sentences),
        Case(
            text:
                "{\"data\": [{\"paragraphs\": [{\"context\": \"c\", \"qas\": [{\"question\": \"q\", \"id\": 1}]}]}]}",
            format: .squad, form: .questions),
    ]

    @Test func rowsAreThoseOfTheWholeFile() throws {
        for item in Self.good {
            let bytes = Array(item.text.utf8)
            let stream = try Self.stream(bytes, item.format, item.form, item.columns)
            let whole = try Dataset.parse(
                bytes, name: stream.file, format: #require(item.format.data), form: item.form,
                columns: item.columns, requireLabels: false)
            for (batch, bytes) in [(1, bytes), (100, bytes), (2, Gzip.packed(bytes))] {
                let name = "\(item.text) by \(batch)"
                let stream = try Self.stream(bytes, item.format, item.form, item.columns)
                let rows = try Self.rows(stream, batch: batch)
                #expect(try rows.map { try $0.example.get() } == whole.examples, "\(name)")
                #expect(rows.map(\.line) == whole.examples.map(\.line), "\(name)")
                #expect(stream.columns == whole.columns, "\(name)")
                let warnings = try stream.warnings().map { $0.replacing(stream.file, with: "") }
                #expect(warnings == whole.warnings.map { $0.replacing(whole.file, with: "") }, "\(name)")
            }
        }
    }

    /// A pipe that gives a few bytes at a time, in the midst of characters, quotes and line ends.
    @Test(arguments: [1, 3]) func piecesAreTheSameRows(piece: Int) throws {
        let more = [
            "text,n\n\"a\"\"\n\"\"b\",1\nc\u{e9},2\r\n", "n,text\n1,\"x\ny\"\n\u{feff}2,\"z\n\"\n",
        ].map { Case(text: $0, format: .csv) }
        for item in Self.good + more where item.format.isOfSingleRows {
            let bytes = Array(item.text.utf8)
            let whole = try Dataset.parse(
                bytes, name: "f", format: #require(item.format.data), form: item.form,
                columns: item.columns, requireLabels: false)
            let pipe = Pipe()
            let input = try ByteStream(
                URL(fileURLWithPath: "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)"))
            let writer = pipe.fileHandleForWriting
            Thread.detachNewThread {
                for start in stride(from: 0, to: bytes.count, by: piece) {
                    writer.write(Data(bytes[start..<min(start + piece, bytes.count)]))
                    usleep(100)
                }
                try? writer.close()
            }
            let stream = try RowStream(
                input, format: item.format, form: item.form, columns: item.columns)
            let rows = try Self.rows(stream, batch: 100)
            #expect(try rows.map { try $0.example.get() } == whole.examples, "\(item.text)")
        }
    }

    @Test func aLineWithoutEndIsAnErrorAfterTheRowsBeforeIt() throws {
        let bytes = Array("a\n".utf8) + Array(repeating: UInt8(ascii: "x"), count: (16 << 20) + 2)
        let stream = try Self.stream(bytes, .text, .texts, ColumnNames())
        #expect(try stream.next(.init(rows: 9, bytes: .max)).count == 1)
        let error = try #require(throws: DataError.self) { try stream.next(.init(rows: 9, bytes: .max)) }
        #expect(error.line == 2 && error.problem == "the line is longer than 16 MB")
    }

    /// Where a whole file is refused, its first bad row has the same error, and the rows around it are read.
    @Test func badRowsHaveTheErrorOfTheWholeFile() throws {
        for (text, format, lines, good) in [
            (
                "{\"text\": \"a\"}\n\n{\"text\"\n[1]\n{\"text\": 1}\n{\"x\": 1}\n{\"text\": \"b\"}\n",
                RowFormat.jsonl, [3, 4, 5, 6], 2
            ),
            ("{\"text\": \"a\\u0000\"}\n{\"text\": \"b\"}\n", .jsonl, [1], 1),
            ("text,n\na\nb,1\nc,1,2\n\"d\"e,1\nf\"g,2\nh,3\n", .csv, [2, 4, 5, 6], 2),
            ("text,n\n\"a\nb\",1,2\nc,2\n\"d,3\ne,4\n", .csv, [2, 5], 2),
            ("text\tn\na\nb\t1\n", .tsv, [2], 1),
        ] {
            let bytes = Array(text.utf8)
            let stream = try Self.stream(bytes, format, .texts, ColumnNames())
            let rows = try Self.rows(stream, batch: 3)
            let bad = rows.filter { if case .failure = $0.example { true } else { false } }
            #expect(bad.map(\.line) == lines && rows.count == lines.count + good, "\(text)")
            let whole = try #require(throws: DataError.self) {
                try Dataset.parse(
                    bytes, name: stream.file, format: #require(format.data), requireLabels: false)
            }
            guard case .failure(let first)? = bad.first?.example else { continue }
            #expect(first.problem == whole.problem && first.line == whole.line, "\(first) and \(whole)")
        }
        // Bytes that are no text are the fault of their row.
        let stream = try Self.stream(
            Array("text,n\na,1\n\u{e9},2\n".unicodeScalars.map { UInt8($0.value) }), .csv, .texts,
            ColumnNames())
        let rows = try Self.rows(stream, batch: 1)
        guard case .failure(let error)? = rows.last?.example else {
            Issue.record("invalid UTF-8 was read")
            return
        }
        #expect(rows.count == 2 && error.line == 3 && error.problem == "invalid UTF-8")
    }

    @Test func whatIsWrongWithTheWholeIsThrown() throws {
        for (bytes, format, problem) in [
            (Array("".utf8), RowFormat.jsonl, "the file is empty"),
            (Array(" \n\n".utf8), .jsonl, "the file is empty"),
            (Array("text,n\n".utf8), .csv, "the file has a header but no rows"),
            (
                Array("a,b\n1,2\n".utf8), .csv,
                "no text column (such as 'text', or 'sentence1' and 'sentence2')"
            ),
            (
                Array("PAR1".utf8) + [0x15, 0, 0], .jsonl,
                "this is a Parquet file, which holds no lines of text"
            ),
            ([0xFF, 0xFE, 0x61, 0], .text, "the file is UTF-16"),
            ([0x1F, 0x8B, 8, 0], .text, "the gzip data end too early"),
        ] {
            let error = try #require(throws: DataError.self) {
                try Self.rows(Self.stream(bytes, format, .texts, ColumnNames()), batch: 2)
            }
            #expect(error.problem == problem)
        }
        let empty = try Self.stream(Array("{\"text\": \"\"}\n".utf8), .jsonl, .texts, ColumnNames())
        #expect(try Self.rows(empty, batch: 9).count == 1)
        #expect(throws: DataError.self) { try empty.warnings() }
    }

    @Test func columnsToKeep() throws {
        let text =
            "{\"b\": 12345678901234567890, \"text\": \"a\", \"c\": null}\n{\"text\": \"x\"}\n{\"text\"\n"
        func kept(_ keep: KeptColumns) throws -> (rows: [String], names: [String]?, warnings: [String]) {
            let stream = try Self.stream(Array(text.utf8), .jsonl, .texts, ColumnNames(), keep: keep)
            let rows = try Self.rows(stream, batch: 9).map { JSONValue.object($0.kept).text() }
            return (rows, stream.keptNames, try stream.warnings())
        }
        let all = try kept(.all)
        #expect(
            all.rows == ["{\"b\":12345678901234567890,\"text\":\"a\",\"c\":null}", "{\"text\":\"x\"}", "{}"])
        #expect(all.names == ["b", "text", "c"] && all.warnings.isEmpty)
        let some = try kept(.named(["c", "b"]))
        #expect(some.rows == ["{\"c\":null,\"b\":12345678901234567890}", "{\"c\":null,\"b\":null}", "{}"])
        #expect(some.warnings.first?.contains("1 row without a column to keep, first at line 2") == true)
        let error = try #require(throws: DataError.self) { try kept(.named(["d"])) }
        #expect(error.problem == "no column 'd' to keep" && error.line == 1)
    }
}
