import Experiments
import Foundation
import Tasks
import Testing

/// Metrics that are ratios of sums over rows: F1 over labels, spans or answers.
@Suite struct ShareTests {
    private let shares = Predictions.shares([
        "f1": [Share(part: 2, whole: 4), Share(part: 0, whole: 2), Share(part: 6, whole: 6)],
        "exact-match": [Share(part: 0, whole: 1), Share(part: 1, whole: 1), Share(part: 0.5, whole: 1)],
    ])

    @Test func ratiosOfSums() throws {
        #expect(Metric.f1.value(truth: shares, predicted: shares) == 8.0 / 12)
        #expect(Metric.exactMatch.value(truth: shares, predicted: shares) == 0.5)
        #expect(Metric.accuracy.value(truth: shares, predicted: shares) == nil)
        #expect(shares.count == 3)
        #expect(
            Metric.f1.resampledValue(truth: shares, predicted: shares, weights: [2, 1, 0]) == 4.0 / 10
        )
        let empty = Predictions.shares(["f1": [Share(part: 0, whole: 0)]])
        #expect(Metric.f1.value(truth: empty, predicted: empty) == 0)
    }

    @Test func aStoreKeepsThem() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "shares-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = ResultStore(folder: folder)
        try store.write(shares, id: "a")
        #expect(try store.predictions().of("a") == shares)
        let file = store.predictionsFile("a")
        try Data("shares f1\n1 2\n3\n".utf8).write(to: file)
        let error = try #require(throws: ComparisonError.self) { try store.predictions().of("a") }
        #expect(error.problems[0].hasPrefix("\(file.path):3: not two numbers for each of 1 metrics"))
    }
}
