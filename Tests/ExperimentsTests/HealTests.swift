import Experiments
import Testing

@Suite struct HealTests {
    private static func healed(_ more: String) -> String {
        Samples.yaml.replacingOccurrences(of: "prune-from: 2}", with: "prune-from: 2, \(more)}")
    }

    @Test func readsShareAndRate() throws {
        let usual = try Samples.plan(Self.healed("heal: 0.2")).arm("pruned LoRA")?.heal
        #expect(usual?.share == 0.2 && usual?.rate == 0.5)
        let own = try Samples.plan(Self.healed("heal: 0.1, heal-rate: 1")).arm("pruned LoRA")?.heal
        #expect(own?.share == 0.1 && own?.rate == 1)
        #expect(try Samples.plan().arm("pruned LoRA")?.heal == nil)
    }

    @Test(arguments: [
        (
            healed("heal: 1"),
            "'heal' is '1'; use a share of the steps above 0 and below 1, like 0.2: a fifth of them after the cut"
        ),
        (
            healed("heal: 0.2, heal-rate: 0"),
            "'heal-rate' is '0'; use a share of the learning rate before the cut, above 0 and up to 10, like 0.5"
        ),
        (healed("heal-rate: 0.5"), "'heal-rate' is given without 'heal'; add 'heal: 0.2', or drop it"),
        (
            Samples.yaml.replacingOccurrences(of: "prune-from: 2}", with: "heal: 0.2}"),
            "'heal' is given without 'prune-from', and nothing is cut; add 'prune-from: 4', or drop it"
        ),
        (
            healed("heal: 0.2").replacingOccurrences(of: "settings: {epochs: 3}\n", with: ""),
            "'heal' shares out the steps, and neither 'steps' nor 'epochs' says how many there are; add one of them to the "
                + "settings"
        ),
    ])
    func wrongOnesAreNamed(_ yaml: String, _ problem: String) {
        let problems = Samples.problems(yaml)
        #expect(
            problems.count == 1 && problems.first?.hasSuffix("arm 'pruned LoRA': \(problem)") == true,
            "\(problems)")
    }

    /// Those without are what they were.
    @Test func onlyHealedTrialsHaveOtherIDs() throws {
        func ids(_ yaml: String) throws -> [String: Set<String>] {
            let schedule = try TrialSchedule(
                plan: try Samples.plan(yaml), fingerprints: Samples.fingerprints, parametersPerRank: 41_472)
            let trials = schedule.state(completed: Samples.run(schedule)).finished.map(\.trial)
            return Dictionary(grouping: trials, by: \.arm).mapValues { Set($0.map(\.id)) }
        }
        let (plain, healed) = (try ids(Samples.yaml), try ids(Self.healed("heal: 0.2")))
        let other = try ids(Self.healed("heal: 0.2, heal-rate: 0.25"))
        for arm in plain.keys { #expect((plain[arm] == healed[arm]) == (arm != "pruned LoRA"), "\(arm)") }
        #expect(healed["pruned LoRA"]?.isDisjoint(with: other["pruned LoRA"] ?? []) == true)
    }

    @Test func stepsAreSharedOut() throws {
        let heal = try #require(try Samples.plan(Self.healed("heal: 0.2")).arm("pruned LoRA")?.heal)
        #expect(heal.before(["steps": "626", "method": "lora"]) == ["steps": "501", "method": "lora"])
        #expect(
            heal.before(["epochs": "2"]) == ["epochs": "1.6"] && heal.before(["steps": "1"]) == ["steps": "1"]
        )
    }

    /// After the cut LoRA trains, to which a start and what ranks an allocation means nothing.
    @Test func settingsAfterTheCut() throws {
        let heal = try #require(try Samples.plan(Self.healed("heal: 0.2")).arm("pruned LoRA")?.heal)
        let settings = [
            "method": "adalora", "importance": "singular-value", "initialize": "lora", "allocator": "fixed",
            "epochs": "2", "batch-size": "32", "targets": "query", "lora-start": "pissa",
        ]
        #expect(
            heal.after(settings, steps: 125)
                == ["method": "lora", "steps": "125", "batch-size": "32", "targets": "query"])
    }

    @Test func theReportSaysWhatIsDone() throws {
        let schedule = try TrialSchedule(
            plan: try Samples.plan(Self.healed("heal: 0.2")), fingerprints: [:], parametersPerRank: 41_472)
        let report = ComparisonReport.markdown(
            try ComparisonTable(plan: schedule.plan, state: schedule.state(completed: [])),
            context: .init(commit: "a", machine: "b", date: "c"))
        #expect(
            report.contains(
                "- pruned LoRA trains at 2 times the budget for 80 % of the steps, is then cut to it by exact singular values, and "
                    + "goes on from there as LoRA of the ranks that are left for the other 20 %, at 0.5 times the learning rates"
            ))
    }
}
