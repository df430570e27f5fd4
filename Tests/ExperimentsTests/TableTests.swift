import Experiments
import Foundation
import Messages
import ModelFiles
import Testing

@Suite struct TableTests {
    let plan: ComparisonPlan
    let schedule: TrialSchedule

    init() throws {
        plan = try Samples.plan()
        schedule = try TrialSchedule(
            plan: plan, fingerprints: Samples.fingerprints, parametersPerRank: 41_472)
    }

    func table(limit: Int = .max, _ result: (Trial) -> TrialResult = Samples.result) throws -> ComparisonTable
    {
        let results = Samples.run(schedule, limit: limit, result)
        return try ComparisonTable(plan: plan, state: schedule.state(completed: results))
    }

    @Test func rowsByHand() throws {
        let table = try table()
        #expect(table.rows.count == 9)
        let row = try #require(table.rows.first { $0.arm == "AdaLoRA" && $0.budget == .averageRank(1) })
        #expect(row.count == 5)
        #expect(row.expectedPairs == 3)
        // Seeds 42, 43, 44 differ by 0.04, 0.05 and 0.06.
        #expect(row.pairs.map(\.seed) == [42, 43, 44])
        #expect(abs((row.difference?.mean ?? 0) - 0.05) < 1e-12)  // rounding of a few sums
        #expect(abs((row.difference?.deviation ?? 0) - 0.01) < 1e-12)
        #expect(row.others.map(\.name) == ["accuracy"], "an undefined metric is left out")
        #expect(row.adapterParameters == 41_472)
        #expect(table.rows.last?.difference == nil, "head only has no partner at a budget")
    }

    @Test func predictionsMakeTheIntervalTwoLevel() throws {
        let results = Samples.run(schedule)
        let truth = Predictions.classes([0, 1, 0, 1])
        let table = ComparisonTable(
            plan: plan, state: schedule.state(completed: results), truth: TestTruth(truth),
            predictions: { .classes($0.hasPrefix("lora") ? [0, 0, 0, 1] : [0, 1, 0, 1]) },
            bootstrap: Bootstrap(resamples: 50))
        #expect(table.rows.compactMap(\.difference).allSatisfy { $0.levels == .seedsAndRows })
    }

