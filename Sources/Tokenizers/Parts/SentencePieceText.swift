/// How SentencePiece prepares a text: each longest beginning that its table knows is replaced, spaces become marks, single
/// ones, with one before the text and none behind it.
struct SentencePieceText: TextNormalizer {
    private static let mark: Unicode.Scalar = "▁"
    /// nil leaves characters as they are
    let characters: CharacterMap?
    let addsPrefix: Bool

    func normalize(_ text: [LocatedScalar]) -> [LocatedScalar] {
        var result: [LocatedScalar] = []
        result.reserveCapacity(text.count + 1)
        if addsPrefix, let first = text.first {
            result.append(LocatedScalar(scalar: Self.mark, start: first.start, end: first.start))
        }
        var isBehindSpace = true
        var index = 0
        while index < text.count {
            let known = characters?.longestReplacement(of: text[index...])
            let count = known?.count ?? 1
            let place = (start: text[index].start, end: text[index + count - 1].end)
            var new = (known?.scalars ?? [text[index].scalar])[...]
            if isBehindSpace { new = new.drop { $0 == " " } }
            result += new.map {
                LocatedScalar(scalar: $0 == " " ? Self.mark : $0, start: place.start, end: place.end)
            }
            if let last = new.last { isBehindSpace = last == " " }
            index += count
        }
        while result.last?.scalar == Self.mark { result.removeLast() }
        return result
    }
}
