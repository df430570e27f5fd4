import ModelFiles

extension ClassSections {
    /// CLIP's: BPE of bytes, whose tokens tell the end of a word, of small letters and single spaces.
    func endedBytePairs() throws -> JSONValue {
        let (start, end) = ("<|startoftext|>", "<|endoftext|>")
        let added = try added(["bos_token": start, "eos_token": end, "unk_token": end, "pad_token": end])
        return .object([
            "added_tokens": added.section, "normalizer": Self.smallLetters,
            "pre_tokenizer": .object([
                "type": .string("Sequence"),
                "pretokenizers": .array([
                    .object([
                        "type": .string("Split"), "pattern": .object(["Regex": .string(Self.words)]),
                        "behavior": .string("Removed"), "invert": .bool(true),
                    ]),
                    .object([
                        "type": .string("ByteLevel"), "add_prefix_space": .bool(false),
                        "use_regex": .bool(true),
                    ]),
                ]),
            ]),
            "post_processor": try around(
                "RobertaProcessing", try text("bos_token", start), try text("eos_token", end), added),
            "padding": try padding(end), "decoder": .object(["type": .string("ByteLevel")]),
            "model": .object([
                "type": .string("BPE"), "unk_token": .string(try text("unk_token", end)),
                "continuing_subword_prefix": .string(""), "end_of_word_suffix": .string("</w>"),
                "fuse_unk": .bool(false), "vocab": stored["model"]?["vocab"] ?? .null,
                "merges": stored["model"]?["merges"] ?? .array([]),
            ]),
        ])
    }

    private static let words =
        #"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"#

    private static let smallLetters = JSONValue.object([
        "type": .string("Sequence"),
        "normalizers": .array([
            .object(["type": .string("NFC")]),
            .object([
                "type": .string("Replace"), "pattern": .object(["Regex": .string(#"\s+"#)]),
                "content": .string(" "),
            ]),
            .object(["type": .string("Lowercase")]),
        ]),
    ])
}
