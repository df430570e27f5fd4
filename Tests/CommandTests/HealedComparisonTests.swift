import Foundation
import ModelFiles
import Testing

/// `adalora compare` with arms that train wide, are cut, and go on.
@Suite struct HealedComparisonTests {
    private static let plan = """
        name: healed
        model: model
        train: train.jsonl
        validation: validation.jsonl
        test: test.jsonl
        metric: accuracy
        average-ranks: [1]
        seeds: [1]
        search: {learning-rates: [1e-2]}
        baseline: LoRA
        settings: {steps: 8, max-length: 40, head-learning-rate: 2e-2}
        arms:
          - {name: LoRA, settings: {method: lora}}
          - {name: cut, settings: {method: lora}, prune-from: 2}
          - {name: healed, settings: {method: lora}, prune-from: 2, heal: 0.25}
          - {name: healed triplets, settings: {importance: singular-value, initialize: lora}, prune-from: 2, heal: 0.25, heal-rate: 0.1}
        """

    @Test func aCutAdapterGoesOn() throws {
        let workspace = try Workspace()
        try workspace.write(Self.plan, to: "plan.yaml")
        let arguments = ["compare", "plan.yaml", "--output", "out", "--threads", "1"]
        let result = try workspace.run(arguments)
        try #require(result.status == 0, "\(result.errors)")
        let rows = try workspace.text("out/results.jsonl").split(separator: "\n").map {
            try JSONValue.parse(String($0))
        }
        #expect(rows.count == 4 && rows.allSatisfy { $0["status"]?.string == "ok" })
        for row in rows {
            // As many steps in all as any other arm, and no more than the budget: rank 1 has 896 parameters.
            #expect(row["steps"]?.int == 8)
            #expect(try #require(row["adapter-parameters"]?.int) <= 908)
            let id = try #require(row["id"]?.string)
            let isHealed = row["arm"]?.string?.hasPrefix("healed") ?? false
            #expect(workspace.exists("out/runs/\(id)-heal/events.jsonl") == isHealed)
            guard isHealed else { continue }
            let (wide, after) = (
                try workspace.events("out/runs/\(id)", "start"),
                try workspace.events("out/runs/\(id)-heal", "start")
            )
            #expect(wide.first?["totalSteps"]?.int == 6 && after.first?["totalSteps"]?.int == 2)
            let rate = row["arm"]?.string == "healed" ? 0.5 : 0.1
            let steps = try workspace.events("out/runs/\(id)-heal", "step")
            let rates = steps.compactMap { $0["learningRate"]?.double }
            let highest = try #require(rates.max())
            #expect(highest <= 1e-2 * rate + 1e-12 && highest > 0)
            for name in ["adapter", "adapter-last", "checkpoints"] {
                #expect(!workspace.exists("out/runs/\(id)-heal/\(name)"), "\(name)")
            }
        }
        #expect(
            try workspace.text("out/report.md").contains(
                "- healed trains at 2 times the budget for 75 % of the steps"))
        // Done is done.
        let again = try workspace.run(arguments)
        #expect(again.status == 0 && again.output == result.output)
        #expect(try workspace.text("out/results.jsonl").split(separator: "\n").count == 4)
    }
}
