import Tasks

/// A metric of one run's predictions that is computed many times, each row counted as often as it was drawn.
protocol ResampledMetric: Sendable {
    /// nil where the metric is undefined.
    func value(weights: [Int32]) -> Double?
}

extension Metric {
    /// nil when the kinds or counts do not fit, or the metric needs more than predictions.
    func resampled(truth: Predictions, predicted: Predictions) -> (any ResampledMetric)? {
        guard truth.count == predicted.count else { return nil }
        switch (self, truth, predicted) {
        case (.accuracy, .classes(let truth), .classes(let predicted)),
            (.macroF1, .classes(let truth), .classes(let predicted)),
            (.matthews, .classes(let truth), .classes(let predicted)):
            return ResampledClasses(metric: self, truth: truth, predicted: predicted)
        case (.pearson, .scores(let truth), .scores(let predicted)):
            return ResampledPearson(truth: truth, predicted: predicted)
        case (.spearman, .scores(let truth), .scores(let predicted)):
            return ResampledSpearman(truth: truth, predicted: predicted)
        case (.meanAbsoluteError, .scores(let truth), .scores(let predicted)):
            return ResampledError(truth: truth, predicted: predicted) { $0.magnitude }
        case (.rootMeanSquaredError, .scores(let truth), .scores(let predicted)):
            return ResampledError(truth: truth, predicted: predicted, isRoot: true) { $0 * $0 }
        case (_, _, .shares(let shares)): return shares[rawValue].map { Shares($0, of: self) }
        default: return nil
        }
    }
}

/// Agrees with `Datasets.Metrics` on rows repeated by their weights.
private struct ResampledClasses: ResampledMetric {
    let metric: Metric
    let truth: [Int32]
    let predicted: [Int32]
    /// The class where the prediction is right, else `classCount`, a slot that nobody reads: no branch a row.
    let hits: [Int32]
    let classCount: Int

    init?(metric: Metric, truth: [Int32], predicted: [Int32]) {
        guard truth.allSatisfy({ $0 >= 0 }), predicted.allSatisfy({ $0 >= 0 }) else { return nil }
        let last = max(truth.max() ?? 0, predicted.max() ?? 0)
        // Far above any label set; keeps a damaged file from asking for gigabytes.
        guard last < 1_000_000 else { return nil }
        self.metric = metric
        self.truth = truth
        self.predicted = predicted
        hits = zip(truth, predicted).map { $0 == $1 ? $0 : last + 1 }
        classCount = Int(last) + 1
    }

    func value(weights: [Int32]) -> Double? {
        let correct = counts(hits, weights)
        switch metric {
        case .macroF1: return Self.macroF1(counts(truth, weights), counts(predicted, weights), correct)
        case .matthews: return Self.matthews(counts(truth, weights), counts(predicted, weights), correct)
        default:
            let total = weights.reduce(0) { $0 + Int($1) }
            return total > 0 ? Double(correct.reduce(0, +)) / Double(total) : nil
        }
    }

    /// Drawn rows of each class.
    private func counts(_ classes: [Int32], _ weights: [Int32]) -> ArraySlice<Int> {
        precondition(classes.count == weights.count, "\(classes.count) rows but \(weights.count) weights")
        var counts = [Int](repeating: 0, count: classCount + 1)
        // Bounds are those of `init`; the checks would double the time of the bootstrap.
        counts.withUnsafeMutableBufferPointer { counts in
            classes.withUnsafeBufferPointer { classes in
                weights.withUnsafeBufferPointer { weights in
                    for row in classes.indices { counts[Int(classes[row])] += Int(weights[row]) }
                }
            }
        }
        return counts[..<classCount]
    }

    private static func macroF1(
        _ support: ArraySlice<Int>, _ guesses: ArraySlice<Int>, _ correct: ArraySlice<Int>
    ) -> Double? {
        var sum = 0.0
        var classes = 0
        for index in support.indices where support[index] + guesses[index] > 0 {
            sum += 2 * Double(correct[index]) / Double(support[index] + guesses[index])
            classes += 1
        }
        return classes > 0 ? sum / Double(classes) : nil
    }

    private static func matthews(
        _ support: ArraySlice<Int>, _ guesses: ArraySlice<Int>, _ correct: ArraySlice<Int>
    ) -> Double? {
        let total = Double(support.reduce(0, +))
        var products = 0.0
        var supportSquares = 0.0
        var guessSquares = 0.0
        for (actual, guess) in zip(support, guesses) {
            products += Double(actual) * Double(guess)
            supportSquares += Double(actual) * Double(actual)
            guessSquares += Double(guess) * Double(guess)
        }
        let spread = (total * total - supportSquares) * (total * total - guessSquares)
        guard total > 0 else { return nil }
        guard spread > 0 else { return 0 }
        return (Double(correct.reduce(0, +)) * total - products) / spread.squareRoot()
    }
}

