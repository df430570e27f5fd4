import Foundation

/// NFD, NFKD, NFC or NFKC (Unicode Standard Annex 15), with the tables of the `tokenizers` library.
struct NormalizationForm: TextNormalizer {
    let isCompatible: Bool
    let composes: Bool

    func normalize(_ text: [LocatedScalar]) -> [LocatedScalar] {
        // Below these nothing decomposes, composes or changes its order.
        let first: UInt32 = isCompatible ? Decomposition.firstDecomposable : composes ? 0x300 : 0xC0
        guard text.contains(where: { $0.scalar.value >= first }) else { return text }
        let parts = Decomposition.decompose(text.map(\.scalar), compatibly: isCompatible)
        let aligned = parts.map { AlignedScalar(scalar: $0.scalar, change: $0.continues ? 1 : 0) }
        return (composes ? Self.composed(aligned) : aligned).places(from: text)
    }

    /// The canonical composition algorithm. A composite takes the changes of its two parts, less one.
    private static func composed(_ decomposed: [AlignedScalar]) -> [AlignedScalar] {
        var result: [AlignedScalar] = []
        result.reserveCapacity(decomposed.count)
        var starter: AlignedScalar?
        // Marks that did not compose with the starter; the class of the last one may block those after it.
        var marks: [AlignedScalar] = []
        var blocking: UInt8?
        for part in decomposed {
            let rank = Decomposition.rank(part.scalar)
            guard let base = starter else {
                if rank == 0 { starter = part } else { result.append(part) }
                continue
            }
            let isBlocked = blocking.map { $0 >= rank } ?? false
            if !isBlocked, let composite = composite(base.scalar, part.scalar) {
                starter = AlignedScalar(scalar: composite, change: base.change + part.change - 1)
            } else if rank == 0 {
                result.append(base)
                result += marks
                marks.removeAll(keepingCapacity: true)
                blocking = nil
                starter = part
            } else {
                marks.append(part)
                blocking = rank
            }
        }
        if let starter { result.append(starter) }
        return result + marks
    }

    private static func composite(_ first: Unicode.Scalar, _ second: Unicode.Scalar) -> Unicode.Scalar? {
        let (a, b) = (first.value, second.value)
        // Hangul, by the arithmetic of the Unicode Standard, section 3.12.
        if (0x1100...0x1112).contains(a), (0x1161...0x1175).contains(b) {
            return Unicode.Scalar(0xAC00 + ((a - 0x1100) * 21 + b - 0x1161) * 28)
        }
        if (0xAC00...0xD7A3).contains(a), (a - 0xAC00) % 28 == 0, (0x11A8...0x11C2).contains(b) {
            return Unicode.Scalar(a + b - 0x11A7)
        }
        return composites[UInt64(a) << 32 | UInt64(b)]
    }

    /// The primary composites, by their two parts. A scalar that Foundation decomposes and does not compose
    /// again is excluded from composition.
    private static let composites: [UInt64: Unicode.Scalar] = {
        func composed(_ scalars: some Sequence<Unicode.Scalar>) -> [Unicode.Scalar] {
            var text = String.UnicodeScalarView()
            text.append(contentsOf: scalars)
            return Array(String(text).precomposedStringWithCanonicalMapping.unicodeScalars)
        }
        var table: [UInt64: Unicode.Scalar] = [:]
        for (value, pieces) in Decomposition.canonicalTable {
            guard let scalar = Unicode.Scalar(value), pieces.count >= 2, let last = pieces.last,
                composed(pieces) == [scalar]
            else { continue }
            let prefix = pieces.count == 2 ? [pieces[0]] : composed(pieces.dropLast())
            guard prefix.count == 1 else { continue }
            table[UInt64(prefix[0].value) << 32 | UInt64(last.value)] = scalar
        }
        return table
    }()
}
