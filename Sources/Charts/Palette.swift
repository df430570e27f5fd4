import Foundation

/// Which colors the SVG's style sheet has.
package enum ChartTheme: Sendable, Hashable {
    /// Light colors, and dark ones where the reader prefers them.
    case automatic
    /// Only light colors, for print.
    case light
    /// Only dark colors.
    case dark
}

/// A color of 8-bit sRGB components.
package struct RGB: Sendable, Hashable {
    package let red: UInt8
    package let green: UInt8
    package let blue: UInt8

    package init(_ hex: UInt32) {
        red = UInt8((hex >> 16) & 255)
        green = UInt8((hex >> 8) & 255)
        blue = UInt8(hex & 255)
    }

    package var hex: String {
        "#" + [red, green, blue].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// Relative luminance, WCAG 2.1.
    package var luminance: Double {
        let linear = [red, green, blue].map { component -> Double in
            let value = Double(component) / 255
            return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
        }
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    /// Contrast ratio from 1 to 21, WCAG 2.1.
    package func contrast(with other: RGB) -> Double {
        let (a, b) = (luminance, other.luminance)
        return (max(a, b) + 0.05) / (min(a, b) + 0.05)
    }

    /// The color at a fraction in 0...1 of the way through evenly spaced colors.
    static func between(_ stops: [UInt32], at fraction: Double) -> RGB {
        let place = min(max(fraction.isFinite ? fraction : 0, 0), 1) * Double(stops.count - 1)
        let index = min(Int(place), stops.count - 2)
        return mixed(RGB(stops[index]), RGB(stops[index + 1]), place - Double(index))
    }

    static func mixed(_ a: RGB, _ b: RGB, _ fraction: Double) -> RGB {
        let mix = { (x: UInt8, y: UInt8) in
            UInt32((Double(x) + (Double(y) - Double(x)) * fraction).rounded())
        }
        return RGB(mix(a.red, b.red) << 16 | mix(a.green, b.green) << 8 | mix(a.blue, b.blue))
    }
}

/// Colors of one theme.
package struct ThemeColors: Sendable {
    package let background: RGB
    package let text: RGB
    package let muted: RGB
    let grid: RGB
    let shade: RGB
    /// For series; variants of the Okabe–Ito hues with the lightness spread out, so that they also differ for
    /// readers with protanopia or deuteranopia.
    package let series: [RGB]
}

package enum Palette {
    package static let light = ThemeColors(
        background: RGB(0xFFFFFF), text: RGB(0x1F2328), muted: RGB(0x59636E), grid: RGB(0xE3E7EB),
        shade: RGB(0xF1F4F7),
        series: [0x0072B2, 0xE05A00, 0x009E73, 0xAD3B7D, 0x6B4A00, 0x3C97E0, 0x24292F, 0x7A1F8C].map {
            RGB($0)
        })
    package static let dark = ThemeColors(
        background: RGB(0x0D1117), text: RGB(0xE6EDF3), muted: RGB(0x9198A1), grid: RGB(0x2A313A),
        shade: RGB(0x171D25),
        series: [0x4C94F0, 0xF2662B, 0x22A880, 0xF5AED6, 0xF5DC5A, 0x8FDCFF, 0x8B949E, 0xA04CC8].map {
            RGB($0)
        })

    static let count = 8
    /// Text on heatmap cells.
    package static let cellDark = RGB(0x000000)
    package static let cellLight = RGB(0xFFFFFF)

    private static let viridis: [UInt32] = [
        0x440154, 0x482475, 0x414487, 0x355F8D, 0x2A788E, 0x21918C, 0x22A884, 0x44BF70, 0x7AD151, 0xBDDF26,
        0xFDE725,
    ]

    /// A color for each group of a sequence, such as layers by depth.
    static func sequence(_ fraction: Double) -> RGB { .between(viridis, at: fraction) }

    /// The black or white that contrasts more with a cell's color.
    package static func textColor(on color: RGB) -> RGB {
        cellDark.contrast(with: color) >= cellLight.contrast(with: color) ? cellDark : cellLight
    }

    /// Every selector begins with the chart's id, so that charts inlined in one page do not style each other.
    ///
    /// - Parameter heat: the heatmap's scale, where the chart is one.
    static func styleSheet(id: String, theme: ChartTheme, heat: HeatKind?) -> String {
        let fixed = """
            #\(id) .l{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
            #\(id) .e{fill:none;stroke-width:1.2}
            #\(id) .band{fill-opacity:.18;stroke:none}
            #\(id) .axis,#\(id) .ref{fill:none;stroke-width:1}
            #\(id) .grid{fill:none;stroke-width:1}
            #\(id) .ref{stroke-dasharray:4 3}
            #\(id) .step{fill:none;stroke-width:1.6;stroke-dasharray:6 3}
            #\(id) .total{fill:none;stroke-width:1.4}
            #\(id) .lead{fill:none;stroke-width:.8}
            #\(id) .b{font-weight:600}
            #\(id) .v{fill:currentColor}

            """
        switch theme {
        case .light: return fixed + rules(id: id, light, heat)
        case .dark: return fixed + rules(id: id, dark, heat)
        case .automatic:
            return fixed + rules(id: id, light, heat) + "@media (prefers-color-scheme: dark){\n"
                + rules(id: id, dark, heat) + "}\n"
        }
    }

    private static func rules(id: String, _ colors: ThemeColors, _ heat: HeatKind?) -> String {
        let text = colors.text.hex
        let muted = colors.muted.hex
        let background = colors.background.hex
        var lines = [
            "#\(id) .bg{fill:\(background)}",
            "#\(id) .t,#\(id) .b{fill:\(text)}",
            "#\(id) .m{fill:\(muted)}",
            "#\(id) .axis,#\(id) .lead,#\(id) .hatch{stroke:\(muted)}",
            "#\(id) .ref,#\(id) .step,#\(id) .total,#\(id) .whisker{fill:none;stroke:\(text)}",
            "#\(id) .grid{stroke:\(colors.grid.hex)}",
            "#\(id) .shade{fill:\(colors.shade.hex)}",
            "#\(id) .edge{stroke:\(background)}",
            "#\(id) .zero{fill:\(background);stroke:\(muted);stroke-opacity:.45}",
        ]
        for (index, color) in colors.series.enumerated() {
            lines.append("#\(id) .f\(index){fill:\(color.hex)}#\(id) .s\(index){stroke:\(color.hex)}")
        }
        let cells = heat.map {
            HeatColors.rules(
                id: id, diverging: $0 == .diverging, onDark: colors.background == dark.background)
        }
        return lines.joined(separator: "\n") + "\n" + (cells ?? "")
    }
}

/// The kind of scale of a heatmap.
enum HeatKind: Sendable {
    case sequential, diverging
}
