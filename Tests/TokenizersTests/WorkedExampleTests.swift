import Foundation
import Testing
import Tokenizers

/// Worked out by hand on the vocabulary of `TinyTokenizer`.
@Suite struct WorkedExampleTests {
    private func tokenizer(_ files: [String: String]) throws -> Tokenizer {
        let folder = try TemporaryFolder()
        for (name, text) in files { try folder.write(text, as: name) }
        return try Tokenizer(folder: folder.url)
    }

    @Test(
        arguments: [
            ("", [2, 3]),
            ("unaffable", [2, 1, 3]),
            ("unable", [2, 5, 7, 3]),
            ("unaffa", [2, 5, 6, 8, 3]),
            ("Cat, CATS", [2, 10, 11, 18, 3]),
            ("catss", [2, 18, 19, 3]),
            ("catse", [2, 18, 13, 3]),
            ("cat\u{301} c\u{E2}t", [2, 10, 10, 3]),
            ("ea ess", [2, 12, 8, 12, 19, 19, 3]),
            ("\u{DF}", [2, 1, 3]),
            ("dog a", [2, 1, 9, 3]),
            ("a[MASK]a", [2, 9, 4, 9, 3]),
            ("[mask]", [2, 15, 16, 17, 3]),
            ("[MASK]\u{301}", [2, 4, 3]),
            ("a\u{0}\u{200B}, a\u{A0}a", [2, 9, 11, 9, 9, 3]),
        ] as [(String, [Int32])])
    func idsOfJSON(text: String, ids: [Int32]) throws {
        let tokenizer = try tokenizer(["tokenizer.json": TinyTokenizer.json()])
        #expect(tokenizer.encode(text, maxLength: 64).ids == ids)
    }

