/// Measures of how far answers are off: the lower the better.
extension Metrics {
    /// Mean of absolute differences; nil without examples or with a value that is not finite.
    package static func meanAbsoluteError(truth: [Float], predicted: [Float]) -> Double? {
        precondition(
            truth.count == predicted.count, "\(truth.count) true values but \(predicted.count) predictions")
        guard !truth.isEmpty, (truth + predicted).allSatisfy(\.isFinite) else { return nil }
        let sum = zip(truth, predicted).reduce(0.0) { $0 + (Double($1.0) - Double($1.1)).magnitude }
        return sum / Double(truth.count)
    }

    /// Root of the mean of squared differences; nil as `meanAbsoluteError`.
    package static func rootMeanSquaredError(truth: [Float], predicted: [Float]) -> Double? {
        meanSquaredError(truth: truth, predicted: predicted)?.squareRoot()
    }

    /// Bins of confidence, of equal width.
    package static let calibrationBins = 15

    /// Expected calibration error (Guo et al. 2017, "On Calibration of Modern Neural Networks"): in each bin of confidence
    /// the distance of the mean confidence from the share of right answers, weighted by the bin's share of all rows. Bin m
    /// of M has confidences above (m − 1) / M and up to m / M. nil without rows or with a confidence that is not finite.
    ///
    /// - Parameter confidences: the probability of each row's answer.
    package static func calibrationError(confidences: [Double], isRight: [Bool]) -> Double? {
        precondition(
            confidences.count == isRight.count, "\(confidences.count) rows but \(isRight.count) answers")
        guard !confidences.isEmpty, confidences.allSatisfy(\.isFinite) else { return nil }
        var sums = [Double](repeating: 0, count: calibrationBins)
        for (confidence, isRight) in zip(confidences, isRight) {
            let bin = Int((confidence * Double(calibrationBins)).rounded(.up)) - 1
            sums[min(max(bin, 0), calibrationBins - 1)] += confidence - (isRight ? 1 : 0)
        }
        // |mean confidence − accuracy| · count / total = |Σ (confidence − right)| / total
        return sums.reduce(0) { $0 + $1.magnitude } / Double(confidences.count)
    }
}
