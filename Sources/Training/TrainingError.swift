import ModelFiles

/// Why a run cannot start, go on or be resumed: where, what, and what to try, in one line.
public struct TrainingError: Error, CustomStringConvertible, Sendable {
    public enum Kind: Sendable { case usage, data, missing, diverged }
    public let kind: Kind
    public let description: String

    public init(_ description: String) { self.init(.data, description) }

    public init(_ kind: Kind, _ description: String) {
        self.kind = kind
        // It may name what stands in a file.
        self.description = oneLine(description, limit: 4_000)
    }
}
