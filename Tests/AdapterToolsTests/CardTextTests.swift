import AdapterTools
import ModelFiles
import Testing

/// Whatever a label or a name holds, it stays one text in its place.
@Suite struct CardTextTests {
    @Test(arguments: [
        ("plain", #""plain""#), (#"a "b" \c"#, #""a \"b\" \\c""#),
        ("two\nlines\tand\r", #""two\nlines\tand\r""#),
        ("é漢🙂", #""é漢🙂""#), ("\u{0}\u{7f}\u{2028}", #""\u0000\u007f\u2028""#),
        ("right\u{202e}left", #""right\u202eleft""#), ("\u{e0041}", #""\U000e0041""#), ("", #""""#),
        ("{not: a map} # or a comment", #""{not: a map} # or a comment""#),
    ])
    func quotedForYAMLAndPython(text: String, expected: String) throws {
        #expect(CardText.quoted(text) == expected)
        // What both languages share with JSON reads back.
        if !expected.contains("\\U") { #expect(try JSONValue.parse(expected).string == text) }
    }

    @Test(arguments: [
        ("sentence-transformers/all-MiniLM-L6-v2", true), ("base_model:adapter:a/b", true), ("adalora", true),
        ("no", false), ("Null", false), ("1e5", false), ("a: b", false), ("a:", false), ("- a", false),
        ("~", false),
        ("a #b", false), ("", false), ("a\nb", false), ("@a", false), ("NaN", false),
    ])
    func plainInYAML(text: String, isPlain: Bool) {
        #expect(CardText.yaml(text) == (isPlain ? text : CardText.quoted(text)))
    }

    @Test(arguments: [
        ("a", "`a`"), ("a`b", "``a`b``"), ("``", "``` `` ```"), ("", "`  `"), (" a", "`  a `"),
        ("a\nb", "`a\\nb`"),
    ])
    func codeInMarkdown(text: String, expected: String) { #expect(CardText.code(text) == expected) }

    @Test func plainInMarkdown() {
        #expect(CardText.plain("a_b <c> [d](e) # f") == ##"a\_b \<c\> \[d\](e) \# f"##)
    }

    @Test func longListsOfPythonAreBroken() throws {
        #expect(CardText.pythonList(["no", "yes"], after: "labels = ") == [#"labels = ["no", "yes"]"#])
        let names = (0..<41).map { "noun.\($0)" } + [String(repeating: "long", count: 40)]
        let lines = CardText.pythonList(names, after: "labels = ")
        #expect(lines.first == "labels = [" && lines.last == "]")
        #expect(lines.filter { $0.count > 100 }.count == 1, "only a name that is longer itself")
        let list = lines.joined().dropFirst("labels = ".count).replacing(",]", with: "]")
        #expect(try JSONValue.parse(String(list)).array?.compactMap(\.string) == names)
    }
}
