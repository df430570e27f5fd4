import Adapters
import Autodiff
import Matrices
import RankAllocation
import Testing
import Transformers

/// The first layer of a tiny BERT as the text tower of a model, the second as its vision tower: six matrices each.
private final class TwoTowers: Backbone {
    let base: any Backbone
    let linearLayers: [LinearLayer]

    init() throws {
        let base = try tinyEncoder()
        self.base = base
        linearLayers = base.linearLayers.map { layer in
            LinearLayer(
                site: LinearSite(
                    tower: layer.site.layer == 0 ? .text : .vision, layer: 0, role: layer.site.role),
                modulePath: layer.modulePath, weight: layer.weight, bias: layer.bias)
        }
    }

    var architecture: Architecture { base.architecture }
    var sizes: BackboneSizes { base.sizes }
    var weights: [Weight] { base.weights }
    var unusedWeights: [String] { base.unusedWeights }
    var keyShape: (columns: Int, heads: Int) { base.keyShape }
    var hooks: BackboneHooks { base.hooks }
    func wordRows(_ ids: [Int32]) -> Matrix { base.wordRows(ids) }
    func isBuilt(as other: any Backbone) -> Bool { base.isBuilt(as: other) }

    func hiddenStates(
        _ batch: PackedBatch, rows: HiddenRows, after start: LayerInput?, recomputing: Bool, on tape: Tape,
        observe: ((Int, Variable) -> Void)?
    ) -> Variable {
        base.hiddenStates(
            batch, rows: rows, after: start, recomputing: recomputing, on: tape, observe: observe)
    }

    func input(ofLayer layer: Int, _ batch: PackedBatch, after start: LayerInput?, on tape: Tape) -> Variable
    {
        base.input(ofLayer: layer, batch, after: start, on: tape)
    }
}

