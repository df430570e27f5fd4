import Transformers

/// Which matrices of each layer are adapted.
package enum AdaptedRoles: Sendable, Equatable {
    /// All that the model has
    case all
    /// In the order of `Architecture.allRoles`
    case named([LinearSite.Role])

    /// How `all` is written.
    package static let allName = "all"
    /// Everything that may be named.
    package static let names = [allName] + Architecture.allRoles.map(\.rawValue)

    /// From names in any order; nil where one is none of `names`.
    package init?(names: [String]) {
        guard names.allSatisfy(Self.names.contains) else { return nil }
        self =
            names.contains(Self.allName)
            ? .all : .named(Architecture.allRoles.filter { names.contains($0.rawValue) })
    }

    /// Their names.
    package var texts: [String] {
        switch self {
        case .all: [Self.allName]
        case .named(let roles): roles.map(\.rawValue)
        }
    }

    package func roles(of architecture: Architecture) -> [LinearSite.Role] {
        switch self {
        case .all: architecture.roles
        case .named(let roles): roles
        }
    }
}