    @Test func vocabularyListGivesTheSameIDs() throws {
        let list = TinyTokenizer.tokens.joined(separator: "\n") + "\n"
        for lineEnd in ["\n", "\r\n", " \n"] {
            let text = list.replacingOccurrences(of: "\n", with: lineEnd)
            let tokenizer = try tokenizer(["vocab.txt": text])
            #expect(tokenizer.vocabularySize == 20)
            #expect(tokenizer.unknownID == 1)
            #expect(
                tokenizer.encode("Cat, [MASK]unaffable", maxLength: 64).ids == [2, 10, 11, 4, 5, 6, 7, 3])
        }
    }

    @Test func configurationBesideTheListIsUsed() throws {
        let tokenizer = try tokenizer([
            "vocab.txt": TinyTokenizer.tokens.joined(separator: "\n"),
            "tokenizer_config.json": #"{"do_lower_case":false}"#,
        ])
        #expect(tokenizer.encode("Cat cat c\u{E2}t", maxLength: 64).ids == [2, 1, 10, 1, 3])
    }

    @Test func pairsAndTheirTypes() throws {
        let tokenizer = try tokenizer(["tokenizer.json": TinyTokenizer.json()])
        let encoding = tokenizer.encode("a cat", pair: "e", maxLength: 64)
        #expect(encoding.ids == [2, 9, 10, 3, 12, 3])
        #expect(encoding.typeIDs == [0, 0, 0, 0, 1, 1])
        #expect(encoding.truncatedTokens == 0)
    }

    @Test func truncationCutsTheLongerTextFirst() throws {
        let tokenizer = try tokenizer(["tokenizer.json": TinyTokenizer.json()])
        let single = tokenizer.encode("a a a a a", maxLength: 4)
        #expect(single.ids == [2, 9, 9, 3])
        #expect(single.truncatedTokens == 3)
        let pair = tokenizer.encode("a a a a a a", pair: "e e", maxLength: 7)
        #expect(pair.ids == [2, 9, 9, 3, 12, 12, 3])
        #expect(pair.truncatedTokens == 4)
        // An odd token goes to the longer text.
        #expect(tokenizer.encode("e e e", pair: "a a a a", maxLength: 8).ids == [2, 12, 12, 3, 9, 9, 9, 3])
        #expect(tokenizer.encode("a", pair: "e", maxLength: 3).ids == [2, 3, 3])
        #expect(tokenizer.encode("a", maxLength: 2).ids == [2, 3])
    }

    @Test func bertProcessingIsTheSameTemplate() throws {
        let template = #"{"type":"BertProcessing","sep":["[SEP]",3],"cls":["[CLS]",2]}"#
        let tokenizer = try tokenizer(["tokenizer.json": TinyTokenizer.json(template: template)])
        #expect(tokenizer.encode("a", pair: "e", maxLength: 64).ids == [2, 9, 3, 12, 3])
    }

    /// MPNet's: two tokens between the texts, and one type.
    @Test(arguments: [
        (
            "tokenizer.json",
            TinyTokenizer.json(
                template: #"{"type":"RobertaProcessing","sep":["[SEP]",3],"cls":["[CLS]",2]}"#)
        ),
        (
            "tokenizer_config.json",
            #"{"tokenizer_class":"MPNetTokenizer","cls_token":"[CLS]","sep_token":"[SEP]"}"#
        ),
    ])
    func robertaProcessingAroundWordPieces(name: String, text: String) throws {
        let tokenizer = try tokenizer([
            "vocab.txt": TinyTokenizer.tokens.joined(separator: "\n"), name: text,
        ])
        let encoding = tokenizer.encode("a", pair: "e", maxLength: 64)
        #expect(encoding.ids == [2, 9, 3, 3, 12, 3])
        #expect(encoding.typeIDs == [0, 0, 0, 0, 0, 0])
    }

    @Test func addedTokenBeyondTheVocabularyCounts() throws {
        let added = #"[{"id":20,"content":"<new>"},{"id":21,"content":"<new>er"}]"#
        let tokenizer = try tokenizer(["tokenizer.json": TinyTokenizer.json(added: added)])
        #expect(tokenizer.vocabularySize == 22)
        #expect(tokenizer.encode("a<new>er<new>", maxLength: 64).ids == [2, 9, 21, 20, 3])
        #expect(tokenizer.token(for: 21) == "<new>er")
    }

    @Test func addedTokensMindTheirFlags() throws {
        let added = #"""
            [{"id":20,"content":"<l>","lstrip":true},{"id":21,"content":"<r>","rstrip":true},
            {"id":22,"content":"xx","single_word":true},{"id":23,"content":"\u00c9x","normalized":true}]
            """#
        let tokenizer = try tokenizer(["tokenizer.json": TinyTokenizer.json(added: added)])
        func encoding(_ text: String) -> Encoding { tokenizer.encode(text, maxLength: 64) }
        #expect(encoding("a  <l> a").ids == [2, 9, 20, 9, 3])
        #expect(encoding("a  <l> a").offsets == [0..<0, 0..<1, 1..<6, 7..<8, 0..<0])
        #expect(encoding("a <r>\u{A0} a").offsets == [0..<0, 0..<1, 2..<8, 8..<9, 0..<0])
        #expect(encoding("a xx, axx xx\u{301} xx").ids == [2, 9, 22, 11, 1, 1, 22, 3])
        #expect(encoding("ex EX e\u{301}x").ids == [2, 23, 23, 23, 3])
        #expect(encoding("e\u{301}x").offsets == [0..<0, 0..<4, 0..<0])
    }

    @Test func offsetsAreBytesOfTheOriginalTexts() throws {
        let tokenizer = try tokenizer(["tokenizer.json": TinyTokenizer.json()])
        // "\u{C2}" has two bytes; the mark of "t\u{301}" is no part of any token; NUL vanishes.
        let encoding = tokenizer.encode(" C\u{C2}t\u{301},", pair: "un\u{0}able [MASK] dog", maxLength: 64)
        #expect(encoding.ids == [2, 10, 11, 3, 5, 7, 4, 1, 3])
        #expect(
            encoding.offsets == [0..<0, 1..<5, 7..<8, 0..<0, 0..<2, 3..<7, 8..<14, 15..<18, 0..<0])
        #expect(tokenizer.encode("a a a", maxLength: 3).offsets == [0..<0, 0..<1, 0..<0])
    }

    @Test func idsHaveTheirTokens() throws {
        let tokenizer = try tokenizer(["tokenizer.json": TinyTokenizer.json()])
        #expect(tokenizer.paddingID == 0)
        #expect(tokenizer.token(for: 6) == "##aff")
        #expect(tokenizer.token(for: 20) == nil)
        #expect(tokenizer.token(for: -1) == nil)
        let vocabulary = TinyTokenizer.vocabulary.replacingOccurrences(of: "[PAD]", with: "[pad]")
        let bare = try self.tokenizer(["tokenizer.json": TinyTokenizer.json(vocabulary: vocabulary)])
        #expect(bare.paddingID == nil)
    }

    @Test func canonicallyEqualTokensStayApart() throws {
        let vocabulary = TinyTokenizer.vocabulary.replacingOccurrences(
            of: "}", with: #","\u00e9":20,"e\u0301":21}"#)
        let json = TinyTokenizer.json(
            vocabulary: vocabulary,
            normalizer: #"{"type":"BertNormalizer","lowercase":true,"strip_accents":false}"#)
        let tokenizer = try tokenizer(["tokenizer.json": json])
        #expect(tokenizer.encode("\u{C9} E\u{301}", maxLength: 64).ids == [2, 20, 21, 3])
    }
}
