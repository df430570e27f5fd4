/// Unicode categories as a version of the standard has them.
///
/// Expressions from files mean the classes of the program that made the vocabulary: Hugging Face's `tokenizers` has
/// Oniguruma with Unicode 16, llama.cpp tables of Unicode 15.1. Swift's are newer, and a scalar that got its category
/// later is unassigned for them, so that all follows from the version that a scalar came with.
struct UnicodeEdition: Sendable, Equatable {
    let major: Int
    let minor: Int

    static let oniguruma = UnicodeEdition(major: 16, minor: 0)
    static let llamaCpp = UnicodeEdition(major: 15, minor: 1)

    /// One bit of `ScalarCategories`.
    func category(_ scalar: Unicode.Scalar) -> UInt32 {
        if scalar.value < 0x80 { return Self.ascii[Int(scalar.value)] }
        let properties = scalar.properties
        // U+0295 became a letter without case after Unicode 16.
        if scalar.value == 0x295 { return ScalarCategories.lowercase }
        guard let age = properties.age, (age.major, age.minor) <= (major, minor) else {
            return ScalarCategories.unassigned
        }
        return ScalarCategories.bit(properties.generalCategory)
    }

    private static let ascii: [UInt32] = (0..<0x80).map {
        ScalarCategories.bit(Unicode.Scalar(UInt8($0)).properties.generalCategory)
    }
}

/// A bit for each general category, and sets of them by the names that expressions have.
enum ScalarCategories {
    private static let order: [(name: String, category: Unicode.GeneralCategory)] = [
        ("Lu", .uppercaseLetter), ("Ll", .lowercaseLetter), ("Lt", .titlecaseLetter),
        ("Lm", .modifierLetter), ("Lo", .otherLetter), ("Mn", .nonspacingMark), ("Mc", .spacingMark),
        ("Me", .enclosingMark), ("Nd", .decimalNumber), ("Nl", .letterNumber), ("No", .otherNumber),
        ("Pc", .connectorPunctuation), ("Pd", .dashPunctuation), ("Ps", .openPunctuation),
        ("Pe", .closePunctuation), ("Pi", .initialPunctuation), ("Pf", .finalPunctuation),
        ("Po", .otherPunctuation), ("Sm", .mathSymbol), ("Sc", .currencySymbol), ("Sk", .modifierSymbol),
        ("So", .otherSymbol), ("Zs", .spaceSeparator), ("Zl", .lineSeparator), ("Zp", .paragraphSeparator),
        ("Cc", .control), ("Cf", .format), ("Cs", .surrogate), ("Co", .privateUse), ("Cn", .unassigned),
    ]

    static let lowercase: UInt32 = 1 << 1
    static let unassigned: UInt32 = 1 << 29

    private static let bits: [Unicode.GeneralCategory: UInt32] = Dictionary(
        uniqueKeysWithValues: order.enumerated().map { ($0.element.category, 1 << UInt32($0.offset)) })

    static func bit(_ category: Unicode.GeneralCategory) -> UInt32 { bits[category] ?? unassigned }

    /// Of "Lu", or "L" for all that begin with it; nil for another name.
    static func mask(named name: String) -> UInt32? {
        var mask: UInt32 = 0
        for (index, entry) in order.enumerated()
        where entry.name == name || String(entry.name.prefix(1)) == name {
            mask |= 1 << UInt32(index)
        }
        return mask == 0 ? nil : mask
    }
}

/// The scalars that one place of an expression takes.
struct ScalarSet: Sendable {
    enum Item: Sendable {
        case range(ClosedRange<UInt32>)
        /// A scalar whose category is in the mask (is not).
        case categories(UInt32, isNegated: Bool)
        case whitespace(isNegated: Bool)
    }

    private let items: [Item]
    private let isNegated: Bool
    /// Whether it has each of the first 128 scalars, where most text is.
    private let ascii: [Bool]

    /// - Parameter edition: of the categories that are asked later; ASCII is the same in all.
    init(_ items: [Item], isNegated: Bool = false) {
        self.items = items
        self.isNegated = isNegated
        ascii = (UInt8(0)..<0x80).map { value in
            let scalar = Unicode.Scalar(value)
            return Self.holds(items, scalar, UnicodeEdition.oniguruma.category(scalar)) != isNegated
        }
    }

    /// `category` is the bit of the scalar.
    func contains(_ scalar: Unicode.Scalar, category: UInt32) -> Bool {
        if scalar.value < 0x80 { return ascii[Int(scalar.value)] }
        return Self.holds(items, scalar, category) != isNegated
    }

    private static func holds(_ items: [Item], _ scalar: Unicode.Scalar, _ category: UInt32) -> Bool {
        for item in items {
            switch item {
            case .range(let range): if range.contains(scalar.value) { return true }
            case .categories(let mask, let isNegated): if (mask & category != 0) != isNegated { return true }
            case .whitespace(let isNegated):
                if UnicodeClasses.isWhitespace(scalar) != isNegated { return true }
            }
        }
        return false
    }
}
