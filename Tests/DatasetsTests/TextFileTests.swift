import Datasets
import Foundation
import Testing

/// Files as other programs save them: marks, line ends, delimiters, packed, or no text at all.
@Suite struct TextFileTests {
    private func parse(
        _ bytes: [UInt8], _ format: DataFormat = .csv, columns: ColumnNames = ColumnNames(),
        requireLabels: Bool = true
    ) throws -> Dataset {
        try Dataset.parse(
            bytes, name: "f", format: format, columns: columns, requireLabels: requireLabels)
    }

    private func message(_ bytes: [UInt8], _ columns: ColumnNames = ColumnNames()) throws -> String {
        try #require(throws: DataError.self) { try parse(bytes, columns: columns) }.description
    }

    private let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    private func rows(_ dataset: Dataset) -> [String] {
        dataset.examples.map { "\($0.text) \($0.label?.className ?? "")" }
    }

    @Test func marksAndLineEnds() throws {
        let (csv, json) = (Array("text,label\r\na,x\r\n".utf8), Array(#"{"text": "a", "label": "x"}"#.utf8))
        #expect(rows(try parse(mark + mark + csv)) == ["a x"])
        // Files put together, each with its own mark and header.
        let joined = try parse(mark + csv + mark + csv + Array("b,y\n".utf8))
        #expect(rows(joined) == ["a x", "a x", "b y"])
        #expect(
            joined.warnings == [
                "f: 1 row left out that is the header again, first at line 3, as where files were put together"
            ])
        #expect(rows(try parse(mark + json + [0x0A] + mark + json, .jsonl)) == ["a x", "a x"])
        // Inside a text it stays.
        #expect(rows(try parse(Array("text,label\na\u{FEFF}b,x\n".utf8))) == ["a\u{FEFF}b x"])
        let old = try parse(Array("text,label\ra,x\r\"b\rc\",y\r".utf8))
        #expect(rows(old) == ["a x", "b\nc y"] && old.examples.map(\.line) == [2, 3])
        #expect(rows(try parse(json + [0x0D] + json + [0x0D], .jsonl)) == ["a x", "a x"])
    }

    private static let tables: [(String, DataFormat, Delimiter)] = [
        ("text;label\na;x\n", DataFormat.csv, Delimiter.semicolon), ("text\tlabel\na\tx\n", .csv, .tab),
        ("text|label\na|x\n", .csv, .pipe), ("text,label\na,x\n", .tsv, .comma),
        ("sep=;\r\ntext;label\r\na;x\r\n", .csv, .semicolon),
        ("id,1;text;label\n7;a;x\n", .csv, .semicolon),
        ("\"text\";\"label\"\n\"a\";\"x\"\n", .tsv, .semicolon),
    ]

    @Test(arguments: tables) func delimitersAreFound(content: String, format: DataFormat, expected: Delimiter)
        throws
    {
        let dataset = try parse(Array(content.utf8), format)
        #expect(rows(dataset) == ["a x"] && dataset.columns?.delimiter == expected)
        #expect(
            rows(try parse(Array(content.utf8), format, columns: ColumnNames(delimiter: expected))) == ["a x"]
        )
    }

