/// Which triplets keep their λ. Sites come in the order of the scores they were chosen by.
package struct Allocation: Sendable, Equatable {
    /// The mask: for each site, whether each of its triplets survives.
    package let keep: [[Bool]]
    /// The budget `b(t)` of each group of sites: the number of its surviving triplets, exactly, or an upper bound of their
    /// parameters where triplets have costs.
    package let budgets: [Int]
    /// What the surviving triplets of each group cost, in the unit of `budgets` and never above them.
    package let spending: [Int]
    /// The lowest among the kept triplets of what they were ranked by; nil when none is kept.
    ///
    /// That is the score or, where costs differ between sites, the score per parameter.
    package let worstKept: Float?
    /// The highest among the pruned triplets of what they were ranked by; nil when none is pruned.
    ///
    /// Never above `worstKept` where all triplets cost the same and share a budget. With costs that differ it may be: a
    /// triplet too expensive for what was left is pruned, and cheaper ones of lower rank are kept. So are those of another
    /// group, whose budget is larger.
    package let bestPruned: Float?
    /// Triplets kept now that the previous mask had pruned.
    package let returned: Int
    /// Triplets pruned now that the previous mask had kept.
    package let left: Int

    /// Over all groups.
    package var budget: Int { budgets.reduce(0, +) }
    package var spent: Int { spending.reduce(0, +) }

    /// What is left of the budget: 0 without costs, and with costs less than any pruned triplet costs.
    package var slack: Int { budget - spent }

    /// The number of surviving triplets over all sites.
    package var count: Int { ranks.reduce(0, +) }

    /// The surviving triplets of each site; 0 is normal.
    package var ranks: [Int] {
        keep.map { mask in mask.count { $0 } }
    }

    /// The mask's threshold as reports show it: `worstKept`, nil when none is kept.
    ///
    /// It describes the mask and does not define it: a pruned triplet may have this very score.
    package var threshold: Float? { worstKept }

    /// The indices of the surviving triplets at one site, ascending, as compaction wants them.
    package func keptIndices(at site: Int) -> [Int] {
        keep[site].indices.filter { keep[site][$0] }
    }
}
