/// The `tokenizer.ggml.…` entries of a GGUF file, as they stand there.
package struct GGUFVocabulary: Sendable {
    /// `tokenizer.ggml.model`: "gpt2" (byte-level BPE) or "llama" (SentencePiece's BPE by scores), of encoders also "bert"
    /// (WordPiece, whose tokens begin with a mark where a word does) or "t5" (SentencePiece's Unigram).
    package var model: String
    /// `tokenizer.ggml.pre`: how a text is split before BPE.
    package var pre: String?
    /// Token i has the id i.
    package var tokens: [String]
    /// One for each token, or none.
    package var scores: [Float] = []
    /// One for each token, or none: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
    package var tokenTypes: [Int32] = []
    /// "a b", the first one first.
    package var merges: [String] = []
    package var bosID: Int32?
    package var eosID: Int32?
    package var eotID: Int32?
    package var unknownID: Int32?
    package var paddingID: Int32?
    /// Between two texts
    package var separatorID: Int32?
    package var maskID: Int32?
    /// nil where the file does not say, and llama.cpp has a default.
    package var addBOS: Bool?
    package var addEOS: Bool?
    package var addSpacePrefix: Bool?
    /// One more separator between two texts than behind each.
    package var addSEP: Bool?
    /// Of "t5": spaces at the ends, and more than one between words, are none.
    package var removesExtraSpaces: Bool?
    /// Of "t5": SentencePiece's `precompiled_charsmap`; empty without.
    package var characterMap: [UInt8] = []
    /// Of "bert"; accents are stripped as letters are made small, unless the file says otherwise.
    package var lowercases: Bool?
    package var stripsAccents: Bool?
    /// How many types of tokens an encoder has.
    package var typeCount: Int?
    /// `general.name`, by which llama.cpp knows tokenizers whose control tokens take white space along.
    package var modelName: String?

    package init(model: String, pre: String?, tokens: [String]) {
        self.model = model
        self.pre = pre
        self.tokens = tokens
    }
}
