import Foundation
import Reports
import RunFolders
import RunRecords
import Testing

struct RankReportTests {
    private func small(ended: Bool = true) throws -> RunRecord {
        try RunFolderFixture.small(ended: ended).record()
    }

    @Test func tableOfTheLastStep() throws {
        let expected = """
            Ranks after step 40, the last recorded

            layer    query      key    value attn-out  interm.   output    total   share
            ────────────────────────────────────────────────────────────────────────────
                0        0        0        2        2        0        2        6   66.7%
                1        0        0        1        0        0        2        3   33.3%
            ────────────────────────────────────────────────────────────────────────────
            total        0        0        3        2        0        4        9  100.0%
            share     0.0%     0.0%    33.3%    22.2%     0.0%    44.4%

            method      adalora, 40 of 40 steps, completed
            budget      9 triplets after this step; the run goes from 36 to 9
            kept        9 of 36 triplets (25.0%)
            parameters  249 of 900 in the triplets (27.7%)
            trainable   1,218 parameters with the head, beside 22,700,000 frozen; compacted
                        at step 24: 1,200 → 330
            allocation  at step 24: 2 triplets returned, 8 left since the one before
            importance  worst kept 1.25e-09, best pruned 1.20e-09, threshold 1.25e-09
            rank 0      7 of 12 modules: layer.0.query, layer.0.key, layer.0.intermediate,
                        layer.1.query, layer.1.key, layer.1.attention-output,
                        layer.1.intermediate

            """
        #expect(try RankReport.table(small(), step: nil, style: Style()) == expected)
        #expect(try RankReport.table(small(), step: 40, style: Style()) == expected)
    }

    @Test func tableBetweenAllocationsInASCII() throws {
        let expected = """
            Ranks after step 8, the last recorded at or before step 10

            layer    query      key    value attn-out  interm.   output    total   share
            ----------------------------------------------------------------------------
                0        2        2        3        3        2        3       15   55.6%
                1        1        2        3        2        1        3       12   44.4%
            ----------------------------------------------------------------------------
            total        3        4        6        5        3        6       27  100.0%
            share    11.1%    14.8%    22.2%    18.5%    11.1%    22.2%

            method      adalora, 40 of 40 steps, no end record: still in progress, or killed
            budget      27 triplets after this step; the run goes from 36 to 9
            kept        27 of 36 triplets (75.0%)
            parameters  675 of 900 in the triplets (75.0%)
            trainable   1,218 parameters with the head, beside 22,700,000 frozen
            allocation  at step 8: 0 triplets returned, 9 left since the one before
            importance  worst kept 1.25e-09, best pruned 1.20e-09, threshold 1.25e-09
            rank 0      0 of 12 modules

            """
        #expect(try RankReport.table(small(ended: false), step: 10, style: Style(unicode: false)) == expected)
    }

    @Test func history() throws {
        let expected = """
            Rank of each matrix, up to step 40
            adalora, 40 of 40 steps, completed

                   phase    ├warm├budgeting──────────├final──────────
                   kept     ████████▆▆▆▆▆▆▆▆▄▄▄▄▄▄▄▄▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂   9

                0  query    3333333322222222·························   0
                   key      333333332222222211111111·················   0
                   value    33333333333333332222222222222222222222222   2
                   attn-out 33333333333333332222222222222222222222222   2
                   interm.  333333332222222211111111·················   0
                   output   33333333333333332222222222222222222222222   2

                1  query    3333333311111111·························   0
                   key      333333332222222211111111·················   0
                   value    33333333333333332222222211111111111111111   1
                   attn-out 333333332222222211111111·················   0
                   interm.  333333331111111111111111·················   0
                   output   33333333333333332222222222222222222222222   2
                            ┴─────────┴─────────┴─────────┴─────────┴
                   step     0         10        20        30        40

            · is rank 0; kept: a full bar is 36 triplets

            """
        #expect(RankReport.history(try small(), style: Style()) == expected)
    }

