/// What must hold between settings, checked by whoever owns them; `mention` says where one was given.
package struct RuleCheck {
    private let doubtful: Set<String>
    private let places: [String: String]
    package private(set) var problems: [String] = []

    /// - Parameters:
    ///   - doubtful: keys whose values are unknown because of a problem already listed
    ///   - places: where each key was given
    package init(doubtful: Set<String>, places: [String: String]) {
        self.doubtful = doubtful
        self.places = places
    }

    /// Whether the values of these keys are as they were given, so that a rule on them means something.
    package func areKnown(_ keys: String...) -> Bool { doubtful.isDisjoint(with: keys) }

    /// Where the first of `keys` that was given stands.
    package func mention(_ keys: String...) -> String { keys.lazy.compactMap { places[$0] }.first ?? keys[0] }

    package mutating func add(_ problem: String) { problems.append(problem) }
}
