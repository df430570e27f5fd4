/// What an importance measure may look at, at one site.
package struct SiteTriplets: Sendable {
    /// The site's index, the same throughout a run.
    package let site: Int
    /// The running averages of the site's P, λ and Q, of rank R.
    package let averages: TripletAverages
    /// The current λ, `[R]`.
    package let lambda: [Float]
    /// For each triplet the index it got when it was created, `[R]`: it stays with the triplet when
    /// compaction removes others and when new ones are added.
    package let originalIndices: [Int]
    /// What one triplet counts against the budget: scores are divided by it where it differs between sites.
    package let cost: Int

    /// Traps unless `lambda` and `originalIndices` have one value for each triplet of `averages`.
    package init(site: Int, averages: TripletAverages, lambda: [Float], originalIndices: [Int], cost: Int = 1)
    {
        precondition(
            lambda.count == averages.rank, "averages of rank \(averages.rank) got \(lambda.count) values of λ"
        )
        precondition(
            originalIndices.count == averages.rank,
            "averages of rank \(averages.rank) got \(originalIndices.count) original indices")
        self.site = site
        self.averages = averages
        self.lambda = lambda
        self.originalIndices = originalIndices
        self.cost = cost
    }
}
