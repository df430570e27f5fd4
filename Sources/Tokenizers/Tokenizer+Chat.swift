/// A rendered chat as tokens.
package struct RenderedEncoding: Sendable, Equatable {
    /// With no tokens around it. The offsets are the UTF-8 bytes of the whole rendered text; a token of some bytes of a
    /// character has the place of that character.
    package let encoding: Encoding
    /// How many times data spells a control token of the vocabulary; there it is plain text.
    package let controlSpellings: Int
}

extension Tokenizer {
    /// A text that a chat template made, with everything that it wants around it. `data` are the UTF-8 bytes that came from
    /// rows and not from the template: a control token is recognized only where none of its bytes is data. Other added
    /// tokens are recognized everywhere, as llama.cpp does it, and the rest is tokenized as one text.
    package func encode(rendered text: String, data: [Range<Int>]) -> RenderedEncoding {
        var ranges = DataRanges(data)
        var tokens = tokens(of: text, by: pipeline, data: &ranges)
        let recognized = tokens.addedIndexes
        // A vocabulary may hold a control token as a word of its own, which then comes of plain text.
        if tokens.ids.indices.contains(where: { isSpelled(tokens, $0, recognized, ranges) }) {
            tokens = respelled(tokens, &ranges)
        }
        let encoding = Encoding(
            ids: tokens.ids, typeIDs: [Int32](repeating: 0, count: tokens.count), offsets: tokens.offsets,
            truncatedTokens: 0)
        return RenderedEncoding(encoding: encoding, controlSpellings: ranges.spellings)
    }

    private func isSpelled(
        _ tokens: TokenList, _ index: Int, _ recognized: Set<Int>, _ data: DataRanges
    ) -> Bool {
        specialIDs.contains(tokens.ids[index]) && tokens.ids[index] != unknownID
            && !recognized.contains(index) && data.touches(tokens.offsets[index])
    }

    /// Each scalar of such a token by itself.
    private func respelled(_ tokens: TokenList, _ data: inout DataRanges) -> TokenList {
        var output = TokenList()
        for index in tokens.ids.indices {
            let place = tokens.offsets[index]
            guard isSpelled(tokens, index, tokens.addedIndexes, data) else {
                output.ids.append(tokens.ids[index])
                output.offsets.append(place)
                continue
            }
            data.count(place)
            for scalar in (tokenNames[tokens.ids[index]] ?? "").unicodeScalars {
                let located = LocatedScalar(scalar: scalar, start: place.lowerBound, end: place.upperBound)
                pipeline.encodeWord([located][...], into: &output)
            }
        }
        return output
    }

    /// The id of a token by its exact spelling ("<|im_end|>"): of the added tokens, or else of the vocabulary.
    package func id(of token: String) -> Int32? {
        let bytes = Array(token.utf8)
        return addedIDs[bytes] ?? tokenNames.first { $0.value.utf8.elementsEqual(bytes) }?.key
    }

    /// Whether a token is part of no text.
    package func isSpecial(_ id: Int32) -> Bool { specialIDs.contains(id) }

    /// Whether `encode` puts the token that begins a text before every text by itself.
    package var addsBOS: Bool {
        guard let bosID, case .special(let ids, _) = template.parts(isPair: false).first else { return false }
        return ids.first == bosID
    }

    /// Whether tokens begin with two of those that begin a text, as happens where a template writes one and the tokenizer
    /// adds another; models have not seen that.
    package func beginsWithTwoBOS(_ ids: [Int32]) -> Bool {
        guard let bosID else { return false }
        return ids.count > 1 && ids[0] == bosID && ids[1] == bosID
    }
}
