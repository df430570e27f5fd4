import Messages

/// What is wrong with one value; whoever knows where the value stands adds the place.
package struct ValueProblem: Error {
    package let what: String
    package let advice: String

    package init(_ what: String, _ advice: String) {
        self.what = what
        self.advice = advice
    }
}

/// A value in a message.
package func quoted(_ text: String) -> String { "'\(shown(text))'" }

/// The same without quotes.
package func shown(_ text: String, limit: Int = 60) -> String { oneLine(text, limit: limit) }
