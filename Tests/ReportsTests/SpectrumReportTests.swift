import Foundation
import Reports
import RunFolders
import RunRecords
import Testing

struct SpectrumReportTests {
    private typealias Fixture = RunFolderFixture

    /// Two sites: all λ 0, then one triplet masked, then the first site compacted away.
    private func small(ended: Bool = true) throws -> TripletHistory {
        let fixture = Fixture(layers: 1, roles: ["query", "output"])
        fixture.addStart(totalSteps: 20, warmupSteps: 4, finalSteps: 8, initialBudget: 4, finalBudget: 2)
        fixture.addRanks(0, [2, 2])
        fixture.addRanks(20, [0, 2])
        let zeros = Fixture.site("11", "0,0", importance: "0,0", energy: "null")
        fixture.addTriplets(0, [zeros, zeros])
        fixture.addTriplets(
            8,
            [
                Fixture.site("01", "0.5", importance: "1e-9,2e-7", energy: "0.8"),
                Fixture.site("11", "2,1.5", importance: "3e-7,4e-6", error: "0.00012"),
            ])
        fixture.addTriplets(
            20,
            [
                Fixture.site("", "", error: "null", energy: "0"),
                Fixture.site("11", "4,3", importance: "3e-7,null", error: "0.0025"),
            ])
        if ended { fixture.addEnd(20, ranks: [0, 2]) }
        return try fixture.tripletHistory()
    }

    private static var escapes: Regex<Substring> { /\u{1B}\[[0-9;]*m/ }

    @Test func tableOfTheLastAdapter() throws {
        // exp(H(4/7, 3/7)) = 1.98, (16 + 9) / 16 = 1.56. What the first site lost is not recorded: "<".
        let expected = """
            Singular values of ΔW (scale included), last adapter, after step 20

                                 largest   least   eff. stable
            layer  role     rank       σ       σ   rank   rank  90%  share    mask   error
            ──────────────────────────────────────────────────────────────────────────────
                0  query       0       –       –      –      –    –      –    0.0%       –
                   output      2  4.0000  3.0000   1.98   1.56    2 100.0%  100.0%  0.0025
            ──────────────────────────────────────────────────────────────────────────────
            total              2  4.0000  3.0000   1.98   1.56    2 100.0% <100.0%  0.0025

            method      adalora, 20 of 20 steps, completed
            energy      25.000 in all sites, most in layer.0.output 100.0%
            rank 0      1 of 2 modules: layer.0.query

            Energy is Σσ² = ‖ΔW‖². eff. rank: exp of the entropy of σᵢ/Σσ. stable rank:
            Σσ²/σ₁². 90%: how many values hold 90% of the energy. share: of the energy of
            all sites. mask: energy that the last mask left. error: max(‖PᵀP−I‖, ‖QQᵀ−I‖).
            total: all sites as the blocks of one matrix, and the largest error.

            """
        #expect(try SpectrumReport.table(small(), step: nil, style: Style()) == expected)
    }

    @Test func narrowTableInASCII() throws {
        let expected = """
            Singular values of dW (scale included),
            after step 8, the last recorded at or
            before step 10

                                 largest   eff.
            layer  role     rank       s   rank  90%
            ----------------------------------------
                0  query       1  0.5000   1.00    1
                   output      2  2.0000   1.98    2
            ----------------------------------------
            total              3  2.0000   2.65    2

            method      adalora, 20 of 20 steps,
                        completed
            energy      6.5000 in all sites, most in
                        layer.0.output 96.2%,
                        layer.0.query 3.8%
            rank 0      0 of 2 modules
            left out    least s, stable rank, share,
                        mask, error: the terminal is
                        too narrow

            Energy is the sum of s^2. eff. rank: exp
            of the entropy of s/sum(s). stable rank:
            energy/s1^2. 90%: how many values hold
            90% of the energy. share: of the energy
            of all sites. mask: energy that the last
            mask left. error: max(|P'P-I|, |QQ'-I|).
            total: all sites as the blocks of one
            matrix, and the largest error.

            """
        #expect(
            try SpectrumReport.table(small(), step: 10, style: Style(width: 40, unicode: false)) == expected)
    }

