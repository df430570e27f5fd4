import Foundation
import ModelFiles
import Reports
import RunFolders
import RunRecords
import Testing

/// Ranks and singular values of a model of two towers.
@Suite struct TowerReportTests {
    private func run() throws -> RunRecord { try RunFolderFixture.towers().record() }

    @Test func tablesStandBesideEachOther() throws {
        let expected = """
            text tower: 4 triplets, 33.3% of all                          vision tower: 8 triplets, 66.7% of all
            layer    query    value  interm.   output    total   share    layer    query    value  interm.   output    total   share
            ──────────────────────────────────────────────────────────    ──────────────────────────────────────────────────────────
                0        0        1        0        0        1   25.0%        0        1        1        2        0        4   50.0%
                1        1        2        0        0        3   75.0%        1        0        2        2        0        4   50.0%
            ──────────────────────────────────────────────────────────    ──────────────────────────────────────────────────────────
            total        1        3        0        0        4  100.0%    total        1        3        4        0        8  100.0%
            share    25.0%    75.0%     0.0%     0.0%                     share    12.5%    37.5%    50.0%     0.0%

            all: 12 triplets, text 4 (33.3%), vision 8 (66.7%)

            """
        let text = try RankReport.table(run(), step: nil, style: Style(width: 120))
        #expect(text.hasPrefix("Ranks after step 40, the last recorded\n\n" + expected), "\(text)")
        #expect(
            text.contains(
                """
                budget      12 triplets after this step; the run goes from 32 to 12
                            text: 4 after this step; from 16 to 4
                            vision: 8 after this step; from 16 to 8
                kept        12 of 32 triplets (37.5%)

                """))
        #expect(text.contains("rank 0      8 of 16 modules: text.layer.0.query, text.layer.0.intermediate, "))
    }

    @Test func tablesStandBelowEachOtherWhereThereIsNoRoom() throws {
        let expected = """
            text tower: 4 triplets, 33.3% of all
            layer    query    value  interm.   output    total   share
            ──────────────────────────────────────────────────────────
                0        0        1        0        0        1   25.0%
                1        1        2        0        0        3   75.0%
            ──────────────────────────────────────────────────────────
            total        1        3        0        0        4  100.0%
            share    25.0%    75.0%     0.0%     0.0%

            vision tower: 8 triplets, 66.7% of all
            layer    query    value  interm.   output    total   share
            ──────────────────────────────────────────────────────────
                0        1        1        2        0        4   50.0%
                1        0        2        2        0        4   50.0%
            ──────────────────────────────────────────────────────────
            total        1        3        4        0        8  100.0%
            share    12.5%    37.5%    50.0%     0.0%

            all: 12 triplets, text 4 (33.3%), vision 8 (66.7%)

            """
        let text = try RankReport.table(run(), step: nil, style: Style(width: 64))
        #expect(text.hasPrefix("Ranks after step 40, the last recorded\n\n" + expected), "\(text)")
    }

    /// Escapes take no columns: without them a colored table is the plain one.
    @Test func colorsKeepTheColumns() throws {
        let colored = try RankReport.table(run(), step: nil, style: Style(width: 120, color: true))
        let plain = try RankReport.table(run(), step: nil, style: Style(width: 120))
        let escapes = /\u{1B}\[[0-9;]*m/
        #expect(colored.contains("\u{1B}[48;5;"))
        func lines(_ text: String) -> [String] {
            text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
                String(line.reversed().drop { $0 == " " }.reversed())
            }
        }
        #expect(lines(colored.replacing(escapes, with: "")) == lines(plain))
    }

    @Test func historyNamesTheTowers() throws {
        let text = RankReport.history(try run(), style: Style())
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let towers = lines.indices.filter { lines[$0].hasSuffix(" tower") }
        #expect(towers.map { lines[$0] } == ["text tower", "vision tower"])
        #expect(lines[towers[0] + 2].hasPrefix("    0  query    222222222222111111111111"))
        #expect(lines[towers[1] + 2].hasPrefix("    0  query    222222222222111111111111"))
    }

    @Test func csvHasTheTowerLast() throws {
        let rows = try RankReport.csv(run(), step: nil, history: false).split(separator: "\n")
        #expect(rows.count == 17)
        #expect(rows[0] == "step,site,layer,role,outputs,inputs,initial_rank,rank,tower")
        #expect(rows[2] == "40,text.layer.0.value,0,value,8,8,2,1,text")
        #expect(rows[11] == "40,vision.layer.0.intermediate,0,intermediate,32,8,2,2,vision")
    }

    @Test func jsonHasSumsOfTowers() throws {
        let json = try JSONValue.parse(RankReport.json(run(), step: nil, history: false))
        let towers = try #require(json["towers"]?.array)
        #expect(towers.map { $0["tower"]?.string } == ["text", "vision"])
        #expect(towers.map { $0["rank"]?.int } == [4, 8])
        #expect(towers.map { $0["share"]?.double } == [1.0 / 3, 2.0 / 3])
        #expect(towers.map { $0["budget"]?.int } == [4, 8])
        #expect(towers.map { $0["initialBudget"]?.int } == [16, 16])
        #expect(json["layers"]?.array?.map { $0["tower"]?.string } == ["text", "text", "vision", "vision"])
        #expect(json["layers"]?.array?.map { $0["rank"]?.int } == [1, 3, 4, 4])
        #expect(json["roles"]?.array?.count == 8)
        #expect(json["sites"]?.array?.last?["tower"]?.string == "vision")
    }

    @Test func liveViewsFitTheirWindow() throws {
        for (width, height) in [(120, 40), (120, 14), (64, 40), (50, 12)] {
            let lines = LiveReport.picture(try run(), style: Style(width: width), height: height)
            #expect(lines.count <= height && lines.allSatisfy { !$0.contains("\n") })
        }
        let text = LiveReport.picture(try run(), style: Style(width: 120), height: 40).joined(separator: "\n")
        #expect(text.contains("\nall: 12 triplets, text 4 (33.3%), vision 8 (66.7%)"))
    }

    /// Σσ² of the towers is 4 and 12 of 16.
    @Test func singularValuesBringSumsOfTowers() throws {
        let fixture = RunFolderFixture(layers: 1, roles: ["query", "output"], towers: ["text", "vision"])
        fixture.addStart(totalSteps: 20, warmupSteps: 4, finalSteps: 8, initialBudget: 8, finalBudget: 4)
        fixture.addRanks(0, [1, 1, 1, 1])
        fixture.addTriplets(
            20,
            [
                RunFolderFixture.site("1", "2", importance: "1"), RunFolderFixture.site("", ""),
                RunFolderFixture.site("11", "2,2", importance: "1,1"),
                RunFolderFixture.site("1", "2", importance: "1", error: "0.002"),
            ])
        let history = try fixture.tripletHistory()
        let text = try SpectrumReport.table(history, step: nil, style: Style())
        let lines = text.split(separator: "\n").map(String.init)
        #expect(lines.filter { $0.hasSuffix(" tower") } == ["text tower", "vision tower"])
        func line(_ name: String) throws -> [Substring] {
            try #require(lines.first { $0.hasPrefix(name + "  ") }).split(separator: " ")
        }
        #expect(try line("text")[1] == "1" && line("text").contains("25.0%"))
        #expect(try line("vision")[1] == "3" && line("vision").contains("75.0%"))
        #expect(try line("total")[1] == "4" && line("total").contains("100.0%"))
        let csv = try SpectrumReport.csv(history, step: nil).split(separator: "\n")
        #expect(csv[0] == "step,site,layer,role,index,value,energy,cumulative,tower")
        #expect(csv[2] == "20,vision.layer.0.query,0,query,1,2.0,0.5,0.5,vision")
        let json = try JSONValue.parse(SpectrumReport.json(history, step: nil))
        #expect(json["sites"]?.array?.first?["tower"]?.string == "text")
    }

    @Test func placesAreReadFromNames() {
        #expect(
            RankGrid.Place(site: "text.layer.3.query")
                == RankGrid.Place(tower: "text", layer: 3, role: "query"))
        #expect(
            RankGrid.Place(site: "layer.12.attention-output")
                == RankGrid.Place(tower: nil, layer: 12, role: "attention-output"))
        #expect(RankGrid.Place(site: "layer.0.a.b")?.role == "a.b")
        #expect(RankGrid.Place(site: "text.layer.3.query")?.name == "text.layer.3.query")
        for name in ["", "layer", "layer.3", "layer.x.query", "text.layer.3", "a.b.layer.3.query"] {
            #expect(RankGrid.Place(site: name) == nil, "\(name)")
        }
    }
}
