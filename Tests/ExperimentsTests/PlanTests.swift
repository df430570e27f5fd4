import Experiments
import Foundation
import Testing

@Suite struct PlanTests {
    @Test func readsEveryKey() throws {
        let plan = try Samples.plan()
        #expect(plan.metric == .macroF1)
        #expect(plan.budgets == [.averageRank(1), .averageRank(2)])
        #expect(plan.search.learningRates == [1e-3, 3e-3, 6e-3])
        #expect(plan.search.budget == .averageRank(2) && plan.search.metric == .macroF1)
        let byLoss = try Samples.plan(
            Samples.yaml.replacingOccurrences(of: "average-rank: 2}", with: "average-rank: 2, metric: loss}"))
        #expect(byLoss.search.metric == .loss && byLoss.metric == .macroF1)
        #expect(
            Samples.problems(
                Samples.yaml.replacingOccurrences(
                    of: "average-rank: 2}", with: "average-rank: 2, metric: los}"))
                == ["plan.yaml:9: search: 'los' is not a metric; did you mean 'loss'?"])
        #expect(plan.arms.map(\.slug) == ["lora", "adalora", "pattern", "pruned-lora", "head-only"])
        let adalora = try #require(plan.arm("AdaLoRA"))
        #expect(adalora.settings == ["epochs": "3", "method": "adalora", "targets": "query,key"])
        #expect(adalora.seeds(at: .averageRank(1)) == [42, 43, 44, 45, 46])
        #expect(adalora.seeds(at: .averageRank(2)) == [42, 43, 44])
        #expect(plan.arm("pruned LoRA")?.pruneFrom == 2)
        #expect(plan.arm("head only")?.points == [nil])
        #expect(plan.source == Samples.yaml)
    }

    @Test func anArmTakesASettingBack() throws {
        let plan = try Samples.plan(
            Samples.yaml.replacingOccurrences(of: "{method: head}", with: "{method: head, epochs: null}"))
        #expect(plan.arm("head only")?.settings == ["method": "head"])
        #expect(plan.arm("LoRA")?.settings == ["epochs": "3", "method": "lora"])
    }

    @Test func budgetsInParameters() throws {
        let text = Samples.yaml.replacingOccurrences(of: "average-ranks", with: "budget-parameters")
            .replacingOccurrences(of: "[1, 2]", with: "[166k, 83_000]")
        #expect(Samples.problems(text).contains { $0.contains("'83_000'; use whole numbers of parameters") })
        let plan = try Samples.plan(
            Samples.yaml.replacingOccurrences(
                of: "average-ranks: [1, 2]", with: "budget-parameters: [166k, 83000]"
            )
            .replacingOccurrences(of: "average-rank: 2", with: "budget-parameters: 83k")
            .replacingOccurrences(of: "average-ranks: [1]", with: "budget-parameters: [83k]"))
        #expect(plan.budgets == [.parameters(83_000), .parameters(166_000)])
        #expect(plan.budgets[0].parameters(perRank: 41_472) == 83_000)
        #expect(Budget.averageRank(1.5).parameters(perRank: 41_472) == 62_208)
    }

    @Test func searchTakesTheNearestBudget() throws {
        let plan = try Samples.plan(
            Samples.yaml.replacingOccurrences(of: "average-rank: 2}", with: "average-rank: 5}")
                .replacingOccurrences(of: "name: LoRA,", with: "name: LoRA, average-ranks: [4, 6, 9],"))
        let arms = plan.arms.map { plan.searchPoints(of: $0) }
        #expect(arms == [[.averageRank(4)], [.averageRank(2)], [.averageRank(2)], [.averageRank(2)], [nil]])
        let smallest = try Samples.plan(
            Samples.yaml.replacingOccurrences(of: ", average-rank: 2}", with: "}"))
        #expect(smallest.searchPoints(of: smallest.arms[0]) == [.averageRank(1)])
        let each = try Samples.plan(
            Samples.yaml.replacingOccurrences(of: "average-rank: 2}", with: "each-budget: true}"))
        #expect(each.searchPoints(of: each.arms[0]) == [.averageRank(1), .averageRank(2)])
        #expect(each.searchPoint(of: each.arms[0], for: .averageRank(1)) == .averageRank(1))
    }

    /// What is replaced in the sample, by what, and the problem.
    static let wrong: [(String, String, String)] = [
        (
            "metric: macro-f1", "metrik: macro-f1",
            "plan.yaml:6: 'metrik' is not a key here; did you mean 'metric'?"
        ),
        (
            "metric: macro-f1", "metric: macro_f2",
            "plan.yaml:6: 'macro_f2' is not a metric; did you mean 'macro-f1'?"
        ),
        ("name: wordnet\n", "", "plan.yaml:1: 'name' is missing; add 'name: VALUE'"),
        ("seeds: [42, 43, 44]", "seeds: [42, 42]", "plan.yaml:8: 'seeds' holds '42' twice; keep one"),
        ("seeds: [42, 43, 44]", "seeds: [-1]", "plan.yaml:8: 'seeds' holds '-1'; use whole numbers from 0"),
        (
            "seeds: [42, 43, 44]", "seeds: []",
            "plan.yaml:8: 'seeds' is not a list of values; write 'seeds: [VALUE, VALUE]'"
        ),
        (
            "average-ranks: [1, 2]", "average-ranks: [0]",
            "plan.yaml:7: 'average-ranks' holds '0'; use average ranks above 0 and up to 100000"
        ),
        (
            "average-ranks: [1, 2]", "average-ranks: [inf]",
            "plan.yaml:7: 'average-ranks' holds 'inf'; use average ranks above 0 and up to 100000"
        ),
        (
            "average-ranks: [1, 2]\n", "",
            "plan.yaml:1: no budgets are given; add 'average-ranks: [1, 2, 4, 8]'"
        ),
        (
            "average-ranks: [1, 2]", "average-ranks: [1, 2]\nbudget-parameters: [5k]",
            "plan.yaml:8: 'budget-parameters' is given in a plan with 'average-ranks'; say all budgets as 'average-ranks'"
        ),
        (
            "seeds: [7]", "seeds: [7, 43]",
            "plan.yaml:9: search: seed 43 is also a reported seed; search with other seeds, so that no reported run chose its own learning rate"
        ),
        (
            "6e-3]", "0]",
            "plan.yaml:9: search: 'learning-rates' holds '0'; use learning rates above 0 and up to 1000, like 3e-3"
        ),
        (
            ", seeds: [7]", "",
            "plan.yaml:9: search: 'seeds' is missing; add 'seeds: [7]', apart from the reported seeds"
        ),
        (
            "average-rank: 2}", "average-rank: 2, each-budget: true}",
            "plan.yaml:9: search: 'each-budget' and 'average-rank' are both given; keep one"
        ),
        (
            "average-rank: 2}", "each-budget: yes}",
            "plan.yaml:9: search: 'each-budget' is 'yes'; write true or false"
        ),
        (
            "baseline: LoRA", "baseline: Lora",
            "plan.yaml:10: the baseline 'Lora' is not an arm; did you mean 'LoRA'?"
        ),
        (
            "baseline: LoRA", "baseline: nothing",
            "plan.yaml:10: the baseline 'nothing' is not an arm; use one of LoRA, AdaLoRA, pattern, pruned LoRA, head only"
        ),
        (
            "{epochs: 3}", "{epochs: 3, seed: 4}",
            "plan.yaml:11: settings: 'seed' is not a setting of one arm; use the plan's or the arm's 'seeds'"
        ),
        (
            "{epochs: 3}", "{epocs: 3}",
            "plan.yaml:11: settings: 'epocs' is not a setting; did you mean 'epochs'?"
        ),
        (
            "{epochs: 3}", "{zzzzzz: 3}",
            "plan.yaml:11: settings: 'zzzzzz' is not a setting; see adalora train --help"
        ),
        (
            "{epochs: 3}", "{epochs: {a: 3}}",
            "plan.yaml:11: settings: 'epochs' is not a list of values; write 'epochs: [VALUE, VALUE]'"
        ),
        (
            "settings: {method: lora}}\n", "settings: {method: lora, learning-rate: 1}}\n",
            "plan.yaml:13: arm 'LoRA', settings: 'learning-rate' is not a setting of one arm; use 'learning-rates' of the search"
        ),
        (
            "settings: {method: lora}}\n", "setings: {method: lora}}\n",
            "plan.yaml:13: arm 'LoRA': 'setings' is not a key here; did you mean 'settings'?"
        ),
        (
            "settings: {method: lora}}\n", "learning-rates: [1, 2]}\n",
            "plan.yaml:13: arm 'LoRA': 2 learning rates against the search's 3; give as many: each arm gets the same number of search runs"
        ),
        (
            "name: pattern,", "name: pattern, budgetless: true,",
            "plan.yaml:15: arm 'pattern': 'pattern-of' is given for an arm that is budgetless; drop one of the two"
        ),
        (
            "pattern-of: AdaLoRA", "pattern-of: AdaLora",
            "plan.yaml:15: arm 'pattern': 'pattern-of' names 'AdaLora', which is not an arm; did you mean 'AdaLoRA'?"
        ),
        (
            "pattern-of: AdaLoRA", "pattern-of: head only",
            "plan.yaml:15: arm 'pattern': 'pattern-of' names 'head only', which has no ranks of its own; name an arm that chooses its ranks"
        ),
        (
            "pattern-of: AdaLoRA", "seeds: [42, 49], pattern-of: AdaLoRA",
            "plan.yaml:15: arm 'pattern': 'AdaLoRA' has no run at average rank 1 with seed 49; give both arms the same budgets and seeds, or this one fewer"
        ),
        (
            "pattern-of: AdaLoRA", "prune-from: 2, pattern-of: AdaLoRA",
            "plan.yaml:15: arm 'pattern': 'prune-from' and 'pattern-of' are both given; keep one"
        ),
        (
            "name: LoRA, settings", "name: LoRA, average-ranks: [1.5], settings",
            "plan.yaml:13: arm 'LoRA': LoRA trains whole ranks, and average rank 1.5 is none; give the arm 'average-ranks' of its own, or use whole ones"
        ),
        (
            "prune-from: 2", "prune-from: 1.5",
            "plan.yaml:16: arm 'pruned LoRA': 1.5 times average rank 1 is no whole rank; LoRA trains whole ranks: use a factor like 2"
        ),
        (
            "prune-from: 2", "prune-from: 1",
            "plan.yaml:16: arm 'pruned LoRA': 'prune-from' is '1'; use a factor above 1, like 2: trained at 2 times the budget, then cut to it"
        ),
        (
            "{method: lora}, prune-from", "{method: lora, initial-rank: 3}, prune-from",
            "plan.yaml:16: arm 'pruned LoRA': the setting 'initial-rank' is given with 'prune-from', which decides it; drop 'initial-rank'"
        ),
        (
            ", budgetless: true", "",
            "plan.yaml:17: arm 'head only': method head has no adapters and so no budget; add 'budgetless: true' to the arm"
        ),
        (
            "settings: {method: head}, ", "",
            "plan.yaml:17: arm 'head only': method adalora has adapters and so needs a budget; drop 'budgetless' or use method head"
        ),
        (
            "name: pruned LoRA", "name: lora",
            "plan.yaml:16: arm 'lora': the name is too near that of arm 'LoRA'; names must differ in letters or digits"
        ),
        ("name: pruned LoRA, ", "", "plan.yaml:16: arm 4: 'name' is missing; add 'name: NAME'"),
        (
            "seeds: [45, 46]}", "seeds: [44]}",
            "plan.yaml:14: arm 'AdaLoRA', extra-seeds: seed 44 is already a seed of the arm; drop it here"
        ),
        (
            "{average-ranks: [1]", "{average-ranks: [3]",
            "plan.yaml:14: arm 'AdaLoRA', extra-seeds: average rank 3 is not a budget of the arm; use its budgets"
        ),
        (
            "name: wordnet", "name: &a wordnet",
            "plan.yaml:1: anchors and aliases are not accepted; write each value out"
        ),
        (
            "name: wordnet", "name: wordnet\nname: x",
            "plan.yaml:1: given more than once: 'name'; keep one of each"
        ),
        ("name: wordnet", "name: [wordnet", "plan.yaml:2: not valid YAML:"),
    ]

    @Test(arguments: wrong.indices) func refuses(_ index: Int) {
        let (old, new, problem) = Self.wrong[index]
        guard let range = Samples.yaml.range(of: old) else {
            Issue.record("\(old) is not in the sample")
            return
        }
        let problems = Samples.problems(Samples.yaml.replacingCharacters(in: range, with: new))
        #expect(problems.contains { $0.hasPrefix(problem) }, "\(problems)")
        #expect(problems.allSatisfy { !$0.contains("\n") })
    }

    @Test func listsAllProblemsAtOnce() {
        let text = Samples.yaml.replacingOccurrences(of: "macro-f1", with: "f2")
            .replacingOccurrences(of: "baseline: LoRA", with: "baseline: none")
            .replacingOccurrences(of: "prune-from: 2", with: "prune-from: x, oops: 1")
        #expect(Samples.problems(text).count == 4)
    }

    @Test func refusesOtherDocuments() {
        #expect(
            Samples.problems("") == ["plan.yaml:1: the plan is not a mapping; write one 'key: value' a line"])
        #expect(Samples.problems("- 1").count == 1)
        #expect(Samples.problems("a: 1").count > 8)
        #expect(Samples.problems("arms: 3\n").contains { $0.contains("'arms' is not a list") })
        #expect(
            Samples.problems(String(repeating: " ", count: 1 << 20) + " ").first?.contains("too many") == true
        )
    }
}
