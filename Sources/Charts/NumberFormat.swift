import Foundation

/// How numbers are written on axes, in cells and next to bars. Never depends on the locale: the decimal
/// separator is a point, thousands are grouped by commas, and the minus sign is U+2212.
package enum NumberFormat: Sendable, Hashable {
    /// Up to four significant digits, no trailing zeros; powers of ten from 10⁹ up and below 10⁻⁴.
    case automatic
    /// A fixed number of decimals, 0 to 12.
    case decimals(Int)
    /// Up to three significant digits with the suffixes k, M, G, T: `55k`, `1.2M`.
    case si
    /// The value times 100 with a percent sign and a fixed number of decimals, 0 to 12.
    case percent(Int)

    /// The text for one value; `–` for NaN and infinities.
    package func string(_ value: Double) -> String {
        guard value.isFinite else { return "\u{2013}" }
        switch self {
        case .automatic: return Self.significant(value, digits: 4)
        case .decimals(let digits): return Self.fixed(value, digits: digits)
        case .si: return Self.suffixed(value)
        case .percent(let digits): return Self.fixed(value * 100, digits: digits) + "%"
        }
    }

    /// Labels for evenly spaced ticks: all with the decimals that the step needs.
    package func tickLabels(_ values: [Double], step: Double) -> [String] {
        let largest = values.reduce(0) { max($0, abs($1)) }
        switch self {
        case .automatic:
            if largest >= 1e9 || step < 1e-6 {
                let digits = Self.exponent(max(largest, step)) - Self.exponent(step)
                return values.map { Self.scientific($0, digits: digits) }
            }
            return values.map { Self.fixed($0, digits: Self.decimals(forStep: step)) }
        case .decimals(let digits):
            return values.map { Self.fixed($0, digits: max(digits, Self.decimals(forStep: step))) }
        case .si:
            return values.map { value in
                guard let (unit, suffix) = Self.unit(of: value) else {
                    return Self.significant(value, digits: 4)
                }
                let digits = Self.decimals(forStep: step / unit)
                return Self.trimmed(Self.fixed(value / unit, digits: digits)) + suffix
            }
        case .percent(let digits):
            let needed = max(digits, Self.decimals(forStep: step * 100))
            return values.map { Self.fixed($0 * 100, digits: needed) + "%" }
        }
    }

    package static func fixed(_ value: Double, digits: Int) -> String {
        if abs(value) >= 1e15 { return scientific(value, digits: 3) }
        let plain = String(format: "%.*f", min(max(digits, 0), 12), abs(value))
        let parts = plain.split(separator: ".", maxSplits: 1)
        var text = grouped(String(parts[0]))
        if parts.count == 2 { text += "." + parts[1] }
        let isZero = !plain.contains { $0 != "0" && $0 != "." }
        return value < 0 && !isZero ? "\u{2212}" + text : text
    }

    private static func significant(_ value: Double, digits: Int) -> String {
        if value == 0 { return "0" }
        let size = abs(value)
        if size >= 1e9 || size < 1e-4 { return trimmedScientific(value, digits: digits - 1) }
        return trimmed(fixed(value, digits: max(0, digits - 1 - exponent(size))))
    }

    private static func suffixed(_ value: Double) -> String {
        guard let (unit, suffix) = unit(of: value) else { return significant(value, digits: 4) }
        let scaled = value / unit
        return trimmed(fixed(scaled, digits: max(0, 2 - exponent(abs(scaled))))) + suffix
    }

    /// nil where no suffix fits. 999,600 rounds to 1M, not to 1,000k, hence the 0.9995.
    private static func unit(of value: Double) -> (Double, String)? {
        let size = abs(value)
        if size >= 1e15 { return nil }
        let units: [(Double, String)] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")]
        return units.first { size >= $0.0 * 0.9995 }
    }

    private static func scientific(_ value: Double, digits: Int) -> String {
        if value == 0 { return "0" }
        let parts = String(format: "%.*e", min(max(digits, 0), 12), abs(value)).split(separator: "e")
        return (value < 0 ? "\u{2212}" : "") + parts[0] + "e" + exponentText(parts.last)
    }

    private static func trimmedScientific(_ value: Double, digits: Int) -> String {
        let parts = scientific(value, digits: digits).split(separator: "e")
        return trimmed(String(parts[0])) + "e" + (parts.last ?? "0")
    }

    private static func exponentText(_ text: Substring?) -> String {
        let power = Int(text ?? "0") ?? 0
        return power < 0 ? "\u{2212}\(-power)" : "\(power)"
    }

    private static func trimmed(_ text: String) -> String {
        guard text.contains(".") else { return text }
        var text = text
        while text.last == "0" { text.removeLast() }
        if text.last == "." { text.removeLast() }
        return text
    }

    private static func grouped(_ digits: String) -> String {
        var result = ""
        for (index, digit) in digits.enumerated() {
            if index > 0 && (digits.count - index) % 3 == 0 { result.append(",") }
            result.append(digit)
        }
        return result
    }

    package static func exponent(_ value: Double) -> Int {
        value > 0 && value.isFinite ? Int((log10(value) + 1e-9).rounded(.down)) : 0
    }

    private static func decimals(forStep step: Double) -> Int { max(0, -exponent(step)) }
}
