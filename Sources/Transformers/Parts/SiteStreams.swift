import Matrices

extension LinearSite {
    /// Places in the enumeration that roles were before a model named its own: runs made then start, and go on, from the
    /// streams that these address.
    private static let numbered: [Role] = [.query, .key, .value, .attentionOutput, .intermediate, .output]

    /// The site's own random stream for a purpose.
    ///
    /// - Parameter indices: what else tells streams of one purpose apart.
    package func stream(seed: UInt64, purpose: String, indices: [Int] = []) -> RandomStream {
        guard tower == nil, let place = Self.numbered.firstIndex(of: role) else {
            return RandomStream(seed: seed, purpose: "\(purpose) of \(self)", indices: indices)
        }
        return RandomStream(seed: seed, purpose: purpose, indices: indices + [layer, place])
    }
}
