/// Token ids back to text, one after another.
package struct TokenDecoder: Sendable {
    private let names: [Int32: String]
    /// Before `names`.
    private let normalizedNames: [Int32: String]
    /// Left out.
    private let skipped: Set<Int32>
    private var steps: [DecodingStep]

    init(
        names: [Int32: String], normalizedNames: [Int32: String], skipped: Set<Int32>, steps: [DecodingStep]
    ) {
        self.names = names
        self.normalizedNames = normalizedNames
        self.skipped = skipped
        self.steps = steps
    }

    /// The further text that is certain once this token follows: bytes of an unfinished scalar wait for the next ones, and
    /// "<0xE2>" and the like for the end of their run. An id without a token gives nothing, as in the `tokenizers` library.
    package mutating func push(_ id: Int32) -> String {
        guard !skipped.contains(id), let name = normalizedNames[id] ?? names[id] else { return "" }
        return run([name], from: 0)
    }

    /// The rest, when no token follows; unfinished bytes become U+FFFD.
    package mutating func finish() -> String {
        var text = ""
        for index in steps.indices {
            let rest = steps[index].finish()
            text += run(rest, from: index + 1)
        }
        return text
    }

    private mutating func run(_ tokens: [String], from first: Int) -> String {
        var tokens = tokens
        for index in steps.indices.dropFirst(first) {
            tokens = tokens.flatMap { steps[index].push($0) }
        }
        return tokens.joined()
    }
}

extension Tokenizer {
    /// - Parameter skippingSpecial: leaves out special tokens.
    package func decoder(skippingSpecial: Bool) -> TokenDecoder {
        TokenDecoder(
            names: tokenNames, normalizedNames: normalizedNames, skipped: skippingSpecial ? specialIDs : [],
            steps: decoding)
    }

    /// The text of tokens, equal to that of `decode` in the `tokenizers` library. Bytes that are no UTF-8 become U+FFFD. Special
    /// tokens are left out by their ids; the library shows those that a normalizer spells otherwise.
    package func decode(_ ids: [Int32], skippingSpecial: Bool) -> String {
        var decoder = decoder(skippingSpecial: skippingSpecial)
        var text = ""
        for id in ids { text += decoder.push(id) }
        return text + decoder.finish()
    }
}
