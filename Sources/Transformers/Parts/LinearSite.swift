/// The address of a linear layer that can carry an adapter, e.g. `LinearSite(layer: 3, role: .query)`.
package struct LinearSite: Hashable, Sendable, CustomStringConvertible {
    /// What a matrix does in its layer. An open name: an architecture says which there are, and in which order.
    package struct Role: RawRepresentable, Hashable, Sendable {
        package let rawValue: String

        package init(rawValue: String) { self.rawValue = rawValue }

        package static let query = Role(rawValue: "query")
        package static let key = Role(rawValue: "key")
        package static let value = Role(rawValue: "value")
        /// Query, key and value of one matrix
        package static let qkv = Role(rawValue: "qkv")
        package static let attentionOutput = Role(rawValue: "attention-output")
        package static let intermediate = Role(rawValue: "intermediate")
        package static let output = Role(rawValue: "output")
        package static let gate = Role(rawValue: "gate")
        package static let up = Role(rawValue: "up")
        package static let down = Role(rawValue: "down")
        /// Gate and up of one matrix
        package static let gateUp = Role(rawValue: "gate-up")
    }

    /// Of a model of two towers, the one that a layer is in.
    package enum Tower: String, CaseIterable, Sendable { case text, vision }

    /// nil in a model of one
    package let tower: Tower?
    package let layer: Int
    package let role: Role

    package init(tower: Tower? = nil, layer: Int, role: Role) {
        self.tower = tower
        self.layer = layer
        self.role = role
    }

    package var description: String {
        "\(tower.map { $0.rawValue + "." } ?? "")layer.\(layer).\(role.rawValue)"
    }
}
