import Foundation

/// Numbers as people read them, whatever the locale.
package enum Figures {
    /// `12,345`
    package static func grouped(_ count: Int) -> String {
        let digits = String(count.magnitude)
        var result = ""
        for (at, digit) in digits.enumerated() {
            if at > 0, (digits.count - at).isMultiple(of: 3) { result.append(",") }
            result.append(digit)
        }
        return count < 0 ? "-" + result : result
    }

    /// With `places` decimals.
    package static func fixed(_ value: Double, _ places: Int) -> String {
        String(format: "%.\(places)f", locale: nil, value)
    }

    /// With a sign, and no sign before a rounded zero.
    package static func signed(_ value: Double, _ places: Int = 4) -> String {
        let text = fixed(value, places)
        let isZero = text.allSatisfy { "-0.".contains($0) }
        if isZero { return fixed(0, places) }
        return value > 0 ? "+" + text : text
    }

    /// The shortest text that reads back as the same number, without `.0`: `2`, `1.5`.
    package static func plain(_ value: Double) -> String {
        let text = String(value)
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    /// A learning rate as people write it: `6e-3`, `1.5e-4`; ordinary decimals from 0.1 on.
    package static func rate(_ value: Double) -> String {
        guard value > 0, value < 0.1 else { return plain(value) }
        var exponent = Int(log10(value).rounded(.down))
        var text = scaled(value, by: exponent)
        if text == "10" {
            exponent += 1
            text = "1"
        }
        return "\(text)e\(exponent)"
    }

    private static func scaled(_ value: Double, by exponent: Int) -> String {
        var text = String(format: "%.6f", locale: nil, value / pow(10, Double(exponent)))
        while text.hasSuffix("0") { text.removeLast() }
        return text.hasSuffix(".") ? String(text.dropLast()) : text
    }

    /// Seconds with three significant digits: `0.182`, `1.82`, `12.3`.
    package static func seconds(_ value: Double) -> String {
        fixed(value, value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0)
    }

    /// `412 MB`, `1.9 GB`, in powers of 1,000.
    package static func bytes(_ count: Int) -> String {
        let value = Double(count)
        if value < 1e6 { return fixed(value / 1e3, 0) + " kB" }
        return value < 1e9 ? fixed(value / 1e6, 0) + " MB" : fixed(value / 1e9, 1) + " GB"
    }

    /// `1 run`, `2 runs`; `plural` where it is not made with an s.
    package static func plural(_ noun: String) -> String {
        noun + (noun.hasSuffix("s") || noun.hasSuffix("x") ? "es" : "s")
    }

    package static func counted(_ count: Int, _ noun: String, plural: String? = nil) -> String {
        "\(grouped(count)) \(count == 1 ? noun : plural ?? noun + "s")"
    }

    /// `4:07`, `1:02:09`
    package static func clockTime(_ seconds: Double) -> String {
        let total = Int(seconds.rounded())
        return total < 3600
            ? String(format: "%d:%02d", total / 60, total % 60)
            : String(format: "%d:%02d:%02d", total / 3600, total / 60 % 60, total % 60)
    }

    /// Three significant digits, for importance scores, which span many powers of ten: `1.23e-09`.
    package static func scientific(_ value: Double) -> String { String(format: "%.2e", locale: nil, value) }

    /// Decimals to the thousandth of `largest`, so that the numbers of a column align; in powers of ten what that
    /// would round away. At most 8 characters.
    package static func measured(_ value: Double, largest: Double) -> String {
        guard value > 0 else { return "0" }
        guard largest >= 0.001, largest < 100_000 else { return String(format: "%.1e", locale: nil, value) }
        let places = largest < 10 ? 4 : largest < 100 ? 3 : largest < 1000 ? 2 : 1
        let isLost = value < 0.5 * pow(10, Double(1 - places))
        return isLost ? String(format: "%.1e", locale: nil, value) : fixed(value, places)
    }

    package static func percent(_ share: Double) -> String { fixed(100 * share, 1) + "%" }

    package static func percent(_ part: Int, of whole: Int) -> String? {
        whole > 0 ? fixed(100 * Double(part) / Double(whole), 1) : nil
    }
}
