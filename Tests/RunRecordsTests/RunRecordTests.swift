import Foundation
import Reports
import RunFolders
import RunRecords
import Testing

struct RunRecordTests {
    @Test func readsEveryRecord() throws {
        let fixture = RunFolderFixture.small()
        fixture.events.insert(#"{"event":"warning","text":"slow BLAS"}"#, at: 1)
        let run = try fixture.record()
        #expect(run.start.method == "adalora")
        #expect(run.start.labels == ["no", "yes"])
        #expect(run.start.sites[5] == run.start.sites.first { $0.name == "layer.0.output" })
        #expect(run.start.sites[5].tripletParameters == 41)
        #expect(run.steps.map(\.step) == Array(1...40))
        #expect(run.steps[4].phase == "budgeting")
        #expect(run.steps[4].loss == 1.25 && run.steps[4].tokens == 512)
        #expect(run.allocations.map(\.budget) == [27, 15, 9])
        #expect(run.allocations[1].returned == 1 && run.allocations[1].left == 13)
        #expect(run.compactions.first?.parametersAfter == 330)
        #expect(run.evaluations.first?.metrics.map(\.name) == ["accuracy", "matthews"])
        #expect(run.evaluations.first?.metrics.map(\.value) == [0.75, nil])
        #expect(run.checkpoints.first?.folder == "checkpoints/step-40")
        #expect(run.warnings == ["slow BLAS"])
        #expect(run.end?.reason == .completed && run.end?.bestStep == nil)
        #expect(run.rankTables.map(\.step) == [0, 8, 16, 24, 40])
        #expect(run.rankTables.map(\.total) == [36, 27, 15, 9, 9])
        #expect(run.notes.isEmpty && run.resumedAfter.isEmpty)
    }

    @Test func budgetsOfOlderRunsAreTriplets() throws {
        let run = try RunFolderFixture.small().record()
        #expect(run.start.budgetUnit == .triplets)
        #expect(run.allocations.map(\.spent) == [27, 15, 9])
        #expect(run.allocations.allSatisfy { $0.added == 0 && $0.slack == 0 })
    }

    @Test func budgetOfParameters() throws {
        let fixture = RunFolderFixture(layers: 1, roles: ["query", "output"])
        fixture.addStart(initialBudget: 116, finalBudget: 60, unit: "parameters")
        fixture.addRanks(0, [2, 2])
        fixture.addAllocation(5, budget: 80, [1, 1], spent: 58, added: 3)
        let run = try fixture.record()
        #expect(run.start.budgetUnit == .parameters)
        let allocation = try #require(run.allocations.first)
        #expect(allocation.spent == 58 && allocation.slack == 22 && allocation.added == 3)
    }

    @Test func resumedWithAnotherBudgetUnit() throws {
        let fixture = RunFolderFixture(layers: 1)
        fixture.addStart(unit: "triplets")
        fixture.addStart(completedSteps: 1, unit: "parameters")
        #expect(
            message { try fixture.record() }.contains(
                "/events.jsonl:2: a resumed run with another budget unit than the first start record"))
    }

    @Test func divergedLossIsNaN() throws {
        let fixture = RunFolderFixture(layers: 1)
        fixture.addStart()
        fixture.addStep(1, loss: "null")
        #expect(try fixture.record().steps[0].loss.isNaN)
    }

