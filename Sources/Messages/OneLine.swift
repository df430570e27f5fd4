/// Text from outside made fit for a one-line message: quoted, shortened, control and invisible characters escaped.
package func quoted(_ text: String, limit: Int = 80) -> String { "'\(oneLine(text, limit: limit))'" }

/// The same without quotes: for a message that has parts from a file, by whoever made it.
///
/// - Parameter namesLineEnds: line ends and tabs as `\n`, `\r` and `\t`, as people know them from their rows.
package func oneLine(_ text: String, limit: Int = 1_000, namesLineEnds: Bool = false) -> String {
    var shown = ""
    let scalars = text.unicodeScalars
    for scalar in scalars.prefix(limit) {
        switch scalar {
        case "\n" where namesLineEnds: shown += "\\n"
        case "\r" where namesLineEnds: shown += "\\r"
        case "\t" where namesLineEnds: shown += "\\t"
        default:
            shown += isInvisible(scalar) ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
        }
    }
    return scalars.dropFirst(limit).isEmpty ? shown : shown + "…"
}

/// Whether a character moves, reorders or hides text, or looks like another one: all control and format characters, ends of
/// lines, and every space but the usual one.
package func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: true
    case .spaceSeparator: scalar != " "
    default: false
    }
}
