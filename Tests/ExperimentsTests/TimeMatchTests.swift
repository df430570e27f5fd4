import Experiments
import Testing

/// Plans that match the time of runs: reported runs make as many steps as the baseline's time has room for.
@Suite struct TimeMatchTests {
    private static let yaml = Samples.yaml.replacingOccurrences(
        of: "seeds: [42, 43, 44]", with: "match: time\nseeds: [42, 43, 44]")

    private static func schedule(_ yaml: String = yaml) throws -> TrialSchedule {
        try TrialSchedule(
            plan: try Samples.plan(yaml), fingerprints: Samples.fingerprints, parametersPerRank: 41_472)
    }

    /// LoRA takes 1,000 tokens a second, AdaLoRA 800, one of its runs being slow by chance; the rest 2,000.
    private static func run(_ trial: Trial) -> TrialResult {
        var result = Samples.result(trial)
        result.steps = trial.settings["steps"].flatMap { Int($0) } ?? 600
        result.tokensPerSecond =
            switch trial.arm {
            case "LoRA": 1000
            case "AdaLoRA": trial.learningRate == 1e-3 ? 90 : 800
            default: 2000
            }
        return result
    }

    @Test func fasterArmsMakeMoreSteps() throws {
        let results = Samples.run(try Self.schedule(), Self.run)
        func steps(_ arm: String, _ stage: Trial.Stage) -> Set<Int?> {
            Set(results.filter { $0.arm == arm && $0.stage == stage }.map(\.steps))
        }
        for arm in ["LoRA", "AdaLoRA", "pattern", "pruned LoRA", "head only"] {
            #expect(steps(arm, .search) == [600], "\(arm)")
        }
        #expect(steps("LoRA", .report) == [600])
        #expect(steps("AdaLoRA", .report) == [480])
        #expect(steps("pattern", .report) == [1200] && steps("head only", .report) == [1200])
    }

    /// The settings that are trained say steps alone; the baseline's are as in the plan.
    @Test func settingsSaySteps() throws {
        let schedule = try Self.schedule()
        let state = schedule.state(completed: Samples.run(schedule, Self.run))
        for (trial, _) in state.finished where trial.stage == .report {
            let isOwn = trial.arm == "LoRA"
            #expect(trial.settings["epochs"] == (isOwn ? "3" : nil))
            #expect((trial.settings["steps"] == nil) == isOwn)
        }
        // The same trials as without for the baseline alone.
        let usual = try Self.schedule(Samples.yaml)
        let ids = Set(Samples.run(usual, Self.run).filter { $0.stage == .report }.map(\.id))
        for (trial, _) in state.finished where trial.stage == .report {
            #expect(ids.contains(trial.id) == (trial.arm == "LoRA"), "\(trial.id)")
        }
    }

    /// Stopped anywhere, it takes the same trials: no reported run begins before all search runs of both arms are there.
    @Test func goesOnAnywhere() throws {
        let schedule = try Self.schedule()
        let whole = Samples.run(schedule, Self.run)
        for limit in [1, 7, 14, 20] {
            let first = Samples.run(schedule, limit: limit, Self.run)
            #expect(Samples.run(schedule, from: first, Self.run).map(\.id) == whole.map(\.id))
        }
        let searched = whole.filter { $0.stage == .search && $0.arm != "LoRA" }
        let state = schedule.state(completed: searched)
        #expect(!state.next.contains { $0.stage == .report })
        #expect(state.blocked.contains { $0.arm == "head only" && $0.reason.contains("search of LoRA") })
    }

    @Test func aPaceThatNobodyToldIsHopeless() throws {
        let schedule = try Self.schedule()
        let results = Samples.run(schedule) { trial in
            var result = Self.run(trial)
            if trial.arm == "head only" { result.tokensPerSecond = nil }
            return result
        }
        let hopeless = schedule.state(completed: results).blocked.filter(\.isHopeless)
        #expect(!hopeless.isEmpty && hopeless.allSatisfy { $0.arm == "head only" })
        #expect(hopeless.first?.reason == "no search run of head only tells how long its steps take")
    }

    /// Searched at each budget apart, each has its own pace, and one without a rate stops no other.
    @Test func eachBudgetHasItsPace() throws {
        let schedule = try Self.schedule(
            Self.yaml.replacingOccurrences(of: "average-rank: 2}", with: "each-budget: true}"))
        let results = Samples.run(schedule) { trial in
            var result = Self.run(trial)
            if trial.arm == "AdaLoRA", trial.budget == .averageRank(2) { result.tokensPerSecond = 500 }
            if trial.arm == "pruned LoRA", trial.budget == .averageRank(2), trial.stage == .search {
                result.status = .failed("diverged")
            }
            return result
        }
        func steps(_ arm: String, _ rank: Double) -> Set<Int?> {
            Set(
                results.filter { $0.arm == arm && $0.budget == .averageRank(rank) && $0.stage == .report }
                    .map(\.steps))
        }
        #expect(steps("AdaLoRA", 1) == [480] && steps("AdaLoRA", 2) == [300])
        #expect(steps("pruned LoRA", 1) == [1200] && steps("pruned LoRA", 2).isEmpty)
    }

    /// Steps of which none would come after the cut.
    @Test func aCutThatTakesAllIsHopeless() throws {
        let schedule = try Self.schedule(
            Self.yaml.replacingOccurrences(of: "prune-from: 2", with: "prune-from: 2, heal: 0.001"))
        let results = Samples.run(schedule) { trial in
            var result = Self.run(trial)
            if trial.arm == "pruned LoRA" { result.tokensPerSecond = 300 }
            return result
        }
        let hopeless = schedule.state(completed: results).blocked.filter(\.isHopeless)
        #expect(!hopeless.isEmpty && hopeless.allSatisfy { $0.arm == "pruned LoRA" })
        #expect(hopeless.first?.reason.hasPrefix("180 steps, which the time of LoRA has room for") ?? false)
    }

    @Test func theReportSaysIt() throws {
        let schedule = try Self.schedule()
        let state = schedule.state(completed: Samples.run(schedule, Self.run))
        let table = try ComparisonTable(plan: schedule.plan, state: state)
        let text = ComparisonReport.markdown(
            table, context: .init(commit: "a", machine: "b", date: "c", parametersPerRank: 41_472))
        #expect(text.contains("Steps of the reported runs: LoRA 600, AdaLoRA 480, pattern 1,200"))
        #expect(!text.contains("Memory and time are not matched"))
    }

    @Test func whatIsMatchedIsChecked() {
        func problems(_ match: String, _ search: String? = nil) -> [String] {
            var yaml = Self.yaml.replacingOccurrences(of: "match: time", with: "match: \(match)")
            if let search {
                yaml = yaml.replacingOccurrences(
                    of: "search: {learning-rates: [1e-3, 3e-3, 6e-3], seeds: [7], average-rank: 2}",
                    with: "search: {learning-rates: [\(search)]}")
            }
            return Samples.problems(yaml)
        }
        #expect(problems("parameters").isEmpty && problems("time").isEmpty)
        #expect(problems("memory").first?.contains("use parameters or time") ?? false)
        #expect(problems("time", "3e-3").first?.contains("no search run tells") ?? false)
        #expect(problems("parameters", "3e-3").isEmpty)
        let other = Self.yaml.replacingOccurrences(
            of: "{method: adalora, ", with: "{method: adalora, batch-size: 8, ")
        #expect(Samples.problems(other).first?.contains("arm 'AdaLoRA' has another 'batch-size'") ?? false)
    }
}