    @Test func sitesInDetail() throws {
        let expected = """
            layer.0.output: spectrum of ΔW (scale included), last adapter, after step 20

            matrix      8 x 32, 2 of 2 triplets kept
            energy      25.000, 100.0% of all sites
            ranks       effective 1.98, stable 1.56; 90% of the energy in 2 of 2 values
            mask        the last one left 100.0% of the energy
            error       P and Q are 2.50e-03 from orthonormal

               #         σ   energy  cumulative
               1    4.0000    64.0%       64.0%  ████████████████████████████████
               2    3.0000    36.0%      100.0%  ████████████████████████

            step         0       8      20
            rank         2       2       2
            σ1           0  2.0000  4.0000
            σ2           0  1.5000  3.0000

            triplet  importance
                  1    3.00e-07  kept
                  2           –  kept

            layer.0.query: spectrum of ΔW (scale included), last adapter, after step 20

            matrix      8 x 8, 0 of 0 triplets kept
            mask        the last one left 0.0% of the energy

            step         0       8      20
            rank         2       1       0
            σ1           0  0.5000
            σ2           0

            importance  no triplets are left

            """
        let names = ["layer.0.output", "layer.0.query"]
        #expect(try SpectrumReport.sites(small(), names: names, step: nil, style: Style()) == expected)
    }

    @Test func bestMaskedTriplet() throws {
        let text = try SpectrumReport.sites(
            small(), names: ["layer.0.query"], step: 8, style: Style(unicode: false))
        #expect(text.hasPrefix("layer.0.query: spectrum of dW (scale included), after step 8\n"))
        #expect(text.contains("\n   1    0.5000   100.0%      100.0%  ################################\n"))
        #expect(text.hasSuffix("\n      2    2.00e-07  kept\n      1    1.00e-09  masked\n"))
        #expect(text.contains("\nstep         0       8\nrank         2       1\ns1           0  0.5000\n"))
    }

