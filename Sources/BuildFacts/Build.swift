/// What this build of the program is. Its `commit`, of the checkout that it was built from, is written by the plugin
/// `CommitFile`: the whole hash, "unknown" outside a checkout.
package enum Build {
    /// Semantic version; `CHANGELOG.md` has a section for each.
    package static let version = "0.2.0"
}
