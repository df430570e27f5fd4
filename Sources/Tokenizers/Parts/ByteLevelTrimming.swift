/// Takes the spaces at the ends of byte-level tokens out of their offsets (`trim_offsets`).
struct ByteLevelTrimming: Sendable, Equatable {
    /// Leaves a single space at the very start alone, for the pre-tokenizer put it there.
    let addsPrefixSpace: Bool

    /// Of a token as it stands in the text, or as a byte-level vocabulary spells it.
    static func edges(of token: some BidirectionalCollection<Unicode.Scalar>) -> TokenList.Edges {
        func isSpace(_ scalar: Unicode.Scalar) -> Bool {
            scalar == ByteLevel.space || UnicodeClasses.isWhitespace(scalar)
        }
        return TokenList.Edges(
            leading: token.prefix(while: isSpace).count,
            trailing: token.reversed().prefix(while: isSpace).count)
    }

    /// `names` are the tokens of ids. An added token counts as it stands in the text.
    func trim(_ tokens: inout TokenList, of text: String, names: [Int32: String]) {
        let bytes = Array(text.utf8)
        for index in tokens.ids.indices {
            let name = names[tokens.ids[index]] ?? ""
            let edges = tokens.addedEdges[index] ?? Self.edges(of: name.unicodeScalars)
            guard edges.leading > 0 || edges.trailing > 0 else { continue }
            var start = tokens.offsets[index].lowerBound
            var end = tokens.offsets[index].upperBound
            let isPrefix = (index == 0 || start == 0) && addsPrefixSpace && edges.leading == 1
            if !isPrefix { start = min(Self.advance(start, edges.leading, bytes), end) }
            if let trimmed = Self.retreat(end, edges.trailing, bytes) { end = max(trimmed, start) }
            tokens.offsets[index] = start..<end
        }
    }

    private static func isContinuation(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }

    private static func advance(_ place: Int, _ scalars: Int, _ bytes: [UInt8]) -> Int {
        var place = place
        for _ in 0..<scalars where place < bytes.count {
            place += 1
            while place < bytes.count, isContinuation(bytes[place]) { place += 1 }
        }
        return place
    }

    /// nil when there are not as many scalars.
    private static func retreat(_ place: Int, _ scalars: Int, _ bytes: [UInt8]) -> Int? {
        var place = place
        for _ in 0..<scalars {
            guard place > 0 else { return nil }
            place -= 1
            while place > 0, isContinuation(bytes[place]) { place -= 1 }
        }
        return place
    }
}
