import Experiments
import Foundation
import Testing

/// A plan whose training file is cross-validated.
@Suite struct FoldTests {
    private static let yaml = Samples.yaml
        .replacingOccurrences(of: "validation: data/wordnet/validation.jsonl\n", with: "")
        .replacingOccurrences(of: "test: data/wordnet/test.jsonl", with: "folds: 3")

    private static func plan(_ more: String = "") throws -> ComparisonPlan {
        try Samples.plan(yaml.replacingOccurrences(of: "folds: 3", with: "folds: 3" + more))
    }

    private static func schedule(_ prints: [String] = ["a", "b", "c"]) throws -> TrialSchedule {
        try TrialSchedule(
            plan: plan(), fingerprints: ["model": "3d"], folds: prints.map { ["train": $0, "test": $0] },
            parametersPerRank: 41_472)
    }

    @Test func readsFolds() throws {
        let plan = try Self.plan()
        let usual = try #require(plan.folds)
        #expect(usual.count == 3 && usual.seed == 42 && usual.validationFraction == 0.1)
        #expect(plan.foldNumbers == [1, 2, 3])
        let other = try #require(try Self.plan("\nfold-seed: 7\nvalidation-fraction: 0.25").folds)
        #expect(other.count == 3 && other.seed == 7 && other.validationFraction == 0.25)
        #expect(try Samples.plan().folds == nil && Samples.plan().foldNumbers == [nil])
    }

    static let wrong: [(String, String)] = [
        ("folds: 1", "plan.yaml:4: 'folds' is '1'; use a whole number from 2 to 100, like 5"),
        ("folds: x", "plan.yaml:4: 'folds' is 'x'; use a whole number from 2 to 100, like 5"),
        (
            "folds: 3\ntest: t.jsonl",
            "plan.yaml:5: 'test' is given in a plan with 'folds', which take its rows from 'train'; drop one of the two"
        ),
        ("folds: 3\nfold-seed: -1", "plan.yaml:5: 'fold-seed' is '-1'; use a whole number from 0"),
        (
            "folds: 3\nvalidation-fraction: 1",
            "plan.yaml:5: 'validation-fraction' is '1'; use a share above 0 and below 1, like 0.1"
        ),
        (
            "validation: v.jsonl",
            "plan.yaml:1: 'test' is missing; add 'test: FILE', or 'folds: 5' in place of 'validation' and 'test'"
        ),
        (
            "validation: v.jsonl\ntest: t.jsonl\nfold-seed: 1",
            "plan.yaml:6: 'fold-seed' is given in a plan without 'folds'; add 'folds: 5', or drop it"
        ),
    ]

    @Test(arguments: wrong.indices) func refuses(_ index: Int) {
        let (text, problem) = Self.wrong[index]
        #expect(Samples.problems(Self.yaml.replacingOccurrences(of: "folds: 3", with: text)) == [problem])
    }

    /// Every fold has its own search, and every arm, budget and seed a run in each.
    @Test func eachFoldHasItsRuns() throws {
        let schedule = try Self.schedule()
        #expect(schedule.state(completed: []).total == 3 * 44)
        let results = Samples.run(schedule)
        #expect(results.count == 3 * 44 && Set(results.map(\.id)).count == 3 * 44)
        #expect(results.first?.id.hasPrefix("search-lora-r2-lr1e-3-f1-s7-") == true)
        let state = schedule.state(completed: results)
        #expect(state.isComplete && state.searches.count == 15)
        // The first seed of all folds before the second of any.
        let reported = results.filter { $0.stage == .report }
        #expect(reported.map(\.seed) == reported.map(\.seed).sorted())
        for (trial, _) in state.finished where trial.arm == "pattern" {
            let source = state.finished.first { $0.trial.id == trial.patternFrom }?.trial
            #expect(source?.arm == "AdaLoRA" && source?.fold == trial.fold && source?.seed == trial.seed)
        }
        #expect(Set(plan(results).map(\.fold)) == [1, 2, 3])
    }

    private func plan(_ results: [TrialResult]) -> [TrialResult] { results.filter { $0.arm == "LoRA" } }

