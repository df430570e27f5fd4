import Foundation
import ModelFiles
import Testing
import Tokenizers

/// Every switch of the files beside a vocabulary, both ways, for every class of tokenizer: the ids, types and windows of
/// transformers' AutoTokenizer (scripts/goldens/tokenizer_folders.py), all equal.
@Suite struct FolderParityTests {
    private static func goldens() throws -> FolderGoldens {
        try FolderGoldens(Provided.root.appendingPathComponent("Tests/Goldens/tokenizer/folders.json"))
    }

    /// transformers adds the missing tokens around a text itself, and a model has learned nothing of them.
    private static let refused = ["bert: MPNetTokenizer": "the vocabulary has no \"<s>\" token"]

    @Test func foldersHaveTransformersIDs() throws {
        let goldens = try Self.goldens()
        try #require(goldens.folders.count > 350)
        var compared = 0
        for folder in goldens.folders where !folder.hashes.isEmpty {
            let temporary = try TemporaryFolder()
            try goldens.write(folder, into: temporary.url)
            if let problem = Self.refused[folder.name] {
                let error = #expect(throws: TokenizerError.self) { try Tokenizer(folder: temporary.url) }
                #expect(
                    error?.description.contains(problem) ?? false,
                    "\(folder.name): \(error?.description ?? "")")
                continue
            }
            let tokenizer = try Tokenizer(folder: temporary.url)
            let got = goldens.encoded(by: tokenizer)
            try #require(got.count == folder.hashes.count)
            for (text, hash) in zip(got, folder.hashes) {
                #expect(
                    FolderGoldens.hash(text.numbers) == hash, "\(folder.name), \(text.what): \(text.numbers)")
                compared += 1
            }
        }
        #expect(compared > 7_000)
    }

    /// Files that are not said to decide can go, and every token stays.
    @Test func whatDoesNotDecideCanGo() throws {
        let goldens = try Self.goldens()
        var (decided, spared) = (0, 0)
        for folder in goldens.folders where !folder.hashes.isEmpty && Self.refused[folder.name] == nil {
            let temporary = try TemporaryFolder()
            try goldens.write(folder, into: temporary.url)
            let deciding = Tokenizer.decidingFiles(in: temporary.url)
            let others = TokenizerFileNames.all.filter { folder.files[$0] != nil && !deciding.contains($0) }
            if deciding.contains(where: ["special_tokens_map.json", "added_tokens.json"].contains) {
                decided += 1
            }
            guard !others.isEmpty else { continue }
            let before = goldens.encoded(by: try Tokenizer(folder: temporary.url))
            for name in others {
                try FileManager.default.removeItem(at: temporary.url.appendingPathComponent(name))
            }
            let after = goldens.encoded(by: try Tokenizer(folder: temporary.url))
            #expect(before.map(\.numbers) == after.map(\.numbers), "\(folder.name): \(others)")
            spared += 1
        }
        #expect(decided > 20 && spared > 5, "\(decided) and \(spared) folders")
    }

    /// What a person is told of each folder, one part of it; nil where nothing is to be told.
    private static let notes: [(folder: String, note: String?)] = [
        ("bert: no setting", nil),
        ("bert: do_lower_case True", nil),
        ("clip: as published", nil),
        ("clip: vocab.json and merges.txt", nil),
        (
            "bert: do_lower_case False",
            "tokenizer_config.json and tokenizer.json differ; read as transformers does it, as BertTokenizer by the "
                + "first: strip_accents false instead of true; lowercase false instead of true; if tokenizer.json"
        ),
        ("bert: strip_accents False", "strip_accents false instead of true"),
        ("bert: tokenize_chinese_chars False", "handle_chinese_chars false instead of true"),
        (
            "bert: cased file",
            "tokenizer.json stands alone; read as transformers does it, as BertTokenizer by the usual"
        ),
        ("bert: cased file, cased setting", nil),
        (
            "bert: other limits",
            "handle_chinese_chars true instead of false; unk_token \"[UNK]\" instead of \"[MASK]\"; "
                + "max_input_chars_per_word 100 instead of 3"
        ),
        ("bert: padding_side left", "padding_side is left"),
        ("bert: padding_side right", nil),
        ("bert: other ids", "1 added token has another id than the vocabulary gives: \"<x>\" is"),
        ("bert: added token not in decoder", "without its added tokens \"<y>\""),
        ("bert: swapped ends", "other special tokens around a text than its post_processor has"),
        ("bert: unk_token", "unk_token \"b\" instead of \"[UNK]\""),
        ("bert: NobodysTokenizer", "tokenizer_class \"NobodysTokenizer\" is not one that this version knows"),
        ("bert: TokenizersBackend", nil),
        ("bert: auto_map", "auto_map names code of the model's own for its tokenizer, which is not run"),
        ("bert: saved by transformers", nil),
        ("mpnet: no setting", nil),
        ("mpnet: saved by transformers", nil),
        ("roberta: no setting", nil),
        ("roberta: saved by transformers", nil),
        ("roberta: add_prefix_space True", "add_prefix_space true instead of false"),
        ("roberta: trim_offsets False", "trim_offsets false instead of true"),
        ("xlm-roberta: no setting", nil),
        ("xlm-roberta: add_prefix_space False", "prepend_scheme \"never\" instead of \"always\""),
        ("xlm-roberta: spaces", "normalizer none instead of NFKC"),
        ("albert: no setting", nil),
        ("albert: keep_accents True", "normalizer Replace \"``\", Replace \"''\", Lowercase instead of"),
        ("deberta-v2: saved by transformers", nil),
        ("deberta-v2: no setting", "NFC, Strip instead of Strip, Replace \" {2,}\""),
        ("deberta-v2: split_by_punct True", "pre-tokenizer Punctuation, Metaspace instead of Metaspace"),
    ]

    @Test func differencesAreTold() throws {
        let goldens = try Self.goldens()
        for (name, note) in Self.notes {
            let folder = try #require(goldens.folders.first { $0.name == name }, "\(name)")
            let temporary = try TemporaryFolder()
            try goldens.write(folder, into: temporary.url)
            let told = try Tokenizer(folder: temporary.url).notes
            if let note {
                #expect(
                    told.contains { $0.contains(note) && $0.contains(temporary.url.path) }, "\(name): \(told)"
                )
            } else {
                #expect(told.isEmpty, "\(name): \(told)")
            }
            #expect(told.allSatisfy { !$0.contains("\n") }, "\(name): \(told)")
        }
    }

    struct Wrong: CustomTestStringConvertible {
        let files: [String: String]
        let problem: String

        init(_ name: String, _ text: String, _ problem: String, beside vocabulary: String = "vocab.txt") {
            let whole = TinyTokenizer.tokens.joined(separator: "\n")
            files = [
                "config.json": #"{"model_type":"bert"}"#,
                vocabulary: vocabulary == "vocab.txt" ? whole : TinyTokenizer.json(),
                name: text,
            ]
            self.problem = problem
        }

        init(_ files: [String: String], _ problem: String) {
            self.files = files
            self.problem = problem
        }

        var testDescription: String { problem }
    }

    static let wrong: [Wrong] = [
        Wrong("tokenizer_config.json", "[]", "tokenizer_config.json: this is not a JSON object"),
        Wrong("tokenizer_config.json", "{", "tokenizer_config.json: "),
        Wrong("special_tokens_map.json", "7", "special_tokens_map.json: this is not a JSON object"),
        Wrong("special_tokens_map.json", #"{"mask_token":{}}"#, "a special token has no content"),
        Wrong("added_tokens.json", "[]", "added_tokens.json: this is not a JSON object"),
        Wrong("added_tokens.json", #"{"x":"y"}"#, "\"x\" in added_tokens.json has no id"),
        Wrong("added_tokens.json", #"{"x":-1}"#, "\"x\" in added_tokens.json has no id"),
        Wrong(
            "tokenizer_config.json", #"{"tokenizer_class":7}"#, "the setting tokenizer_class is not a String"),
        Wrong("tokenizer_config.json", #"{"do_lower_case":"no"}"#, "the setting do_lower_case is not a Bool"),
        Wrong("tokenizer_config.json", #"{"strip_accents":1}"#, "the setting strip_accents is not a Bool"),
        Wrong(
            "tokenizer_config.json", #"{"truncation_side":"up"}"#, "is \"up\", neither \"left\" nor \"right\""
        ),
        Wrong("tokenizer_config.json", #"{"model_input_names":7}"#, "model_input_names is not a list"),
        Wrong(
            "tokenizer_config.json", #"{"added_tokens_decoder":[]}"#, "added_tokens_decoder is not an object"),
        Wrong(
            "tokenizer_config.json", #"{"added_tokens_decoder":{"x":{}}}"#,
            "\"x\" in added_tokens_decoder is not an id"),
        Wrong(
            "tokenizer_config.json", #"{"added_tokens_decoder":{"20":{}}}"#, "an added token has no content"),
        Wrong(
            "tokenizer_config.json", #"{"added_tokens_decoder":{"20":{"content":"x","lstrip":1}}}"#,
            "the setting lstrip is not a Bool"),
        Wrong(
            "tokenizer_config.json", #"{"extra_special_tokens":7}"#,
            "extra_special_tokens is not a list of tokens"),
        Wrong(
            "tokenizer_config.json", #"{"extra_special_tokens":[7]}"#,
            "\"extra_special_tokens\" is neither a token's text nor an AddedToken"),
        Wrong(
            "tokenizer_config.json", #"{"mask_token":{"content":"x"}}"#,
            "\"mask_token\" is neither a token's text nor an AddedToken"),
        Wrong("tokenizer_config.json", #"{"cls_token":null}"#, "the setting cls_token is null"),
        Wrong("tokenizer_config.json", #"{"sep_token":"<end>"}"#, "the vocabulary has no \"<end>\" token"),
        Wrong("tokenizer_config.json", #"{"unk_token":"<no>"}"#, "the vocabulary has no \"<no>\" token"),
        Wrong("tokenizer_config.json", #"{"init_inputs":[1]}"#, "init_inputs is not supported"),
        Wrong(
            "tokenizer_config.json", #"{"fast_tokenizer_files":["tokenizer.json","tokenizer.5.0.0.json"]}"#,
            "fast_tokenizer_files names a tokenizer for each version"),
        Wrong(
            "tokenizer_config.json", #"{"tokenizer_class":"BertJapaneseTokenizer"}"#,
            "tokenizer_class \"BertJapaneseTokenizer\" needs a tokenizer.json, and there is only vocab.txt"),
        Wrong(
            "tokenizer_config.json", #"{"tokenizer_class":"RobertaTokenizer"}"#,
            "as RobertaTokenizer, which is not made of vocab.txt; add vocab.json and merges.txt"),
        Wrong(
            "tokenizer_config.json", #"{"tokenizer_class":"XLMRobertaTokenizer"}"#,
            "the model is \"WordPiece\", but transformers opens this folder as XLMRobertaTokenizer, which makes Unigram",
            beside: "tokenizer.json"),
        Wrong(
            ["vocab.json": "{}"],
            "nor vocab.txt, only vocab.json; byte-level BPE needs vocab.json and merges.txt"),
        Wrong(["merges.txt": ""], "nor vocab.txt, only merges.txt; byte-level BPE needs"),
        Wrong(["sentencepiece.bpe.model": ""], "only sentencepiece.bpe.model; AutoTokenizer.from_pretrained"),
        Wrong(["spiece.model": ""], "only spiece.model; AutoTokenizer.from_pretrained"),
        Wrong(["vocab.json": "[]", "merges.txt": ""], "vocab.json: this is not a JSON object"),
        Wrong(
            ["vocab.json": #"{"a":0,"b":"1"}"#, "merges.txt": ""],
            "token \"b\" has an id that is not a number"),
        Wrong(
            ["vocab.json": #"{"<s>":0,"</s>":1,"a":2}"#, "merges.txt": "#version: 0.2\na  b\n"],
            "merge 1 is not a pair of tokens"),
        Wrong(
            ["vocab.json": #"{"<s>":0,"</s>":1,"a":2}"#, "merges.txt": "a a\n"],
            "the vocabulary has no \"aa\" token"),
    ]

    @Test(arguments: wrong)
    func wrongFilesAreRefused(wrong: Wrong) throws {
        let folder = try TemporaryFolder()
        for (name, text) in wrong.files { try folder.write(text, as: name) }
        let error = #expect(throws: (any Error).self) { try Tokenizer(folder: folder.url) }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains(wrong.problem) && text.contains(folder.url.path), "\(text)")
        #expect(!text.contains("\n"), "\(text)")
    }

    /// The real folder's files agree with each other, and its `vocab.txt` with its `tokenizer.json`.
    @Test func aRealModelsFilesAgree() throws {
        #expect(try Provided.tokenizer().notes == [])
        #expect(try Provided.tokenizer().longestSequence == 512)
        let folder = try TemporaryFolder()
        for name in ["vocab.txt", "tokenizer_config.json", "special_tokens_map.json", "config.json"] {
            try FileManager.default.copyItem(
                at: Provided.root.appendingPathComponent("models/minilm/\(name)"),
                to: folder.url.appendingPathComponent(name))
        }
        let list = try Tokenizer(folder: folder.url)
        let whole = try Provided.tokenizer()
        for text in ["The Good Movie, naïve café [MASK] x", "[PAD] 中文 tokenization"] {
            #expect(
                list.encode(text, pair: text, maxLength: 64) == whole.encode(text, pair: text, maxLength: 64))
        }
    }

    /// Rows are cut at their start where `truncation_side` says so, words and windows too.
    @Test func truncationSideLeftCutsTheStart() throws {
        let folder = try TemporaryFolder()
        try folder.write(TinyTokenizer.tokens.joined(separator: "\n"), as: "vocab.txt")
        try folder.write(#"{"truncation_side":"left"}"#, as: "tokenizer_config.json")
        let tokenizer = try Tokenizer(folder: folder.url)
        #expect(tokenizer.encode("cat a e", maxLength: 4).ids == [2, 9, 12, 3])
        #expect(tokenizer.encode("cat a e", maxLength: 4).truncatedTokens == 1)
        #expect(tokenizer.encode("cat a e", pair: "a cat", maxLength: 6).ids == [2, 9, 12, 3, 10, 3])
        let words = tokenizer.encode(words: ["cat", "unable", "e"], maxLength: 4)
        #expect(words.encoding.ids == [2, 7, 12, 3])
        #expect(words.firstTokens == [nil, nil, 2])
    }
}
