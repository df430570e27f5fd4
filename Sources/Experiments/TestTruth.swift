import Tasks

/// The true classes or scores of test rows; in a plan of folds those of each.
package struct TestTruth: Sendable, Equatable {
    private let byFold: [Int?: Predictions]

    /// Of the one test of a plan without folds.
    package init(_ predictions: Predictions) { byFold = [nil: predictions] }

    /// - Parameters:
    ///   - folds: from 1, or the one test without a fold.
    ///   - read: of a fold; nil where nothing is known of it yet.
    /// - Returns: nil where nothing is known of any.
    package init?(_ folds: [Int?], _ read: (Int?) throws -> Predictions?) rethrows {
        var found: [Int?: Predictions] = [:]
        for fold in folds { if let truth = try read(fold) { found[fold] = truth } }
        guard !found.isEmpty else { return nil }
        byFold = found
    }

    subscript(fold: Int?) -> Predictions? { byFold[fold] }

    /// Rows of the smallest fold.
    var rows: Int { byFold.values.map(\.count).min() ?? 0 }

    /// What a model has that knows nothing of the texts, see `Metric.uninformed`; the mean over folds.
    func uninformed(_ metric: Metric) -> Double? {
        let folds = byFold.keys.sorted { ($0 ?? 0) < ($1 ?? 0) }
        return Summary(folds.compactMap { metric.uninformed(byFold[$0]) })?.mean
    }
}