    @Test func partialTerminal() throws {
        #expect(
            try table(limit: 29).terminal() == """
                wordnet: macro-f1 on the test data, mean ± standard deviation over seeds
                differences from LoRA by seed, with 95 % bootstrap intervals

                average rank 1      n  macro-f1         difference                  rate
                LoRA              2/3  0.5300 ± 0.0028  baseline                    3e-3
                AdaLoRA           2/5  0.5750 ± 0.0099  +0.0450 [+0.0400, +0.0500]  3e-3
                pattern           2/3  0.5600 ± 0.0028  +0.0300 [+0.0300, +0.0300]  3e-3
                pruned LoRA       2/3  0.5100 ± 0.0028  -0.0200 [-0.0200, -0.0200]  3e-3

                average rank 2      n  macro-f1         difference                  rate
                LoRA              1/3  0.5480           baseline                    3e-3
                AdaLoRA           1/3  0.5880           +0.0400 [no interval]       3e-3
                pattern           1/3  0.5780           +0.0300 [no interval]       3e-3
                pruned LoRA       1/3  0.5280           -0.0200 [no interval]       3e-3

                without a budget    n  macro-f1         difference                  rate
                head only         2/3  0.2200 ± 0.0028  –                           3e-3

                parameters in adapters and trained in all, at the end and at the start

                average rank 1    knob                 adapters  trained  at start  s/step  memory
                LoRA              rank 1–3, mean 2.00    41,472  205,097   205,097   0.124  412 MB
                AdaLoRA           rank 1–3, mean 2.00    41,472  205,097   260,000   0.124  412 MB
                pattern           rank 1–3, mean 2.00    41,472  205,097   205,097   0.124  412 MB
                pruned LoRA       rank 1–3, mean 2.00    41,472  205,097   205,097   0.124  412 MB

                average rank 2    knob                 adapters  trained  at start  s/step  memory
                LoRA              rank 1–3, mean 2.00    82,944  246,569   246,569   0.124  412 MB
                AdaLoRA           rank 1–3, mean 2.00    82,944  246,569   260,000   0.124  412 MB
                pattern           rank 1–3, mean 2.00    82,944  246,569   246,569   0.124  412 MB
                pruned LoRA       rank 1–3, mean 2.00    82,944  246,569   246,569   0.124  412 MB

                without a budget  knob                 adapters  trained  at start  s/step  memory
                head only         –                           –  163,625   163,625   0.124  412 MB

                final ranks: triplets by role, mean over runs

                average rank 1  query  key  total
                LoRA                1    3      4
                AdaLoRA             1    3      4
                pattern             1    3      4
                pruned LoRA         1    3      4

                average rank 2  query  key  total
                LoRA                1    3      4
                AdaLoRA             1    3      4
                pattern             1    3      4
                pruned LoRA         1    3      4

                final ranks: triplets by layer, mean over runs

                average rank 1  0  total
                LoRA            4      4
                AdaLoRA         4      4
                pattern         4      4
                pruned LoRA     4      4

                average rank 2  0  total
                LoRA            4      4
                AdaLoRA         4      4
                pattern         4      4
                pruned LoRA     4      4

                ! partial: 14 of 29 reported runs are there
                ! fewer than 3 seeds, too few to judge by: at average rank 1 LoRA (2), AdaLoRA (2), pattern (2),
                  pruned LoRA (2); at average rank 2 LoRA (1), AdaLoRA (1), pattern (1), pruned LoRA (1); without a
                  budget head only (2)

                """)
    }

    @Test func longNamesKeepTheWidth() throws {
        let long = Samples.yaml.replacingOccurrences(
            of: "pruned LoRA", with: "LoRA pruned after its training by exact singular values")
        let schedule = try TrialSchedule(
            plan: try Samples.plan(long), fingerprints: [:], parametersPerRank: 41_472)
        let results = Samples.run(schedule) { trial in
            var result = Samples.result(trial)
            result.trainableParameters = 22_713_216
            return result
        }
        let text = try ComparisonTable(plan: schedule.plan, state: schedule.state(completed: results))
            .terminal()
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 100 })
        #expect(text.contains("…"))
    }

    @Test func conclusionsClaimNoMoreThanTheNumbers() throws {
        let lines = try table().conclusions
        #expect(
            lines.first
                == "At average rank 1: AdaLoRA is above LoRA by 0.0500 [+0.0400, +0.0600] in macro-f1 (n = 3); "
                + "the interval excludes 0: better on this test data.")
        #expect(
            lines.last
                == "Of 6 comparisons with LoRA, 4 show an arm better, 2 worse, 0 undecided. A difference counts as "
                + "shown where both the bootstrap interval and Student's t over seeds exclude 0; among so many, about "
                + "0.3 would be shown by chance alone.")
        let few = try table(limit: 29).conclusions
        #expect(
            few.first
                == "At average rank 1: AdaLoRA is above LoRA by 0.0450 [+0.0400, +0.0500] in macro-f1 (n = 2); "
                + "the interval excludes 0, but Student's t over 2 seeds, [-0.0185, +0.1085], does not: undecided. "
                + "1 of 3 pairs missing.")
        #expect(few.contains { $0.hasSuffix("(n = 1); one pair shows nothing. 2 of 3 pairs missing.") })
        #expect(few.last?.hasPrefix("Of 6 comparisons with LoRA, ") == true)
        #expect(try table(limit: 3).conclusions.count == 1)
    }

    @Test func noDifferenceIsSaid() throws {
        let lines = try table { trial in
            var result = Samples.result(trial)
            let sign = trial.arm == "LoRA" ? 0.0 : trial.seed % 2 == 0 ? 0.01 : -0.02
            result.testMetrics["macro-f1"] = trial.arm == "pattern" ? 0.5 : 0.5 + sign
            return result
        }.conclusions
        #expect(lines[0].contains("is level with LoRA [-0.0200, +0.0100]"))
        #expect(lines[0].hasSuffix("the interval includes 0: no difference shown."))
        #expect(
            lines.last?.hasPrefix("Of 6 comparisons with LoRA, 0 show an arm better, 0 worse, 6 undecided")
                == true)
    }

    @Test func warnings() throws {
        let table = try table { trial in
            var result = Samples.result(trial)
            if trial.arm == "pruned LoRA" {
                result.adapterParameters = result.adapterParameters.map { $0 * 103 / 100 }
            }
            if trial.stage == .search, trial.arm == "LoRA" {
                result.validationMetrics["macro-f1"] = trial.learningRate
            }
            if trial.arm == "AdaLoRA", trial.seed == 43 { result.status = .failed("out of memory") }
            if trial.seed == 44 { result.commit = "def5678" }
            return result
        }
        #expect(
            table.warnings == [
                "partial: 27 of 29 reported runs are there",
                "fewer than 3 seeds, too few to judge by: at average rank 1 pattern (2); at average rank 2 AdaLoRA (2), "
                    + "pattern (2)",
                "AdaLoRA at average rank 1 has 4 runs, of which 2 have a partner of LoRA: the difference is of these "
                    + "alone",
                "unequal parameters at average rank 1: pruned LoRA ends with 42,716 in its adapters, 3.0 % more than LoRA with 41,472. A "
                    + "budget is spent in whole triplets, and LoRA leaves unspent what is less than one more. At larger budgets "
                    + "that is a smaller share",
                "unequal parameters at average rank 2: pruned LoRA ends with 85,432 in its adapters, 3.0 % more than LoRA with 82,944. A "
                    + "budget is spent in whole triplets, and LoRA leaves unspent what is less than one more. At larger budgets "
                    + "that is a smaller share",
                "the learning rate 6e-3 of LoRA at average rank 2 is the highest tried: widen the grid",
                "runs come from 2 commits: abc1234, def5678",
                "2 runs failed; see the list of failed runs",
                "2 runs cannot be made: \(table.hopeless.first?.reason ?? "")",
            ])
    }

    /// Rows of resumed runs may hold a text twice; the report counts runs.
    @Test func warningsOfResumedRunsCountOnce() throws {
        let table = try table { trial in
            var result = Samples.result(trial)
            if trial.stage == .report, trial.arm == "LoRA", trial.seed == 42 {
                result.warnings = ["rows were cut", "rows were cut"]
            }
            return result
        }
        let lines = table.warnings.filter { $0.contains("rows were cut") }
        let runs = table.rows.flatMap(\.results).filter { !$0.warnings.isEmpty }.count
        #expect(runs > 0 && lines == ["\(runs == 1 ? "1 run" : "\(runs) runs"): rows were cut"], "\(lines)")
    }

    @Test func csvReadsBack() throws {
        let lines = try table().csv().split(separator: "\n")
        #expect(lines.count == 10)
        // A comma within quotes is none of the table's.
        func columns(_ line: Substring) -> Int {
            line.replacing(", mean", with: "").split(separator: ",", omittingEmptySubsequences: false).count
        }
        #expect(lines.allSatisfy { columns($0) == columns(lines[0]) })
        #expect(lines[2].hasPrefix("r1,AdaLoRA,5,5,0,205097,41472,macro-f1,0.576,"))
        #expect(lines[0].contains(",collapsed,parameters-at-start,kind,knob,knob-value,mean-low,mean-high,"))
        #expect(lines[2].contains(",0,260000,adaptive,rank,\"1–3, mean 2.00\",0.5"))
    }

    /// One of three seeds at the level of a coin.
    private func collapsedTable() throws -> ComparisonTable {
        try table { trial in
            var result = Samples.result(trial)
            let isFallen = trial.arm == "pattern" && trial.seed == 43 && trial.budget == .averageRank(1)
            if trial.stage == .report, isFallen { result.testMetrics["macro-f1"] = 0.1 }
            return result
        }
    }

    @Test func aCollapsedRunIsNamedAndCounts() throws {
        let table = try collapsedTable()
        let row = try #require(table.rows.first { $0.arm == "pattern" && $0.budget == .averageRank(1) })
        #expect(row.collapsed.map { row.results[$0.index].seed } == [43])
        // 0.558, 0.1 and 0.566.
        #expect(abs(try #require(row.metric?.mean) - 1.224 / 3) < 1e-12)
        #expect(
            table.warnings.first
                == "pattern at average rank 1: seed 43 collapsed to macro-f1 0.1000 where the others have a median of 0.5620, "
                + "a model that knows nothing 0.0000; counted in the mean, which would be 0.5620 without. Try more seeds, or "
                + "smaller learning rates")
        #expect(table.terminal().contains("0.4080 ± 0.2668 !  "))
        #expect(table.csv().split(separator: "\n")[3].contains(",1,205097,control,rank,"))
        let report = ComparisonReport.markdown(table, context: .init(commit: "a", machine: "b", date: "c"))
        #expect(report.contains("| 0.4080 ± 0.2668 (1 collapsed) | ["))
        #expect(report.contains("| average rank 1 | pattern | 43 | 0.1000 (collapsed) | "))
        #expect(report.contains("explains; or kept less than a tenth of what the best gained."))
    }

    /// Every run of an arm as good as one answer for all rows: class 0 has accuracy 0.75, macro-F1 3/7. The best run has 0.616,
    /// so that a tenth of what it gained would be 0.4473.
    @Test func aMethodThatLearnsNothingIsNamed() throws {
        func named(_ value: Double) throws -> [String] {
            let results = Samples.run(schedule) { trial in
                var result = Samples.result(trial)
                if trial.stage == .report, trial.arm == "LoRA" { result.testMetrics["macro-f1"] = value }
                return result
            }
            return try ComparisonTable(
                plan: plan, state: schedule.state(completed: results),
                truth: TestTruth(.classes([0, 0, 0, 1]))
            ).warnings.filter {
                $0.contains("learned next to nothing") && $0.hasPrefix("LoRA at average rank 1")
            }
        }
        #expect(
            try named(0.44) == [
                "LoRA at average rank 1 learned next to nothing: macro-f1 0.4400 where one answer for all rows has 0.4286 and "
                    + "the best run 0.6160. Try other learning rates, or more steps"
            ])
        #expect(try named(0.45).isEmpty)
    }

    @Test func jsonReadsBack() throws {
        let json = try JSONValue.parse(try collapsedTable().json().text())
        #expect(json["finished"]?.int == 29 && json["uninformed"]?.double == 0)
        let rows = try #require(json["rows"]?.array)
        #expect(
            rows.count == 9 && rows[0]["isBaseline"]?.bool == true && rows[0]["difference"]?.isNull == true)
        let runs = try #require(rows[2]["runs"]?.array)
        #expect(rows[2]["arm"]?.string == "pattern" && rows[2]["budget"]?["average-rank"]?.int == 1)
        #expect(runs.map { $0["collapsed"]?.bool } == [false, true, false])
        #expect(runs.map { $0["seed"]?.int } == [42, 43, 44] && runs[1]["value"]?.double == 0.1)
        #expect(rows[1]["difference"]?["interval"]?.array?.count == 2)
        #expect(rows[1]["ranks"]?["layer.0.key"]?.int == 3 && rows[8]["budget"]?.isNull == true)
    }

    @Test func ranksInTheReport() throws {
        let report = ComparisonReport.markdown(
            try table(), context: .init(commit: "a", machine: "b", date: "c"))
        #expect(
            report.contains(
                "## Final ranks\n\nTriplets, mean over runs.\n\n### By role\n\n| budget | arm | query | key | total |\n"
                    + "| --- | --- | ---: | ---: | ---: |\n| average rank 1 | LoRA | 1 | 3 | 4 |\n"))
        #expect(report.contains("### By layer\n\n| budget | arm | 0 | total |\n"))
    }

    @Test func report() throws {
        var context = ComparisonReport.Context(
            commit: "abc1234", machine: "2 cores, 8 GB", date: "2026-11-24", parametersPerRank: 41_472)
        context.settings = [
            "LoRA": ["epochs": "3", "method": "lora"], "AdaLoRA": ["epochs": "3", "method": "adalora"],
        ]
        context.images = [("Quality against parameters", "quality.svg")]
        let text = ComparisonReport.markdown(try table(), context: context)
        let expected = [
            "# Comparison: wordnet\n\n**Adaptive beats fixed beyond the noise.** At average rank 1 ",
            "\n\n- commit: abc1234\n- machine: 2 cores, 8 GB\n- kernel: Haswell\n- date: 2026-11-24\n",
            "\n- reported runs: 29 of 29\n\n## Conclusion\n\n- At average rank 1: AdaLoRA is above",
            "\n\nThe first line: The best method of a kind is",
            "\n\n**Warnings**\n\n- AdaLoRA at average rank 1 has 5 runs, of which 3 have a partner",
            "over the adapted matrices, here r · 41,472. Model and data are the same for all",
            "\n- pattern starts with the final ranks of AdaLoRA's run of the same budget and seed.\n",
            "| arm | budget | 1e-3 | 3e-3 | 6e-3 | chosen |\n| --- | --- | ---: | ---: | ---: | ---: |\n",
            "| LoRA | average rank 2 | 0.4980 | **0.5480** | 0.4980 | 3e-3 |\n",
            "| AdaLoRA | rank 1–3, mean 2.00 | 205,097 | 260,000 | 41,472 | 5 | 0.5760 ± 0.0138 | [0.5589, 0.5931] | "
                + "+0.0500 [+0.0400, +0.0600] | 0.7760 ± 0.0138 | 3e-3 "
                + "| 0.124 | 412 MB |\n",
            "## Pictures\n\n![Quality against parameters](quality.svg)\n\n## Pairs\n\n",
            "| average rank 1 | AdaLoRA | 42 | 0.5680 | 0.5280 | +0.0400 |\n",
            "\n\n## Settings\n\nDefaults included; a setting without effect is left out. All arms: `epochs: 3`.\n\n"
                + "- LoRA: `method: lora`\n- AdaLoRA: `method: adalora`\n\n",
            "## Plan\n\n```yaml\n" + Samples.yaml + "```\n",
        ]
        for part in expected { #expect(text.contains(part), "\(part)\nis not in\n\(text)") }
        #expect(!text.contains("\n\n\n"))
        #expect(!text.contains("Failed runs"))
    }

    @Test func reportOfNothingAndOfFailures() throws {
        let empty = ComparisonReport.markdown(
            try table(limit: 0), context: .init(commit: "a", machine: "b", date: "c"))
        #expect(empty.contains("nothing can be concluded"))
        #expect(empty.contains("| LoRA | average rank 2 | missing | missing | missing | – |"))
        let failed = ComparisonReport.markdown(
            try table { trial in TrialResult(of: trial, status: .failed("a | b\nc")) },
            context: .init(commit: "a", machine: "b", date: "c"))
        #expect(failed.contains("| `search-lora-r2-lr1e-3-s7-a57bb25cd6` | a \\| b c |"))
        #expect(failed.contains("| failed | failed | failed | – |"))
    }

    @Test(arguments: [
        (1e-3, "1e-3"), (3e-3, "3e-3"), (1.5e-4, "1.5e-4"), (0.05, "5e-2"), (0.1, "0.1"), (2, "2"),
        (1e-5, "1e-5"),
        (9.9999999e-4, "1e-3"), (2.5e-7, "2.5e-7"),
    ]) func rates(_ rate: Double, _ text: String) { #expect(Figures.rate(rate) == text) }

    @Test func figures() throws {
        #expect(Figures.grouped(1_234_567) == "1,234,567")
        #expect(Figures.signed(-0.00001) == "0.0000")
        #expect(Figures.signed(-0.5) == "-0.5000")
        #expect(Figures.bytes(1_900_000_000) == "1.9 GB")
        #expect(Figures.seconds(1.816) == "1.82")
        #expect(Figures.plain(4) == "4")
    }
}
