/// Colors of heatmap cells. They weigh more against the background the larger the value is: darker on light pages,
/// brighter on dark ones.
package enum HeatColors {
    /// Steps of a scale; its CSS classes are `q0` to `q32`.
    package static let count = 33

    /// By rising weight, evenly spaced in lightness.
    private static let onLight: [UInt32] = [
        0xE4F1F5, 0xC3E2EA, 0x97CDDB, 0x64B2CB, 0x3A93B9, 0x2373A2, 0x1A5588, 0x14396A, 0x0C1F48,
    ]
    private static let onDark: [UInt32] = [
        0x173642, 0x1B4A59, 0x205F70, 0x2A7787, 0x3D909A, 0x5FAAA8, 0x8AC4B4, 0xB9DEC6, 0xECF9DF,
    ]
    /// Blue to white to red, ColorBrewer's RdBu reversed.
    private static let divergingOnLight: [UInt32] = [
        0x053061, 0x2166AC, 0x4393C3, 0x92C5DE, 0xD1E5F0, 0xF7F7F7, 0xFDDBC7, 0xF4A582, 0xD6604D, 0xB2182B,
        0x67001F,
    ]
    private static let divergingOnDark: [UInt32] = [
        0xB9DCFA, 0x7DBBF0, 0x4A94DA, 0x2F6BA6, 0x234A70, 0x222A33, 0x673036, 0x9B3F3C, 0xD2594B, 0xF08B74,
        0xFBC4B2,
    ]

    /// The color at a fraction in 0...1 of the sequential or diverging scale.
    package static func color(at fraction: Double, diverging: Bool, onDark isDark: Bool = false) -> RGB {
        let stops =
            diverging
            ? isDark ? divergingOnDark : divergingOnLight
            : isDark ? onDark : onLight
        return .between(stops, at: fraction)
    }

    /// The step of a fraction in 0...1.
    package static func level(_ fraction: Double) -> Int {
        Int((min(max(fraction.isFinite ? fraction : 0, 0), 1) * Double(count - 1)).rounded())
    }

    /// Fill of each class, and the color of text on it.
    static func rules(id: String, diverging: Bool, onDark isDark: Bool) -> String {
        (0..<count).map { level in
            let fill = color(at: Double(level) / Double(count - 1), diverging: diverging, onDark: isDark)
            return "#\(id) .q\(level){fill:\(fill.hex);color:\(Palette.textColor(on: fill).hex)}"
        }.joined() + "\n"
    }
}
