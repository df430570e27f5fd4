/// What a person turns to make a method larger or smaller, for tables: `width` and `36`.
package struct Knob: Sendable, Equatable {
    package let name: String
    /// nil where the ranks tell that a run ends with.
    package let value: String?

    init(_ name: String, _ value: String? = nil) {
        self.name = name
        self.value = value
    }
}

/// Who says which matrix has which rank.
package enum RankChoice: Sendable {
    /// Nobody: what a run starts with stays.
    case none
    /// What training shows
    case measured
    /// Chance: a control for what is measured
    case random
}
