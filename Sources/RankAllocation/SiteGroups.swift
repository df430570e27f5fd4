/// Which sites share a budget: a group of sites has one, of its own, and triplets compete within it alone.
package struct SiteGroups: Sendable, Equatable {
    /// Empty where all sites are of one group
    private let groups: [Int]
    /// How many groups there are, at least 1.
    package let count: Int

    /// All sites, as many as there may be, share one budget.
    package static let whole = SiteGroups(groups: [], count: 1)

    /// - Parameter groups: of each site, from 0; traps unless every group up to the last has a site.
    package init(_ groups: [Int]) {
        let count = (groups.max() ?? 0) + 1
        precondition(
            !groups.isEmpty && Set(groups) == Set(0..<count), "sites of the groups \(groups) leave one empty")
        self.init(groups: count == 1 ? [] : groups, count: count)
    }

    private init(groups: [Int], count: Int) {
        self.groups = groups
        self.count = count
    }

    /// The group of a site.
    package subscript(site: Int) -> Int { groups.isEmpty ? 0 : groups[site] }

    /// Sums of the values of each group's sites.
    package func sums(_ values: [Int]) -> [Int] {
        var sums = [Int](repeating: 0, count: count)
        for (site, value) in values.enumerated() { sums[self[site]] += value }
        return sums
    }

    /// Traps where sites are given, and other numbers of them or of budgets.
    func check(sites: Int, budgets: Int) {
        precondition(groups.isEmpty || groups.count == sites, "groups of \(groups.count) sites got \(sites)")
        precondition(budgets == count, "\(count) groups of sites got \(budgets) budgets")
    }
}
