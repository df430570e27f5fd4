/// The address of a linear layer that can carry an adapter, e.g. `LinearSite(layer: 3, role: .query)`.
public struct LinearSite: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// What the matrix does in its layer, in the order used by tables and by ties.
    public enum Role: String, CaseIterable, Sendable {
        case query, key, value
        case attentionOutput = "attention-output"
        case intermediate, output
    }

    public let layer: Int
    public let role: Role

    public init(layer: Int, role: Role) {
        self.layer = layer
        self.role = role
    }

    public var description: String { "layer.\(layer).\(role.rawValue)" }

    public static func < (left: LinearSite, right: LinearSite) -> Bool {
        (left.layer, left.order) < (right.layer, right.order)
    }

    private var order: Int { Role.allCases.firstIndex(of: role) ?? 0 }
}
