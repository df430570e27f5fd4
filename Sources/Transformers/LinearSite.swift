/// The address of a linear layer that can carry an adapter, e.g. `LinearSite(layer: 3, role: .query)`.
package struct LinearSite: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// What the matrix does in its layer, in the order used by tables and by ties.
    package enum Role: String, CaseIterable, Sendable {
        case query, key, value
        case attentionOutput = "attention-output"
        case intermediate, output
    }

    package let layer: Int
    package let role: Role

    package init(layer: Int, role: Role) {
        self.layer = layer
        self.role = role
    }

    package var description: String { "layer.\(layer).\(role.rawValue)" }

    package static func < (left: LinearSite, right: LinearSite) -> Bool {
        (left.layer, left.order) < (right.layer, right.order)
    }

    private var order: Int { Role.allCases.firstIndex(of: role) ?? 0 }
}