    /// The rate of a fold is that of its own search.
    @Test func searchesDoNotSeeOtherFolds() throws {
        let schedule = try Self.schedule()
        let results = Samples.run(schedule) { trial in
            var result = Samples.result(trial)
            if trial.stage == .search {
                let best = trial.fold == 2 ? 6e-3 : 1e-3
                result.validationMetrics["macro-f1"] = trial.learningRate == best ? 0.9 : 0.1
            }
            return result
        }
        let reported = results.filter { $0.stage == .report }
        #expect(reported.allSatisfy { $0.learningRate == ($0.fold == 2 ? 6e-3 : 1e-3) })
        let table = try ComparisonTable(plan: schedule.plan, state: schedule.state(completed: results))
        #expect(table.rows[0].learningRates == [1e-3, 6e-3])
        #expect(table.terminal().contains("1e-3…6e-3"))
        let edges = table.warnings.filter { $0.contains("tried: widen the grid") && $0.contains("of LoRA ") }
        #expect(
            edges == [
                "in folds 1, 3: the learning rate 1e-3 of LoRA at average rank 2 is the lowest tried: widen the grid",
                "in fold 2: the learning rate 6e-3 of LoRA at average rank 2 is the highest tried: widen the grid",
            ])
    }

    /// Other rows in a fold make other trials of it, and of no other fold.
    @Test func rowsOfAFoldAreItsTrials() throws {
        let results = Samples.run(try Self.schedule())
        let changed = try Self.schedule(["a", "x", "c"])
        let state = changed.state(completed: results)
        #expect(Set(state.finished.map(\.trial.fold)) == [1, 3])
        #expect(changed.truthID(fold: 1) != changed.truthID(fold: 2))
        let copy = ResultStore(folder: Samples.temporaryFolder())
        defer { try? FileManager.default.removeItem(at: copy.folder) }
        try copy.append(results[0])
        #expect(try copy.load().results == [results[0]] && results[0].fold == 1)
    }

    @Test func tableAndReport() throws {
        let schedule = try Self.schedule()
        let results = Samples.run(schedule) { trial in
            var result = Samples.result(trial)
            // Folds differ, and the arms by as much in each.
            let shift = Double(trial.fold ?? 0) * 0.03
            result.testMetrics = result.testMetrics.mapValues { $0.map { $0 + shift } }
            return result
        }
        let table = try ComparisonTable(plan: schedule.plan, state: schedule.state(completed: results))
        let row = try #require(table.rows.first { $0.arm == "AdaLoRA" && $0.budget == .averageRank(1) })
        #expect(row.count == 15 && row.expected == 15 && row.pairs.count == 9 && row.expectedPairs == 9)
        #expect(row.pairs.map(\.fold).prefix(3) == [1, 2, 3] && row.pairs[0].seed == row.pairs[2].seed)
        let difference = try #require(row.difference)
        // 0.04, 0.05 and 0.06 by seed in each fold: the folds agree.
        #expect(abs(difference.mean - 0.05) < 1e-12 && difference.levels == .folds)
        #expect(abs(try #require(difference.studentInterval).upperBound - 0.05) < 1e-9)
        let text = table.terminal()
        #expect(
            text.hasPrefix(
                "wordnet: macro-f1 on the test folds, mean ± standard deviation over folds and seeds\n"))
        #expect(table.conclusions.last?.contains("and Nadeau and Bengio's t over folds exclude 0") == true)
        let report = ComparisonReport.markdown(table, context: .init(commit: "a", machine: "b", date: "c"))
        for part in [
            "`data/wordnet/train.jsonl` in 3 folds\n", "paired by fold and seed.",
            "| arm | budget | fold | 1e-3 |",
            "less the 10 % held out for validation", "variance of Nadeau and Bengio (2003)",
            "| average rank 1 | AdaLoRA | 1 | 42 | 0.5980 | 0.5580 | +0.0400 |",
            "Each fold has a search of its own",
        ] { #expect(report.contains(part), "\(part)\nis not in\n\(report)") }
    }

    /// One fold alone shows nothing about other training rows.
    @Test func partialFolds() throws {
        let schedule = try Self.schedule()
        let results = Samples.run(schedule).filter { $0.fold == 1 || $0.stage == .search }
        let table = try ComparisonTable(plan: schedule.plan, state: schedule.state(completed: results))
        #expect(
            table.conclusions.first?.contains(
                "a single fold shows nothing about other training rows. 6 of 9 pairs missing.") == true)
    }
}
