/// Which triplets keep their λ. Sites come in the order of the scores they were chosen by.
public struct Allocation: Sendable, Equatable {
    /// The mask: for each site, whether each of its triplets survives. Exactly `budget` entries are true.
    public let keep: [[Bool]]
    /// The number of surviving triplets over all sites, `b(t)`.
    public let budget: Int
    /// The lowest score among the kept triplets; nil when none is kept.
    public let worstKept: Float?
    /// The highest score among the pruned triplets, never above `worstKept`; nil when none is pruned.
    public let bestPruned: Float?
    /// Triplets kept now that the previous mask had pruned.
    public let returned: Int
    /// Triplets pruned now that the previous mask had kept.
    public let left: Int

    /// The surviving triplets of each site; 0 is normal.
    public var ranks: [Int] {
        keep.map { mask in mask.count { $0 } }
    }

    /// The mask's threshold as reports show it: the score of the worst kept triplet, nil when none is kept.
    ///
    /// It describes the mask and does not define it: a pruned triplet may have this very score.
    public var threshold: Float? { worstKept }

    /// The indices of the surviving triplets at one site, ascending, as compaction wants them.
    public func keptIndices(at site: Int) -> [Int] {
        keep[site].indices.filter { keep[site][$0] }
    }
}
