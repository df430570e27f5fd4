import Experiments
import Foundation
import Testing

@Suite struct ScheduleTests {
    let plan: ComparisonPlan
    let schedule: TrialSchedule

    init() throws {
        plan = try Samples.plan()
        schedule = try TrialSchedule(
            plan: plan, fingerprints: Samples.fingerprints, parametersPerRank: 41_472)
    }

    @Test func countsAndOrder() {
        let state = schedule.state(completed: [])
        // 5 arms × 3 rates × 1 seed; 4 arms × 2 budgets × 3 seeds, head only 3, extra 2.
        #expect(state.total == 15 + 24 + 3 + 2)
        #expect(state.next.count == 12)
        #expect(state.next.allSatisfy { $0.stage == .search && $0.seed == 7 })
        #expect(state.blocked.count == 3 + 29)
        #expect(state.blocked.allSatisfy { !$0.isHopeless })
        let results = Samples.run(schedule)
        #expect(results.count == 44)
        #expect(schedule.state(completed: results).isComplete)
        // Every arm and budget has the first seed before any has the second, as far as they have one.
        let seeds = results.filter { $0.stage == .report }.map(\.seed)
        #expect(seeds == seeds.sorted())
        #expect(results.filter { $0.stage == .report }.allSatisfy { $0.learningRate == 3e-3 })
    }

    @Test func patternsTakeTheirSource() {
        let results = Samples.run(schedule)
        let state = schedule.state(completed: results)
        for (trial, _) in state.finished where trial.arm == "pattern" {
            let source = state.finished.first { $0.trial.id == trial.patternFrom }?.trial
            #expect(source?.arm == "AdaLoRA")
            #expect(source?.budget == trial.budget)
            #expect(source?.seed == trial.seed)
            #expect(source?.learningRate == 3e-3)
            #expect(source?.stage == trial.stage)
        }
    }

    /// The metric of the search decides, not that of the report; results that are there already do.
    @Test func theSearchHasAMetricOfItsOwn() throws {
        let byLoss = try Samples.plan(
            Samples.yaml.replacingOccurrences(of: "average-rank: 2}", with: "average-rank: 2, metric: loss}"))
        let schedule = try TrialSchedule(
            plan: byLoss, fingerprints: Samples.fingerprints, parametersPerRank: 41_472)
        let results = Samples.run(schedule) { trial in
            var result = Samples.result(trial)
            result.validationMetrics["loss"] = trial.learningRate
            return result
        }
        #expect(results.filter { $0.stage == .report }.allSatisfy { $0.learningRate == 1e-3 })
        // The pattern of a search is that of its source's best rate, so these may be others.
        func searched(_ results: [TrialResult]) -> Set<String> {
            Set(results.filter { $0.stage == .search && $0.arm != "pattern" }.map(\.id))
        }
        #expect(searched(results) == searched(Samples.run(self.schedule)))
    }

    @Test func idsAreStable() {
        let ids = schedule.state(completed: []).next.map(\.id)
        // The ids are in files: another hash would repeat finished runs.
        #expect(ids.first == "search-lora-r2-lr1e-3-s7-a57bb25cd6")
        #expect(Set(ids).count == ids.count)
    }

    @Test func changesRepeatOnlyWhatTheyTouch() throws {
        let results = Samples.run(schedule)
        func rest(_ old: String, _ new: String) throws -> Set<String> {
            let changed = try Samples.plan(Samples.yaml.replacingOccurrences(of: old, with: new))
            let schedule = try TrialSchedule(
                plan: changed, fingerprints: Samples.fingerprints, parametersPerRank: 41_472)
            let more = Samples.run(schedule, from: results)
            return Set(more.dropFirst(results.count).map(\.arm))
        }
        #expect(try rest("prune-from: 2", "prune-from: 3") == ["pruned LoRA"])
        #expect(try rest("targets: [query, key]", "targets: query") == ["AdaLoRA", "pattern"])
        #expect(try rest("name: wordnet", "name: other").isEmpty)
        #expect(try rest("seeds: [45, 46]", "seeds: [45, 46, 47]") == ["AdaLoRA"])
        #expect(try rest("{epochs: 3}", "{epochs: 2}").count == 5)
        // A default written out, a number written otherwise, and what the runs are judged by.
        let targets = "targets: [query, key]"
        #expect(try rest(targets, targets + ", importance: spectral-sensitivity").isEmpty)
        #expect(try rest("{epochs: 3}", "{epochs: 3.0}").isEmpty)
        #expect(try rest("metric: macro-f1", "metric: accuracy").isEmpty)
        #expect(try rest("targets: [query, key]", "targets: [query, key], importance: random").count == 2)
        let other = try TrialSchedule(plan: plan, fingerprints: ["train": "other"], parametersPerRank: 41_472)
        #expect(other.state(completed: results).finished.isEmpty)
    }

