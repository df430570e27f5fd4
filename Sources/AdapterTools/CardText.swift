import Messages

/// Text from outside in the languages of a model card. Nothing of it ends the line or the place that it stands in.
package enum CardText {
    /// A text in double quotes, as YAML and Python both read it.
    package static func quoted(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\" + String(scalar)
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            default: result += isInvisible(scalar) ? escape(scalar) : String(scalar)
            }
        }
        return "\"" + result + "\""
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        let width = scalar.value > 0xffff ? 8 : 4
        return "\\" + (width == 8 ? "U" : "u") + String(repeating: "0", count: width - digits.count) + digits
    }

    /// A YAML scalar: as it is where every reader takes it for the same text, else quoted.
    package static func yaml(_ text: String) -> String {
        let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf"]
        let isPlain = text.wholeMatch(of: /[A-Za-z]([A-Za-z0-9_.\/:-]*[A-Za-z0-9_])?/) != nil
        return isPlain && !words.contains(text.lowercased()) ? text : quoted(text)
    }

    /// A list of Python, over several lines where one would be long.
    ///
    /// - Parameter start: what stands before it.
    package static func pythonList(_ texts: [String], after start: String) -> [String] {
        let items = texts.map(quoted)
        let line = start + "[" + items.joined(separator: ", ") + "]"
        guard line.count > width else { return [line] }
        var lines = [start + "["]
        var current = "   "
        for item in items {
            if current.count + item.count + 2 > width, current != "   " {
                lines.append(current)
                current = "   "
            }
            current += " " + item + ","
        }
        return lines + [current, "]"]
    }

    private static let width = 100

    /// Markdown that shows the text as code.
    package static func code(_ text: String) -> String {
        let shown = oneLine(text, limit: 200, namesLineEnds: true)
        var (longest, run) = (0, 0)
        for character in shown {
            run = character == "`" ? run + 1 : 0
            longest = max(longest, run)
        }
        let fence = String(repeating: "`", count: longest + 1)
        // A space is part of the text only inside of another one.
        let isEdged = shown.isEmpty || "` ".contains(shown.first ?? " ") || "` ".contains(shown.last ?? " ")
        return isEdged ? "\(fence) \(shown) \(fence)" : fence + shown + fence
    }

    /// Markdown that shows the text as it is.
    package static func plain(_ text: String) -> String {
        oneLine(text, namesLineEnds: true).map { "\\`*_{}[]<>#|!~".contains($0) ? "\\\($0)" : String($0) }
            .joined()
    }

    /// A table of Markdown: names to the left, figures to the right.
    package static func table(_ head: [String], _ rows: [[String]]) -> String {
        func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
        let rule = head.indices.map { $0 == 0 ? "---" : "---:" }
        return ([head, rule] + rows).map(line).joined(separator: "\n")
    }
}
