/// A `tokenizer.json` small enough to work out by hand; the arguments replace its parts.
///
///     0 [PAD]  1 [UNK]  2 [CLS]  3 [SEP]  4 [MASK]  5 un   6 ##aff  7 ##able  8 ##a   9 a
///     10 cat   11 ,     12 e     13 ##e   14 ss     15 [   16 mask  17 ]      18 cats 19 ##s
enum TinyTokenizer {
    static let tokens = [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##aff", "##able", "##a", "a",
        "cat", ",", "e", "##e", "ss", "[", "mask", "]", "cats", "##s",
    ]
    static let vocabulary =
        "{" + tokens.enumerated().map { "\"\($0.element)\":\($0.offset)" }.joined(separator: ",") + "}"
    static let template = """
        {"type":"TemplateProcessing",
        "single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
        {"SpecialToken":{"id":"[SEP]","type_id":0}}],
        "pair":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
        {"SpecialToken":{"id":"[SEP]","type_id":0}},{"Sequence":{"id":"B","type_id":1}},
        {"SpecialToken":{"id":"[SEP]","type_id":1}}],
        "special_tokens":{"[CLS]":{"id":"[CLS]","ids":[2],"tokens":["[CLS]"]},
        "[SEP]":{"id":"[SEP]","ids":[3],"tokens":["[SEP]"]}}}
        """

    static func json(
        model: String = "WordPiece", vocabulary: String = vocabulary, longestWord: String = "8",
        normalizer: String = #"{"type":"BertNormalizer","lowercase":true,"strip_accents":null}"#,
        preTokenizer: String = #"{"type":"BertPreTokenizer"}"#,
        added: String = #"[{"id":4,"content":"[MASK]","normalized":false,"special":true}]"#,
        template: String = template
    ) -> String {
        """
        {"added_tokens":\(added),"normalizer":\(normalizer),"pre_tokenizer":\(preTokenizer),
        "post_processor":\(template),"model":{"type":"\(model)","unk_token":"[UNK]",
        "max_input_chars_per_word":\(longestWord),"vocab":\(vocabulary)}}
        """
    }
}
