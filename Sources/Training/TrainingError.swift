import Messages
import ModelFiles

/// Why a run cannot start, go on or be resumed: where, what, and what to try, in one line.
package struct TrainingError: Error, CustomStringConvertible, Sendable {
    package enum Kind: Sendable { case usage, data, missing, diverged }
    package let kind: Kind
    package let description: String

    package init(_ description: String) { self.init(.data, description) }

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        // It may name what stands in a file.
        self.description = oneLine(description, limit: 4_000)
    }
}
