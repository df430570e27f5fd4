import Foundation
import Testing
import Tokenizers

/// Worked out by hand on the vocabularies of `TinySubword`, and files that are refused.
@Suite struct SubwordTests {
    private func tokenizer(_ json: String) throws -> Tokenizer {
        let folder = try TemporaryFolder()
        try folder.write(json, as: "tokenizer.json")
        return try Tokenizer(folder: folder.url)
    }

    @Test(arguments: [#"["a b","Ġ ab"]"#, #"[["a","b"],["Ġ","ab"]]"#, ##"["#version: 0.2","a b","Ġ ab"]"##])
    func bytePairsMerge(merges: String) throws {
        let tokenizer = try tokenizer(TinySubword.bytePairs(merges: merges))
        let encoding = tokenizer.encode("ab ab", pair: "ba x", maxLength: 64)
        #expect(encoding.ids == [0, 7, 8, 2, 2, 5, 4, 6, 3, 2])
        #expect(encoding.typeIDs == [Int32](repeating: 0, count: 10))
        // The space before a word is no part of its offsets.
        #expect(
            encoding.offsets == [0..<0, 0..<2, 3..<5, 0..<0, 0..<0, 0..<1, 1..<2, 3..<3, 3..<4, 0..<0])
        #expect(tokenizer.unknownID == 3)
        #expect(tokenizer.paddingID == 1)
        #expect(tokenizer.vocabularySize == 9)
        #expect(tokenizer.token(for: 8) == "Ġab")
    }

    @Test func unigramTakesTheBestCut() throws {
        let tokenizer = try tokenizer(TinySubword.unigram())
        let encoding = tokenizer.encode("ab bxxa", pair: "b", maxLength: 64)
        // "▁ab" (−5) beats "▁" "ab" (−6); neighboring unknown scalars are one token.
        #expect(encoding.ids == [0, 8, 4, 6, 3, 5, 2, 4, 6])
        #expect(encoding.typeIDs == [0, 0, 0, 0, 0, 0, 1, 1, 1])
        #expect(
            encoding.offsets == [0..<0, 0..<2, 2..<3, 3..<4, 4..<6, 6..<7, 0..<0, 0..<1, 0..<1])
    }

    @Test func specialTokensFollowTheTemplate() throws {
        let roberta = try tokenizer(TinySubword.bytePairs())
        #expect(roberta.specialTokenCount(isPair: false) == 2)
        #expect(roberta.specialTokenCount(isPair: true) == 4)
        #expect(roberta.encode("ab", pair: "ab", maxLength: 4).ids == [0, 2, 2, 2])
        let other = try tokenizer(TinySubword.unigram())
        #expect(other.specialTokenCount(isPair: true) == 2)
        #expect(other.encode("", maxLength: 2).ids == [0, 2])
        let bert = try tokenizer(TinyTokenizer.json())
        #expect(bert.specialTokenCount(isPair: true) == 3)
    }