    @Test func tornLastLinesAreIgnoredAndCounted() throws {
        let fixture = RunFolderFixture.small(ended: false)
        try fixture.write(tail: #"{"event":"end","rea"#, ranksTail: "44,layer.0.query,0,query,1")
        let run = try read(fixture)
        #expect(run.end == nil)
        #expect(run.rankTables.last?.step == 40)
        #expect(
            run.notes == [
                "events.jsonl: the last line (\(fixture.events.count + 1)) is torn and was ignored",
                "ranks.csv: the last line (62) is torn and was ignored",
            ])
        #expect(
            try RankReport.table(run, step: nil, style: Style()).contains(
                "\nnote        events.jsonl: the last"))
    }

    /// A whole last record that only lacks its line end counts.
    @Test func lastLineWithoutItsEnd() throws {
        let fixture = RunFolderFixture.small(ended: false)
        try fixture.write(tail: #"{"event":"warning","text":"late"}"#)
        let run = try read(fixture)
        #expect(run.warnings == ["late"] && run.notes.isEmpty)
    }

    /// A resumed run says again what its first start did.
    @Test func aWarningCountsOnce() throws {
        let fixture = RunFolderFixture.small(ended: false)
        fixture.events.insert(#"{"event":"warning","text":"slow"}"#, at: 1)
        fixture.events.append(#"{"event":"warning","text":"late"}"#)
        try fixture.write(tail: #"{"event":"warning","text":"slow"}"#)
        #expect(try read(fixture).warnings == ["slow", "late"])
    }

    @Test func incompleteLastTableIsIgnoredAndCounted() throws {
        let fixture = RunFolderFixture.small()
        fixture.ranks.append("44,layer.0.query,0,query,1")
        let run = try fixture.record()
        #expect(run.rankTables.last?.step == 40)
        #expect(run.notes == ["ranks.csv: the last table (step 44) has 1 of 12 sites and was ignored"])
    }

    @Test func resumedRunReplacesWhatFollowedItsCheckpoint() throws {
        let fixture = RunFolderFixture(layers: 1, roles: ["query"])
        fixture.addStart()
        fixture.addRanks(0, [4])
        for step in 1...6 { fixture.addStep(step, loss: "9") }
        fixture.addAllocation(6, budget: 3, [3])
        fixture.addEnd(6, ranks: [3], reason: "interrupted")
        fixture.addStart(completedSteps: 4)
        for step in 5...7 { fixture.addStep(step, loss: "1") }
        fixture.addAllocation(6, budget: 2, [2])
        let run = try fixture.record()
        #expect(run.resumedAfter == [4])
        #expect(run.end == nil)
        #expect(run.steps.map(\.step) == Array(1...7))
        #expect(run.steps.map(\.loss) == [9, 9, 9, 9, 1, 1, 1])
        #expect(run.allocations.map(\.budget) == [2])
        #expect(run.rankTables.map(\.ranks) == [[4], [2]])
        #expect(
            run.notes == [
                "events.jsonl: 2 steps after step 4 were trained again after a resume; the later records count",
                "ranks.csv: 1 table recorded again after a resume; the later ones count",
            ])
        #expect(try RankReport.table(run, step: 6, style: Style()).contains("resumed     after step 4\n"))
    }

    @Test func tableAtAStep() throws {
        let run = try RunFolderFixture.small().record()
        let shown = try [nil, 0, 7, 8, 23, 24, 39, 40].map { try run.rankTable(at: $0).step }
        #expect(shown == [40, 0, 0, 8, 16, 24, 24, 40])
        for (step, near) in [(41, "24 and 40"), (-1, "0 and 8")] {
            let problem = "step \(step) is not recorded, the run's steps are 0 to 40"
            #expect(
                message { try RankReport.csv(run, step: step, history: false) }.hasSuffix(
                    ": \(problem); the nearest recorded steps are \(near)"))
        }
    }

    @Test func methodWithoutAdapters() throws {
        let fixture = RunFolderFixture(layers: 0)
        fixture.addStart(method: "head")
        try fixture.write(withRanks: false)
        let run = try read(fixture)
        let problem =
            "the method 'head' has no adapters of a rank, so there are no ranks; "
            + "give the folder of a run with adapters, such as adalora"
        #expect(message { try RankReport.table(run, step: nil, style: Style()) }.hasSuffix(problem))
        #expect(message { try RankReport.json(run, step: nil, history: true) }.hasSuffix(problem))
        #expect(RankReport.history(run, style: Style()).hasSuffix(problem + "\n"))
    }

    @Test func missingRanksOfARunWithAdapters() throws {
        let fixture = try RunFolderFixture.small().write(withRanks: false)
        let run = try read(fixture)
        #expect(
            message { try RankReport.table(run, step: nil, style: Style()) }.hasSuffix(
                "/ranks.csv: no ranks are recorded yet; wait for the run's first step, or restore the file"))
    }

    @Test func notARunFolder() throws {
        let fixture = RunFolderFixture()
        let path = fixture.url.path
        let advice = "give the folder that 'adalora train' wrote"
        #expect(message { try read(fixture) } == "\(path): there is no such folder; \(advice)")
        try fixture.write()
        #expect(
            message { try read(fixture) }
                == "\(path)/events.jsonl: no start record: the run has not begun or the log was cut; "
                + "wait for the run's first step, or give another folder")
        let log = fixture.url.appendingPathComponent("events.jsonl")
        #expect(
            message { try RunReader.record(of: log) }
                == "\(path)/events.jsonl: this is a file, not a run folder; \(advice)")
        try FileManager.default.removeItem(at: log)
        #expect(
            message { try read(fixture) }
                == "\(path): this is not a run folder: it has no events.jsonl; \(advice)")
    }

    /// A replaced piece of the log, and what is said of it.
    @Test(arguments: [
        (#""event":"step","step":3,"#, #""event":"step""step":3,"#, #":4: not JSON at byte 15: '"' where"#),
        (#"{"event":"step","step":3,"#, "[", ":4: not JSON"),
        (#""event":"step","step":3,"#, #""event":"stop","step":3,"#, ":4: unknown event 'stop'"),
        (#""event":"step","step":3,"#, #""event":"step","step":2,"#, ":4: step 2 follows step 2"),
        (#""event":"step","step":3,"#, #""event":"step","step":-3,"#, ":4: key 'step' should be an integer"),
        (#""event":"step","step":3,"#, #""event":"step","step":1e13,"#, ":4: key 'step' should be at most"),
        (#""event":"step","step":3,"#, #""event":"step","#, ":4: key 'step' is missing"),
        (#""step":3,"epoch":0.15"#, #""step":3,"epoch":"x""#, ":4: key 'epoch' should be a number or null"),
        (
            #""step":3,"epoch":0.15,"phase":"warmup""#, #""step":3,"epoch":0,"phase":"up""#,
            ":4: unknown phase 'up'"
        ),
        (#"{"event":"start","#, #"{"event":"step","#, ":1: a record of kind 'step' before any start record"),
        (#""site":"layer.0.key""#, #""site":"layer.0.query""#, ":1: key 'sites' has the same site twice"),
        (
            #""layer":1,"role":"key""#, #""layer":0,"role":"key""#,
            ":1: key 'sites' has the same layer and role"
        ),
        (#""initialBudget""#, #""budgetUnit":"pi","initialBudget""#, ":1: unknown budget unit 'pi'"),
        (#""initialBudget""#, #""budgetUnit":1,"initialBudget""#, ":1: key 'budgetUnit' should be a string"),
        (
            #""returned":0"#, #""spent":-1,"returned":0"#,
            ":10: key 'spent' should be an integer of at least 0"
        ),
        (
            #""returned":0"#, #""added":null,"returned":0"#,
            ":10: key 'added' should be an integer of at least 0"
        ),
        (#""outputs":8"#, #""outputs":0"#, ":1: key 'sites' should be an array of objects with site"),
        (#""ranks":[2, "#, #""ranks":["#, ":10: key 'ranks' has 11 values, the run has 12 sites"),
        (#""ranks":[2, "#, #""ranks":[99999, "#, ":10: key 'ranks' should be an array of integers from 0"),
        (#""isBest":true"#, #""isBest":1"#, ": key 'isBest' should be true or false"),
        (#""metrics":{"accuracy":0.75"#, #""metrics":{"accuracy":[]"#, ": key 'metrics' should be an object"),
        (#""reason":"completed""#, #""reason":"bored""#, ": unknown reason 'bored'"),
        (#""labels":["no""#, #""labels":[0"#, ":1: key 'labels' should be an array of strings"),
    ])
    func badEventLines(old: String, new: String, expected: String) throws {
        let fixture = RunFolderFixture.small()
        let at = try #require(fixture.events.firstIndex { $0.contains(old) })
        fixture.events[at] = fixture.events[at].replacing(old, with: new)
        let text = message { try fixture.record() }
        #expect(text.contains("/events.jsonl" + (expected.hasPrefix(": ") ? ":\(at + 1)" : "") + expected))
        #expect(text.hasSuffix("; only the last line may be torn: restore the file from where it was copied"))
    }

    @Test func resumedWithOtherSites() throws {
        let fixture = RunFolderFixture(layers: 1)
        fixture.addStart()
        fixture.addStart(method: "lora", completedSteps: 1)
        #expect(
            message { try fixture.record() }.contains(
                "/events.jsonl:2: a resumed run with another method or other sites than the first start record"
            ))
    }

    /// A replaced line of ranks.csv (counted from 0), and what is said of it.
    @Test(arguments: [
        (0, "step;site;layer;role;rank", ":1: the first line should be 'step,site,layer,role,rank'"),
        (2, "0,layer.0.key,0,key", ":3: 4 fields, there should be 5"),
        (2, "x,layer.0.key,0,key,3", ":3: the step should be an integer of at least 0"),
        (2, "0,layer.0.key,0,key,-3", ":3: the rank should be an integer from 0 to 65536"),
        (2, "0,layer.0.kay,0,key,3", ":3: the site should be 'layer.0.key', as in the start record"),
        (2, "1,layer.0.key,0,key,3", ":3: step 1 begins, but step 0 has 1 of 12 sites"),
        (13, "0,layer.0.query,0,query,3", ":14: step 0 follows step 0"),
        (5, "", ":6: 1 fields, there should be 5"),
    ])
    func badRankLines(line: Int, text: String, expected: String) throws {
        let fixture = RunFolderFixture.small()
        fixture.ranks[line] = text
        #expect(message { try fixture.record() }.contains("/ranks.csv" + expected))
    }

    @Test func bytesThatAreNotText() throws {
        let fixture = try RunFolderFixture.small().write()
        let file = fixture.url.appendingPathComponent("ranks.csv")
        try Data([0xFF, 0xFE, 0x0A, 0x00]).write(to: file)
        #expect(message { try read(fixture) }.contains("/ranks.csv:1: the first line should be"))
        try FileManager.default.removeItem(at: file)
        try FileManager.default.createDirectory(at: file, withIntermediateDirectories: false)
        #expect(message { try read(fixture) }.contains("/ranks.csv: the file cannot be read"))
    }

    private func read(_ fixture: RunFolderFixture) throws -> RunRecord {
        try withExtendedLifetime(fixture) { try RunReader.record(of: fixture.url) }
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