private struct ResampledPearson: ResampledMetric {
    let truth: [Double]
    let predicted: [Double]

    init?(truth: [Float], predicted: [Float]) {
        guard truth.allSatisfy(\.isFinite), predicted.allSatisfy(\.isFinite) else { return nil }
        self.truth = truth.map { Double($0) }
        self.predicted = predicted.map { Double($0) }
    }

    func value(weights: [Int32]) -> Double? { weightedCorrelation(truth, predicted, weights) }
}

private struct ResampledSpearman: ResampledMetric {
    let truth: TiedOrder
    let predicted: TiedOrder

    init?(truth: [Float], predicted: [Float]) {
        guard truth.allSatisfy(\.isFinite), predicted.allSatisfy(\.isFinite) else { return nil }
        self.truth = TiedOrder(truth)
        self.predicted = TiedOrder(predicted)
    }

    func value(weights: [Int32]) -> Double? {
        weightedCorrelation(truth.ranks(weights: weights), predicted.ranks(weights: weights), weights)
    }
}

/// The mean of what each row is off, or its root.
private struct ResampledError: ResampledMetric {
    let errors: [Double]
    let isRoot: Bool

    init?(truth: [Float], predicted: [Float], isRoot: Bool = false, _ error: (Double) -> Double) {
        guard truth.allSatisfy(\.isFinite), predicted.allSatisfy(\.isFinite) else { return nil }
        errors = zip(truth, predicted).map { error(Double($0) - Double($1)) }
        self.isRoot = isRoot
    }

    func value(weights: [Int32]) -> Double? {
        var (sum, total) = (0.0, 0.0)
        for (error, weight) in zip(errors, weights) {
            sum += error * Double(weight)
            total += Double(weight)
        }
        guard total > 0 else { return nil }
        return isRoot ? (sum / total).squareRoot() : sum / total
    }
}

/// The order of values, found once; ranks of resampled rows follow without sorting.
private struct TiedOrder {
    /// Rows by rising value.
    let rows: [Int]
    /// For each place in `rows`, whether its value equals the one before.
    let isTied: [Bool]

    init(_ values: [Float]) {
        let order = values.indices.sorted { values[$0] < values[$1] }
        rows = order
        isTied = order.indices.map { $0 > 0 && values[order[$0]] == values[order[$0 - 1]] }
    }

    /// By row; ties share the mean of their ranks, counted from 1.
    func ranks(weights: [Int32]) -> [Double] {
        var ranks = [Double](repeating: 0, count: rows.count)
        var below = 0.0
        var start = 0
        while start < rows.count {
            var end = start + 1
            while end < rows.count, isTied[end] { end += 1 }
            let drawn = rows[start..<end].reduce(0.0) { $0 + Double(weights[$1]) }
            for place in start..<end { ranks[rows[place]] = below + (drawn + 1) / 2 }
            below += drawn
            start = end
        }
        return ranks
    }
}

private func weightedCorrelation(_ first: [Double], _ second: [Double], _ weights: [Int32]) -> Double? {
    var total = 0.0
    var sums = (first: 0.0, second: 0.0)
    for row in weights.indices {
        let weight = Double(weights[row])
        total += weight
        sums.first += weight * first[row]
        sums.second += weight * second[row]
    }
    guard total > 1 else { return nil }
    let means = (first: sums.first / total, second: sums.second / total)
    var products = 0.0
    var squares = (first: 0.0, second: 0.0)
    for row in weights.indices where weights[row] > 0 {
        let weight = Double(weights[row])
        let a = first[row] - means.first
        let b = second[row] - means.second
        products += weight * a * b
        squares.first += weight * a * a
        squares.second += weight * b * b
    }
    let spread = squares.first.squareRoot() * squares.second.squareRoot()
    // A constant side leaves only rounding.
    guard spread > 1e-12 * total * max(1, abs(means.first) * abs(means.second)) else { return nil }
    return min(1, max(-1, products / spread))
}

extension Metric {
    /// The metric with each row counted `weights` times; nil when it is undefined or does not fit.
    package func resampledValue(truth: Predictions, predicted: Predictions, weights: [Int32]) -> Double? {
        resampled(truth: truth, predicted: predicted)?.value(weights: weights)
    }
}