    @Test func delimitersAreGiven() throws {
        #expect(Delimiter(";") == .semicolon && Delimiter("pipe") == .pipe && Delimiter("\\t") == .tab)
        #expect(Delimiter("x") == nil)
        // The usual one is not doubted where it gives columns.
        let both = Array("text;x,label\na;b,y\n".utf8)
        #expect(
            try message(both).hasPrefix(
                "f:1: no text column (such as 'text', or 'sentence1' and 'sentence2')"))
        let columns = ColumnNames(label: "x,label", delimiter: .semicolon)
        #expect(rows(try parse(both, columns: columns)) == ["a b,y"])
        #expect(
            try message(Array("text;label\na;x;y\n".utf8))
                == "f:2: the row has more fields than the header (2); quote fields that contain semicolons or line ends"
        )
        #expect(try parse(Array("text;label\na;x\n".utf8), requireLabels: false).examples[0].text == "a")
        // A row that is left out takes its quoted lines with it.
        let (dataset, rejected) = try Dataset.parseLeavingOut(
            Array("text;label\n\"a\nb\";x;y\n\"c\nd\";x\n".utf8), name: "f", format: .csv, form: .texts,
            columns: ColumnNames())
        #expect(dataset.examples.map(\.text) == ["c\nd"] && rejected.map(\.line) == [2])
    }

    /// Columns that nobody reads may be called what they like.
    @Test func oddHeaders() throws {
        let dataset = try parse(Array("Unnamed: 0,text,,,label,x,x\n0,a,1,2,l,3,4\n".utf8))
        #expect(rows(dataset) == ["a l"] && dataset.columns?.unused == ["Unnamed: 0", "", "", "x", "x"])
        let comma = ColumnNames(text: ["title", "body"], label: "the \"label\"")
        #expect(
            rows(try parse(Array("\"title, body\",\"the \"\"label\"\"\"\na,x\n".utf8), columns: comma)) == [
                "a x"
            ])
        #expect(
            try message(Array("text,label,label\na,x,y\n".utf8))
                == "f:1: column 'label' occurs twice in the header; rename one of them")
        #expect(rows(try parse(Array("text,labels\na,x\n".utf8))) == ["a x"])
        #expect(visibleName("a b") == "a b" && visibleName("") == "''" && visibleName("a ") == "'a '")
        #expect(visibleName("a\u{1B}[31m\u{202E}") == "'a\\u{1b}[31m\\u{202e}'")
    }

    // Made with Python's gzip: a table, a further row of it, and a tar archive.
    private static let table = "H4sIAAAAAAACAytJrSjRyUlMSs3hStSp4AIAAQJLUw8AAAA="
    private static let row = "H4sIAAAAAAACA0vSqeQCALF0FJ8EAAAA"
    private static let archive = "H4sIAAAAAAACA0vUSy4uYxjBoLS4JLFo5HofALLEhDgAAgAA"

    private func bytes(_ base64: String) throws -> [UInt8] {
        Array(try #require(Data(base64Encoded: base64)))
    }

    @Test func packedByGzip() throws {
        let (table, row) = (try bytes(Self.table), try bytes(Self.row))
        #expect(rows(try parse(table)) == ["a x"])
        #expect(rows(try parse(table + row + [0, 0, 0])) == ["a x", "b y"])
        let (_, rejected) = try Dataset.parseLeavingOut(
            table + row, name: "f", format: .csv, form: .texts, columns: ColumnNames())
        #expect(rejected.isEmpty)
        #expect(DataFormat(fileName: "a.csv.gz") == .csv && DataFormat(fileName: "a.JSONL.GZ") == .jsonl)
        #expect(DataFormat(fileName: "a.gz") == nil)
        let again = "; make or download it again"
        for length in [2, 12, table.count / 2, table.count - 1] {
            #expect(try message(Array(table[..<length])) == "f: the gzip data end too early" + again)
        }
        var damaged = table
        damaged[table.count - 6] ^= 1
        #expect(try message(damaged) == "f: the gzip data are damaged" + again)
        #expect(
            try message(table + Array("more".utf8)) == "f: there is something else behind the gzip data"
                + again)
        #expect(
            try message(bytes(Self.archive))
                == "f: this is a tar archive, which holds no lines of text; unpack it with tar -xf")
    }

    /// 64 KB each, without and with the end of a line.
    private static let letters =
        "H4sIAAAAAAACA+3BAQEAAACAkNvN7wgKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAappYtCwAAAEA"
    private static let line =
        "H4sIAAAAAAACA+3BMQEAAADCoN/Ei28RoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAKAdiki/kgAAAQA="

    @Test func farMoreThanATextOfThatSize() throws {
        let letters = [[UInt8]](repeating: try bytes(Self.letters), count: 300)
        #expect(
            try message(Array(letters.joined()))
                == "f:1: the line is longer than 16 MB; check that the file has one example per line")
        let lines = [[UInt8]](repeating: try bytes(Self.line), count: 2_000)
        #expect(
            try message(Array(lines.joined()))
                == "f: the gzip data unpack to far more than a text of their size; unpack the file with gzip -d if that is right"
        )
    }

    /// The first bytes, as text and before it as numbers.
    private struct Start: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        var testDescription: String { name }

        init(_ name: String, _ numbers: [UInt8], _ text: String = "") {
            self.name = name
            bytes = numbers + Array(text.utf8)
        }
    }

    private static let starts: [Start] = [
        Start("a Parquet file", [], "PAR1\u{15}"), Start("an Arrow file", [], "ARROW1\0\0"),
        Start("an Excel workbook", [0x50, 0x4B, 3, 4], "..xl/workbook.xml"),
        Start("an OpenDocument sheet", [0x50, 0x4B, 3, 4], "application/vnd.oasis.opendocument.spreadsheet"),
        Start("a ZIP archive", [0x50, 0x4B, 3, 4], "rows.csv"),
        Start("an Excel workbook", [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]),
        Start("a zstd file", [0x28, 0xB5, 0x2F, 0xFD, 1]), Start("a bzip2 file", [], "BZh91AY&SY"),
        Start("an xz file", [0xFD], "7zXZ\0"), Start("a pickle", [0x80, 4, 0x95]),
        Start("a numpy file", [0x93], "NUMPY"), Start("an SQLite file", [], "SQLite format 3\0"),
        Start("a web page", [], "<!DOCTYPE html><html>"),
        Start("a Git LFS pointer", [], "version https://git-lfs.github.com/spec/v1\n"),
    ]

    @Test(arguments: starts) private func otherKindsOfFiles(start: Start) throws {
        #expect(
            try message(start.bytes).hasPrefix("f: this is \(start.name), which holds no lines of text; "))
    }

    @Test(arguments: [
        "parquet", "xlsx", "ods", "xls", "arrow", "feather", "zip", "zst", "bz2", "xz", "pkl", "npy", "tar",
    ]) func otherKindsOfNames(ending: String) throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(
            "\(UUID().uuidString).csv.\(ending)")
        try Data("text,label\na,x\n".utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let error = try #require(throws: DataError.self) { try Dataset.read(file, requireLabels: true) }
        #expect(error.problem.contains("which holds no lines of text"))
    }
}
