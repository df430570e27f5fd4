/// What is wrong with one value; whoever knows where the value stands adds the place.
package struct ValueProblem: Error {
    package let what: String
    package let advice: String

    package init(_ what: String, _ advice: String) {
        self.what = what
        self.advice = advice
    }
}

/// Text from outside made fit for a one-line message: shortened, with control characters escaped.
package func shown(_ text: String, limit: Int = 60) -> String {
    var result = ""
    for scalar in text.unicodeScalars.prefix(limit) {
        result += isPlainlyVisible(scalar) ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
    }
    return text.unicodeScalars.count > limit ? result + "…" : result
}

/// `shown` in quotes.
package func quoted(_ text: String) -> String { "'\(shown(text))'" }

/// False for control characters, line and paragraph separators and invisible formatting such as a byte order
/// mark: these break a line or hide, and YAML forbids many of them outside escapes.
package func isPlainlyVisible(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate: false
    default: true
    }
}
