import Experiments
import Foundation
import ModelFiles
import Testing

/// What the table says of a method's size, and of what its runs cost.
@Suite struct CostTests {
    private static func table(
        _ settings: String, _ result: (Trial) -> TrialResult = Samples.result
    ) throws -> ComparisonTable {
        let names = [
            "bottleneck-width", "reduction-factor", "virtual-tokens", "bias-roles", "bias-layers",
            "forgetting",
        ]
        let plan = try ComparisonPlan.read(
            yaml: Samples.yaml.replacingOccurrences(
                of: "settings: {method: head}", with: "settings: \(settings)"),
            file: "plan.yaml", settings: Samples.settingNames + names)
        let schedule = try TrialSchedule(plan: plan, fingerprints: [:], parametersPerRank: 41_472)
        return try ComparisonTable(
            plan: plan, state: schedule.state(completed: Samples.run(schedule, result)))
    }

    @Test(arguments: [
        ("{method: bottleneck, bottleneck-width: 36}", "width", "36"),
        ("{method: bottleneck}", "reduction factor", "16"),
        ("{method: prefix, virtual-tokens: 12}", "virtual tokens", "12"),
        ("{method: prompt}", "virtual tokens", "20"), ("{method: ia3}", "vectors", "all"),
        (
            "{method: bitfit, bias-roles: [query, norm], bias-layers: 0-2}", "biases",
            "query, norm of layers 0, 1, 2"
        ),
        ("{method: norms}", "norms", "all"), ("{method: full}", "weights", "all"),
    ])
    func eachMethodNamesItsKnob(_ settings: String, _ name: String, _ value: String) throws {
        let row = try #require(try Self.table(settings).rows.last)
        #expect(row.knob?.name == name && row.knobValue == value, "\(row.knobText)")
    }

    @Test func ranksTellTheSizeOfMatrices() throws {
        let table = try Self.table("{method: head}") { trial in
            var result = Samples.result(trial)
            if trial.arm == "LoRA" { result.ranks = ["layer.0.query": 2, "layer.0.key": 2] }
            return result
        }
        #expect(table.rows[0].knobText == "rank 2" && table.rows[1].knobText == "rank 1–3, mean 2.00")
        #expect(table.rows.last?.knobText == "–")
        let json = try JSONValue.parse(table.json().text())
        #expect(json["rows"]?.array?[0]["knobValue"]?.string == "2")
    }

    /// Student's t of two degrees of freedom is 4.303; seeds differ by 0.004.
    @Test func theMeanHasAnInterval() throws {
        let row = try #require(try Self.table("{method: head}").rows.first)
        let interval = try #require(row.metric?.interval)
        // Rounding of sums
        #expect(abs(interval.upperBound - 0.532 - 4.303 * 0.004 / 3.squareRoot()) < 1e-12)
        #expect(row.intervalText == "[0.5221, 0.5419]")
    }

    @Test func otherWorkIsTold() throws {
        let table = try Self.table("{method: head}") { trial in
            var result = Samples.result(trial)
            if trial.arm == "LoRA" { result.otherCores = trial.seed == 42 ? 1.5 : 0.02 }
            return result
        }
        #expect(table.rows[0].secondsText == "0.124 †" && table.rows[1].secondsText == "0.124")
        #expect(table.rows[0].otherCores == 1.5)
        #expect(
            table.warnings.contains(
                "2 of 29 reported runs were made beside other work, which kept 1.5 cores busy on average: their times of a step "
                    + "(†) are no measure of speed"), "\(table.warnings)")
        let report = ComparisonReport.markdown(table, context: .init(commit: "a", machine: "b", date: "c"))
        #expect(report.contains("† Beside other work on the machine"))
    }

    @Test func forgettingIsAColumnWhereItWasMeasured() throws {
        let table = try Self.table("{method: head}") { trial in
            var result = Samples.result(trial)
            guard trial.arm == "LoRA" else { return result }
            for (name, value) in [("loss", 3.2), ("base", 3.1), ("kl", 0.05), ("same", 0.9)] {
                result.validationMetrics["forgetting-\(name)"] = value
            }
            return result
        }
        let forgetting = try #require(table.rows[0].forgetting)
        // Rounding of sums
        #expect(abs(forgetting.divergence.mean - 0.05) < 1e-12 && abs(forgetting.rise.mean - 0.1) < 1e-12)
        #expect(table.rows[1].forgetting == nil)
        let report = ComparisonReport.markdown(table, context: .init(commit: "a", machine: "b", date: "c"))
        #expect(report.contains(" | forgetting, KL | held-out loss | rate |"))
        #expect(
            report.contains(" | 0.0500 ± 0.0000 | +0.1000 | 3e-3 |") && report.contains(" | – | – | 3e-3 |"))
        let without = ComparisonReport.markdown(
            try Self.table("{method: head}"), context: .init(commit: "a", machine: "b", date: "c"))
        #expect(!without.contains("forgetting, KL"))
    }

    /// user 10, nice 20, system 30, idle 1000, iowait 5, irq 1, softirq 2, steal 3 ticks.
    @Test func busySecondsOfTheSystem() {
        let text = "cpu  10 20 30 1000 5 1 2 3 4 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n"
        #expect(OtherWork.seconds(stat: text, ticks: 100) == 0.66)
        #expect(OtherWork.seconds(stat: "cpu  10 20 30", ticks: 100) == nil)
        #expect(
            OtherWork.seconds(stat: "", ticks: 100) == nil && OtherWork.seconds(stat: text, ticks: 0) == nil)
    }
}
