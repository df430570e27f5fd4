import Datasets
import Testing

/// What files of words and tags hold beside these: comments, marks, numbers, names of columns.
@Suite struct TagFileTests {
    private static func read(
        _ text: String, _ columns: ColumnNames = ColumnNames(), requireLabels: Bool = true
    )
        throws -> Dataset
    {
        try Dataset.parse(
            Array(text.utf8), name: "f", format: .conll, form: .sentences, columns: columns,
            requireLabels: requireLabels)
    }

    struct Reading: Sendable, CustomTestStringConvertible {
        let name: String
        let text: String
        /// `word/tag word/tag`, a sentence each.
        let sentences: [String]
        var columns = ColumnNames()
        var warnings: [String] = []
        var lines: [Int]?
        var testDescription: String { name }
    }

    private static let universal = """
        # sent_id = 1
        # text = du pain
        1-2\tdu\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
        1\tde\tde\tADP\tP\t_\t2\tcase\t_\t_
        2\tle\tle\tDET\tD\tA=B\t0\troot\t_\t_
        2.1\tx\t_\tVERB\t_\t_\t_\t_\t_\t_
        3\t#\t#\tSYM\t_\t_\t2\tx\t_\t_

        1\tdix mille\tdix\tNUM\tN\t_\t0\troot\t_\t_

        """
    private static let passed =
        "f: 2 lines of multiword tokens or empty nodes passed over, first at line 3; their words stand on lines of their "
        + "own"

    static let readings: [Reading] = [
        Reading(
            name: "MultiCoNER",
            text: "# id 5239 domain=en\njohn _ _ B-PER\nat _ _ O\n\n# id 77\tdomain=en\nx _ _ O\n",
            sentences: ["john/B-PER at/O", "x/O"], lines: [2, 6]),
        Reading(
            name: "words that are #", text: "# _ _ O\none _ _ O\n\njohn _ _ B-PER\n# _ _ O\n",
            sentences: ["#/O one/O", "john/B-PER #/O"]),
        Reading(
            name: "a new tag of #", text: "# B-NUM\n1 O\n\nx B-Y\n", sentences: ["#/B-NUM 1/O", "x/B-Y"]),
        Reading(name: "# as a part of speech", text: "# #\n3 CD\n\nx NN\n", sentences: ["#/# 3/CD", "x/NN"]),
        Reading(
            name: "hashtags", text: "#a\tO\nJohn\tB-P\n\t\n#b\tO\nNew York\tB-L\n",
            sentences: ["#a/O John/B-P", "#b/O New York/B-L"]),
        Reading(
            name: "a comment with the columns of a word", text: "# newpar\na O\nb B-X\n",
            sentences: ["a/O b/B-X"],
            warnings: [
                "f: 1 line with # and as many columns as a word read as a comment, first at line 1; no word has such a tag"
            ]),
        Reading(
            name: "comments with values", text: "# text = O\na x y O\n\n# id=7 b O\nb x y B-X\n",
            sentences: ["a/O", "b/B-X"]),
        Reading(
            name: "document starts",
            text: "-DOCSTART- -X- -X- O\n\nEU N B B-ORG\n-DOCSTART-\na D B O\n-DOCSTART-\tO\n\nb N I O\n",
            sentences: ["EU/B-ORG", "a/O", "b/O"]),
        Reading(
            name: "OntoNotes",
            text: "#begin document (bc/cctv); part 000\na O\n#end document\n#begin document (x)\nb B-X\n",
            sentences: ["a/O", "b/B-X"]),
        Reading(
            name: "vertical text",
            text:
                "<doc id=\"1\" t=\"a b\">\n<s>\nHallo NN O\n<g/>\n! $. B-X\n</s>\n<s>\n< X O\n</s>\n</doc>\n",
            sentences: ["Hallo/O !/B-X", "</O"]),
        Reading(
            name: "CoNLL-U", text: universal, sentences: ["de/ADP le/DET #/SYM", "dix mille/NUM"],
            columns: ColumnNames(label: "UPOS"), warnings: [passed], lines: [4, 9]),
        Reading(
            name: "columns by number", text: universal, sentences: ["de/_ le/A=B #/_", "dix/_"],
            columns: ColumnNames(text: ["3"], label: "-5"), warnings: [passed]),
        Reading(
            name: "CoNLL-U Plus",
            text: "# global.columns = ID FORM UPOS NER\n# x = 1\n1\ta\tN\tB-P\n2\tb\tV\t_\n",
            sentences: ["a/B-P b/_"]),
        Reading(
            name: "CoNLL-U Plus, one more", text: "# global.columns = FORM UPOS\na N\n", sentences: ["a/N"]),
        Reading(
            name: "numbers and names",
            text: "# text = john works\n1\tjohn\tB-PER\n2\tworks\tO\n\n1\tmary\tB-PER\n",
            sentences: ["john/B-PER works/O", "mary/B-PER"]),
        Reading(
            name: "GermEval", text: "#\thttp://x [2009]\n1\tAuf\tO\tO\n2\tX\tB-PER\tO\n",
            sentences: ["Auf/O X/B-PER"],
            columns: ColumnNames(label: "3")),
        Reading(name: "a header", text: "token\tlabel\na\tO\nb\tB-X\n", sentences: ["a/O b/B-X"]),
        Reading(
            name: "a header of more", text: "id word ner pos\n1 a O X\n2 b B-X Y\n", sentences: ["a/O b/B-X"]),
        Reading(name: "no header", text: "word tag\nb tag\nc x\n", sentences: ["word/tag b/tag c/x"]),
        Reading(
            name: "white space", text: "a O \nb B-X  \r\n\u{a0}\n c O\n \t \nd\tO\r\n\n\n",
            sentences: ["a/O b/B-X", "c/O", "d/O"]),
        Reading(name: "aligned by tabs", text: "a\t\tO\nbcd\tB-X\n", sentences: ["a/O bcd/B-X"]),
        Reading(name: "a tab at each end", text: "a\tO\t\nb\tB-X\t\n", sentences: ["a/O b/B-X"]),
        Reading(name: "spaces beside tabs", text: "a \t O\nb c\tB-X \n", sentences: ["a/O b c/B-X"]),
        Reading(name: "spaces in some lines", text: "a\tO\nb B-X\n", sentences: ["a/O b/B-X"]),
    ]

