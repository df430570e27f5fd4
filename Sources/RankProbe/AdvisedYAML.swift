import RunConfiguration

/// A run as a file of settings, those alone that differ from the defaults.
package enum AdvisedYAML {
    /// - Parameter why: lines of a comment above.
    package static func text(_ config: RunConfig, why: [String]) -> String {
        let comment = why.map { "# \($0)\n" }.joined()
        return comment + config.changedSettings.map { "\($0.key): \($0.value)\n" }.joined()
    }
}
