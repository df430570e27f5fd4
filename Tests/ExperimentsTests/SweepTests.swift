import Experiments
import RunRecords
import Tasks
import Testing

@Suite struct SweepTests {
    func curve(_ values: [Double]) -> SweepCurve {
        SweepCurve(values.enumerated().map { .init(step: ($0 + 1) * 100, value: $1) })
    }

    @Test func readsRanks() throws {
        #expect(try SweepPlanner.ranks(from: "8, 1,2") == [1, 2, 8])
        for text in ["", "1,", "0", "1.5", "-2", "1,1", "x", "100001"] {
            let error = #expect(throws: ComparisonError.self) { try SweepPlanner.ranks(from: text) }
            #expect(error?.description.hasPrefix("--ranks: ") == true)
        }
    }

    @Test func discardsByTheMedianAtTheSameStep() {
        let finished = [curve([0.2, 0.5, 0.6]), curve([0.3, 0.4, 0.7]), curve([0.1, 0.3, 0.8])]
        let rule = DiscardRule(margin: 0.05)
        func reason(_ values: [Double], _ others: [SweepCurve]? = nil, _ metric: Metric = .accuracy)
            -> String?
        {
            rule.reasonToStop(curve(values), finished: others ?? finished, totalSteps: 300, metric: metric)
        }
        // Medians of the best so far: 0.2, 0.4, 0.7.
        #expect(
            reason([0.1])
                == "accuracy 0.1000 at step 100 is behind the median 0.2000 of 3 finished runs by more than 0.05"
        )
        #expect(reason([0.16]) == nil)
        #expect(reason([0.3, 0.34])?.contains("0.4000") == true)
        #expect(reason([0.38, 0.1]) == nil, "the best so far counts, not the last")
        #expect(reason([.nan, .nan]) == "no defined accuracy by step 200")
        #expect(reason([0.1], Array(finished.prefix(2))) == nil, "too few finished")
        #expect(reason([]) == nil)
        #expect(reason([0.9], nil, .loss) != nil)
        #expect(reason([0.1], nil, .loss) == nil)
        let patient = DiscardRule(margin: 0, minimumShare: 0.5)
        #expect(
            patient.reasonToStop(curve([0]), finished: finished, totalSteps: 300, metric: .accuracy) == nil)
    }

    @Test func plansAndResumes() {
        let planner = SweepPlanner(
            ranks: [2, 1], seeds: [1, 2], otherArms: ["AdaLoRA"], metric: .accuracy,
            rule: DiscardRule(margin: 0))
        let runs = planner.runs
        #expect(runs.count == 8)
        #expect(runs.prefix(4).map(\.arm) == ["fixed", "fixed", "AdaLoRA", "AdaLoRA"])
        #expect(runs.prefix(2).map(\.rank) == [2, 1])
        let outcomes = [
            SweepOutcome(run: runs[0], value: 0.7), SweepOutcome(run: runs[1], value: nil, reason: "behind"),
        ]
        let rest = planner.remaining(after: outcomes)
        #expect(rest.count == 5)
        #expect(!rest.contains { $0.arm == "fixed" && $0.rank == 1 })
    }

    @Test func diminishingReturnsByHand() throws {
        func points(_ values: [Int: [Double]]) throws -> [(rank: Int, summary: Summary)] {
            try values.map { ($0.key, try #require(Summary($0.value))) }
        }
        // Best is rank 8: mean 0.80, deviation 0.02, standard error 0.0115 over 3; 0.79 is within, 0.75 is not.
        let known = try points([2: [0.75], 4: [0.79, 0.79], 8: [0.78, 0.80, 0.82], 16: [0.79]])
        let found = try #require(DiminishingReturns(known, metric: .accuracy))
        #expect(found.rank == 4)
        #expect(found.bestRank == 8)
        #expect(found.isBracketed)
        #expect(abs(found.tolerance - 0.011_547) < 1e-6)  // six digits written
        #expect(DiminishingReturns(known, metric: .accuracy, tolerance: 0)?.rank == 8)
        #expect(DiminishingReturns(known, metric: .accuracy, tolerance: 0.1)?.rank == 2)
        #expect(DiminishingReturns(known, metric: .loss, tolerance: 0)?.bestRank == 2)
        let single = try points([1: [0.5], 2: [0.6]])
        #expect(DiminishingReturns(single, metric: .accuracy) == nil, "one run has no standard error")
        let rising = try #require(DiminishingReturns(single, metric: .accuracy, tolerance: 0.01))
        #expect(
            rising.sentence(metric: .accuracy)
                == "rank 2 is best with accuracy 0.6000; no smaller rank comes within 0.0100 of it. "
                + "The best is the largest tried: try larger ones.")
        // Where the smallest rank wins there is nothing to say of smaller ones.
        let falling = try #require(
            DiminishingReturns(try points([1: [0.6], 2: [0.5]]), metric: .accuracy, tolerance: 0.01))
        #expect(
            falling.sentence(metric: .accuracy)
                == "rank 1, the smallest tried, is best with accuracy 0.6000: more rank does not pay here. "
                + "AdaLoRA goes below it: adalora train --average-rank 0.5.")
        let from4 = try #require(
            DiminishingReturns(try points([4: [0.6], 8: [0.605]]), metric: .accuracy, tolerance: 0.01))
        #expect(
            from4.sentence(metric: .accuracy)
                == "rank 8 is best with accuracy 0.6050; rank 4 is the smallest within 0.0100 of it (0.6000). "
                + "That is the smallest tried. Try smaller ones.")
        let alone = try #require(
            DiminishingReturns(try points([4: [0.6]]), metric: .accuracy, tolerance: 0.01))
        #expect(
            alone.sentence(metric: .accuracy)
                == "rank 4 has accuracy 0.6000; no other rank has a result to stand beside it.")
        #expect(DiminishingReturns([], metric: .accuracy) == nil)
    }

    /// Perplexities and losses have no scale: half a percent of 20 is 0.1, of 0.4 it is 0.002.
    @Test func distancesOfUnboundedMetricsAreShares() throws {
        func found(_ values: [Int: Double], _ metric: Metric) throws -> DiminishingReturns {
            let points = try values.map { ($0.key, try #require(Summary([$0.value]))) }
            return try #require(DiminishingReturns(points, metric: metric, tolerance: 0.005))
        }
        let wide = try found([1: 20.2, 2: 20.09, 4: 20, 8: 20.05], .perplexity)
        #expect(wide.rank == 2 && wide.bestRank == 4 && abs(wide.tolerance - 0.1) < 1e-12)
        #expect(
            wide.sentence(metric: .perplexity)
                == "rank 4 is best with perplexity 20.0000; rank 2 is the smallest within 0.5% of it (20.0900)."
        )
        let narrow = try found([1: 0.404, 2: 0.4, 4: 0.401], .loss)
        #expect(narrow.rank == 2 && abs(narrow.tolerance - 0.002) < 1e-12)
        #expect(narrow.sentence(metric: .loss).contains("no smaller rank comes within 0.5% of it."))
        // Shares that are better when lower keep their units.
        #expect(try found([1: 0.024, 2: 0.02], .calibrationError).rank == 1)

        let points: ([Double]) -> [(rank: Int, summary: Summary?)] = { values in
            zip([1, 2], values).map { ($0, Summary([$1])) }
        }
        let standing = try #require(
            SweepStanding(
                arm: "AdaLoRA", fixed: points([20, 19]), others: points([20.09, 18.8]), metric: .perplexity,
                tolerance: 0.005))
        #expect(standing.level == [1] && standing.better == [2])

        let rule = DiscardRule(margin: 0.03)
        func reason(_ value: Double) -> String? {
            rule.reasonToStop(
                curve([value]), finished: [curve([20]), curve([19]), curve([21])], totalSteps: 100,
                metric: .perplexity)
        }
        #expect(reason(20.5) == nil)
        #expect(
            reason(20.7)
                == "perplexity 20.7000 at step 100 is behind the median 20.0000 of 3 finished runs by more than 3%"
        )
    }

    /// Two of three seeds that came through are no mean of the rank.
    @Test func aRankWithAGivenUpRunHasNoMean() {
        let planner = SweepPlanner(ranks: [1, 2], seeds: [1, 2, 3], metric: .accuracy, rule: nil)
        let outcomes = planner.runs.map { run in
            SweepOutcome(run: run, value: run.rank == 1 && run.seed == 3 ? nil : 0.5 + Double(run.seed) / 100)
        }
        let summaries = planner.summaries(arm: SweepPlanner.fixedArm, outcomes)
        #expect(summaries[0].summary == nil && summaries[1].summary?.count == 3)
    }

    @Test func standingByHand() throws {
        func summaries(_ values: [[Double]]) -> [(rank: Int, summary: Summary?)] {
            zip([1, 2, 4, 8], values).map { ($0, Summary($1)) }
        }
        let fixed = summaries([[0.70], [0.75], [0.80], [0.79]])
        let other = summaries([[0.73], [0.7525], [0.77], [0.81]])
        let standing = try #require(
            SweepStanding(arm: "AdaLoRA", fixed: fixed, others: other, metric: .accuracy, tolerance: 0.005))
        #expect(standing.better == [1, 8] && standing.level == [2] && standing.worse == [4])
        #expect(standing.bestRank == 4 && standing.reachesBestAt == 8)
        #expect(
            standing.sentence
                == "AdaLoRA beside the fixed rank of equal parameters: better at rank 1, 8; level at rank 2; worse at "
                + "rank 4. With the parameters of rank 8 it comes as far as the best, rank 4.")
        // A loss is better when it is lower: the best fixed rank is 1, and nothing comes below 0.70.
        let loss = try #require(
            SweepStanding(arm: "A", fixed: fixed, others: other, metric: .loss, tolerance: 0.005))
        #expect(
            loss.better == [4] && loss.worse == [1, 8] && loss.bestRank == 1 && loss.reachesBestAt == nil)
        #expect(loss.sentence.hasSuffix("At none of the budgets does it come as far as the best, rank 1."))
        // Two standard errors of the difference of means: 2 · √(0.01² + 0.01²) = 0.0283 here.
        let pairs = summaries([[0.70, 0.72]])
        let near = try #require(
            SweepStanding(
                arm: "A", fixed: pairs, others: summaries([[0.728, 0.748]]), metric: .accuracy, tolerance: nil
            ))
        #expect(near.level == [1])
        let far = try #require(
            SweepStanding(
                arm: "A", fixed: pairs, others: summaries([[0.729, 0.749]]), metric: .accuracy, tolerance: nil
            ))
        #expect(far.better == [1])
        #expect(
            SweepStanding(arm: "A", fixed: fixed, others: other, metric: .accuracy, tolerance: nil) == nil,
            "single runs have no standard error")
        #expect(
            SweepStanding(arm: "A", fixed: fixed, others: summaries([[]]), metric: .accuracy, tolerance: 1)
                == nil)
    }

    @Test func showsTheSweep() {
        let planner = SweepPlanner(
            ranks: [1, 2, 4], seeds: [1, 2], otherArms: ["AdaLoRA"], metric: .accuracy, rule: nil)
        let outcomes = planner.runs.map { run in
            let isGivenUp = run.arm == "fixed" && run.rank == 1
            let value =
                0.6 + Double(run.rank) / 100 + Double(run.seed) / 500 + (run.arm == "fixed" ? 0 : 0.03)
            return SweepOutcome(
                run: run, value: isGivenUp ? nil : value, reason: isGivenUp ? "behind" : nil)
        }.filter { $0.run.arm == "fixed" || $0.run.rank > 1 }
        let sizes = SweepSizes(matrices: [
            RunRecord.Site(name: "a", layer: 0, role: "a", outputs: 600, inputs: 400)
        ])
        #expect(
            planner.table(outcomes, sizes: sizes) == """
                rank  parameters  n  fixed            n  AdaLoRA          difference
                   1       1,000  0  given up         0  –                –
                   2       2,000  2  0.6230 ± 0.0014  2  0.6530 ± 0.0014  +0.0300
                   4       4,000  2  0.6430 ± 0.0014  2  0.6730 ± 0.0014  +0.0300

                """)
    }

    @Test func sizes() {
        let matrices = (0..<2).flatMap { layer in
            [
                RunRecord.Site(
                    name: "layer.\(layer).query", layer: layer, role: "query", outputs: 384, inputs: 384),
                RunRecord.Site(
                    name: "layer.\(layer).output", layer: layer, role: "output", outputs: 384, inputs: 1536),
            ]
        }
        let sizes = SweepSizes(matrices: matrices)
        #expect(sizes.parametersPerRank == 2 * (768 + 1920))
        #expect(
            sizes.table(ranks: [1, 8]) == """
                matrix  count        size  r = 1   r = 8
                query       2   384 × 384    768   6,144
                output      2  384 × 1536  1,920  15,360
                all         4              5,376  43,008

                """)
        let planner = SweepPlanner(ranks: [1, 8], seeds: [1], metric: .accuracy, rule: nil)
        let estimate = sizes.estimate(planner, steps: 100) { 0.1 * Double($0) }
        #expect(estimate.runs == 2)
        #expect(abs(estimate.seconds - 90) < 1e-9)  // rounding of 0.1
    }
}
