import Experiments
import Tasks
import Testing

@Suite struct StatisticsTests {
    @Test func summariesByHand() {
        let summary = Summary([2, 4, 4, 4, 5, 5, 7, 9])
        #expect(summary?.mean == 5)
        // Squares sum to 32; 32/7 under the root, and over the root of 8.
        #expect(abs((summary?.deviation ?? 0) - 2.138_089_935_299_395) < 1e-15)  // one rounding
        #expect(abs((summary?.standardError ?? 0) - 0.755_928_946_018_454_5) < 1e-15)
        #expect(Summary([3])?.deviation == nil)
        #expect(Summary([]) == nil)
    }

    @Test func quantilesByHand() {
        #expect(Bootstrap.quantile(0.5, ofSorted: [1, 2, 4]) == 2)
        #expect(Bootstrap.quantile(0.25, ofSorted: [1, 2, 4]) == 1.5)
        #expect(Bootstrap.quantile(1, ofSorted: [1, 2, 4]) == 4)
        #expect(Bootstrap.quantile(0.3, ofSorted: [7]) == 7)
    }

    /// Two seeds have three means: of (0, 1) these are 0, ½ and 1 with probabilities ¼, ½, ¼.
    @Test func seedsAgainstBruteForce() {
        #expect(Bootstrap(confidence: 0.4).interval(differences: [0, 1]) == 0.5...0.5)
        #expect(Bootstrap(confidence: 0.95).interval(differences: [0, 1]) == 0...1)
        #expect(Bootstrap().interval(differences: [1]) == nil)
        // All 27 resamples of three seeds, weighed equally.
        let values = [0.0, 1, 5]
        let means = values.flatMap { a in values.flatMap { b in values.map { (a + b + $0) / 3 } } }.sorted()
        let interval = Bootstrap(resamples: 20_000, confidence: 0.8).interval(differences: values)
        // The quantiles 0.1 and 0.9 of the 27 lie inside steps of the distribution, which sampling finds exactly.
        #expect(abs((interval?.lowerBound ?? -1) - Bootstrap.quantile(0.1, ofSorted: means)) < 1e-12)
        #expect(abs((interval?.upperBound ?? -1) - Bootstrap.quantile(0.9, ofSorted: means)) < 1e-12)
    }

