/// Scalar classes as the `tokenizers` library sees them. Its tables are of an older Unicode version than
/// Swift's for some properties, so scalars that were assigned later are listed as exceptions; a test compares
/// all 1,112,064 scalars with the library.
enum UnicodeClasses {
    /// `char::is_whitespace`
    static func isWhitespace(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x80 { return scalar == " " || (scalar.value >= 9 && scalar.value <= 13) }
        return scalar.properties.isWhitespace
    }

    /// Categories Cc, Cf and Co but for tab, newline and carriage return; unassigned scalars stay.
    static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x80 {
            if scalar == "\t" || scalar == "\n" || scalar == "\r" { return false }
            return scalar.value < 0x20 || scalar.value == 0x7F
        }
        switch scalar.properties.generalCategory {
        case .control, .privateUse, .surrogate: return true
        case .format: return !laterFormat.contains(scalar.value)
        default: return earlierFormat.contains(scalar.value)
        }
    }

    static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        let value = scalar.value
        if value < 0x80 {
            return (value >= 33 && value <= 47) || (value >= 58 && value <= 64) || (value >= 91 && value <= 96)
                || (value >= 123 && value <= 126)
        }
        switch scalar.properties.generalCategory {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            return !contains(laterPunctuation, value)
        default: return contains(earlierPunctuation, value)
        }
    }

    static func isNonspacingMark(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.properties.generalCategory == .nonspacingMark { return !contains(laterMarks, scalar.value) }
        return contains(earlierMarks, scalar.value)
    }

    /// Scalars whose lowercase form came after the library's tables.
    static func keepsCase(_ scalar: Unicode.Scalar) -> Bool { contains(laterCased, scalar.value) }

    /// The ideograph blocks of BERT's original code; the sixth begins at 2B920 in the library.
    static func isChinese(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            true
        default: false
        }
    }

    private static func contains(_ ranges: [ClosedRange<UInt32>], _ value: UInt32) -> Bool {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(value)
    }

    private static let laterFormat: Set<UInt32> = []
    private static let earlierFormat: Set<UInt32> = []
    private static let laterPunctuation: [ClosedRange<UInt32>] = []
    private static let earlierPunctuation: [ClosedRange<UInt32>] = []
    private static let laterMarks: [ClosedRange<UInt32>] = []
    private static let earlierMarks: [ClosedRange<UInt32>] = []
    private static let laterCased: [ClosedRange<UInt32>] = []
}
