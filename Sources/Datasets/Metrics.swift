/// Precision, recall and F1 of one class; nil where the ratio has nothing to divide by.
package struct ClassScores: Sendable, Equatable {
    /// Position in the `LabelSet`.
    package let index: Int
    /// Examples whose true class this is.
    package let support: Int
    /// Examples for which this class was predicted.
    package let predicted: Int
    /// Examples for which both hold.
    package let correct: Int

    /// nil when the class was never predicted.
    package var precision: Double? { predicted > 0 ? Double(correct) / Double(predicted) : nil }
    /// nil when the class has no examples.
    package var recall: Double? { support > 0 ? Double(correct) / Double(support) : nil }
    /// 2TP / (2TP + FP + FN); nil when the class is neither true nor predicted anywhere.
    package var f1: Double? {
        support + predicted > 0 ? 2 * Double(correct) / Double(support + predicted) : nil
    }
}

/// Measures of predictions against the truth, in Double; nil where there is nothing to measure or the libraries give NaN
/// (scikit-learn, seqeval, SciPy), never NaN.
package enum Metrics {
    /// Share of predictions that equal the truth; nil without examples.
    package static func accuracy(truth: [Int32], predicted: [Int32]) -> Double? {
        checkCounts(truth.count, predicted.count)
        guard !truth.isEmpty else { return nil }
        let correct = zip(truth, predicted).count { $0 == $1 }
        return Double(correct) / Double(truth.count)
    }

    /// One row for each of `classCount` classes, in order.
    package static func perClass(truth: [Int32], predicted: [Int32], classCount: Int) -> [ClassScores] {
        checkCounts(truth.count, predicted.count)
        var support = [Int](repeating: 0, count: classCount)
        var guesses = support
        var correct = support
        for (actual, guess) in zip(truth, predicted) {
            precondition(
                (0..<classCount).contains(Int(actual)) && (0..<classCount).contains(Int(guess)),
                "classes \(actual) and \(guess) must be in 0..<\(classCount)")
            support[Int(actual)] += 1
            guesses[Int(guess)] += 1
            if actual == guess { correct[Int(actual)] += 1 }
        }
        return (0..<classCount).map {
            ClassScores(index: $0, support: support[$0], predicted: guesses[$0], correct: correct[$0])
        }
    }

    /// Mean F1 over the classes that occur in the truth or the predictions; nil without examples.
    ///
    /// The same classes as scikit-learn's `f1_score(average="macro")` takes by default.
    package static func macroF1(truth: [Int32], predicted: [Int32]) -> Double? {
        let scores = perClass(truth: truth, predicted: predicted, classCount: classCount(truth, predicted))
            .compactMap(\.f1)
        guard !scores.isEmpty else { return nil }
        return scores.reduce(0, +) / Double(scores.count)
    }

    /// Multi-class Matthews correlation, R_K of Gorodkin (2004); 0 when truth or predictions are constant, as in
    /// scikit-learn, nil without examples.
    package static func matthewsCorrelation(truth: [Int32], predicted: [Int32]) -> Double? {
        let table = perClass(truth: truth, predicted: predicted, classCount: classCount(truth, predicted))
        let total = Double(truth.count)
        var correct = 0.0
        var products = 0.0
        var supportSquares = 0.0
        var predictedSquares = 0.0
        for row in table {
            correct += Double(row.correct)
            products += Double(row.support) * Double(row.predicted)
            supportSquares += Double(row.support) * Double(row.support)
            predictedSquares += Double(row.predicted) * Double(row.predicted)
        }
        let spread = (total * total - supportSquares) * (total * total - predictedSquares)
        guard !table.isEmpty else { return nil }
        guard spread > 0 else { return 0 }
        return (correct * total - products) / spread.squareRoot()
    }

    /// Mean of squared differences; nil without examples or with a value that is not finite.
    package static func meanSquaredError(truth: [Float], predicted: [Float]) -> Double? {
        checkCounts(truth.count, predicted.count)
        guard !truth.isEmpty, allFinite(truth), allFinite(predicted) else { return nil }
        var sum = 0.0
        for (actual, guess) in zip(truth, predicted) {
            let difference = Double(actual) - Double(guess)
            sum += difference * difference
        }
        return sum / Double(truth.count)
    }

    /// Linear correlation; nil for fewer than two examples, a constant side, or a value that is not finite.
    package static func pearson(truth: [Float], predicted: [Float]) -> Double? {
        checkCounts(truth.count, predicted.count)
        guard allFinite(truth), allFinite(predicted) else { return nil }
        return correlation(truth.map { Double($0) }, predicted.map { Double($0) })
    }

    /// Rank correlation, ties sharing the mean of their ranks; nil as for `pearson`.
    package static func spearman(truth: [Float], predicted: [Float]) -> Double? {
        checkCounts(truth.count, predicted.count)
        guard allFinite(truth), allFinite(predicted) else { return nil }
        return correlation(averageRanks(truth), averageRanks(predicted))
    }

    private static func correlation(_ first: [Double], _ second: [Double]) -> Double? {
        // Asked of the values, not of a rounded variance, which is rarely exactly zero.
        let isConstant = first.allSatisfy { $0 == first[0] } || second.allSatisfy { $0 == second[0] }
        guard !isConstant else { return nil }
        let firstMean = first.reduce(0, +) / Double(first.count)
        let secondMean = second.reduce(0, +) / Double(second.count)
        var products = 0.0
        var firstSquares = 0.0
        var secondSquares = 0.0
        for (a, b) in zip(first, second) {
            products += (a - firstMean) * (b - secondMean)
            firstSquares += (a - firstMean) * (a - firstMean)
            secondSquares += (b - secondMean) * (b - secondMean)
        }
        let spread = firstSquares.squareRoot() * secondSquares.squareRoot()
        guard spread > 0 else { return nil }
        return min(1, max(-1, products / spread))
    }

    private static func averageRanks(_ values: [Float]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = [Double](repeating: 0, count: values.count)
        var start = 0
        while start < order.count {
            var end = start + 1
            while end < order.count && values[order[end]] == values[order[start]] { end += 1 }
            // Ranks start + 1 ... end, counted from 1.
            let mean = Double(start + 1 + end) / 2
            for position in start..<end { ranks[order[position]] = mean }
            start = end
        }
        return ranks
    }

    private static func classCount(_ truth: [Int32], _ predicted: [Int32]) -> Int {
        Int(max(truth.max() ?? -1, predicted.max() ?? -1)) + 1
    }

    private static func allFinite(_ values: [Float]) -> Bool { values.allSatisfy(\.isFinite) }

    private static func checkCounts(_ truth: Int, _ predicted: Int) {
        precondition(truth == predicted, "\(truth) true values but \(predicted) predictions")
    }
}
