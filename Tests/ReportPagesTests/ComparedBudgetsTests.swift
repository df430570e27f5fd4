import Foundation
import ReportPages
import RunFolders
import Testing

/// Runs of one budget beside each other that ended with other numbers of parameters.
@Suite struct ComparedBudgetsTests {
    private func lora(_ ranks: [Int], budget: Int = 9) throws -> RunFolderFixture {
        let run = RunFolderFixture()
        run.addStart(method: "lora", initialBudget: budget, finalBudget: budget)
        run.addRanks(0, ranks)
        for step in 1...40 { run.addStep(step, phase: "fixed") }
        run.addRanks(40, ranks)
        run.addEnd(40, ranks: ranks)
        return try run.write()
    }

    private func texts(_ runs: [RunFolderFixture]) throws -> (markdown: String, html: String, json: String) {
        let report = try withExtendedLifetime(runs) {
            try RunReport(runs.map(\.url), names: ["adaptive", "fixed", "other"].dropLast(3 - runs.count))
        }
        return (report.markdown(), report.html(), try report.json())
    }

    /// Nine triplets of AdaLoRA: five of 8 × 8 with 17 parameters, four of 8 × 32 with 41, in all 249. Nine of LoRA in 8 × 8
    /// have 16 each, 144.
    @Test func theDifferenceIsExplained() throws {
        let adaptive = try RunFolderFixture.small().write()
        let even = [3, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        let note =
            "adaptive and fixed have the same budget, 9 triplets, but adaptive ends with 249 parameters in its adapters, "
            + "72.9 % more than 144. A triplet of a large matrix has more parameters than one of a small matrix, and where "
            + "there is a λ it counts. --budget-parameters 144 in both makes them equal."
        let found = try texts([adaptive, lora(even)])
        #expect(found.markdown.contains(note) && found.html.contains(note) && found.json.contains(note))
        let equal = try texts([adaptive, RunFolderFixture.small().write()])
        #expect(!equal.markdown.contains("same budget"))
    }

    @Test func otherBudgetsAreNotCompared() throws {
        let adaptive = try RunFolderFixture.small().write()
        let found = try texts([adaptive, lora([3, 3, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0], budget: 12)])
        #expect(!found.markdown.contains("same budget"))
        let running = try RunFolderFixture.small(ended: false).write()
        #expect(
            !(try texts([running, lora([3, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0])]).html.contains("same budget")))
    }
}
