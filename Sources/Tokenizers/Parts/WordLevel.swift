/// Whole words of a vocabulary; any other word is the unknown token.
struct WordLevel: Sendable {
    /// By UTF-8 bytes
    let words: [[UInt8]: Int32]
    let unknownID: Int32

    /// Appends the id of one word.
    func encode(_ word: ArraySlice<LocatedScalar>, into output: inout TokenList) {
        let bytes = word.flatMap { Array(UTF8.encode($0.scalar) ?? .init()) }
        output.append(words[bytes] ?? unknownID, word)
    }
}
