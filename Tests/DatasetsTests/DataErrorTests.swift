import Datasets
import Foundation
import Testing

/// Every refusal, with the whole line that a user sees.
struct DataErrorTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let format: DataFormat
        let bytes: [UInt8]
        let columns: ColumnNames
        let message: String

        init(
            _ name: String, _ format: DataFormat, _ content: String, _ message: String,
            columns: ColumnNames = ColumnNames()
        ) {
            self.init(name, format, bytes: Array(content.utf8), message, columns: columns)
        }

        init(
            _ name: String, _ format: DataFormat, bytes: [UInt8], _ message: String,
            columns: ColumnNames = ColumnNames()
        ) {
            self.name = name
            self.format = format
            self.bytes = bytes
            self.columns = columns
            self.message = message
        }

        var testDescription: String { name }
    }

    static let files: [Row] = [
        Row("empty", .csv, "", "f: the file is empty; check the path"),
        Row("only a mark", .jsonl, "\u{FEFF}\n", "f: the file is empty; check the path"),
        Row("blank lines", .jsonl, "\n \r\n", "f: the file is empty; check the path"),
        Row(
            "only a header", .csv, "text,label\n",
            "f: the file has a header but no rows; add examples below the header"),
        Row(
            "NUL byte", .tsv, "text\tlabel\na\0b\tx\n",
            "f:2: NUL byte; this is not a text file: check the path"),
        Row(
            "invalid UTF-8", .csv, bytes: Array("text,label\na,x\n".utf8) + [0xE9, 0x2C, 0x78],
            "f:3: invalid UTF-8; convert the file, for example with iconv -f WINDOWS-1252 -t UTF-8"),
        Row(
            "UTF-16", .csv, bytes: [0xFF, 0xFE, 0x61, 0x00],
            "f:1: the file is UTF-16; convert it with iconv -f UTF-16 -t UTF-8"),
        Row(
            "UTF-32", .csv, bytes: [0xFF, 0xFE, 0, 0, 0x61, 0, 0, 0],
            "f:1: the file is UTF-32; convert it with iconv -f UTF-32 -t UTF-8"),
        Row(
            "UTF-16 without a mark", .csv, bytes: "text,label\na,x\n".utf8.flatMap { [0, $0] },
            "f:1: the file is UTF-16BE; convert it with iconv -f UTF-16BE -t UTF-8"),
        Row(
            "overlong line", .jsonl, "{}\n" + String(repeating: "x", count: (16 << 20) + 1),
            "f:2: the line is longer than 16 MB; check that the file has one example per line"),
        Row(
            "all texts empty", .csv, "text,label\n,x\n  ,y\n",
            "f:2: every row has an empty text; check which column holds the text"),
    ]

    static let delimited: [Row] = [
        Row(
            "short row", .csv, "text,label\na,x\n\"b\nc\",y\nd\n",
            "f:5: the row has fewer fields (1) than the header (2); quote fields that contain commas or line ends"
        ),
        Row(
            "long row", .csv, "text,label\na,b,x\n",
            "f:2: the row has more fields than the header (2); "
                + "quote fields that contain commas or line ends"),
        Row(
            "long tsv row", .tsv, "text\tlabel\na\tb\tx\n",
            "f:2: the row has more fields than the header (2); remove tabs and line ends inside fields"),
        Row(
            "unterminated quote", .csv, "text,label\na,x\n\"b,y\nc,z\n",
            "f:3: a quoted field is never closed; add the closing quote"),
        Row(
            "text after a quote", .csv, "text,label\n\"a\"b,x\n",
            "f:2: text after a closing quote; double the quotes inside a quoted field"),
        Row(
            "bare quote", .csv, "text,label\na \"b\",x\n",
            "f:2: quote inside an unquoted field; "
                + "wrap the field in quotes and double those inside, or use tsv, which has no quoting"),
        Row(
            "some old Mac line ends", .csv, "text,label\na,x\rb,y\n",
            "f:2: carriage return without line feed; convert the line ends, for example with tr '\\r' '\\n'"),
        Row(
            "delimiter of another kind", .csv, "review;label\na;x\n",
            "f:1: no text column (such as 'text', or 'sentence1' and 'sentence2'); the columns are 'review;label': "
                + "name one with --text-column; for fields with a semicolon between them give --delimiter semicolon"
        ),
        Row(
            "list for one label", .csv, "text,label\na,\"['x', 'y']\"\n",
            "f:2: label '['x', 'y']' is a list; for several labels a row train for multi-label, else give one"
        ),
        Row(
            "vectors for one label", .csv, "text,label\na,\"1,0\"\nb,\"0,1\"\n",
            "f: all labels are rows of 0 and 1, such as '1,0'; for several labels a row train for multi-label, else give one"
        ),
        Row(
            "duplicate header", .csv, "text,label,text\na,x,b\n",
            "f:1: column 'text' occurs twice in the header; rename one of them"),
        Row(
            "endless header", .csv, String(repeating: ",", count: 5000),
            "f:1: the header has more than 4096 columns; check the file's format"),
        Row(
            "endless quoted field", .csv,
            "text,label\n\"" + String(repeating: "0123456789abcde\n", count: (1 << 20) + 1) + "\",x\n",
            "f:2: the quoted field is longer than 16 MB; look for a missing closing quote"),
        Row("empty label", .csv, "text,label\na, \n", "f:2: the label is missing; add it or remove the row"),
    ]

    static let columns: [Row] = [
        Row(
            "no text column", .csv, "review,label\na,x\n",
            "f:1: no text column (such as 'text', or 'sentence1' and 'sentence2'); "
                + "the columns are 'review', 'label': name one with --text-column"),
        Row(
            "no label column", .csv, "text,stars\na,x\n",
            "f:1: no label column 'label' or 'labels' or 'score'; "
                + "the columns are 'text', 'stars': name one of them with --label-column"),
        Row(
            "named text column", .csv, "text,label\na,x\n",
            "f:1: no text column 'body'; the columns are 'text', 'label': name one with --text-column",
            columns: ColumnNames(text: ["body"])),
        Row(
            "named label column", .jsonl, #"{"text":"a","label":"x"}"#,
            "f:1: no label column 'class'; "
                + "the columns are 'label', 'text': name one of them with --label-column",
            columns: ColumnNames(label: "class")),
        Row(
            "two possible texts", .csv, "text,premise,hypothesis,label\na,b,c,x\n",
            "f:1: 'text', 'premise + hypothesis' could each be the text; choose with --text-column"),
        Row(
            "two possible labels", .csv, "text,label,score\na,x,1\n",
            "f:1: 'label', 'score' could each be the label; choose one with --label-column"),
        Row(
            "text as label", .csv, "text,label\na,x\n",
            "f:1: column 'text' is both text and label; name two different columns",
            columns: ColumnNames(text: ["text"], label: "text")),
        Row(
            "three texts", .csv, "a,b,c,label\n1,2,3,x\n",
            "f:1: 3 text columns were asked for; name one, or two different ones for pairs",
            columns: ColumnNames(text: ["a", "b", "c"])),
    ]

    static let json: [Row] = [
        Row(
            "broken", .jsonl, #"{"text":"a","label":1}"# + "\n" + #"{"text":"b","label":"#,
            "f:2: broken JSON at byte 20: a value is missing at the end of the text; each line must be one complete JSON object"
        ),
        Row(
            "NaN", .jsonl, #"{"text":"a","label":NaN}"#,
            "f:1: broken JSON at byte 20: 'N' where a value should begin; that is Python, not JSON: "
                + "write null for a missing value, and remove rows without a label"),
        Row(
            "trailing comma", .jsonl, #"{"text":"a","label":1,}"#,
            "f:1: broken JSON at byte 22: '}' where a key should begin; each line must be one complete JSON object"
        ),
        Row(
            "lone surrogate", .jsonl, #"{"text":"a\ud800","label":1}"#,
            "f:1: broken JSON at byte 10: a lone surrogate; "
                + "each line must be one complete JSON object"),
        Row(
            "number beyond Double", .jsonl, #"{"text":"a","label":1e999}"#,
            "f:1: broken JSON at byte 20: the number '1e999' is out of range; "
                + "each line must be one complete JSON object"),
        Row(
            "bottomless nesting", .jsonl, String(repeating: "[", count: 1_000_000),
            "f:1: broken JSON at byte 64: nested deeper than 64 levels; "
                + "write one object per line; jq -c '.[]' turns an array into lines"),
        Row(
            "array", .jsonl, #"[{"text":"a","label":1}]"#,
            "f:1: the line is not a JSON object; "
                + "write one object per line; jq -c '.[]' turns an array into lines"),
        Row(
            "array over lines", .jsonl, "[\n" + #"{"text":"a","label":1}]"#,
            "f:1: broken JSON at byte 1: a value is missing at the end of the text; "
                + "write one object per line; jq -c '.[]' turns an array into lines"),
        Row(
            "column twice", .jsonl, #"{"text":"a","te\u0078t":"b","label":1}"#,
            "f:1: broken JSON at byte 12: duplicate key 'text'; each line must be one complete JSON object"),
        Row(
            "two spellings of a column", .jsonl, "{\"\u{E9}\":\"a\",\"e\u{301}\":\"b\"}",
            "f:1: a column occurs twice in the line; remove or rename one of them"),
        Row(
            "a list without end", .jsonl,
            #"{"text":"a","label":["# + String(repeating: "0,", count: 300_000) + "0]}",
            "f:1: broken JSON at byte 0: the text has more than 200000 values; "
                + "each line must be one complete JSON object"),
        Row(
            "two objects", .jsonl, #"{"text":"a","label":1} {"text":"b","label":2}"#,
            "f:1: broken JSON at byte 23: '{' after the end of the value; "
                + "each line must be one complete JSON object"),
        Row(
            "pickle", .jsonl, bytes: [0x80, 2, 0x7D, 0x71, 0x00, 0x58],
            "f: this is a pickle, which holds no lines of text; convert it with pandas: "
                + "read_pickle(FILE).to_json('rows.jsonl', orient='records', lines=True)"),
        Row(
            "list for one label", .jsonl, #"{"text":"a","label":[1,0]}"#,
            "f:1: label column 'label' is a list; for several labels a row train for multi-label, else give one"
        ),
        Row(
            "two label columns", .jsonl, #"{"text":"a","x":1,"y":0}"#,
            "f:1: 2 label columns were asked for; name one; several, of 0 and 1, are for the task multi-label",
            columns: ColumnNames(label: "x,y")),
        Row(
            "no columns", .jsonl, "{}",
            "f:1: no text column (such as 'text', or 'sentence1' and 'sentence2'); "
                + "there are no columns: name one with --text-column"),
        Row(
            "text is a number", .jsonl, #"{"text":3,"label":1}"#,
            "f:1: column 'text' is a number, not a string; put the text in quotes"),
        Row(
            "text is null", .jsonl, #"{"text":null,"label":1}"#,
            "f:1: column 'text' is null, not a string; put the text in quotes"),
        Row(
            "later line without text", .jsonl, #"{"text":"a","label":1}"# + "\n" + #"{"label":1}"#,
            "f:2: no column 'text'; the line's columns are 'label': every line needs the same text columns"),
        Row(
            "nested label", .jsonl, #"{"text":"a","label":{"x":1}}"#,
            "f:1: label column 'label' is an object or an array; a label is a string, a number, true or false"
        ),
        Row(
            "null label", .jsonl, #"{"text":"a","label":null}"#,
            "f:1: the label is missing; add it or remove the row"),
        Row(
            "escaped NUL", .jsonl, #"{"text":"a\u0000","label":1}"#,
            "f:1: NUL character in the text; remove it"),
    ]

    @Test(arguments: files + delimited + columns + json)
    func refuses(_ row: Row) throws {
        let error = try #require(throws: DataError.self) {
            try Dataset.parse(
                row.bytes, name: "f", format: row.format, columns: row.columns, requireLabels: true)
        }
        #expect(error.description == row.message)
        #expect(error.kind == .invalid)
    }

    @Test func refusesFilesThatCannotBeRead() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "datasets-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let unknown = folder.appendingPathComponent("a.parquet")
        try Data("text,label\na,x\n".utf8).write(to: unknown)
        let missing = folder.appendingPathComponent("b.csv")

        func error(_ url: URL) throws -> DataError {
            try #require(throws: DataError.self) { try Dataset.read(url, requireLabels: true) }
        }
        #expect(try error(missing).description == "\(missing.path): no such file; check the path")
        #expect(try error(missing).kind == .missing)
        #expect(
            try error(folder).description
                == "\(folder.relativePath): this is a folder; name a file inside it")
        #expect(try error(folder).kind == .unreadable)
        #expect(
            try error(unknown).description
                == "\(unknown.path): this is a Parquet file, which holds no lines of text; convert it with pandas: "
                + "read_parquet(FILE).to_json('rows.jsonl', orient='records', lines=True)")
        let nameless = folder.appendingPathComponent("a.txt")
        try Data("text,label\na,x\n".utf8).write(to: nameless)
        #expect(
            try error(nameless).description
                == "\(nameless.path): the extension names no known format; name it .jsonl, .tsv or .csv")
    }

    @Test func staysOnOneLine() throws {
        let content = "\"a\nb\u{7}\",label\nc,x\n"
        let error = try #require(throws: DataError.self) {
            try Dataset.parse(Array(content.utf8), name: "f", format: .csv, requireLabels: true)
        }
        #expect(error.description.contains("'a\\nb\\u{7}'"))
        #expect(!error.description.contains("\n"))
    }
}
