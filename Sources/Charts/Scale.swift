import Foundation

/// How an axis maps values to lengths.
package enum AxisScale: Sendable, Hashable {
    case linear
    /// Ticks at powers of two.
    case log2
    /// Ticks at 1, 2 and 5 times powers of ten.
    case log10
}

/// Values outside ±10³⁰⁰ are treated as missing, so that differences of two values stay finite.
package func isUsable(_ value: Double) -> Bool { value.isFinite && abs(value) <= 1e300 }

extension AxisScale {
    /// Whether a usable value has a place on an axis of this scale. Logarithmic axes end at 10⁻³⁰⁰, as
    /// quotients of smaller values may overflow.
    package func holds(_ value: Double) -> Bool { self == .linear || value >= 1e-300 }
}

/// A map from a value interval to a pixel interval; `from` may be the larger pixel (y axes grow upward).
package struct Scale: Sendable {
    package let kind: AxisScale
    package let low: Double
    package let high: Double
    package let from: Double
    package let to: Double

    package init(kind: AxisScale, low: Double, high: Double, from: Double, to: Double) {
        precondition(low < high, "scale needs low < high, got \(low) and \(high)")
        precondition(kind == .linear || low > 0, "logarithmic scale needs low > 0, got \(low)")
        self.kind = kind
        self.low = low
        self.high = high
        self.from = from
        self.to = to
    }

    package func position(_ value: Double) -> Double {
        let fraction: Double
        switch kind {
        case .linear: fraction = (value - low) / (high - low)
        case .log2, .log10: fraction = value > 0 ? log(value / low) / log(high / low) : -1
        }
        return from + min(max(fraction, -10), 10) * (to - from)
    }

    package func contains(_ value: Double) -> Bool {
        let slack = kind == .linear ? (high - low) * 1e-9 : value * 1e-9
        return value >= low - slack && value <= high + slack
    }
}

/// The value interval of an axis.
package enum Domain {
    /// The interval that holds all usable values with a margin of `padding` times its length on both sides,
    /// or `fixed` where it is given. nil without usable values.
    package static func covering(
        _ values: some Sequence<Double>, scale: AxisScale = .linear, includesZero: Bool = false,
        padding: Double = 0, fixed: ClosedRange<Double>? = nil
    ) -> (low: Double, high: Double)? {
        var low = Double.infinity
        var high = -Double.infinity
        for value in values where isUsable(value) && scale.holds(value) {
            low = min(low, value)
            high = max(high, value)
        }
        guard low <= high else { return nil }
        var padding = padding
        if let fixed, isUsable(fixed.lowerBound), isUsable(fixed.upperBound),
            scale.holds(fixed.lowerBound)
        {
            (low, high, padding) = (fixed.lowerBound, fixed.upperBound, 0)
        }
        return scale == .linear
            ? linear(low, high, includesZero: includesZero, padding: padding)
            : logarithmic(low, high, padding: padding)
    }

    private static func linear(
        _ low: Double, _ high: Double, includesZero: Bool, padding: Double
    ) -> (low: Double, high: Double) {
        var (low, high) = (low, high)
        if includesZero { (low, high) = (min(low, 0), max(high, 0)) }
        if high - low <= max(max(abs(low), abs(high)) * 1e-12, 1e-295) {
            let reach = abs(low) < 1e-290 ? 1 : abs(low) * 0.1
            return includesZero && abs(low) < 1e-290 ? (0, 1) : (low - reach, high + reach)
        }
        let margin = (high - low) * padding
        // An axis that starts at zero keeps starting there: the margin would suggest values below zero.
        return (includesZero && low == 0 ? 0 : low - margin, includesZero && high == 0 ? 0 : high + margin)
    }

    private static func logarithmic(_ low: Double, _ high: Double, padding: Double) -> (
        low: Double, high: Double
    ) {
        if high / low <= 1 + 1e-9 { return (low / 2, high * 2) }
        let factor = pow(high / low, padding)
        return (low / factor, high * factor)
    }
}

/// Tick values of an axis; `step` is their distance on linear axes and nil on logarithmic ones.
package struct Ticks: Sendable, Equatable {
    package var values: [Double]
    package var step: Double?

    package init(values: [Double], step: Double?) {
        self.values = values
        self.step = step
    }

    package func labels(_ format: NumberFormat) -> [String] {
        if let step { return format.tickLabels(values, step: step) }
        return values.map { format.string($0) }
    }

    /// About `target` multiples of 1, 2 or 5 times a power of ten within [low, high].
    package static func linear(low: Double, high: Double, target: Int, wholeNumbers: Bool = false) -> Ticks {
        let raw = (high - low) / Double(max(target, 1))
        var power = Int(log10(raw).rounded(.down))
        let fraction = raw / pow(10, Double(power))
        var mantissa = 10.0
        for candidate in [1.0, 2, 5] where fraction <= candidate * (1 + 1e-9) {
            mantissa = candidate
            break
        }
        if mantissa == 10 { (mantissa, power) = (1, power + 1) }
        if wholeNumbers && power < 0 { (mantissa, power) = (1, 0) }
        // Dividing by 10ⁿ is exact where multiplying by 10⁻ⁿ is not: 3 / 10 is the closest Double to 0.3.
        let unit = pow(10, Double(abs(power)))
        let value = { (index: Double) in power < 0 ? index * mantissa / unit : index * mantissa * unit }
        let step = value(1)
        let first = (low / step - 1e-9).rounded(.up)
        let last = (high / step + 1e-9).rounded(.down)
        guard first <= last, last - first < 1000 else { return Ticks(values: [low, high], step: high - low) }
        return Ticks(values: (0...Int(last - first)).map { value(first + Double($0)) }, step: step)
    }

    /// Powers of the base, with multiples in between where the interval is short; linear ticks where even
    /// these are fewer than three.
    package static func logarithmic(low: Double, high: Double, base: AxisScale, target: Int) -> Ticks {
        let levels: [[Double]] =
            base == .log2
            ? [[1], [1, 1.5]] : [[1], [1, 2, 5], [1, 1.5, 2, 3, 5, 7], [1, 2, 3, 4, 5, 6, 7, 8, 9]]
        let radix: Double = base == .log2 ? 2 : 10
        for multiples in levels {
            let found = multiplesOfPowers(multiples, radix: radix, low: low, high: high)
            guard found.count >= (multiples.count == 1 ? 4 : 3) else { continue }
            let stride = max(1, (found.count + target) / max(target + 1, 1))
            guard stride > 1, multiples.count == 1 else { return Ticks(values: found, step: nil) }
            return Ticks(
                values: found.enumerated().filter { $0.offset % stride == 0 }.map(\.element), step: nil)
        }
        let ticks = linear(low: low, high: high, target: min(target, 5))
        return Ticks(values: ticks.values.filter { $0 > 0 }, step: ticks.step)
    }

    private static func multiplesOfPowers(
        _ multiples: [Double], radix: Double, low: Double, high: Double
    ) -> [Double] {
        let first = Int((log(low) / log(radix)).rounded(.down)) - 1
        let last = Int((log(high) / log(radix)).rounded(.up))
        var found: [Double] = []
        for power in first...max(first, last) {
            for multiple in multiples {
                let unit = pow(radix, Double(abs(power)))
                let value = power < 0 ? multiple / unit : multiple * unit
                if value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9) { found.append(value) }
            }
        }
        return found
    }
}
