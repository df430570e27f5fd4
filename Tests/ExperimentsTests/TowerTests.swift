import Experiments
import Testing

/// Comparisons of models of two towers: one budget over both, and tables that tell the towers apart.
@Suite struct TowerTests {
    /// Arms are matched by what they spend over all, so that budgets of towers have no place in a plan.
    @Test(arguments: [
        (
            "average-ranks: [1, 2]", "average-ranks: [text=1, vision=2]",
            "plan.yaml:7: 'average-ranks' holds 'text=1'; use average ranks above 0 and up to 100000"
        ),
        (
            "settings: {epochs: 3}", "settings: {epochs: 3, budget: \"text=24,vision=48\"}",
            "'budget' is not a setting of one arm; use 'average-ranks' or 'budget-parameters': arms are matched by parameters"
        ),
        (
            "settings: {epochs: 3}", "settings: {epochs: 3, average-rank: \"text=1,vision=2\"}",
            "'average-rank' is not a setting of one arm; use 'average-ranks' of the plan or the arm, beside 'settings'"
        ),
    ])
    func plansRefuseBudgetsOfTowers(from: String, to: String, problem: String) {
        let problems = Samples.problems(Samples.yaml.replacingOccurrences(of: from, with: to))
        #expect(problems.contains { $0.hasSuffix(problem) }, "\(problems)")
    }

    @Test func finalRanksByTower() throws {
        let ranks = try #require(
            MeanRanks([
                [
                    "text.layer.0.query": 1, "text.layer.1.query": 2, "vision.layer.0.query": 5,
                    "vision.layer.0.value": 4,
                ]
            ]))
        #expect(ranks.total == 12)
        let tables = try #require(RankTables([("average rank 3", [.init(name: "AdaLoRA", ranks: ranks)])]))
        #expect(
            tables.terminal(width: 90) == [
                "final ranks: triplets by role, mean over runs", "",
                "average rank 3  text query  vision query  vision value  total",
                "AdaLoRA                  3             5             4     12", "",
                "final ranks: triplets by layer, mean over runs", "",
                "average rank 3  text 0  text 1  vision 0  total",
                "AdaLoRA              1       2         9     12",
            ])
    }
}
