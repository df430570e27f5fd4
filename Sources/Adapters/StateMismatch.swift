/// A checkpoint of another run's shape.
package struct StateMismatch: Error, CustomStringConvertible, Sendable {
    package let description: String

    package init(of what: String) {
        description =
            "the checkpoint's \(what) do not fit this configuration; resume from another checkpoint"
    }

    init(description: String) { self.description = description }
}