    /// Two rows, one pair: the arm has one right, the baseline none. The four draws of rows give accuracy
    /// differences 1, ½, ½, 0.
    @Test func rowsAgainstBruteForce() {
        let pair = RunPair(
            seed: 1, value: 0.5, baseline: 0, predictions: (.classes([0, 0]), .classes([1, 0])))
        let truth = Predictions.classes([0, 1])
        let pairs = [pair]
        #expect(
            Bootstrap(confidence: 0.4).interval(pairs: pairs, truth: TestTruth(truth), metric: .accuracy)
                == 0.5...0.5)
        #expect(
            Bootstrap(confidence: 0.4).interval(
                pairs: [
                    RunPair(
                        seed: 1, value: 0, baseline: 0, predictions: (.classes([0, 0]), .classes([0, 0])))
                ],
                truth: TestTruth(truth), metric: .accuracy) == 0...0)
        let difference = PairedDifference(pairs: pairs, truth: TestTruth(truth), metric: .accuracy)
        #expect(difference?.levels == .rows)
        #expect(difference?.interval == 0...1)
    }

    /// The fast metrics against `Datasets.Metrics` on rows that are really repeated: resampling one row set with
    /// a seed draws the same rows for each metric.
    @Test(arguments: [
        Metric.accuracy, .macroF1, .matthews, .pearson, .spearman, .meanAbsoluteError, .rootMeanSquaredError,
    ])
    func metricsAgainstRepeatedRows(_ metric: Metric) throws {
        var generator = SeededGenerator(5)
        for _ in 0..<20 {
            let rows = 30
            let isClasses = [.accuracy, .macroF1, .matthews].contains(metric)
            func draw() -> Predictions {
                isClasses
                    ? .classes((0..<rows).map { _ in Int32.random(in: 0..<4, using: &generator) })
                    : .scores((0..<rows).map { _ in Float(Int.random(in: 0..<6, using: &generator)) })
            }
            let truth = draw()
            let predicted = draw()
            let weights = (0..<rows).map { _ in Int32.random(in: 0..<3, using: &generator) }
            let picked = (0..<rows).flatMap { row in [Int](repeating: row, count: Int(weights[row])) }
            let expected = metric.value(truth: truth.at(picked), predicted: predicted.at(picked))
            let fast = try #require(
                metric.resampledValue(truth: truth, predicted: predicted, weights: weights))
            // Sums of a few dozen terms in another order.
            #expect(abs(fast - (expected ?? .nan)) < 1e-12)
        }
    }

    @Test func undefinedResamplesAndFallbacks() {
        let truth = Predictions.classes([0, 0, 1])
        let pairs = [0.1, 0.3].enumerated().map { RunPair(seed: UInt64($0), value: $1, baseline: 0) }
        let missing = PairedDifference(pairs: pairs, truth: TestTruth(truth), metric: .accuracy)
        #expect(missing?.levels == .seeds)
        #expect(missing?.seeds == [0, 1])
        #expect(abs((missing?.mean ?? 0) - 0.2) < 1e-15)  // rounding of 0.1 + 0.3
        let short = RunPair(seed: 1, value: 1, baseline: 0, predictions: (.classes([0]), .classes([0])))
        #expect(
            PairedDifference(pairs: [short, short], truth: TestTruth(truth), metric: .accuracy)?.levels
                == .seeds)
        #expect(PairedDifference(pairs: [short], truth: nil, metric: .accuracy)?.interval == nil)
        #expect(PairedDifference(pairs: [], truth: nil, metric: .accuracy) == nil)
        // Matthews of a constant prediction is 0, and rank correlation undefined in every resample.
        let constant = RunPair(
            seed: 1, value: 0, baseline: 0, predictions: (.classes([0, 0, 0]), .classes([0, 0, 0])))
        #expect(Bootstrap().interval(pairs: [constant], truth: TestTruth(truth), metric: .matthews) != nil)
        let level = RunPair(
            seed: 1, value: 0, baseline: 0, predictions: (.scores([1, 1, 1]), .scores([1, 1, 1])))
        #expect(
            Bootstrap().interval(pairs: [level], truth: TestTruth(.scores([1, 2, 3])), metric: .spearman)
                == nil)
        #expect(Bootstrap().interval(pairs: [constant], truth: TestTruth(truth), metric: .loss) == nil)
        #expect(
            Bootstrap().interval(pairs: [constant], truth: TestTruth(.scores([1, 2, 3])), metric: .pearson)
                == nil)
    }

    @Test func isDeterministic() {
        let values = (0..<40).map { Double(($0 * 37) % 41) / 7 }
        #expect(Bootstrap().interval(differences: values) == Bootstrap().interval(differences: values))
        #expect(
            Bootstrap(seed: 2).interval(differences: values)
                != Bootstrap(seed: 3).interval(differences: values))
    }

    /// Student's interval by hand: differences 1, 2, 3 have mean 2, deviation 1 and standard error 1/√3; t is 4.303.
    @Test func studentsInterval() throws {
        let pairs = [1.0, 2, 3].enumerated().map { RunPair(seed: UInt64($0), value: $1, baseline: 0) }
        let difference = try #require(PairedDifference(pairs: pairs, truth: nil, metric: .accuracy))
        let interval = try #require(difference.studentInterval)
        #expect(abs(interval.lowerBound - (2 - 4.303 / 3.0.squareRoot())) < 1e-9)
        #expect(abs(interval.upperBound - (2 + 4.303 / 3.0.squareRoot())) < 1e-9)
        // The bootstrap of three is their range and excludes 0; Student's t does not.
        #expect(difference.interval == 1...3 && difference.includesZero == true)
        let one = PairedDifference(pairs: [pairs[0]], truth: nil, metric: .accuracy)
        #expect(one?.studentInterval == nil && one?.includesZero == nil)
    }

    /// Two seeds in three folds: of the means of the folds 1, 2 and 6 the deviation is √7, and the variance of their mean is
    /// 7 · (1/3 + 1/2) in Nadeau and Bengio's place of 7/3; t of 2 degrees is 4.303.
    @Test func foldsShareTheirTrainingRows() throws {
        let values: [(seed: UInt64, fold: Int, value: Double)] = [
            (1, 1, 0), (1, 2, 2), (1, 3, 5), (2, 1, 2), (2, 2, 2), (2, 3, 7),
        ]
        let pairs = values.map { RunPair(seed: $0.seed, fold: $0.fold, value: $0.value, baseline: 0) }
        let difference = try #require(
            PairedDifference(pairs: pairs, truth: nil, metric: .accuracy, testToTraining: 0.5))
        #expect(difference.mean == 3 && difference.foldCount == 3 && difference.levels == .folds)
        let half = 4.303 * (7.0 * (1.0 / 3 + 0.5)).squareRoot()
        let interval = try #require(difference.studentInterval)
        #expect(abs(interval.lowerBound - (3 - half)) < 1e-9 && abs(interval.upperBound - (3 + half)) < 1e-9)
        let one = PairedDifference(
            pairs: Array(pairs.prefix(1)), truth: nil, metric: .accuracy, testToTraining: 0.5)
        #expect(one?.studentInterval == nil && one?.includesZero == nil)
    }

    /// Fold 1 has two rows of which the arm has one more right, fold 2 one row that both have right. The draws of fold 1 give
    /// 1, ½, ½ and 0, fold 2 always 0: means of ½, ¼, ¼ and 0.
    @Test func rowsAreDrawnWithinFolds() throws {
        let truth = try #require(
            TestTruth([1, 2]) { fold in .classes(fold == 1 ? [0, 1] : [1]) })
        let pairs = [
            RunPair(
                seed: 1, fold: 1, value: 0.5, baseline: 0, predictions: (.classes([0, 0]), .classes([1, 0]))),
            RunPair(seed: 1, fold: 2, value: 1, baseline: 1, predictions: (.classes([1]), .classes([1]))),
        ]
        let metric = Metric.accuracy
        #expect(
            Bootstrap(confidence: 0.4).interval(pairs: pairs, truth: truth, metric: metric) == 0.25...0.25)
        #expect(Bootstrap(confidence: 0.99).interval(pairs: pairs, truth: truth, metric: metric) == 0...0.5)
        #expect(PairedDifference(pairs: pairs, truth: truth, metric: metric)?.levels == .foldRows)
        // Another seed without a difference: both, the first twice, or the second twice.
        let two =
            pairs
            + pairs.map {
                RunPair(
                    seed: 2, fold: $0.fold, value: 0, baseline: 0,
                    predictions: $0.predictions.map { ($0.arm, $0.arm) })
            }
        let difference = PairedDifference(pairs: two, truth: truth, metric: metric)
        #expect(difference?.levels == .seedsAndFoldRows && difference?.interval == 0...0.5)
        // A fold whose truth is not known leaves the folds.
        let known = TestTruth([1]) { _ in .classes([0, 1]) }
        #expect(PairedDifference(pairs: pairs, truth: known, metric: metric)?.levels == .folds)
    }

    /// Over normal seed differences around 0 both intervals together exclude 0 in at most 5 % of the cases; the
    /// binomial deviation of 1,000 samples is 0.7 %, so 8 % is about four of it.
    @Test(arguments: [2, 3, 5, 8]) func fewFalseFindings(_ seeds: Int) throws {
        var generator = SeededGenerator(9)
        var found = 0
        for sample in 0..<1_000 {
            let pairs = (0..<seeds).map { RunPair(seed: UInt64($0), value: generator.normal(), baseline: 0) }
            let difference = PairedDifference(
                pairs: pairs, truth: nil, metric: .accuracy,
                bootstrap: Bootstrap(resamples: 400, seed: UInt64(sample)))
            if difference?.includesZero == false { found += 1 }
        }
        #expect(found < 80)
    }

    /// Rows alone: with many rows and no variation between seeds the interval keeps about its 95 %. Both arms
    /// guess each row right with probability 0.7, independently of the other; 300 samples have a deviation of
    /// 0.013.
    @Test func coverageOfRows() {
        var generator = SeededGenerator(10)
        var hits = 0
        let truth = Predictions.classes([Int32](repeating: 0, count: 200))
        for sample in 0..<300 {
            func draw() -> Predictions {
                .classes((0..<200).map { _ in Double.random(in: 0..<1, using: &generator) < 0.7 ? 0 : 1 })
            }
            let pair = RunPair(seed: 0, value: 0, baseline: 0, predictions: (draw(), draw()))
            let interval = Bootstrap(resamples: 300, seed: UInt64(sample)).interval(
                pairs: [pair], truth: TestTruth(truth), metric: .accuracy)
            if interval?.contains(0) ?? false { hits += 1 }
        }
        #expect(abs(Double(hits) / 300 - 0.95) < 0.04)
    }
}

extension Predictions {
    func at(_ rows: [Int]) -> Predictions {
        switch self {
        case .classes(let classes): .classes(rows.map { classes[$0] })
        case .scores(let scores): .scores(rows.map { scores[$0] })
        case .shares(let shares): .shares(shares.mapValues { shares in rows.map { shares[$0] } })
        }
    }
}