    @Test func anySubsetLeavesExactlyTheRest() {
        let all = Samples.run(schedule)
        var generator = SeededGenerator(4)
        for _ in 0..<40 {
            let kept = all.filter { _ in Bool.random(using: &generator) }
            let more = Samples.run(schedule, from: kept)
            #expect(Set(more.map(\.id)) == Set(all.map(\.id)))
            #expect(more.count == all.count)
            let state = schedule.state(completed: kept)
            #expect(state.total == all.count)
            #expect(Set(state.next.map(\.id)).isDisjoint(with: kept.map(\.id)))
        }
    }

    @Test func killedRunsContinue() {
        let all = Samples.run(schedule).map(\.id)
        for limit in [1, 14, 15, 20, 43] {
            let first = Samples.run(schedule, limit: limit)
            #expect(Samples.run(schedule, from: first).map(\.id) == all)
        }
    }

    @Test func failedSearchTrialsLose() {
        let results = Samples.run(schedule) { trial in
            var result = Samples.result(trial)
            if trial.stage == .search, trial.arm == "LoRA" {
                if trial.learningRate == 3e-3 { result.status = .failed("diverged") }
                if trial.learningRate == 6e-3 { result.validationMetrics["macro-f1"] = .some(nil) }
            }
            return result
        }
        let state = schedule.state(completed: results)
        let search = state.searches.first { $0.arm == "LoRA" }
        #expect(search?.winner == 1e-3)
        #expect(search?.edge == .lowest)
        #expect(search?.rows.map(\.failed) == [0, 1, 1])
        #expect(state.isComplete)
    }

