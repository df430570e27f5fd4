import Experiments
import Foundation
import ModelFiles
import Testing

@Suite struct VerdictTests {
    private static func plan(_ changes: [(String, String)] = []) throws -> ComparisonPlan {
        try ComparisonPlan.read(
            yaml: changes.reduce(Samples.yaml) { $0.replacingOccurrences(of: $1.0, with: $1.1) },
            file: "plan.yaml", settings: Samples.settingNames + ["bottleneck-width"])
    }

    private static func table(
        _ changes: [(String, String)] = [], _ result: (Trial) -> TrialResult = Samples.result
    ) throws -> ComparisonTable {
        let schedule = try TrialSchedule(plan: plan(changes), fingerprints: [:], parametersPerRank: 41_472)
        let results = Samples.run(schedule, result)
        return try ComparisonTable(plan: schedule.plan, state: schedule.state(completed: results))
    }

    @Test func kindsFollowFromSettings() throws {
        let plan = try Self.plan()
        #expect(plan.names(.adaptive) == ["AdaLoRA", "pruned LoRA"])
        #expect(plan.names(.fixed) == ["LoRA"] && plan.names(.control) == ["pattern", "head only"])
        let adalora = "{method: adalora, targets: [query, key]}"
        for (settings, kind) in [
            ("{importance: random}", ArmKind.control), ("{initial-rank: 1x}", .fixed),
            ("{initial-rank: 4x}", .adaptive), ("{allocator: fixed}", .fixed),
            ("{allocator: exchange, importance: sensitivity}", .adaptive),
        ] {
            let changed = try Self.plan([(adalora, settings)])
            let arm = try #require(changed.arm("AdaLoRA"))
            #expect(changed.kind(of: arm) == kind, "\(settings)")
        }
        let parts = try Self.plan([("{method: head}", "{method: bottleneck, bottleneck-width: 4}")])
        #expect(try parts.kind(of: #require(parts.arm("head only"))) == .fixed)
    }

    @Test func theFirstLineSaysWhichIsBetter() throws {
        let table = try Self.table()
        #expect(table.verdicts.map(\.outcome) == [.better, .better])
        #expect(
            table.answer.hasPrefix(
                "**Adaptive beats fixed beyond the noise.** At average rank 1 the best adaptive one of 2, AdaLoRA, beats the "
                    + "best fixed one of 1, LoRA: +0.0500 [+0.0400, +0.0600] in macro-f1 (n = 3). At average rank 2 "
            ))
        let report = ComparisonReport.markdown(table, context: .init(commit: "a", machine: "b", date: "c"))
        #expect(report.hasPrefix("# Comparison: wordnet\n\n\(table.answer)\n\n- commit: a\n"))
        #expect(report.contains("Controls, which take no part: pattern, head only."))
        let json = try JSONValue.parse(table.json().text())
        #expect(json["verdicts"]?.array?[0]["adaptive"]?["arm"]?.string == "AdaLoRA")
        #expect(json["verdicts"]?.array?[0]["outcome"]?.string == "better")
    }

    /// The test rows choose nothing: what is best on them alone is not compared.
    @Test func theBestIsChosenByValidation() throws {
        let table = try Self.table { trial in
            var result = Samples.result(trial)
            if trial.arm == "pruned LoRA" { result.validationMetrics["macro-f1"] = 0.9 }
            return result
        }
        #expect(table.verdicts.map(\.adaptive?.arm) == ["pruned LoRA", "pruned LoRA"])
        #expect(table.verdicts.map(\.outcome) == [.worse, .worse])
        #expect(table.answer.hasPrefix("**Adaptive does not beat fixed beyond the noise.**"))
    }

    /// The best of methods with one seed is chosen by luck: it takes no part beside those of three.
    @Test func oneSeedIsNotTrusted() throws {
        let table = try Self.table([
            (
                "settings: {method: lora}, prune-from: 2",
                "settings: {method: lora}, prune-from: 2, seeds: [42]"
            )
        ]) { trial in
            var result = Samples.result(trial)
            if trial.arm == "pruned LoRA" { result.validationMetrics["macro-f1"] = 0.9 }
            return result
        }
        #expect(table.verdicts.map(\.adaptive?.arm) == ["AdaLoRA", "AdaLoRA"])
        #expect(table.verdicts.map(\.adaptive?.candidates) == [1, 1])
    }

    @Test func differencesWithinTheNoiseAreSaid() throws {
        let table = try Self.table { trial in
            var result = Samples.result(trial)
            guard trial.stage == .report, trial.arm == "AdaLoRA", trial.budget == .averageRank(1) else {
                return result
            }
            result.testMetrics["macro-f1"] = 0.53 + (trial.seed % 2 == 0 ? 0.02 : -0.02)
            return result
        }
        #expect(table.verdicts.map(\.outcome) == [.open, .better])
        #expect(
            table.answer.contains("does not differ from the best fixed one of 1, LoRA by more than noise: "))
        #expect(table.answer.hasPrefix("**Adaptive beats fixed beyond the noise at some budgets only.**"))
    }

    /// Without a budget, but no larger than the arms at one: it takes part there, and not below.
    @Test func aMethodWithoutABudgetTakesPartWhereItIsSmallEnough() throws {
        let table = try Self.table([("{method: head}", "{method: bottleneck, bottleneck-width: 4}")]) {
            trial in
            var result = Samples.result(trial)
            if trial.arm == "head only" {
                result.adapterParameters = 60_000
                for seed in [result.seed] where seed > 0 { result.validationMetrics["macro-f1"] = 0.95 }
            }
            return result
        }
        #expect(table.verdicts.map(\.fixed?.arm) == ["LoRA", "head only"])
        #expect(table.verdicts.map(\.fixed?.candidates) == [1, 2])
    }

    @Test func nothingToCompareIsSaid() throws {
        let table = try Self.table([
            ("{method: adalora, targets: [query, key]}", "{allocator: fixed}"), (", prune-from: 2", ""),
        ])
        #expect(table.verdicts.map(\.outcome) == [.missing, .missing])
        #expect(
            table.answer
                == "**Adaptive against fixed: not answered.** At average rank 1 there is no adaptive method yet. At average rank 2 "
                + "there is no adaptive method yet.")
    }
}