    @Test func beforeTraining() throws {
        let text = try SpectrumReport.table(small(), step: 0, style: Style())
        #expect(
            text.contains(
                "\n    0  query       2       0       0      –      –    –      –       –  0.0010\n"))
        #expect(
            text.contains(
                "\ntotal              4       0       0      –      –    –      –       –  0.0010\n"))
        #expect(text.contains("\nenergy      0 in all sites\n"))
        let site = try SpectrumReport.sites(small(), names: ["layer.0.query"], step: 0, style: Style())
        #expect(site.contains("\n   2         0        –           –\n"))
        #expect(!site.contains("\nstep "), "one step is no trajectory")
    }

    @Test func runInProgressAndBestStep() throws {
        #expect(
            try SpectrumReport.table(small(ended: false), step: nil, style: Style()).hasPrefix(
                "Singular values of ΔW (scale included), after step 20, the last recorded\n"))
        let fixture = Fixture(layers: 1, roles: ["query"])
        fixture.addStart()
        fixture.addTriplets(1, [Fixture.site("1", "1")])
        fixture.addEnd(1, ranks: [1])
        fixture.events[1] = fixture.events[1].replacing(#""bestStep":null"#, with: #""bestStep":0"#)
        let text = try SpectrumReport.table(fixture.tripletHistory(), step: nil, style: Style())
        #expect(text.contains("\nbest        the best adapter is that of step 0\n"))
    }

    /// LoRA scores no triplets and measures no orthogonality.
    @Test func runOfOneStepWithoutImportance() throws {
        let fixture = Fixture(layers: 1, roles: ["query"])
        fixture.addStart(method: "lora", totalSteps: 1, initialBudget: 1, finalBudget: 1)
        fixture.addTriplets(1, [Fixture.site("1", "0.00002", error: "null")])
        fixture.addEnd(1, ranks: [1])
        let history = try fixture.tripletHistory()
        let table = try SpectrumReport.table(history, step: nil, style: Style())
        #expect(
            table.contains(
                "\n    0  query       1 2.0e-05 2.0e-05   1.00   1.00    1 100.0%  100.0%       –\n"))
        let site = try SpectrumReport.sites(history, names: ["layer.0.query"], step: nil, style: Style())
        #expect(site.contains("ranks       effective 1.00, stable 1.00; 90% of the energy in 1 of 1 value\n"))
        #expect(site.hasSuffix("\n\nimportance  this method scores no triplets\n"))
        #expect(!site.contains("error "))
    }

    @Test func divergedRun() throws {
        let fixture = Fixture(layers: 1, roles: ["query", "key"])
        fixture.addStart()
        let broken = Fixture.site("11", "null,null", importance: "null,null", error: "null", energy: "null")
        fixture.addTriplets(1, [Fixture.site("1", "1"), Fixture.site("1", "1")])
        fixture.addTriplets(2, [broken, Fixture.site("1", "1")])
        let history = try fixture.tripletHistory()
        let table = try SpectrumReport.table(history, step: nil, style: Style(color: true))
        let plain = table.replacing(Self.escapes, with: "")
        #expect(plain.hasPrefix("Singular values of ΔW (scale included), after step 2, the last recorded\n"))
        #expect(
            plain.contains(
                "\n    0  query       2       –       –      –      –    –      –       –       –\n"))
        #expect(plain.contains("\nenergy      not finite: the run diverged\n"))
        let site = try SpectrumReport.sites(history, names: ["layer.0.query"], step: nil, style: Style())
        #expect(site.contains("values      not finite: the run diverged\n"))
        #expect(site.contains("\nσ1      1.0000       –\nσ2                   –\n"))
        #expect(try SpectrumReport.csv(history, step: nil).contains("2,layer.0.query,0,query,1,,,\n"))
        #expect(
            try SpectrumReport.json(history, names: ["layer.0.query"], step: 2).contains(
                #""values":[null,null]"#))
    }

    /// Energy may rise when a triplet that canceled others goes.
    @Test func energyKept() throws {
        let fixture = Fixture(layers: 1, roles: ["query", "key"])
        fixture.addStart()
        fixture.addTriplets(
            1, [Fixture.site("1", "1", energy: "0.5"), Fixture.site("1", "3", energy: "0.9")])
        fixture.addTriplets(2, [Fixture.site("1", "1", energy: "40"), Fixture.site("", "", energy: "null")])
        let history = try fixture.tripletHistory()
        func masks(_ step: Int) throws -> [Substring] {
            try SpectrumReport.table(history, step: step, style: Style()).split(separator: "\n")
                .filter { $0.contains("query ") || $0.contains("key ") || $0.hasPrefix("total ") }
                .compactMap { $0.split(separator: " ").dropLast().last }
        }
        // (1 + 9) / (2 + 10)
        #expect(try Array(masks(1).prefix(3)) == ["50.0%", "90.0%", "83.3%"])
        #expect(try Array(masks(2).prefix(3)) == [">999%", "–", ">999%"])
    }

    /// Thirty-six sites of rank up to 40 and long names.
    private func large() throws -> TripletHistory {
        let fixture = Fixture(layers: 6)
        fixture.addStart(totalSteps: 12_345_678, warmupSteps: 0, finalSteps: 0)
        for step in [0] + (1...40).map({ $0 * 250_000 }) {
            let sites = (0..<36).map { site in
                let rank = step == 0 ? 40 : (site * 7) % 41
                let values = (0..<rank).map { "\(0.003 * Double(step) * exp(-0.9 * Double($0)))" }
                let kept = String(repeating: "1", count: rank) + String(repeating: "0", count: 40 - rank)
                let scores = (0..<40).map { "\(1e-9 * exp(-Double($0)))" }
                return Fixture.site(
                    kept, values.joined(separator: ","), importance: scores.joined(separator: ","),
                    error: "\(1e-5 * Double(site))", energy: rank == 0 ? "null" : "0.995")
            }
            fixture.addTriplets(step, sites)
        }
        return try fixture.tripletHistory()
    }

    @Test(arguments: [40, 52, 64, 80, 132])
    func linesFitTheWidth(width: Int) throws {
        let history = try large()
        for step in [nil, 0, 600_000] {
            for unicode in [true, false] {
                let style = Style(width: width, unicode: unicode)
                let names = ["layer.0.query", "layer.5.attention-output"]
                let text =
                    try SpectrumReport.table(history, step: step, style: style)
                    + SpectrumReport.sites(history, names: names, step: step, style: style)
                #expect(text.split(separator: "\n").allSatisfy { $0.count <= width })
                #expect(unicode || text.utf8.allSatisfy { $0 < 0x80 })
                #expect(width < 80 || !text.contains("left out"))
            }
        }
    }

    @Test func longListsAreCutAndCounted() throws {
        let history = try large()
        let name = "layer.1.intermediate"
        #expect(history.snapshots.last?.sites[try history.position(of: name)].rank == 29)
        let first = try SpectrumReport.sites(history, names: [name], step: 0, style: Style())
        #expect(first.contains("\n  32         0        –           –\n     and 8 smaller ones\n"))
        let last = try SpectrumReport.sites(history, names: [name], step: nil, style: Style())
        #expect(last.contains("\nσ16  ") && !last.contains("\nσ17  "))
        #expect(last.contains("\n      and 24 smaller ones\n"))
        #expect(last.contains("\n        and 13 less important ones kept\n"))
        #expect(last.hasSuffix("  masked, best of 11\n"))
    }

    /// The first and the last snapshot and those between spread over the steps.
    @Test func trajectoryIsSampledEvenly() throws {
        let text = try SpectrumReport.sites(
            large(), names: ["layer.0.key"], step: nil, style: Style(width: 100))
        let steps = try #require(text.split(separator: "\n").first { $0.hasPrefix("step ") })
        #expect(
            steps.split(separator: " ").dropFirst().map(String.init)
                == [
                    "0", "1000000", "2000000", "3250000", "4250000", "5500000", "6500000", "7750000",
                    "8750000", "10000000",
                ])
    }

    @Test func colorOnlyWhenAsked() throws {
        let history = try large()
        for names in [[], ["layer.0.key", "layer.0.query"]] {
            func text(_ style: Style) throws -> String {
                try names.isEmpty
                    ? SpectrumReport.table(history, step: nil, style: style)
                    : SpectrumReport.sites(history, names: names, step: nil, style: style)
            }
            let plain = try text(Style())
            let colored = try text(Style(color: true))
            #expect(!plain.contains("\u{1B}") && colored.contains("\u{1B}[48;5;"))
            #expect(colored.replacing(Self.escapes, with: "") == plain)
            // A style never crosses a line end: pagers would lose it.
            #expect(
                colored.split(separator: "\n").allSatisfy {
                    $0.matches(of: Self.escapes).count.isMultiple(of: 2)
                })
        }
    }

    @Test func notesAreShown() throws {
        let fixture = Fixture(layers: 1, roles: ["query"])
        fixture.addStart()
        fixture.addTriplets(1, [Fixture.site("1", "1")])
        let history = try fixture.tripletHistory(tail: "{")
        let note = "note        triplets.jsonl: the last line (2) is torn and was ignored\n"
        #expect(try SpectrumReport.table(history, step: nil, style: Style()).contains("\n" + note))
        #expect(
            try SpectrumReport.sites(history, names: ["layer.0.query"], step: nil, style: Style()).hasSuffix(
                "\n\n" + note))
        #expect(try SpectrumReport.json(history, step: nil).contains("is torn and was ignored"))
    }

    @Test func csv() throws {
        let expected = """
            step,site,layer,role,index,value,energy,cumulative
            8,layer.0.query,0,query,1,0.5,1.0,1.0
            8,layer.0.output,0,output,1,2.0,0.64,0.64
            8,layer.0.output,0,output,2,1.5,0.36,1.0

            """
        #expect(try SpectrumReport.csv(small(), step: 12) == expected)
        let named = try SpectrumReport.csv(small(), names: ["layer.0.query"], step: 0)
        #expect(
            named == "step,site,layer,role,index,value,energy,cumulative\n"
                + "0,layer.0.query,0,query,1,0.0,,\n0,layer.0.query,0,query,2,0.0,,\n")
    }

    @Test func json() throws {
        let start =
            #"{"method":"adalora","step":20,"requestedStep":null,"lastStep":20,"totalSteps":20,"#
            + #""end":"completed","total":{"rank":2,"largest":4,"smallest":3,"energy":25,"#
            + #""effectiveRank":1.9796263300525183,"stableRank":1.5625,"valuesFor90Percent":2,"#
            + #""keptEnergy":null,"orthogonalityError":0.0025},"sites":["#
        let query =
            #"{"site":"layer.0.query","layer":0,"role":"query","outputs":8,"inputs":8,"rank":0,"largest":null,"#
            + #""smallest":null,"energy":0,"effectiveRank":null,"stableRank":null,"valuesFor90Percent":null,"#
            + #""energyShare":0,"keptEnergy":0,"orthogonalityError":null,"values":[],"kept":[],"importance":[]"#
        let past =
            #","history":[{"step":0,"values":[0,0]},{"step":8,"values":[0.5]},{"step":20,"values":[]}]"#
        let named = try SpectrumReport.json(small(), names: ["layer.0.query"], step: nil)
        #expect(named == start + query + past + #"}],"notes":[]}"# + "\n")
        let all = try SpectrumReport.json(small(), step: nil).replacing(/\n */, with: "")
            .replacing("\": ", with: "\":")
        #expect(all.hasPrefix(start + query + #"},{"site":"layer.0.output","layer":0,"#))
        #expect(all.hasSuffix(#""values":[4,3],"kept":[true,true],"importance":[3e-07,null]}],"notes":[]}"#))
    }

    @Test func unknownSitesAndSteps() throws {
        let history = try small()
        for body in [
            { _ = try SpectrumReport.sites(history, names: ["layer.0.outputs"], step: nil, style: Style()) },
            { _ = try SpectrumReport.csv(history, names: ["layer.0.outputs"], step: nil) },
            { _ = try SpectrumReport.json(history, names: ["layer.0.outputs"], step: nil) },
        ] {
            let error = try #require(throws: RecordError.self) { try body() }
            #expect(
                error.description.hasSuffix(
                    ": the run has no site 'layer.0.outputs'; did you mean layer.0.output?"))
        }
        #expect(throws: RecordError.self) { try SpectrumReport.table(history, step: 21, style: Style()) }
    }

    @Test func namesCannotStyleTheTerminal() throws {
        let fixture = Fixture(layers: 1, roles: [#"que\u001b[31mry\u202e"#])
        fixture.addStart(method: #"lo\u001b[31mra"#)
        fixture.addTriplets(1, [Fixture.site("1", "1")])
        let history = try fixture.tripletHistory()
        let name = history.run.start.sites[0].name
        for text in [
            try SpectrumReport.table(history, step: nil, style: Style()),
            try SpectrumReport.sites(history, names: [name], step: nil, style: Style()),
            try SpectrumReport.csv(history, step: nil), try SpectrumReport.json(history, step: nil),
        ] {
            #expect(text.contains("que[31m"))
            #expect(!text.unicodeScalars.contains("\u{1B}") && !text.unicodeScalars.contains("\u{202E}"))
        }
    }
}
