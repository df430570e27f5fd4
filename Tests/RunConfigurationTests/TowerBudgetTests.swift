import Adapters
import RankAllocation
import RunConfiguration
import Testing

/// `--budget text=24,vision=48`: a budget for each tower, in each of the ways to say one.
@Suite struct TowerBudgetTests {
    private let flags = Array(smallest.dropLast())

    @Test(arguments: [
        ("budget", "text=24,vision=48", Budget.triplets(24), Budget.triplets(48)),
        ("budget", " vision = 48 , text=24", .triplets(24), .triplets(48)),
        ("average-rank", "text=1,vision=2.5", .averageRank(1), .averageRank(2.5)),
        ("budget-parameters", "text=100k,vision=1.2M", .parameters(100_000), .parameters(1_200_000)),
    ])
    func eachWayToSayABudgetTakesTowers(key: String, text: String, first: Budget, second: Budget) throws {
        let config = try load(nil, flags + [(key, text)]).config
        #expect(config.tuning.towerBudgets == TowerBudgets(text: first, vision: second))
        #expect(config.tuning.budget == nil && !config.tuning.hasAdvisedBudget)
        let again = try load(config.yaml()).config
        #expect(again == config && again.differences(from: config).isEmpty)
        #expect(again.yaml() == config.yaml())
    }

    @Test func theRecordedConfigurationSaysItAsGiven() throws {
        let config = try load("model: m\ntrain: t.csv\noutput: o\nbudget: text=24,vision=48\n").config
        #expect(config.yaml().contains("\nbudget: \"text=24,vision=48\"\n"))
        #expect(config.yaml().contains("\naverage-rank: null\n"))
        #expect(config.changedSettings.last?.key == "budget")
    }

    @Test func oneTakesThePlaceOfTheOther() throws {
        let plain = try load(smallestFile, [("budget", "text=24,vision=48")]).config
        #expect(plain.tuning.budget == nil && plain.tuning.towerBudgets != nil)
        let back = try plain.with([("budget", "72")])
        #expect(back.tuning.budget == .triplets(72) && back.tuning.towerBudgets == nil)
        let auto = try plain.with([("budget", "auto")])
        #expect(auto.tuning.hasAdvisedBudget && auto.tuning.towerBudgets == nil)
        let other = try load(smallestFile, [("average-rank", "text=1,vision=2")]).config
        #expect(other.tuning.budget == nil)
        #expect(other.tuning.towerBudgets == TowerBudgets(text: .averageRank(1), vision: .averageRank(2)))
    }

    @Test(arguments: [
        (
            "budget", "text=24",
            "the tower vision has no budget; add vision=N, or give one number for both towers together"
        ),
        (
            "average-rank", "vision=2",
            "the tower text has no budget; add text=N, or give one number for both towers together"
        ),
        (
            "budget", "text=24,image=48",
            "'image' is not a tower; write text=24,vision=48, for text or vision are what towers are called"
        ),
        ("budget", "text=24,text=48", "the tower text has two budgets; give one of each tower"),
        ("budget", "text=24,48", "'48' is not a budget of a tower; write text=24,vision=48"),
        ("budget", "text=24,vision=4=8", "'vision=4=8' is not a budget of a tower; write text=24,vision=48"),
        ("budget", "text=24,vision=x", "'x' is not a whole number; write it like 300"),
        ("budget", "text=24,vision=", "'' is not a whole number; write it like 300"),
        ("budget", "text=0,vision=48", "'0' is out of range; use a whole number from 1 to 1000000000"),
        (
            "average-rank", "text=0,vision=1",
            "'0' is out of range; use a number above 0 and at most 100000"
        ),
        ("budget-parameters", "text=1k,vision=2Q", "'2Q' is not a whole number; write it like 300"),
    ])
    func whatIsWrongIsSaid(key: String, text: String, problem: String) {
        #expect(problems(nil, flags + [(key, text)]) == ["--\(key): " + problem])
    }

    @Test func inAFileTowersStandInOneLine() {
        let file = "model: m\ntrain: t.csv\noutput: o\nbudget: {text: 24, vision: 48}\n"
        #expect(
            problems(file) == [
                "run.yaml:4: budget: a mapping is not a budget; write towers in one line: text=24,vision=48"
            ])
    }

    @Test func anInitialRankBelowATowersBudget() {
        let given = flags + [("average-rank", "text=1,vision=9"), ("initial-rank", "8")]
        #expect(
            problems(nil, given) == [
                "--initial-rank: initial-rank 8 is below average-rank 9; raise the one or lower the other"
            ])
    }

    @Test func methodsWithoutABudgetSaySo() throws {
        let loaded = try load(nil, flags + [("budget", "text=24,vision=48"), ("method", "head")])
        #expect(loaded.warnings == ["--budget: no effect with method head; remove it"])
    }
}
