import Foundation
import ModelFiles
import ReportPages
import RunFolders
import Testing

@Suite struct LargeRunTests {
    /// 100,000 steps, 500 matrices, 1,000 allocations; one loss of 9.75 among losses of at most 4.
    private func large() -> RunFolderFixture {
        let run = RunFolderFixture(layers: 84)
        run.addStart(
            totalSteps: 100_000, warmupSteps: 10_000, finalSteps: 40_000, initialBudget: 4032,
            finalBudget: 504)
        run.addRanks(0, [Int](repeating: 8, count: 504))
        for step in 1...100_000 {
            let loss = step == 70_001 ? 9.75 : 0.5 + 3 / (1 + Double(step) / 1000) + Double(step % 7) / 20
            run.addStep(step, loss: "\(loss)")
            if step > 10_000, step <= 60_000, step.isMultiple(of: 50) {
                let rank = 8 - 7 * (step - 10_000) / 50_000
                let ranks = (0..<504).map { ($0 * 7919 + step) % 5 == 0 ? 0 : rank }
                run.addAllocation(step, budget: ranks.reduce(0, +), ranks, left: 2)
            }
        }
        run.addEnd(100_000, ranks: [Int](repeating: 1, count: 504))
        return run
    }

    @Test func longRunsStaySmallWithoutHidingExtremes() throws {
        let run = large()
        try run.write()
        let report = try RunReport([run.url])
        let html = report.html()
        // A browser opens this many bytes within a second; the run folder has forty times as many.
        #expect(html.utf8.count < 6_000_000)
        let json = try #require(
            html.components(separatedBy: "id=\"report-data\">").last?
                .components(separatedBy: "</script>").first)
        let data = try JSONValue.parse(json, limits: JSONLimits(depth: 20, byteCount: 1 << 26))
        let loss = try #require(data["tables"]?["loss"]?.string).split(separator: "\n")
        #expect(loss.count < 5000)
        #expect(loss.contains { $0.hasPrefix("70001,9.75,") })
        #expect(loss[1].hasPrefix("1,") && loss.last?.hasPrefix("100000,") == true)
        let steps = try #require(data["steps"]?.array).compactMap(\.int)
        #expect((200...240).contains(steps.count))
        #expect(steps.first == 0 && steps.last == 60_000)
        // The spike is the highest point of the drawn line, whose description says its range.
        #expect(try report.figure("loss").svg(FigureForm(id: "x")).contains("to 9.75"))
        #expect(try report.figure("loss").table().rows.count == 100_000)
        withExtendedLifetime(run) {}
    }
}
