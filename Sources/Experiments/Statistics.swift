import Tasks

/// Mean and spread of numbers.
package struct Summary: Sendable, Equatable {
    package let count: Int
    package let mean: Double
    /// Sample standard deviation, divisor n − 1; nil for one number.
    package let deviation: Double?

    /// nil without numbers.
    package init?(_ values: [Double]) {
        guard !values.isEmpty else { return nil }
        count = values.count
        let mean = values.reduce(0, +) / Double(values.count)
        self.mean = mean
        guard values.count > 1 else {
            deviation = nil
            return
        }
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        deviation = (squares / Double(values.count - 1)).squareRoot()
    }

    /// Standard error of the mean; nil for one number.
    package var standardError: Double? { deviation.map { $0 / Double(count).squareRoot() } }

    /// Student's 95 % interval of the mean; nil for one number.
    package var interval: ClosedRange<Double>? {
        standardError.map { error in
            let half = PairedDifference.studentQuantile(count - 1) * error
            return (mean - half)...(mean + half)
        }
    }
}

/// Two runs of one seed, fold and budget: an arm's and the baseline's.
package struct RunPair: Sendable {
    package let seed: UInt64
    /// From 1; nil in a plan without folds.
    package let fold: Int?
    package let value: Double
    package let baseline: Double
    /// Of both runs on the same rows, when they are there.
    package let predictions: (arm: Predictions, baseline: Predictions)?

    package init(
        seed: UInt64, fold: Int? = nil, value: Double, baseline: Double,
        predictions: (arm: Predictions, baseline: Predictions)? = nil
    ) {
        self.seed = seed
        self.fold = fold
        self.value = value
        self.baseline = baseline
        self.predictions = predictions
    }

    package var difference: Double { value - baseline }
}

/// How an arm differs from the baseline at equal budgets and seeds.
package struct PairedDifference: Sendable, Equatable {
    /// What the interval resamples.
    package enum Levels: String, Sendable {
        /// Seeds, and test rows, the same ones for both arms.
        case seedsAndRows = "seeds and test rows"
        case seeds = "seeds"
        /// A single pair: its interval says nothing about other seeds.
        case rows = "test rows"
        case seedsAndFoldRows = "seeds and the test rows of each fold"
        /// One seed.
        case foldRows = "the test rows of each fold"
        case folds
    }

    package let seeds: [UInt64]
    /// Arm minus baseline, by seed.
    package let differences: [Double]
    package let mean: Double
    package let deviation: Double?
    /// nil when nothing can be resampled: one pair without predictions.
    package let interval: ClosedRange<Double>?
    package let levels: Levels?

    package var count: Int { differences.count }

    /// Folds of the pairs; 0 in a plan without.
    package let foldCount: Int
    /// Student's 95 % interval, mean ± t · standard error; nil for one pair.
    ///
    /// Over seeds: the percentile bootstrap over few seeds is too narrow (at 3 it is just the range), and this is honest about
    /// it. Over k folds, of the means over seeds within each: runs of two folds share most of their training rows, so that
    /// their variance s² / k is too small. Nadeau and Bengio (2003) put s² · (1/k + test rows / training rows) in its place,
    /// with k − 1 degrees of freedom (as Bouckaert and Frank 2004).
    package let studentInterval: ClosedRange<Double>?

    private static func studentInterval(
        _ values: [Double], testToTraining: Double
    ) -> ClosedRange<Double>? {
        guard let summary = Summary(values), let deviation = summary.deviation else { return nil }
        let variance = deviation * deviation * (1 / Double(values.count) + testToTraining)
        let half = studentQuantile(values.count - 1) * variance.squareRoot()
        return (summary.mean - half)...(summary.mean + half)
    }

    /// False only where both intervals exclude 0; nil without an interval.
    package var includesZero: Bool? {
        interval.map { $0.contains(0) || studentInterval.map { $0.contains(0) } ?? true }
    }

    /// The 97.5 % quantile of Student's t.
    static func studentQuantile(_ degrees: Int) -> Double {
        let table = [
            12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
            2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048,
            2.045, 2.042,
        ]
        return table[min(max(degrees, 1), table.count) - 1]
    }

    /// nil without pairs. Falls back to seeds alone, or folds, when predictions of any pair are missing, differ in their
    /// count from the truth, or cannot give the metric.
    ///
    /// - Parameter testToTraining: test rows for each training row of a fold; of no meaning without folds.
    package init?(
        pairs: [RunPair], truth: TestTruth?, metric: Metric, testToTraining: Double = 0,
        bootstrap: Bootstrap = Bootstrap()
    ) {
        guard let summary = Summary(pairs.map(\.difference)) else { return nil }
        seeds = pairs.map(\.seed)
        differences = pairs.map(\.difference)
        mean = summary.mean
        deviation = summary.deviation
        let folds = Set(pairs.compactMap(\.fold)).sorted()
        foldCount = folds.count
        // The runs of a fold share its rows: one value.
        let values =
            folds.isEmpty
            ? differences
            : folds.compactMap { fold in Summary(pairs.filter { $0.fold == fold }.map(\.difference))?.mean }
        studentInterval = Self.studentInterval(values, testToTraining: folds.isEmpty ? 0 : testToTraining)
        let isOneSeed = Set(seeds).count == 1
        if let truth, let interval = bootstrap.interval(pairs: pairs, truth: truth, metric: metric) {
            self.interval = interval
            let whole: Levels = isOneSeed ? .rows : .seedsAndRows
            levels = folds.isEmpty ? whole : isOneSeed ? .foldRows : .seedsAndFoldRows
        } else {
            interval = bootstrap.interval(differences: values)
            levels = interval == nil ? nil : folds.isEmpty ? .seeds : .folds
        }
    }
}
