import Messages
import ModelFiles

/// Why rows cannot be read for a task: where, what, and what to try, in one line.
package struct TaskError: Error, CustomStringConvertible, Sendable {
    package enum Kind: Sendable { case usage, data }
    package let kind: Kind
    package let description: String

    package init(_ description: String) { self.init(.data, description) }

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        // It may name what stands in a file.
        self.description = oneLine(description, limit: 4_000)
    }
}