    /// A grid whose best rate is its last goes on by the same steps, for each arm alone, until the best is inside or the plan
    /// allows no more; reported runs wait for it.
    @Test func widensAtTheEdge() throws {
        let plan = try Samples.plan(
            Samples.yaml.replacingOccurrences(of: "average-rank: 2}", with: "average-rank: 2, widen: 2}"))
        let schedule = try TrialSchedule(
            plan: plan, fingerprints: Samples.fingerprints, parametersPerRank: 41_472)
        // LoRA's best is beyond the upper end, AdaLoRA's goes on falling, that of the others is inside.
        func run(_ trial: Trial) -> TrialResult {
            var result = Samples.result(trial)
            guard trial.stage == .search else { return result }
            if trial.arm == "LoRA" { result.validationMetrics["macro-f1"] = -abs(trial.learningRate - 0.012) }
            if trial.arm == "AdaLoRA" { result.validationMetrics["macro-f1"] = -trial.learningRate }
            return result
        }
        let results = Samples.run(schedule, run)
        let state = schedule.state(completed: results)
        #expect(state.isComplete)
        func search(_ arm: String) -> SearchOutcome? { state.searches.first { $0.arm == arm } }
        #expect(search("LoRA")?.rows.map(\.learningRate) == [1e-3, 3e-3, 6e-3, 0.012, 0.024])
        #expect(search("LoRA")?.winner == 0.012 && search("LoRA")?.edge == nil)
        #expect(search("AdaLoRA")?.rows.map(\.learningRate) == [1.111e-4, 3.333e-4, 1e-3, 3e-3, 6e-3])
        #expect(search("AdaLoRA")?.winner == 1.111e-4 && search("AdaLoRA")?.edge == .lowest)
        #expect(search("head only")?.rows.count == 3)
        #expect(
            results.filter { $0.stage == .report && $0.arm == "LoRA" }.allSatisfy { $0.learningRate == 0.012 }
        )
        // Stopped anywhere, it takes the same trials.
        for limit in [14, 16, 18, 30] {
            let first = Samples.run(schedule, limit: limit, run)
            #expect(Samples.run(schedule, from: first, run).map(\.id) == results.map(\.id))
        }
    }

    @Test func whatWidensIsChecked() {
        func problems(_ search: String) -> [String] {
            Samples.problems(
                Samples.yaml.replacingOccurrences(
                    of: "search: {learning-rates: [1e-3, 3e-3, 6e-3], seeds: [7], average-rank: 2}",
                    with: search))
        }
        #expect(problems("search: {learning-rates: [1e-3, 3e-3], seeds: [7], widen: -1}").count == 1)
        #expect(problems("search: {learning-rates: [1e-3, 3e-3], seeds: [7], widen: many}").count == 1)
        #expect(problems("search: {learning-rates: [1e-3], widen: 1}").count == 1)
        #expect(problems("search: {learning-rates: [1e-3, 3e-3], seeds: [7], widen: 0}").isEmpty)
    }

    @Test func tiesGoToTheSmallerRate() {
        let results = Samples.run(schedule) { trial in
            var result = Samples.result(trial)
            if trial.stage == .search {
                result.validationMetrics["macro-f1"] = trial.learningRate < 2e-3 ? 0.3 : 0.5
            }
            return result
        }
        #expect(
            schedule.state(completed: results).searches.allSatisfy { $0.winner == 3e-3 && $0.edge == nil })
    }

    @Test func lossIsLowerBetter() throws {
        let plan = try Samples.plan(Samples.yaml.replacingOccurrences(of: "macro-f1", with: "loss"))
        let schedule = try TrialSchedule(plan: plan, fingerprints: [:], parametersPerRank: 41_472)
        let results = Samples.run(schedule) { trial in
            var result = Samples.result(trial)
            result.validationMetrics["loss"] = trial.learningRate
            return result
        }
        let searches = schedule.state(completed: results).searches
        #expect(searches.allSatisfy { $0.winner == 1e-3 && $0.edge == .lowest })
    }

    @Test func aFailedSourceBlocksItsPattern() {
        let results = Samples.run(schedule) { trial in
            var result = Samples.result(trial)
            if trial.arm == "AdaLoRA", trial.seed == 43, trial.budget == .averageRank(1) {
                result.status = .failed("killed")
            }
            return result
        }
        let state = schedule.state(completed: results)
        #expect(state.next.isEmpty)
        #expect(state.blocked.map(\.arm) == ["pattern"])
        #expect(state.blocked.first?.isHopeless == true)
        #expect(state.blocked.first?.reason.hasSuffix("failed") == true)
    }

    @Test func aFailedSearchBlocksItsArmAndItsPattern() {
        let results = Samples.run(schedule) { trial in
            var result = Samples.result(trial)
            if trial.arm == "AdaLoRA" { result.status = .failed("NaN") }
            return result
        }
        let state = schedule.state(completed: results)
        #expect(state.next.isEmpty)
        #expect(state.blocked.allSatisfy { $0.isHopeless })
        #expect(Set(state.blocked.map(\.arm)) == ["AdaLoRA", "pattern"])
        #expect(state.total == 44)
    }

    @Test func aSingleRateNeedsNoSearch() throws {
        let plan = try Samples.plan(
            Samples.yaml.replacingOccurrences(
                of: "{learning-rates: [1e-3, 3e-3, 6e-3], seeds: [7], average-rank: 2}",
                with: "{learning-rates: 2e-3}"))
        let schedule = try TrialSchedule(plan: plan, fingerprints: [:], parametersPerRank: 41_472)
        let results = Samples.run(schedule)
        #expect(results.count == 29)
        #expect(results.allSatisfy { $0.stage == .report && $0.learningRate == 2e-3 })
    }
}