@Suite struct TowerBudgetTests {
    private func started(
        _ budgets: TowerBudgets, method: String = "adalora", on backbone: (any Backbone)? = nil,
        _ change: (inout TuningSettings) -> Void = { _ in }
    ) throws -> any FineTuning {
        var settings = TuningSettings(method: try #require(FineTuningMethod.named(method)))
        settings.towerBudgets = budgets
        change(&settings)
        return try settings.method.start(
            MethodStart(
                settings: settings, backbone: try backbone ?? TwoTowers(), totalSteps: 40, seed: 1,
                isResumed: false, trained: nil, headForm: .sequence(.pooler), workers: Workers(count: 1),
                lookAtBatches: { _, _ in }, readRanks: { _, _ in [:] }))
    }

    private func ranks(_ method: any FineTuning, _ tower: LinearSite.Tower) -> [Int] {
        method.adapters.adapters.filter { $0.site.tower == tower }.map(\.rank)
    }

    /// Of an average rank of 1 eight, the least; of 10 fifteen, which is 1.5 times as many.
    @Test func eachTowerStartsByItsOwnBudget() throws {
        let method = try started(TowerBudgets(text: .triplets(6), vision: .averageRank(10)))
        #expect(ranks(method, .text) == [Int](repeating: 8, count: 6))
        #expect(ranks(method, .vision) == [Int](repeating: 15, count: 6))
        let plan = try #require(method.rankPlan)
        #expect(plan.groups == SiteGroups([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]))
        #expect(plan.schedule.initialBudgets == [48, 90] && plan.schedule.finalBudgets == [6, 60])
        #expect(plan.schedule.warmupSteps == 4 && plan.schedule.finalSteps == 16)
    }

    /// Every triplet of the vision tower is larger than any of the text tower, which keeps its six all the same.
    @Test func tripletsOfATowerCompeteAmongThemselves() throws {
        let method = try started(TowerBudgets(text: .triplets(6), vision: .triplets(12))) {
            $0.adalora.importance = .magnitude
        }
        let (ranks, set) = (try #require((method as? AdaLoRA)?.ranks), method.adapters)
        for (site, adapter) in set.adapters.enumerated() {
            let lambda = try #require(adapter.factors.lambda).values
            for index in 0..<lambda.columns {
                lambda.row(0)[index] = Float(100 * site + index + 1)
            }
        }
        let workers = Workers(count: 1)
        let last = ranks.schedule.lastBudgetingStep
        let outcome = try #require(try ranks.allocate(after: last, workers: workers))
        #expect(outcome.budgets == [6, 12] && outcome.spending == [6, 12])
        #expect(outcome.budget == 18 && outcome.spent == 18)
        // The six largest of the last matrix of the first tower; eight of the second's last one and four before it.
        #expect(self.ranks(method, .text) == [0, 0, 0, 0, 0, 6])
        #expect(self.ranks(method, .vision) == [0, 0, 0, 0, 4, 8])
    }

    @Test func evenRanksOfEachTower() throws {
        let method = try started(TowerBudgets(text: .triplets(8), vision: .triplets(13))) {
            $0.adalora.allocator = .exchange
            $0.adalora.allocateEvery = 5
        }
        #expect(ranks(method, .text) == [2, 2, 1, 1, 1, 1])
        #expect(ranks(method, .vision) == [3, 2, 2, 2, 2, 2])
        let schedule = try #require(method.rankPlan).schedule
        #expect(schedule.initialBudgets == [8, 13] && schedule.finalBudgets == [8, 13])
    }

    @Test(arguments: ["lora", "dora"])
    func fixedRanksOfEachTower(name: String) throws {
        let method = try started(
            TowerBudgets(text: .triplets(6), vision: .averageRank(3)), method: name)
        #expect(ranks(method, .text) == [Int](repeating: 1, count: 6))
        #expect(ranks(method, .vision) == [Int](repeating: 3, count: 6))
        #expect(method.rankPlan == nil)
    }

    /// Magnitudes of each tower come off its own budget of parameters.
    @Test func magnitudesArePaidByTheirTower() throws {
        let backbone = try TwoTowers()
        let magnitudes = backbone.linearLayers.filter { $0.site.tower == .text }.reduce(0) { $0 + $1.outputs }
        let method = try started(
            TowerBudgets(text: .parameters(2000), vision: .parameters(3000)), method: "adadora", on: backbone)
        let plan = try #require(method.rankPlan)
        #expect(plan.unit == .parameters)
        #expect(plan.schedule.finalBudgets == [2000 - magnitudes, 3000 - magnitudes])
    }

    @Test func whatDoesNotFitIsSaid() throws {
        func message(
            _ budgets: TowerBudgets, _ method: String = "adalora", on backbone: (any Backbone)? = nil
        )
            -> String
        {
            do {
                _ = try started(budgets, method: method, on: backbone)
                return "started"
            } catch {
                return "\(error)"
            }
        }
        #expect(
            message(TowerBudgets(text: .triplets(6), vision: .triplets(6)), on: try tinyEncoder())
                == "budgets of towers (text=…, vision=…) need a model of two, and this one has none; give one number as "
                + "--budget, --average-rank or --budget-parameters")
        #expect(
            message(TowerBudgets(text: .triplets(6), vision: .triplets(1000))).hasPrefix(
                "the vision tower's budget of 1000 triplets is more than 6 matrices of rank "))
        #expect(
            message(TowerBudgets(text: .parameters(3), vision: .parameters(3000))).hasPrefix(
                "the text tower's budget of 3 parameters does not pay for one triplet of "))
        #expect(
            message(TowerBudgets(text: .triplets(6), vision: .triplets(7)), "lora").hasPrefix(
                "a fixed rank must be whole: budget 7 over 6 matrices in the vision tower is "))
    }

    /// Two sites that differ in their tower alone start from other numbers.
    @Test func towersDrawFromTheirOwnStreams() throws {
        let method = try started(TowerBudgets(text: .triplets(48), vision: .triplets(48)))
        let queries = method.adapters.adapters.filter { $0.site.role == .query }
        #expect(queries.count == 2)
        #expect(queries[0].factors.q.values.values != queries[1].factors.q.values.values)
    }
}
