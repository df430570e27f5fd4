import Messages

/// What the place where a report is shown can do.
package struct Style: Sendable, Equatable {
    /// Columns; a table gets narrower for fewer, down to the least it needs to stay legible.
    package let width: Int
    /// ANSI 256-color escapes.
    package let color: Bool
    /// Characters beyond ASCII. Without, names lose theirs too, each to a `?`.
    package let unicode: Bool

    package init(width: Int = 80, color: Bool = false, unicode: Bool = true) {
        self.width = max(width, 1)
        self.color = color
        self.unicode = unicode
    }

    var dash: String { unicode ? "–" : "-" }
    var arrow: String { unicode ? "→" : "->" }
    var rule: String { unicode ? "─" : "-" }
    var sigma: String { unicode ? "σ" : "s" }
    var delta: String { unicode ? "ΔW" : "dW" }

    func bold(_ text: String) -> String { color ? "\u{1B}[1m\(text)\u{1B}[0m" : text }

    /// For what should stand back: labels and zeros.
    func faint(_ text: String) -> String { color ? "\u{1B}[38;5;245m\(text)\u{1B}[0m" : text }

    /// For characters that draw a bar.
    func bar(_ text: String) -> String { color ? "\u{1B}[38;5;36m\(text)\u{1B}[0m" : text }

    /// A line of details, wrapped under its label.
    func fact(_ label: String, _ text: String) -> String {
        faint(TerminalText.left(label, 12)) + TerminalText.wrapped(text, width: width, indent: 12)
    }

    /// `text` on the shade of `fraction`, 0 to 1; faint without a shade for nil.
    func shaded(_ text: String, _ fraction: Double?) -> String {
        guard color else { return text }
        guard let fraction else { return faint(text) }
        let shade = Shade.of(fraction)
        return "\u{1B}[48;5;\(shade.background);38;5;\(shade.foreground)m\(text)\u{1B}[0m"
    }

    /// A name from a file, fit for this terminal.
    func name(_ text: String) -> String {
        let clean = TerminalText.clean(text)
        return unicode ? clean : String(clean.map { $0.isASCII ? $0 : "?" })
    }
}

/// Shades of one scale: the matplotlib map viridis on the xterm color cube.
///
/// Its lightness grows steadily, so it can be read with any color vision and in a gray print.
struct Shade: Equatable {
    let background: Int
    let foreground: Int

    private static let white = 231
    private static let black = 16
    private static let scale = [
        Shade(background: 53, foreground: white), Shade(background: 54, foreground: white),
        Shade(background: 25, foreground: white), Shade(background: 31, foreground: black),
        Shade(background: 36, foreground: black), Shade(background: 77, foreground: black),
        Shade(background: 112, foreground: black), Shade(background: 148, foreground: black),
        Shade(background: 184, foreground: black), Shade(background: 220, foreground: black),
    ]

    static func of(_ fraction: Double) -> Shade {
        let bounded = fraction.isFinite ? min(max(fraction, 0), 1) : 0
        return scale[Int((bounded * Double(scale.count - 1)).rounded())]
    }
}
