import Foundation
import RunFolders
import RunRecords
import Testing

/// Records of a model of two towers: sites by tower, budgets by tower; and those of one, which say nothing of towers.
@Suite struct TowerRecordTests {
    @Test func sitesAndBudgetsByTower() throws {
        let run = try RunFolderFixture.towers().record()
        #expect(run.start.sites.count == 16)
        #expect(run.start.sites[0].name == "text.layer.0.query" && run.start.sites[0].tower == "text")
        #expect(run.start.sites[8].name == "vision.layer.0.query" && run.start.sites[8].layer == 0)
        #expect(
            run.start.towerBudgets == [
                .init(tower: "text", initial: 16, final: 4), .init(tower: "vision", initial: 16, final: 8),
            ])
        #expect(run.start.initialBudget == 32 && run.start.finalBudget == 12)
        #expect(
            run.allocations.map(\.towers).first == [.init(budget: 9, spent: 9), .init(budget: 13, spent: 13)])
        #expect(run.rankTables.last?.total == 12)
    }

    @Test func recordsOfOneTowerSayNothingOfTowers() throws {
        let run = try RunFolderFixture.small().record()
        #expect(run.start.sites.allSatisfy { $0.tower == nil } && run.start.towerBudgets.isEmpty)
        #expect(run.allocations.allSatisfy { $0.towers.isEmpty })
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "towers-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let log = try EventLog(RunFolder(folder), offsets: nil)
        try log.append(.started(run.start, isEvaluationDue: false))
        for one in run.allocations { try log.append(.allocation(one)) }
        try log.sync()
        #expect(try !String(contentsOf: RunFolder(folder).events, encoding: .utf8).contains("ower"))
    }

    @Test func whatIsWrittenIsReadBack() throws {
        let fixture = RunFolderFixture.towers()
        // As runs of today say of themselves.
        fixture.events[0] = fixture.events[0].replacingOccurrences(
            of: #""threads":2"#, with: #""threads":2,"precision":"float32","date":"today""#)
        let run = try fixture.record()
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "towers-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let log = try EventLog(RunFolder(folder), offsets: nil)
        try log.append(.started(run.start, isEvaluationDue: false))
        for one in run.allocations { try log.append(.allocation(one)) }
        for one in run.rankTables { try log.appendRanks(one.ranks, step: one.step) }
        try log.sync()
        let again = try RunReader.record(of: folder)
        #expect(again.start == run.start && again.allocations == run.allocations)
        #expect(again.rankTables == run.rankTables)
        let ranks = try String(contentsOf: RunFolder(folder).ranks, encoding: .utf8)
        #expect(ranks.hasPrefix("step,site,layer,role,rank\n0,text.layer.0.query,0,query,2\n"))
        #expect(
            try RankFileReader.lastTable(of: RunFolder(folder).ranks)["vision.layer.1.value"] == 2)
    }

    static let damage: [(String, String, String)] = [
        (
            #""tower":"vision""#, #""tower":"text""#,
            "key 'sites' has the same layer and role twice"
        ),
        (
            #""tower":"text""#, #""tower":7"#,
            "key 'sites' should be an array of objects whose tower is a string"
        ),
        (
            #""initial":16,"final":4"#, #""initial":-1,"final":4"#,
            "key 'towerBudgets' should be an object of at most 4 towers, each with initial and final"
        ),
        (
            #""towers":{"text":{"budget":9"#, #""towers":{"texts":{"budget":9"#,
            "key 'towers' should have text, vision, as the start record"
        ),
        (
            #"{"budget":9,"spent":9}"#, #"{"budget":9}"#,
            "key 'towers' should be an object of at most 4 towers, each with budget and spent"
        ),
    ]

    @Test(arguments: TowerRecordTests.damage)
    func damagedTowersAreNamed(from: String, to: String, problem: String) throws {
        let fixture = RunFolderFixture.towers()
        fixture.events = fixture.events.map { $0.replacingOccurrences(of: from, with: to) }
        #expect(message { try fixture.record() }.contains(problem), "\(message { try fixture.record() })")
    }

    @Test func resumedWithBudgetsOfOtherTowers() throws {
        let fixture = RunFolderFixture(layers: 1, towers: ["text", "vision"])
        fixture.addStart(
            towerBudgets: #"{"text":{"initial":16,"final":4},"vision":{"initial":16,"final":8}}"#)
        fixture.addStart(completedSteps: 1)
        #expect(
            message { try fixture.record() }.contains(
                "/events.jsonl:2: a resumed run with budgets of other towers than the first start record"))
    }

    private func message<Value>(_ body: () throws -> Value) -> String {
        do {
            _ = try body()
            return "no error"
        } catch {
            return "\(error)"
        }
    }
}
