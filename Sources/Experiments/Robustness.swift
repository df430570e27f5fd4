import Tasks

/// What a person meets who tries one learning rate and one seed: a method's quality over the whole grid of its search, what its
/// seeds differ by, and how many of its runs failed to learn.
package struct Robustness: Sendable {
    /// Some runs of a method, and what became of them.
    package struct Outcomes: Sendable, Equatable {
        /// That ended, well or not
        package var count = 0
        /// Without a figure: a loss that was no number, a budget they could not have.
        package var failed = 0
        /// With one that shows that they learned next to nothing, or far less than the others of their rate
        package var collapsed = 0

        package init(count: Int = 0, failed: Int = 0, collapsed: Int = 0) {
            self.count = count
            self.failed = failed
            self.collapsed = collapsed
        }

        package var lost: Int { failed + collapsed }
    }

    /// A learning rate of a search, over its seeds and folds.
    package struct Rate: Sendable, Equatable {
        package let learningRate: Double
        /// A run without a figure counts as a model that knows nothing; nil where that is not known, and without runs.
        package let mean: Double?
        /// Of these runs the worst one
        package let worst: Double?
        package let outcomes: Outcomes
        /// Not in the plan: the search went there from an end of its grid.
        package let isWidened: Bool
    }

    /// The search of a method at a budget.
    package struct Grid: Sendable {
        package let arm: String
        /// nil for a method without
        package let budget: Budget?
        /// Ascending, those that the search went on to among them
        package let rates: [Rate]
        /// What the search decided for; several where folds have searches of their own.
        package let chosen: Set<Double>
        /// The place of the best mean, the smaller rate of equals
        package let best: Int?
        /// Places of the rates around the best one, without a gap, that are within noise of it; nil where the noise is not known.
        package let withinNoise: ClosedRange<Int>?
        /// Distances up to this are noise.
        package let margin: Double?
        /// Over the rates of the plan alone, which are as many for every method; nil until each has a mean.
        package let mean: Double?
        /// The worst run of these rates
        package let worst: Double?

        package var outcomes: Outcomes {
            rates.map(\.outcomes).reduce(into: Outcomes()) { sum, one in
                sum.count += one.count
                sum.failed += one.failed
                sum.collapsed += one.collapsed
            }
        }

        /// The highest rate within noise over the lowest one
        package var factor: Double? {
            withinNoise.map { rates[$0.upperBound].learningRate / rates[$0.lowerBound].learningRate }
        }

        /// Whether it may go on beyond an end of the grid.
        package var isOpen: Bool {
            withinNoise.map { $0.lowerBound == 0 || $0.upperBound == rates.count - 1 } ?? false
        }
    }

    /// The reported runs of a method at a budget, on the test rows.
    package struct Seeds: Sendable {
        package let arm: String
        package let budget: Budget?
        package let learningRates: [Double]
        package let deviation: Double?
        package let worst: Double?
        package let best: Double?
        package let outcomes: Outcomes
    }

    /// That quality is told by: the compared one, where searches recorded it on their validation rows.
    package let metric: Metric
    /// What a model has that knows nothing; nil where nothing tells.
    package let uninformed: Double?
    /// Standard deviation of one run over seeds, pooled over all methods; nil until two runs differ in their seed alone.
    package let noise: Double?
    /// In the order of the table: by budget, rising, those without last
    package let grids: [Grid]
    package let seeds: [Seeds]

    package func grid(_ arm: String, _ budget: Budget?) -> Grid? {
        grids.first { $0.arm == arm && $0.budget == budget }
    }

    package func seeds(_ arm: String, _ budget: Budget?) -> Seeds? {
        seeds.first { $0.arm == arm && $0.budget == budget }
    }
}
