/// The names of the files in a model's folder that a tokenizer may be made of.
package enum TokenizerFileNames {
    /// Those that say what its tokens are.
    package static let all = ["tokenizer.json", "vocab.txt", "tokenizer_config.json"] + later
    /// Those that the first versions did not read.
    static let later = ["vocab.json", "merges.txt", "special_tokens_map.json", "added_tokens.json"]
    /// SentencePiece's own files, which other programs read.
    package static let sentencePiece = [
        "spm.model", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model",
    ]
}
