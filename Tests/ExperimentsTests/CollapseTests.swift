import Experiments
import Foundation
import Tasks
import Testing

@Suite struct CollapseTests {
    private static func collapsed(
        _ values: [Double], _ metric: Metric = .accuracy, uninformed: Double? = 0.5, rows: Int? = 1_000
    ) -> [Int] {
        Collapse.find(values, metric: metric, uninformed: uninformed, rows: rows).map(\.index)
    }

    /// Two seeds: the lower one lost 0.21 of a gain of 0.383. Of 1,000 rows three standard errors are
    /// 3 · √(2 · 0.778 · 0.222 / 1000) = 0.0558; of 60 they are 0.2277.
    @Test func oneOfTwo() throws {
        let found = Collapse.find([0.883, 0.673], metric: .accuracy, uninformed: 0.5, rows: 1_000)
        #expect(found == [try #require(found.first)] && found[0].index == 1)
        #expect(found[0].value == 0.673 && found[0].others == 0.883)
        #expect(Self.collapsed([0.883, 0.673], rows: 60).isEmpty)
        #expect(Self.collapsed([0.883, 0.673], uninformed: 0.1) == [1])
        // A quarter of 0.883 − 0.003 is 0.22.
        #expect(Self.collapsed([0.883, 0.673], uninformed: 0.003).isEmpty)
        #expect(Self.collapsed([0.883, 0.86]).isEmpty && Self.collapsed([0.883]).isEmpty)
    }

    /// The others of 0.60 lie around 0.725, in the median 0.05 from it: three robust deviations are
    /// 3 · 1.4826 · 0.05 = 0.22.
    @Test func aWideSpreadIsNoCollapse() {
        #expect(Self.collapsed([0.60, 0.65, 0.70, 0.75, 0.80], rows: 100_000).isEmpty)
        #expect(Self.collapsed([0.49, 0.70, 0.71, 0.75, 0.80], rows: 100_000) == [0])
    }

    /// Of three runs two: the median is no measure any more, what they kept of the best one's gain is.
    @Test func mostOfThem() {
        #expect(Self.collapsed([0.50, 0.88, 0.51]) == [0, 2])
        #expect(Self.collapsed([0.50, 0.51, 0.50]).isEmpty, "nobody gained anything")
    }

    @Test func lowerIsBetter() {
        #expect(Self.collapsed([0.35, 0.69, 0.36], .loss, uninformed: 0.693) == [1])
        #expect(Self.collapsed([0.35, 0.38], .loss, uninformed: 0.693).isEmpty)
        #expect(Self.collapsed([12, 19, 11], .perplexity, uninformed: nil) == [1])
        #expect(Self.collapsed([12, 16, 11], .perplexity, uninformed: nil).isEmpty)
        #expect(Self.collapsed([0.01, 0.05], .calibrationError, uninformed: nil).isEmpty)
    }

    @Test func undefinedValuesAreLeftOut() {
        #expect(Self.collapsed([.nan, 0.88, 0.5]) == [2])
        #expect(Self.collapsed([.nan, 0.88]).isEmpty)
    }

    @Test func whatAModelHasThatKnowsNothing() throws {
        let classes = Predictions.classes([0, 1, 1, 2])
        #expect(Metric.accuracy.uninformed(classes) == 0.5)
        // One class of three with precision 1/2 and recall 1: F1 2/3.
        #expect(abs(try #require(Metric.macroF1.uninformed(classes)) - 2 / 9) < 1e-12)
        #expect(Metric.matthews.uninformed(classes) == 0)
        let entropy = 0.5 * log(2) + 2 * 0.25 * log(4)
        #expect(abs(try #require(Metric.loss.uninformed(classes)) - entropy) < 1e-12)
        #expect(Metric.calibrationError.uninformed(classes) == nil)
        let scores = Predictions.scores([0, 0, 1, 7])
        // From the median 0.5: 0.5, 0.5, 0.5, 6.5. From the mean 2: 4, 4, 1, 25.
        #expect(Metric.meanAbsoluteError.uninformed(scores) == 2)
        #expect(
            abs(try #require(Metric.rootMeanSquaredError.uninformed(scores)) - 8.5.squareRoot()) < 1e-6)
        #expect(Metric.pearson.uninformed(scores) == 0 && Metric.loss.uninformed(scores) == nil)
        #expect(Metric.accuracy.uninformed(nil) == 0 && Metric.perplexity.uninformed(nil) == nil)
    }

    /// Of the runs whose results are committed three collapsed, and one plan has an arm that learned next to nothing, as reports say in words.
    @Test func committedResults() throws {
        var found: [String] = []
        for folder in CommittedResultsTests.folders {
            let store = CommittedResultsTests.store(folder.name)
            let schedule = try CommittedResultsTests.schedule(folder)
            let stored = try store.predictions()
            let table = try ComparisonTable(
                plan: schedule.plan, state: schedule.state(completed: store.load().results),
                truth: TestTruth([nil]) { try stored.of(schedule.truthID(fold: $0)) },
                bootstrap: Bootstrap(resamples: 1))
            found += table.rows.flatMap { row in
                row.collapsed.map { "\(folder.name): \(row.results[$0.index].id)" }
            }
            let isLow = table.warnings.contains { $0.contains("learned next to nothing") }
            #expect(isLow == (folder.name == "shapes-both"), "\(folder.name)")
        }
        #expect(
            found == [
                "reviews: lora-with-exact-s-pattern-r8-lr3e-3-s43-c90f153d06",
                "shapes-both: adalora-r1-lr5e-3-s44-34ed719c21",
                "shapes-both: adalora-r4-lr5e-3-s44-a22357893c",
            ])
    }
}