    @Test func historyInASCIIHasNoOtherCharacters() throws {
        let text = RankReport.history(try small(), style: Style(unicode: false))
        #expect(text.utf8.allSatisfy { $0 < 0x80 })
        #expect(text.contains("phase    |warm|budgeting----------|final----------\n"))
        #expect(text.contains("kept     99999999777777774444444433333333333333333   9\n"))
        #expect(text.contains("    1  query    3333333311111111.........................   0\n"))
    }

    /// Above 60 matrices: means of layers, then of roles.
    @Test func historyOfManyMatrices() throws {
        let fixture = RunFolderFixture(layers: 31, roles: ["query", "value"])
        fixture.addStart(totalSteps: 2, warmupSteps: 0, finalSteps: 0, initialBudget: 2480, finalBudget: 1)
        fixture.addRanks(0, [Int](repeating: 40, count: 62))
        fixture.addAllocation(1, budget: 1, [1] + [Int](repeating: 0, count: 61))
        fixture.addAllocation(2, budget: 700, [11, 10] + [11] + [Int](repeating: 12, count: 59))
        let text = RankReport.history(try fixture.record(), style: Style())
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines[0] == "Mean ranks of layers and of roles, up to step 2")
        // A mean of 1/2 and of 1/31 are not shown as 0; 10.5 rounds up.
        #expect(lines.contains("    0           +1b 10.5"))
        #expect(lines.contains("   30           +·c 12.0"))
        #expect(lines.contains("       query    +1c 11.9"))
        #expect(lines.contains("       value    +·c 11.9"))
        #expect(
            lines.contains("· is rank 0, a is 10, z is 35, + is more; kept: a full bar is 2,480 triplets"))
    }

    @Test func longRunsAreSampledEvenly() throws {
        let fixture = RunFolderFixture(layers: 1, roles: ["query"])
        fixture.addStart(
            totalSteps: 1180, warmupSteps: 200, finalSteps: 400, initialBudget: 9, finalBudget: 1)
        fixture.addRanks(0, [9])
        for step in 201...780 { fixture.addAllocation(step, budget: 1, [step < 500 ? 5 : 1]) }
        fixture.addRanks(1180, [1])
        let text = RankReport.history(try fixture.record(), style: Style())
        // Columns are 20 steps apart: up to 200 is 11 of them, up to 480 another 14.
        let row = String(repeating: "9", count: 11) + String(repeating: "5", count: 14)
        #expect(text.contains("query    " + row + String(repeating: "1", count: 35) + "   1\n"))
        #expect(text.contains("step     0         200       400       600       800       1000  1180\n"))
    }

    @Test func csv() throws {
        let expected = """
            step,site,layer,role,outputs,inputs,initial_rank,rank
            24,layer.0.query,0,query,8,8,3,0
            24,layer.0.key,0,key,8,8,3,0
            24,layer.0.value,0,value,8,8,3,2
            24,layer.0.attention-output,0,attention-output,8,8,3,2
            24,layer.0.intermediate,0,intermediate,32,8,3,0
            24,layer.0.output,0,output,8,32,3,2
            24,layer.1.query,1,query,8,8,3,0
            24,layer.1.key,1,key,8,8,3,0
            24,layer.1.value,1,value,8,8,3,1
            24,layer.1.attention-output,1,attention-output,8,8,3,0
            24,layer.1.intermediate,1,intermediate,32,8,3,0
            24,layer.1.output,1,output,8,32,3,2

            """
        let run = try small()
        #expect(try RankReport.csv(run, step: 30, history: false) == expected)
        let history = try RankReport.csv(run, step: 30, history: true)
        #expect(history.hasSuffix(expected.split(separator: "\n").dropFirst().joined(separator: "\n") + "\n"))
        let rows = history.split(separator: "\n")
        #expect(rows.count == 1 + 4 * 12)
        #expect(rows[1] == "0,layer.0.query,0,query,8,8,3,3")
    }

    @Test func json() throws {
        let fixture = RunFolderFixture(layers: 1, roles: ["query", "output"])
        fixture.addStart(totalSteps: 9, initialBudget: 4, finalBudget: 1)
        fixture.addRanks(0, [2, 2])
        fixture.addAllocation(5, budget: 1, [0, 1], left: 3)
        let run = try fixture.record()
        let start =
            #"{"method":"adalora","step":5,"requestedStep":null,"lastStep":5,"totalSteps":9,"end":null,"#
            + #""resumedAfter":[],"budget":1,"initialBudget":4,"finalBudget":1,"budgetUnit":"triplets","#
            + #""kept":1,"initial":4,"parameters":41,"initialParameters":116,"modulesAtRankZero":1,"allocation":{"step":5,"budget":1,"#
            + #""budgetUnit":"triplets","spent":1,"threshold":1.25e-09,"worstKept":1.25e-09,"bestPruned":1.2e-09,"returned":0,"left":3,"added":0},"#
            + #""layers":[{"layer":0,"rank":1,"share":1}],"roles":[{"role":"query","rank":0,"share":0},"#
            + #"{"role":"output","rank":1,"share":1}],"sites":[{"site":"layer.0.query","layer":0,"#
            + #""role":"query","outputs":8,"inputs":8,"initialRank":2,"rank":0},{"site":"layer.0.output","#
            + #""layer":0,"role":"output","outputs":8,"inputs":32,"initialRank":2,"rank":1}],"#
        let history = #""history":[{"step":0,"kept":4,"ranks":[2,2]},{"step":5,"kept":1,"ranks":[0,1]}],"#
        #expect(
            try RankReport.json(run, step: nil, history: true) == start + history + #""notes":[]}"# + "\n")

        // Without the history the same, spread over lines.
        let pretty = try RankReport.json(run, step: nil, history: false)
        #expect(pretty.hasPrefix("{\n  \"method\": \"adalora\",\n  \"step\": 5,\n"))
        let compact = pretty.replacing(/\n */, with: "")
        #expect(compact.replacing("\": ", with: "\":") == start + #""notes":[]}"#)
    }

    /// Widths 8 → 8 cost 17 parameters a triplet, 32 → 8 cost 41.
    @Test func budgetOfParameters() throws {
        let fixture = RunFolderFixture(layers: 1, roles: ["query", "output"])
        fixture.addStart(totalSteps: 9, initialBudget: 1116, finalBudget: 60, unit: "parameters")
        fixture.addRanks(0, [2, 2])
        fixture.addAllocation(5, budget: 1080, [1, 1], left: 2, spent: 1058, added: 1)
        fixture.addAllocation(6, budget: 60, [0, 1], returned: 1, left: 1)
        let run = try fixture.record()
        let begun = try RankReport.table(run, step: 0, style: Style())
        #expect(
            begun.contains("budget      1,116 parameters after this step; the run goes from 1,116 to 60\n"))
        let text = try RankReport.table(run, step: 5, style: Style(width: 120))
        #expect(
            text.contains(
                "budget      1,080 parameters after this step, spent 1,058, slack 22; the run goes from 1,116 to 60\n"
            ))
        #expect(
            text.contains(
                "allocation  at step 5: 0 triplets returned, 2 left, 1 added since the one before\n"))
        #expect(
            try RankReport.json(run, step: 5, history: true).contains(
                #""allocation":{"step":5,"budget":1080,"budgetUnit":"parameters","spent":1058,"#))
        // A log without these keys.
        let older = try RankReport.table(run, step: 6, style: Style())
        #expect(older.contains("60 parameters after this step, spent 41, slack 19; the run"))
        #expect(older.contains("at step 6: 1 triplet returned, 1 left since the one before\n"))
    }

    @Test func runOfOneStep() throws {
        let fixture = RunFolderFixture(layers: 1, roles: ["query"])
        fixture.addStart(method: "lora", totalSteps: 1, initialBudget: 4, finalBudget: 4)
        fixture.addRanks(0, [4])
        fixture.addStep(1)
        fixture.addRanks(1, [4])
        fixture.addEnd(1, ranks: [4])
        let run = try fixture.record()
        let table = try RankReport.table(run, step: nil, style: Style())
        #expect(table.contains("method      lora, 1 of 1 step, completed\n"))
        #expect(table.contains("allocation  none up to this step\n"))
        let expected = """
            Rank of each matrix, up to step 1
            lora, 1 of 1 step, completed

                   kept     ██   4

                0  query    44   4
                            ┴─
                   step     0

            · is rank 0; kept: a full bar is 4 triplets

            """
        #expect(RankReport.history(run, style: Style()) == expected)
    }

    @Test func runThatJustBegan() throws {
        let fixture = RunFolderFixture(layers: 1, roles: ["query"])
        fixture.addStart()
        fixture.addRanks(0, [4])
        let run = try fixture.record()
        #expect(
            try RankReport.table(run, step: 0, style: Style()).hasPrefix(
                "Ranks after step 0, the last recorded\n"))
        #expect(RankReport.history(run, style: Style()).contains("0  query    4   4\n"))
    }

    @Test func allRanksZero() throws {
        let fixture = RunFolderFixture(layers: 1, roles: ["query", "key"])
        fixture.addStart(initialBudget: 0, finalBudget: 0)
        fixture.addRanks(0, [0, 0])
        let run = try fixture.record()
        let table = try RankReport.table(run, step: nil, style: Style())
        #expect(table.contains("    0        0        0        0       –\n"))
        #expect(table.contains("kept        0 of 0 triplets (–)\n"))
        #expect(table.contains("rank 0      2 of 2 modules: layer.0.query, layer.0.key\n"))
        #expect(RankReport.history(run, style: Style(color: true)).contains("·"))
        #expect(try RankReport.json(run, step: nil, history: true).contains(#""share":null"#))
    }

    @Test(arguments: [1, 40, 64, 80, 200])
    func widths(width: Int) throws {
        let run = try small()
        let style = Style(width: width)
        let table = try RankReport.table(run, step: nil, style: style).split(whereSeparator: \.isNewline)
        let history = RankReport.history(run, style: style).split(whereSeparator: \.isNewline)
        // Below 52 columns a table of six roles would not be legible; below 50 the picture's heading is longer.
        #expect(table.allSatisfy { $0.count <= max(width, 6 + 6 * 5 + 8) })
        #expect(history.allSatisfy { $0.count <= max(width, 50) })
    }

    @Test func colorOnlyWhenAsked() throws {
        let run = try small()
        let plain = try RankReport.table(run, step: nil, style: Style())
        let colored = try RankReport.table(run, step: nil, style: Style(color: true))
        #expect(!plain.contains("\u{1B}"))
        #expect(colored.replacing(/\u{1B}\[[0-9;]*m/, with: "") == plain)
        // Rank 2 of at most 3 is in the middle of the scale, rank 0 has no background.
        #expect(colored.contains("\u{1B}[48;5;77;38;5;16m       2 \u{1B}[0m"))
        #expect(colored.contains("\u{1B}[38;5;245m       0 \u{1B}[0m"))
        let history = RankReport.history(run, style: Style(color: true))
        #expect(history.replacing(/\u{1B}\[[0-9;]*m/, with: "") == RankReport.history(run, style: Style()))
    }

    @Test func namesCannotStyleTheTerminal() throws {
        let fixture = RunFolderFixture(layers: 1, roles: ["query"])
        fixture.addStart(method: #"lo\u001b[31mra\u202e\n"#)
        fixture.addRanks(0, [2])
        let run = try fixture.record()
        for text in [
            try RankReport.table(run, step: nil, style: Style()), RankReport.history(run, style: Style()),
            try RankReport.json(run, step: nil, history: false),
        ] {
            #expect(text.contains("lo[31mra"))
            #expect(!text.unicodeScalars.contains("\u{1B}") && !text.unicodeScalars.contains("\u{202E}"))
        }
    }
}
