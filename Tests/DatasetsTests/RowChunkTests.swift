import Datasets
import Foundation
import ModelFiles
import Testing

/// Rows as bytes: put together again they are the file.
@Suite struct RowChunkTests {
    private static func chunks(_ text: String, _ name: String, _ form: RowForm = .texts) throws -> (
        header: String, rows: [String]
    ) {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "chunks-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let url = folder.appendingPathComponent(name)
        try Data(text.utf8).write(to: url)
        let dataset = try Dataset.read(url, form: form, requireLabels: true)
        let chunks = try RowChunks(url, form: form, dataset)
        #expect(chunks.rows.count == dataset.examples.count)
        #expect(chunks.header + chunks.rows.joined() == Array(text.utf8))
        return (
            String(decoding: chunks.header, as: UTF8.self),
            chunks.rows.map { String(decoding: $0, as: UTF8.self) }
        )
    }

    @Test func linesOfJSON() throws {
        let lines = [
            "\n{\"text\": \"a\",  \"label\": \"x\"}\r\n", "{\"label\": \"y\", \"text\": \"\\u00e9\"}\n\n",
            "{\"text\":\"b\",\"label\":\"x\"}",
        ]
        let found = try Self.chunks(lines.joined(), "rows.jsonl")
        #expect(found.header.isEmpty && found.rows == lines)
    }

    @Test func rowsOfTables() throws {
        let rows = ["\"a \"\"quoted\"\"\nsecond line\",x\r\n", "b,y\r\n", "c,x"]
        let csv = try Self.chunks("\u{FEFF}text,label\r\n" + rows.joined(), "rows.csv")
        #expect(csv.header == "\u{FEFF}text,label\r\n" && csv.rows == rows)
        let note = try Self.chunks("sep=;\ntext;label\na;x\nb;y\n", "rows.csv")
        #expect(note.header == "sep=;\ntext;label\n" && note.rows == ["a;x\n", "b;y\n"])
        let mac = try Self.chunks("text\tlabel\ra\tx\rb\ty\r", "rows.tsv")
        #expect(mac.header == "text\tlabel\r" && mac.rows == ["a\tx\r", "b\ty\r"])
    }

    @Test func sentencesKeepWhatStandsAboveThem() throws {
        let sentences = [
            "-DOCSTART- -X- O O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\n", "\nPeter NNP B-NP B-PER\n",
            "\n-DOCSTART- -X- O O\n\nLondon NNP B-NP B-LOC\n\n",
        ]
        #expect(try Self.chunks(sentences.joined(), "rows.conll", .sentences).rows == sentences)
        let named = [
            "# sent_id = 1\nEU\tB-ORG\nrejects\tO\n", "\n# sent_id = 2\n# text = Peter\nPeter\tB-PER\n\n",
        ]
        let columns = "# global.columns = FORM NER\n"
        let plus = try Self.chunks(columns + named.joined(), "rows.conllup", .sentences)
        #expect(plus.header == columns && plus.rows == named)
        let headed = try Self.chunks("word\ttag\nEU\tB-ORG\n\nPeter\tB-PER\n", "rows.conll", .sentences)
        #expect(headed.header == "word\ttag\n" && headed.rows == ["EU\tB-ORG\n", "\nPeter\tB-PER\n"])
    }

    @Test func documentsHaveNoLines() {
        let document =
            #"{"data":[{"paragraphs":[{"context":"ab","qas":[{"id":"1","question":"q","answers":[{"text":"a","answer_start":0}]}]}]}]}"#
        let error = #expect(throws: DataError.self) {
            try Self.chunks(document, "rows.json", .questions)
        }
        #expect(error?.problem == "a SQuAD document has no lines to put into files of their own")
    }
}
