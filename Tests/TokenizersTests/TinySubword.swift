/// Byte-level BPE and Unigram files small enough to work out by hand; the arguments replace their parts.
///
///     BPE:     0 <s>  1 <pad>  2 </s>  3 <unk>  4 a  5 b  6 Ġ  7 ab  8 Ġab
///     Unigram: 0 <s>  1 <pad>  2 </s>  3 <unk>  4 ▁  5 a  6 b  7 ab  8 ▁ab
enum TinySubword {
    static let template = """
        {"type":"TemplateProcessing",
        "single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
        {"SpecialToken":{"id":"</s>","type_id":0}}],
        "pair":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
        {"SpecialToken":{"id":"</s>","type_id":1}},{"Sequence":{"id":"B","type_id":1}}],
        "special_tokens":{"<s>":{"id":"<s>","ids":[0],"tokens":["<s>"]},
        "</s>":{"id":"</s>","ids":[2],"tokens":["</s>"]}}}
        """

    static func bytePairs(
        vocabulary: String = #"{"<s>":0,"<pad>":1,"</s>":2,"<unk>":3,"a":4,"b":5,"Ġ":6,"ab":7,"Ġab":8}"#,
        merges: String = #"["a b","Ġ ab"]"#, options: String = #""unk_token":"<unk>""#,
        preTokenizer: String = #"{"type":"ByteLevel","add_prefix_space":false}"#,
        processor: String = #"{"type":"RobertaProcessing","cls":["<s>",0],"sep":["</s>",2]}"#
    ) -> String {
        """
        {"pre_tokenizer":\(preTokenizer),"post_processor":\(processor),
        "model":{"type":"BPE",\(options),"vocab":\(vocabulary),"merges":\(merges)}}
        """
    }

    /// 0 <b>  1 <e>  2 <u>  3 a  4 red  5 ,  6 ??
    static func words(
        unknown: String = "<u>", preTokenizer: String = #"{"type":"Whitespace"}"#
    ) -> String {
        let special = ["<b>", "<e>", "<u>"].enumerated().map {
            #"{"id":\#($0.offset),"content":"\#($0.element)","special":true}"#
        }
        func template(_ text: String) -> String {
            """
            {"SpecialToken":{"id":"<b>","type_id":0}},{"Sequence":{"id":"\(text)","type_id":0}},
            {"SpecialToken":{"id":"<e>","type_id":0}}
            """
        }
        return """
            {"added_tokens":[\(special.joined(separator: ","))],"normalizer":{"type":"Lowercase"},
            "pre_tokenizer":\(preTokenizer),
            "post_processor":{"type":"TemplateProcessing","single":[\(template("A"))],
            "pair":[\(template("A")),\(template("B"))],
            "special_tokens":{"<b>":{"id":"<b>","ids":[0],"tokens":["<b>"]},
            "<e>":{"id":"<e>","ids":[1],"tokens":["<e>"]}}},
            "model":{"type":"WordLevel","unk_token":"\(unknown)",
            "vocab":{"<b>":0,"<e>":1,"<u>":2,"a":3,"red":4,",":5,"??":6}}}
            """
    }

    static func unigram(
        vocabulary: String = """
        [["<s>",0],["<pad>",0],["</s>",0],["<unk>",0],["▁",-2],["a",-3],["b",-3.5],["ab",-4],["▁ab",-5]]
        """,
        unknownID: String = "3", normalizer: String = "null",
        preTokenizer: String = #"{"type":"Metaspace","replacement":"▁","prepend_scheme":"always"}"#,
        processor: String = template
    ) -> String {
        """
        {"normalizer":\(normalizer),"pre_tokenizer":\(preTokenizer),"post_processor":\(processor),
        "model":{"type":"Unigram","unk_id":\(unknownID),"vocab":\(vocabulary)}}
        """
    }
}
