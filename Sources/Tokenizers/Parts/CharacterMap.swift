import Foundation

/// SentencePiece's `precompiled_charsmap` ("Precompiled" in `tokenizer.json`): the byte count of a
/// double-array trie, its little-endian 32-bit units, and the replacements, each ended by a zero byte. The
/// trie leads from a text's UTF-8 bytes to where its replacement starts.
///
/// The library's reading of it differs from SentencePiece's and is kept here: a grapheme cluster of at most
/// five bytes becomes as a whole what its shortest known prefix becomes, any other goes scalar by scalar.
struct CharacterMap: TextNormalizer {
    private let units: [UInt32]
    private let replacements: [UInt8]
    /// In bytes; NFKC's longest is 33.
    private static let longestReplacement = 100

    /// nil when the bytes are not such a map.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= 4 else { return nil }
        func unit(_ at: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32(8 * $1) }
        }
        let count = Int(unit(0)) / 4
        guard count > 0, bytes.count - 4 >= count * 4 else { return nil }
        units = (1...count).map { unit(4 * $0) }
        replacements = Array(bytes[(4 + 4 * count)...])
        guard String(validating: replacements, as: UTF8.self) != nil,
            replacements.split(separator: 0).allSatisfy({ $0.count <= Self.longestReplacement })
        else { return nil }
    }

    func normalize(_ text: [LocatedScalar]) -> [LocatedScalar] {
        var aligned: [AlignedScalar] = []
        aligned.reserveCapacity(text.count)
        var isChanged = false
        for cluster in Self.clusters(text) {
            let old = text[cluster]
            let size = old.reduce(0) { $0 + UTF8.width($1.scalar) }
            if size < 6, let new = replacement(of: old) {
                Self.replace(old.count, by: new, in: &aligned)
                isChanged = true
                continue
            }
            for index in cluster {
                if let new = replacement(of: text[index...index]) {
                    Self.replace(1, by: new, in: &aligned)
                    isChanged = true
                } else {
                    aligned.append(AlignedScalar(scalar: text[index].scalar, change: 0))
                }
            }
        }
        return isChanged ? aligned.places(from: text) : text
    }

    /// The library takes a vanished cluster for removed scalars of whatever scalar stands before it, and
    /// forgets it where none does.
    private static func replace(_ count: Int, by new: [Unicode.Scalar], in aligned: inout [AlignedScalar]) {
        aligned += new.map { AlignedScalar(scalar: $0, change: 0) }
        let added = new.count - count
        if added > 0 {
            for index in aligned.indices.suffix(added) { aligned[index].change = 1 }
        } else if added < 0, let last = aligned.indices.last {
            aligned[last].change += added
        }
    }

    /// What the shortest known prefix of a text becomes; nil when no prefix is known.
    private func replacement(of text: ArraySlice<LocatedScalar>) -> [Unicode.Scalar]? {
        var node = offset(units[0])
        for located in text {
            for byte in UTF8.encode(located.scalar) ?? .init() {
                if byte == 0 { return nil }
                node ^= Int(byte)
                guard node < units.count, units[node] & 0x8000_00FF == UInt32(byte) else { return nil }
                let unit = units[node]
                node ^= offset(unit)
                guard unit & 0x100 != 0 else { continue }
                guard node < units.count else { return nil }
                return value(Int(units[node] & 0x7FFF_FFFF))
            }
        }
        return nil
    }

    /// What the longest known beginning of a text becomes, and how many scalars it has; nil when none is known.
    func longestReplacement(of text: ArraySlice<LocatedScalar>) -> (count: Int, scalars: [Unicode.Scalar])? {
        var node = offset(units[0])
        var longest: (count: Int, start: Int)?
        search: for (index, located) in zip(text.indices, text) {
            for byte in UTF8.encode(located.scalar) ?? .init() {
                node ^= Int(byte)
                guard byte != 0, node < units.count, units[node] & 0x8000_00FF == UInt32(byte) else {
                    break search
                }
                let unit = units[node]
                node ^= offset(unit)
                guard unit & 0x100 != 0, node < units.count else { continue }
                longest = (index + 1 - text.startIndex, Int(units[node] & 0x7FFF_FFFF))
            }
        }
        guard let longest, let scalars = value(longest.start) else { return nil }
        return (longest.count, scalars)
    }

    /// The units are those of the Darts-clone library: bit 8 says that a value follows, bits 10 to 30 are the offset
    /// (256-fold with bit 9), bits 0 to 7 the label.
    private func offset(_ unit: UInt32) -> Int { Int((unit >> 10) << ((unit & 0x200) >> 6)) }

    private func value(_ start: Int) -> [Unicode.Scalar]? {
        guard start <= replacements.count else { return nil }
        return Array(
            String(decoding: replacements[start...].prefix { $0 != 0 }, as: UTF8.self).unicodeScalars)
    }

    /// The extended grapheme clusters of a text.
    private static func clusters(_ text: [LocatedScalar]) -> [Range<Int>] {
        // Below U+0300 a cluster has one scalar, but for a carriage return with its line feed.
        if !text.contains(where: { $0.scalar.value >= 0x300 || $0.scalar == "\r" }) {
            return text.indices.map { $0..<($0 + 1) }
        }
        var scalars = String.UnicodeScalarView()
        scalars.append(contentsOf: text.lazy.map(\.scalar))
        var start = 0
        return String(scalars).map { character in
            let range = start..<(start + character.unicodeScalars.count)
            start = range.upperBound
            return range
        }
    }
}
