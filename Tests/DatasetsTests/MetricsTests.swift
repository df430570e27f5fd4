import Datasets
import Testing

/// Expected values by scikit-learn 1.x and SciPy:
///
///     from sklearn.metrics import *
///     from scipy.stats import pearsonr, spearmanr
///     truth = [0, 0, 0, 1, 1, 2, 2, 2, 2, 4]
///     predicted = [0, 1, 0, 1, 3, 2, 2, 0, 2, 2]
///     accuracy_score(truth, predicted)
///     f1_score(truth, predicted, average="macro", zero_division=0)
///     matthews_corrcoef(truth, predicted)
///     precision_recall_fscore_support(truth, predicted, labels=range(6), zero_division=0)
///     a = [0.5, 1.0, 1.0, 2.5, 4.0, 4.0, 4.0, 5.0]
///     b = [1.0, 0.5, 2.0, 2.0, 3.5, 5.0, 3.5, 4.5]
///     pearsonr(a, b)[0], spearmanr(a, b)[0], mean_squared_error(a, b)
struct MetricsTests {
    let truth: [Int32] = [0, 0, 0, 1, 1, 2, 2, 2, 2, 4]
    let predicted: [Int32] = [0, 1, 0, 1, 3, 2, 2, 0, 2, 2]
    let a: [Float] = [0.5, 1, 1, 2.5, 4, 4, 4, 5]
    let b: [Float] = [1, 0.5, 2, 2, 3.5, 5, 3.5, 4.5]
    /// A few dozen roundings of numbers near 1 in Double, in another order than NumPy's.
    let tolerance = 1e-14

    private func isClose(_ value: Double?, _ expected: Double) -> Bool {
        value.map { abs($0 - expected) <= tolerance } ?? false
    }

    @Test func agreesWithScikitLearn() {
        #expect(Metrics.accuracy(truth: truth, predicted: predicted) == 0.6)
        #expect(isClose(Metrics.macroF1(truth: truth, predicted: predicted), 0.3833333333333333))
        #expect(isClose(Metrics.matthewsCorrelation(truth: truth, predicted: predicted), 0.44285714285714284))
    }

    @Test func perClassAgreesWithScikitLearn() {
        let rows = Metrics.perClass(truth: truth, predicted: predicted, classCount: 6)
        // Where scikit-learn puts 0 by zero_division, the ratio is undefined here.
        let precision: [Double?] = [2.0 / 3, 0.5, 0.75, 0, nil, nil]
        let recall: [Double?] = [2.0 / 3, 0.5, 0.75, nil, 0, nil]
        let f1: [Double?] = [2.0 / 3, 0.5, 0.75, 0, 0, nil]
        #expect(rows.map(\.precision) == precision)
        #expect(rows.map(\.recall) == recall)
        #expect(rows.map(\.f1) == f1)
        #expect(rows.map(\.support) == [3, 2, 4, 0, 1, 0])
        #expect(rows.map(\.predicted) == [3, 2, 4, 1, 0, 0])
        #expect(rows.map(\.index) == [0, 1, 2, 3, 4, 5])
    }

    @Test func agreesWithSciPy() {
        #expect(isClose(Metrics.pearson(truth: a, predicted: b), 0.9132233209773138))
        #expect(isClose(Metrics.spearman(truth: a, predicted: b), 0.8759284757666266))
        #expect(Metrics.meanSquaredError(truth: a, predicted: b) == 0.4375)
    }

    /// By hand: TP 2, TN 1, FP 1, FN 1 gives MCC = (2·1 − 1·1) / √(3·3·2·2) = 1/6.
    @Test func binaryByHand() {
        let truth: [Int32] = [1, 1, 1, 0, 0]
        let predicted: [Int32] = [1, 1, 0, 1, 0]
        #expect(isClose(Metrics.matthewsCorrelation(truth: truth, predicted: predicted), 1.0 / 6))
        #expect(isClose(Metrics.macroF1(truth: truth, predicted: predicted), (2.0 / 3 + 0.5) / 2))
    }

    @Test func extremes() {
        #expect(Metrics.matthewsCorrelation(truth: truth, predicted: truth) == 1)
        #expect(Metrics.matthewsCorrelation(truth: [0, 1], predicted: [1, 0]) == -1)
        #expect(isClose(Metrics.pearson(truth: [1, 2, 3], predicted: [-2, -4, -6]), -1))
        // A monotone curve has rank correlation 1 however bent it is.
        #expect(isClose(Metrics.spearman(truth: [1, 2, 3, 4], predicted: [1, 8, 27, 1e30]), 1))
    }

    @Test func undefinedIsNil() {
        #expect(Metrics.accuracy(truth: [], predicted: []) == nil)
        #expect(Metrics.macroF1(truth: [], predicted: []) == nil)
        #expect(Metrics.matthewsCorrelation(truth: [], predicted: []) == nil)
        #expect(Metrics.meanSquaredError(truth: [], predicted: []) == nil)
        #expect(Metrics.matthewsCorrelation(truth: [0, 1, 2], predicted: [1, 1, 1]) == 0)
        for measure in [Metrics.pearson, Metrics.spearman] {
            #expect(measure([], []) == nil)
            #expect(measure([1], [2]) == nil)
            // The mean of three 0.1 is not exactly 0.1, so a rounded variance would not be zero.
            #expect(measure([1, 2, 3], [0.1, 0.1, 0.1]) == nil)
            #expect(measure([1, 2, 3], [1, .nan, 2]) == nil)
        }
        #expect(Metrics.meanSquaredError(truth: [1], predicted: [.infinity]) == nil)
    }
}