    @Test func modelsOfOlderFilesHaveNoType() throws {
        let pairs = TinySubword.bytePairs().replacingOccurrences(of: #""type":"BPE","#, with: "")
        #expect(try tokenizer(pairs).encode("ab", maxLength: 8).ids == [0, 7, 2])
        let unigram = TinySubword.unigram().replacingOccurrences(of: #""type":"Unigram","#, with: "")
        #expect(try tokenizer(unigram).encode("ab", maxLength: 8).ids == [0, 8, 2])
    }

    /// "b</w>" is one token with the end of its word, "a" alone has none and is unknown at an end.
    @Test func wordsEndInTheirLastToken() throws {
        let vocabulary = #"{"<s>":0,"</s>":1,"a":2,"b":3,"b</w>":4,"ab</w>":5,"aab</w>":6}"#
        let json = TinySubword.bytePairs(
            vocabulary: vocabulary, merges: #"["a b</w>","a ab</w>"]"#,
            options: #""unk_token":"</s>","end_of_word_suffix":"</w>","continuing_subword_prefix":"""#,
            preTokenizer: #"{"type":"WhitespaceSplit"}"#,
            processor: #"{"type":"RobertaProcessing","cls":["<s>",0],"sep":["</s>",1],"trim_offsets":false}"#)
        let tokenizer = try tokenizer(json)
        let encoding = tokenizer.encode("aab  b bb ba éb x", maxLength: 64)
        #expect(encoding.ids == [0, 6, 4, 3, 4, 3, 1, 1, 4, 1, 1])
        #expect(
            encoding.offsets == [
                0..<0, 0..<3, 5..<6, 7..<8, 8..<9, 10..<11, 11..<12, 13..<15, 15..<16, 17..<18, 0..<0,
            ])
        #expect(tokenizer.encode("aab b bb", maxLength: 4).ids == [0, 6, 4, 1])
    }

    @Test func wholeWordsAndTheUnknownOne() throws {
        let tokenizer = try tokenizer(TinySubword.words())
        let encoding = tokenizer.encode("A red_1 red, Ünd??  <e>red\u{301}", pair: "red", maxLength: 64)
        #expect(encoding.ids == [0, 3, 2, 4, 5, 2, 6, 1, 2, 1, 0, 4, 1])
        #expect(
            encoding.offsets == [
                0..<0, 0..<1, 2..<7, 8..<11, 11..<12, 13..<17, 17..<19, 21..<24, 24..<29, 0..<0, 0..<0, 0..<3,
                0..<0,
            ])
        #expect(tokenizer.unknownID == 2)
        #expect(tokenizer.templateIDs == [0, 1, 0, 1, 0, 1])
        #expect(tokenizer.encode("red red red", maxLength: 4).ids == [0, 4, 4, 1])
        #expect(tokenizer.encode("", maxLength: 4).ids == [0, 1])
    }

    private static func option(_ text: String) -> String { TinySubword.bytePairs(options: text) }

    private static func decoder(_ text: String) -> String {
        TinySubword.bytePairs().replacingOccurrences(of: "{\"pre_tok", with: "{\"decoder\":\(text),\"pre_tok")
    }

    private static func normalizer(_ text: String) -> String { TinySubword.unigram(normalizer: text) }

    private static func preTokenizer(_ text: String) -> String { TinySubword.unigram(preTokenizer: text) }

    private static func template(_ old: String, _ new: String) -> String {
        TinySubword.unigram(processor: TinySubword.template.replacingOccurrences(of: old, with: new))
    }

    static let refused: [(json: String, problem: String)] = [
        (option(#""dropout":0.1"#), "dropout of a BPE model is not supported"),
        (
            option(#""end_of_word_suffix":"</w>","byte_fallback":true"#),
            "byte_fallback beside end_of_word_suffix of a BPE model is not supported"
        ),
        (
            option(#""end_of_word_suffix":"</w>","unk_token":"[UNK]""#),
            "the vocabulary has no \"[UNK]\" token"
        ),
        (option(#""continuing_subword_prefix":"@@""#), "continuing_subword_prefix of a BPE model is not"),
        (option(#""unk_token":"[UNK]""#), "the vocabulary has no \"[UNK]\" token"),
        (option(#""fuse_unk":1"#), "the setting fuse_unk is not a Bool"),
        (TinySubword.bytePairs(merges: #"["a b c"]"#), "merge 1 is not a pair"),
        (TinySubword.bytePairs(merges: #"["a b",["a"]]"#), "merge 2 is not a pair"),
        (TinySubword.bytePairs(merges: #"["b a"]"#), "the vocabulary has no \"ba\" token"),
        (TinySubword.bytePairs(merges: "7"), "there is no model.merges"),
        (
            TinySubword.bytePairs(
                processor: #"{"type":"Sequence","processors":[{"type":"ByteLevel"},{"type":"ByteLevel"}]}"#),
            "post-processor \"Sequence\" is not ByteLevel and one other step"
        ),
        (decoder(#"{"type":"CTC"}"#), "decoder \"CTC\" is not supported"),
        (decoder(#"{"type":"Sequence"}"#), "the decoder Sequence has no decoders"),
        (
            decoder(
                #"{"type":"Sequence","decoders":[{"type":"Fuse"},{"type":"Metaspace","replacement":"_"}]}"#),
            "another step than Strip at the start behind Fuse"
        ),
        (
            decoder(#"{"type":"Metaspace","replacement":"__"}"#),
            "the replacement of decoder \"Metaspace\" is not"
        ),
        (decoder(#"{"type":"Replace","pattern":{"String":"a"}}"#), "the decoder Replace has no content"),
        (decoder(#"{"type":"Replace","pattern":{},"content":"a"}"#), "the decoder Replace has no pattern"),
        (
            decoder(#"{"type":"Replace","pattern":{"Regex":"(?<=a)"},"content":"a"}"#),
            "decoder \"Replace\" with the pattern \"(?<=a)\" is not supported"
        ),
        (TinySubword.bytePairs(processor: #"{"type":"RobertaProcessing"}"#), "lacks cls or sep"),
        (
            TinySubword.bytePairs(
                processor: #"{"type":"RobertaProcessing","cls":["<s>",5],"sep":["</s>",2]}"#),
            "token \"<s>\" has the id 5 in one place and 0 in the vocabulary"
        ),
        (TinySubword.unigram(vocabulary: "[]"), "the vocabulary is empty"),
        (
            TinySubword.unigram(vocabulary: #"[["a"]]"#),
            "entry 0 of the vocabulary is not a token and a score"
        ),
        (TinySubword.unigram(vocabulary: "{}"), "there is no model.vocab"),
        (TinySubword.unigram(unknownID: "null"), "unk_id is -1, the vocabulary has the ids 0 to 8"),
        (TinySubword.unigram(unknownID: "9"), "unk_id is 9, the vocabulary has the ids 0 to 8"),
        (normalizer(#"{"type":"Nmt"}"#), "normalizer \"Nmt\" is not supported"),
        (normalizer(#"{"type":"BertNormalizer"}"#), "normalizer \"BertNormalizer\" is not supported"),
        (normalizer(#"{"type":"Sequence"}"#), "the normalizer Sequence has no normalizers"),
        (
            normalizer(#"{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"ByteLevel"}]}"#),
            "normalizer \"ByteLevel\" is not supported"
        ),
        (
            normalizer(#"{"type":"Replace","pattern":{"Regex":"a+"},"content":"b"}"#),
            "normalizer \"Replace\" with the pattern \"a+\" is not supported"
        ),
        (normalizer(#"{"type":"Replace","pattern":{"String":""},"content":"b"}"#), "the pattern \"\" is not"),
        (normalizer(#"{"type":"Precompiled","precompiled_charsmap":"AAAA"}"#), "cannot be read"),
        (normalizer(#"{"type":"Precompiled","precompiled_charsmap":"?"}"#), "cannot be read"),
        (preTokenizer(#"{"type":"Split"}"#), "pre-tokenizer \"Split\" has no pattern"),
        (
            preTokenizer(#"{"type":"Split","pattern":{"String":"a"},"behavior":"x"}"#),
            "pre-tokenizer \"Split\" with the behavior \"x\" is not supported"
        ),
        (preTokenizer(#"{"type":"UnicodeScripts"}"#), "pre-tokenizer \"UnicodeScripts\" is not supported"),
        (TinySubword.words(unknown: "[UNK]"), "the vocabulary has no \"[UNK]\" token"),
        (TinySubword.words(preTokenizer: #"{"type":"Words"}"#), "pre-tokenizer \"Words\" is not supported"),
        (preTokenizer(#"{"type":"Punctuation","behavior":"x"}"#), "with the behavior \"x\" is not supported"),
        (preTokenizer(#"{"type":"Metaspace","replacement":"__"}"#), "is not one character"),
        (
            preTokenizer(#"{"type":"Metaspace","replacement":"_","add_prefix_space":false}"#),
            "the prepend_scheme \"always\" with add_prefix_space false"
        ),
        (template("\"id\":\"B\"", "\"id\":\"A\""), "A once for one text, A and B once for two"),
        (template("\"type_id\":1", "\"type_id\":7"), "a part of the template pair has no type 0 or 1"),
        (template("\"ids\":[2]", "\"ids\":[3]"), "has the id 3 in one place and 2 in the vocabulary"),
        (template("\"</s>\":{", "\"x\":{"), "the template has no special token \"</s>\""),
        (TinySubword.bytePairs(merges: #"[["a","b"],["ab","c\nd"]]"#), #"no "c\u{a}d" token"#),
        (TinySubword.bytePairs(merges: #"[{"a":"b"}]"#), "merge 1 is not a pair"),
        (TinySubword.unigram(vocabulary: #"[["a","b"]]"#), "entry 0 of the vocabulary is not a token and a"),
        (TinySubword.unigram(vocabulary: #"[["a",null]]"#), "entry 0 of the vocabulary is not a token and a"),
        (TinySubword.unigram(vocabulary: #"[["a",1e999]]"#), "the number '1e999' is out of range"),
        (TinySubword.unigram(vocabulary: #"[["a",NaN]]"#), "'N' where a value should begin"),
        (TinySubword.unigram(unknownID: "-1"), "unk_id is -1, the vocabulary has the ids 0 to 8"),
        (TinySubword.unigram(unknownID: "1.5"), "the setting unk_id is not a Int"),
        (
            normalizer(sequence("normalizers", #"{"type":"Lowercase"}"#, 33)),
            "the normalizer has 33 steps, the limit is 32"
        ),
        (
            normalizer(sequence("normalizers", replacing("a", "aa"), 5)),
            "replacements make a text up to 32.0 times as long, the limit is 16.0"
        ),
        (
            normalizer(replacing("a", String(repeating: "b", count: 101))),
            "has 101 characters, the limit is 100"
        ),
        (
            normalizer(replacing(String(repeating: "b", count: 101), "a")),
            "has 101 characters, the limit is 100"
        ),
        (
            normalizer(#"{"type":"Prepend","prepend":"\#(String(repeating: "b", count: 101))"}"#),
            "has 101 characters, the limit is 100"
        ),
        (
            normalizer(sequence("normalizers", charactersMap("a"), 2)),
            "normalizer \"Precompiled\" stands twice"
        ),
        (
            normalizer(charactersMap(String(repeating: "b", count: 101))),
            "the precompiled_charsmap of normalizer \"Precompiled\" cannot be read"
        ),
        (
            preTokenizer(sequence("pretokenizers", #"{"type":"WhitespaceSplit"}"#, 17)),
            "the pre-tokenizer has 17 steps, the limit is 16"
        ),
        (
            preTokenizer(sequence("pretokenizers", #"{"type":"ByteLevel"}"#, 2)),
            "pre-tokenizer \"ByteLevel\" stands twice"
        ),
        (
            normalizer(
                String(repeating: #"{"type":"Sequence","normalizers":["#, count: 40) + #"{"type":"NFC"}"#
                    + String(repeating: "]}", count: 40)),
            "nested deeper than 64 levels"
        ),
    ]

    private static func sequence(_ key: String, _ step: String, _ count: Int) -> String {
        #"{"type":"Sequence","\#(key)":[\#(Array(repeating: step, count: count).joined(separator: ","))]}"#
    }

    private static func replacing(_ pattern: String, _ content: String) -> String {
        #"{"type":"Replace","pattern":{"String":"\#(pattern)"},"content":"\#(content)"}"#
    }

    /// A trie of one unit that knows nothing, and one replacement.
    private static func charactersMap(_ replacement: String) -> String {
        let bytes = [4, 0, 0, 0, 0, 0, 0, 0] + Array(replacement.utf8) + [0]
        return #"{"type":"Precompiled","precompiled_charsmap":"\#(Data(bytes).base64EncodedString())"}"#
    }

    /// Where many added tokens begin alike, the longest one counts, and the text between them stays.
    @Test func addedTokensAreFoundByTheirLongest() throws {
        let texts = ["x", "xy", "xyzw", "zz"]
        let added = texts.enumerated().map { #"{"id":\#(9 + $0.offset),"content":"\#($0.element)"}"# }
        let json = TinySubword.unigram().dropFirst()
        let tokenizer = try tokenizer("{\"added_tokens\":[\(added.joined(separator: ","))]," + json)
        #expect(tokenizer.encode("xyzwxyzxzz", maxLength: 16).ids == [0, 11, 10, 4, 3, 9, 12, 2])
    }

    @Test(arguments: refused.indices)
    func unsupportedFilesAreRefused(index: Int) throws {
        let (json, problem) = Self.refused[index]
        do {
            _ = try tokenizer(json)
            Issue.record("no error, expected: \(problem)")
        } catch {
            let text = "\(error)"
            #expect(text.contains(problem))
            #expect(text.contains("tokenizer.json"))
            #expect(!text.contains("\n"))
        }
    }
}
