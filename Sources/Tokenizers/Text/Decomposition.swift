import Foundation

/// NFD and NFKD (Unicode Standard Annex 15) as far as the `tokenizers` library knows them: scalars that its
/// tables lack neither decompose nor take part in the reordering of marks.
enum Decomposition {
    struct Part {
        let scalar: Unicode.Scalar
        /// Whether this is a further scalar of the decomposition that the part before it began.
        let continues: Bool
    }

    static func decompose(_ scalars: [Unicode.Scalar], compatibly: Bool = false) -> [Part] {
        let table = compatibly ? compatibleTable : canonicalTable
        var parts: [Part] = []
        parts.reserveCapacity(scalars.count)
        // Marks since the last scalar of class 0, which wait for their order.
        var marks: [(part: Part, rank: UInt8)] = []
        func flush() {
            // `sorted` alone does not promise to keep the order of equal ranks.
            parts += marks.enumerated().sorted {
                ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset)
            }.map(\.element.part)
            marks.removeAll(keepingCapacity: true)
        }
        func append(_ scalar: Unicode.Scalar, continues: Bool) {
            let part = Part(scalar: scalar, continues: continues)
            let rank = rank(scalar)
            if rank > 0 {
                marks.append((part, rank))
            } else {
                if !marks.isEmpty { flush() }
                parts.append(part)
            }
        }
        for scalar in scalars {
            guard scalar.value >= firstDecomposable, let pieces = pieces(scalar, table) else {
                append(scalar, continues: false)
                continue
            }
            for (index, piece) in pieces.enumerated() { append(piece, continues: index > 0) }
        }
        flush()
        return parts
    }

    /// The canonical combining class.
    static func rank(_ scalar: Unicode.Scalar) -> UInt8 {
        if scalar.value < 0x300 || UnicodeClasses.isUnknownToNormalization(scalar) { return 0 }
        return scalar.properties.canonicalCombiningClass.rawValue
    }

    private static func pieces(
        _ scalar: Unicode.Scalar, _ table: [UInt32: [Unicode.Scalar]]
    ) -> [Unicode.Scalar]? {
        (0xAC00...0xD7A3).contains(scalar.value) ? syllable(scalar.value - 0xAC00) : table[scalar.value]
    }

    /// A Hangul syllable's letters, by the arithmetic of the Unicode Standard, section 3.12.
    private static func syllable(_ index: UInt32) -> [Unicode.Scalar] {
        let codes = [0x1100 + index / 588, 0x1161 + index % 588 / 28, 0x11A7 + index % 28]
        return codes.prefix(index % 28 == 0 ? 2 : 3).compactMap(Unicode.Scalar.init)
    }

    /// U+00A0 is the first to decompose compatibly, U+00C0 canonically.
    static let firstDecomposable: UInt32 = 0xA0

    /// The scalars that decompose, but for Hangul.
    static let canonicalTable = table { $0.decomposedStringWithCanonicalMapping }

    private static let compatibleTable = table(without: UnicodeClasses.isUnknownToCompatibility) {
        $0.decomposedStringWithCompatibilityMapping
    }

    /// Foundation decomposes strings, not scalars; asking it once is faster by far than once per scalar.
    private static func table(
        without isUnknown: (Unicode.Scalar) -> Bool = { _ in false }, _ decompose: (String) -> String
    ) -> [UInt32: [Unicode.Scalar]] {
        // Neither ideographs nor scalars beyond U+2FFFF decompose.
        let ranges: [ClosedRange<UInt32>] = [
            firstDecomposable...0x33FF, 0xA000...0xABFF, 0xF900...0x1FFFF, 0x2F800...0x2FFFF,
        ]
        let scalars = ranges.joined().compactMap { Unicode.Scalar($0) }.filter {
            !UnicodeClasses.isUnknownToNormalization($0) && !isUnknown($0)
        }
        var text = String.UnicodeScalarView()
        for scalar in scalars {
            text.append(scalar)
            text.append("\n")
        }
        let decomposed = decompose(String(text)).unicodeScalars
        var table: [UInt32: [Unicode.Scalar]] = [:]
        for (scalar, pieces) in zip(scalars, decomposed.split(separator: "\n")) {
            if !pieces.elementsEqual([scalar]) { table[scalar.value] = Array(pieces) }
        }
        return table
    }
}