    @Test(arguments: readings) func reads(_ reading: Reading) throws {
        let data = try Self.read(reading.text, reading.columns)
        let sentences = data.examples.map { example -> String in
            guard case .list(let tags)? = example.label else { return "no tags" }
            return zip(example.words ?? [], tags).map { "\($0)/\($1)" }.joined(separator: " ")
        }
        #expect(sentences == reading.sentences)
        #expect(data.warnings == reading.warnings)
        if let lines = reading.lines { #expect(data.examples.map(\.line) == lines) }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let text: String
        let message: String
        var columns = ColumnNames()
        var testDescription: String { message }
    }

    static let refusals: [Refusal] = [
        Refusal(
            text: universal,
            message:
                "f: several columns could hold the tags; the columns are 'ID', 'FORM', 'LEMMA', 'UPOS', 'XPOS', "
                + "'FEATS', 'HEAD', 'DEPREL', 'DEPS', 'MISC': choose one with --label-column"),
        Refusal(
            text: universal,
            message:
                "f: no column 'POS'; the columns are 'ID', 'FORM', 'LEMMA', 'UPOS', 'XPOS', 'FEATS', 'HEAD', "
                + "'DEPREL', 'DEPS', 'MISC': give --label-column a name or a number from 1 to 10",
            columns: ColumnNames(label: "POS")),
        Refusal(
            text: "a O\n", message: "f: no column '3'; give --text-column a number from 1 to 2",
            columns: ColumnNames(text: ["3"])),
        Refusal(
            text: "a O\n", message: "f: column '2' is both text and label; name two different columns",
            columns: ColumnNames(text: ["2"], label: "2")),
        Refusal(
            text: "a O\n", message: "f: 2 columns of words were asked for; name one with --text-column",
            columns: ColumnNames(text: ["1", "2"])),
        Refusal(
            text: "# global.columns = ID FORM\n1\ta\tO\n",
            message: "f:1: 2 columns named where words have 3; name each column once"),
        Refusal(
            text: "1\tAuf\tO\tO\n2\tX\tB-PER\tO\n",
            message:
                "f: columns 3 and 4 both hold tags of spans; choose one with --label-column 3 or --label-column 4"
        ),
        Refusal(
            text: "a B-PER B-PER\nb O B-LOC\n",
            message:
                "f: columns 2 and 3 both hold tags of spans; choose one with --label-column 2 or --label-column 3"
        ),
        Refusal(
            text: "1 a O\n1 b B-X\n",
            message:
                "f:2: the first column holds numbers that do not count the words of a sentence; choose the column of "
                + "the words with --text-column, such as 2"),
        Refusal(
            text: "1\ta\n2\tb\n", message: "f:1: a word without a tag; write a word and its tag on each line"),
        Refusal(
            text: "#begin document (x); part 0\nx 0 0 In IN (NP* * -\n",
            message:
                "f: the columns are those of CoNLL-2012 (document, part, number, word, …); write a word and its tag "
                + "on each line"),
        Refusal(
            text: "a (PER*\nb *)\n",
            message:
                "f:1: tag '(PER*' is a bracket of CoNLL-2012; write spans as B-TYPE, I-TYPE and O, or choose another "
                + "column with --label-column"),
        Refusal(
            text: "a O\n# in the middle\nb O\n",
            message:
                "f:2: 4 columns where other lines have 2; write a word and its tag on each line, and a comment with "
                + "'# ' before the first word of a sentence"),
        Refusal(
            text: "a O\n\n#tag\nb B-X\n",
            message:
                "f:3: 1 column where other lines have 2; write a word and its tag on each line, and a comment with "
                + "'# ' before the first word of a sentence"),
        Refusal(
            text: "a x O\n\n# O\nb x B-X\n",
            message:
                "f:3: 2 columns where other lines have 3; write a word and its tag on each line, and a comment with "
                + "'# ' before the first word of a sentence"),
        // The odd line is told, not all after it.
        Refusal(
            text: "a b O\na O\nb B-X\n",
            message: "f:1: 3 columns where other lines have 2; write a word and its tag on each line"),
        Refusal(text: "a\tO\nb\t\nc\tB-X\n", message: "f:2: the word has an empty tag; write \"O\" for none"),
        Refusal(text: "a\tO\n\tO\n", message: "f:2: an empty word; remove the line"),
        Refusal(
            text: "EU rejects\tB-ORG O\na b\tO O\n",
            message: "f:1: tag 'B-ORG O' has spaces; write one word and its tag on each line"),
        Refusal(
            text: "a O\rb O\nc O\n",
            message:
                "f:1: carriage return without line feed; convert the line ends, for example with tr '\\r' '\\n'"
        ),
        Refusal(
            text: "# a comment\n\n-DOCSTART- O\n",
            message: "f: no words, only comments and marks; write a word and its tag on each line"),
    ]

    @Test(arguments: refusals) func refuses(_ row: Refusal) throws {
        let error = try #require(throws: DataError.self) { try Self.read(row.text, row.columns) }
        #expect(error.description == row.message)
    }

    @Test func wordsAlone() throws {
        let bare = try Self.read("# text = a b\na\n#\n\nb\n", requireLabels: false)
        #expect(bare.examples.map(\.words) == [["a", "#"], ["b"]] && bare.examples[0].label == nil)
        let counted = try Self.read(Self.universal, requireLabels: false)
        #expect(counted.examples.map(\.words) == [["de", "le", "#"], ["dix mille"]])
        #expect(counted.columns?.text == ["FORM"] && counted.columns?.label == nil)
    }

    @Test func namesOfFiles() {
        for name in ["a.conll", "a.conllu", "a.conllup", "a.bioes", "a.bmes", "a.bilou", "a.txt", "a.tsv"] {
            #expect(DataFormat(fileName: name, form: .sentences) == .conll, "\(name)")
        }
        #expect(DataFormat(fileName: "a.txt") == nil && DataFormat(fileName: "a.tsv") == .tsv)
    }

    @Test func schemesOfTags() {
        for names in [
            ["B-X", "I-X", "O"], ["I-X", "O"], ["X-B", "X-I", "O"], ["B-X", "I-X", "L-X", "U-X", "O"],
            ["B", "I", "O"],
            ["B", "M", "E", "S"], ["B-X", "M-X", "E-X", "W-X"], ["b-x", "i-x", "o"], ["B-X", "I-X", "_"],
            ["B_X", "I_X", "O"],
        ] {
            let scheme = TagScheme(names: names)
            #expect(scheme.hasSpans && scheme.oddTags.isEmpty, "\(names)")
        }
        for names in [
            ["NN", "VB"], ["S", "M", "L"], ["B", "S"], ["A-S", "A-E"], ["O", "_"], ["0", "1", "2"],
            [String]([]),
        ] {
            let scheme = TagScheme(names: names)
            #expect(!scheme.hasSpans && scheme.oddTags.isEmpty, "\(names)")
        }
        // Letters of two schemes.
        #expect(TagScheme(names: ["B-X", "L-X", "S-X", "O"]).oddTags == ["B-X", "L-X", "S-X"])
        #expect(TagScheme(names: ["X-B", "X-I", "NN", "O"]).oddTags == ["NN"])
        let scheme = TagScheme(names: ["B-X", "I-X", "L-X", "U-Y", "O"])
        #expect(
            scheme.spans([0, 1, 2, 3, 4, 1]) == [
                TagSpan(type: "X", words: 0..<3), TagSpan(type: "Y", words: 3..<4),
                TagSpan(type: "X", words: 5..<6),
            ])
        #expect(scheme.strays([0, 1, 2, 2, 4, 1]) == 2)
    }
}
