import Foundation
import MarkupReading
import ModelFiles
import ReportPages
import Reports
import RunFolders
import RunRecords
import Testing

/// A page taken apart; an error where its markup is not well-formed.
private struct Taken {
    let names: [String]
    let ids: [String]
    let text: String
    let data: JSONValue

    init(_ html: String) throws {
        let pieces = html.components(separatedBy: "<script")
        // The data and the script of the page itself: no name made another one.
        try #require(pieces.count == 3)
        let json = try #require(pieces[1].components(separatedBy: "</script>").first)
        data = try JSONValue.parse(String(json.drop { $0 != ">" }.dropFirst()))
        // Script and style are no XML.
        var markup = pieces[0] + "</body></html>"
        let style = try #require(markup.range(of: "<style>\n:root"))
        let end = try #require(markup.range(of: "</style>", range: style.upperBound..<markup.endIndex))
        markup.removeSubrange(style.lowerBound..<end.upperBound)
        markup = markup.replacing("<!doctype html>", with: "")
        let parsed = try ParsedMarkup(markup)
        (names, ids, text) = (parsed.names, parsed.ids, parsed.text)
    }
}

@Suite struct PageTests {
    /// The fixture's small run with singular values.
    private func small() -> RunFolderFixture {
        let run = RunFolderFixture.small()
        for step in [8, 16, 24, 40] {
            let ranks = [0, 0, 2, 2, 0, 2, 0, 0, 1, 0, 0, 2]
            run.addTriplets(
                step,
                ranks.map { rank in
                    RunFolderFixture.site(
                        String(repeating: "1", count: rank) + "0",
                        (0..<rank).map { "\(0.5 / Double($0 + 1))" }.joined(separator: ","),
                        importance: (0...rank).map { "1e-\(6 + $0)" }.joined(separator: ","))
                })
        }
        return run
    }

    private func report(_ runs: [RunFolderFixture]) throws -> RunReport {
        for run in runs { try run.write() }
        return try withExtendedLifetime(runs) { try RunReport(runs.map(\.url)) }
    }

    @Test func dataOfThePageAreThoseOfTheFiles() throws {
        let run = small()
        let page = try Taken(report([run]).html())
        #expect(page.data["steps"]?.array?.compactMap(\.int) == [0, 8, 16, 24, 40])
        let positions = try #require(page.data["positions"]?.array).map(\.int)
        let shown = try #require(page.data["maps"]?.array?.first?["ranks"]?.array)
        let record = try run.record()
        for (row, table) in zip(shown, record.rankTables) {
            let ranks = try #require(row.array).map(\.int)
            for (cell, position) in positions.enumerated() {
                let site = try #require(position)
                #expect(ranks[cell] == table.ranks[site])
            }
        }
        let loss = try #require(page.data["tables"]?["loss"]?.string).split(separator: "\n")
        #expect(loss[0] == "step,loss,smoothed,validation_loss,budget,rank")
        #expect(loss.count == 41)
        #expect(loss[1].hasPrefix("1,1.25,1.25,,36,36"))
        #expect(loss[40].hasPrefix("40,1.25,"))
        #expect(loss[40].contains(",0.5,"))
        let values = page.data["triplets"]?["values"]?.array?.last?.array?[2].array?.compactMap(\.double)
        #expect(values == [0.5, 0.25])
    }

    @Test func idsAreDistinct() throws {
        let page = try Taken(report([small()]).html())
        #expect(Set(page.ids).count == page.ids.count)
        for id in ["main", "frame", "play", "site", "wide-ranks", "narrow-ranks", "wide-loss"] {
            #expect(page.ids.contains(id), "\(id)")
        }
    }

    /// Everything a run folder can hold as text, as markup and as an end of the data element.
    @Test func namesFromFilesStayText() throws {
        let hostile = #"</script><script>alert('x\"y')</script><b>&"#
        let json = #"<\/script><script>alert('x\\\"y')<\/script><b>&"#
        let run = RunFolderFixture(layers: 2, roles: ["query", "<i>role"])
        run.addStart(initialBudget: 12, finalBudget: 4)
        run.events[0] = run.events[0].replacing(#""labels":["no","yes"]"#, with: #""labels":["\#(json)"]"#)
            .replacing(
                #""kernel":"SkylakeX"}"#,
                with:
                    #""kernel":"\#(json)","date":"\#(json)","environment":{"\#(json)":"\#(json)"},"hashes":{"model":"\#(json)"}}"#
            )
        run.addRanks(0, [3, 3, 3, 3])
        run.addStep(1)
        run.events.append(#"{"event":"warning","text":"\#(json)"}"#)
        run.events.append(
            #"{"event":"evaluation","step":1,"loss":0.5,"metrics":{"\#(json)":0.75},"isBest":true,"seconds":1}"#
        )
        run.addRanks(2, [1, 1, 1, 1])
        try run.write()
        try Data("model: '\(hostile.replacing("'", with: "''"))'\ntrain: x\noutput: y\nbudget: 4\n".utf8)
            .write(
                to: run.url.appendingPathComponent("config.yaml"))
        let other = RunFolderFixture.small()
        try other.write()
        for folders in [[run.url], [run.url, other.url]] {
            let page = try Taken(RunReport(folders).html())
            #expect(!page.names.contains("script"))
            #expect(!page.names.contains("b"))
            #expect(!page.names.contains("i"))
            #expect(page.text.contains(hostile))
        }
        withExtendedLifetime((run, other)) {}
    }

    /// The base model's answer, that of the evaluation which the run keeps, and the last; whatever they hold stays text.
    @Test func samplesBesideEachOther() throws {
        let run = small()
        func line(_ step: Int, _ prompt: Int, _ text: String, ended: Bool = true) -> String {
            #"{"step":\#(step),"prompt":\#(prompt),"promptText":"What is <i>\#(prompt)</i>?","base":"Base \#(prompt)\nmore","#
                + #""baseTokens":64,"baseEnded":false,"text":"\#(text)","tokens":3,"ended":\#(ended)}"#
        }
        run.samples = [
            line(0, 0, "first"), line(0, 1, "first"), line(40, 0, "<script>alert(1)<\\/script>"),
            line(40, 1, " "),
        ]
        let page = try Taken(report([run]).html())
        #expect(
            page.ids.contains("samples-title") && !page.names.contains("script") && !page.names.contains("i"))
        for text in [
            "What is <i>1</i>?", "Base 1\nmore", "64 tokens, cut", "3 tokens, ended by the model",
            "Tuned, step 40 (best)", "<script>alert(1)</script>", "No text.",
        ] { #expect(page.text.contains(text), "\(text)") }
        #expect(!page.text.contains("first"))
        // The run went on after its best evaluation.
        run.samples += [line(44, 0, "later")]
        let later = try Taken(report([run]).html()).text
        #expect(
            later.contains("Tuned, step 40 (best)") && later.contains("Tuned, step 44")
                && later.contains("later"))
        let none = try Taken(report([small()]).html())
        #expect(!none.ids.contains("samples-title"))
        run.samples = ["{}", line(0, 0, "x")]
        #expect(throws: RecordError.self) { try report([run]) }
    }

    /// What a language model forgets has a figure of its own and columns in the table of evaluations.
    @Test func forgettingHasItsOwnFigure() throws {
        let run = small()
        let at = try #require(run.events.firstIndex { $0.contains(#""event":"evaluation""#) })
        run.events[at] = run.events[at].replacing(
            #""matthews":null"#,
            with: #""forgetting-loss":3.5,"forgetting-base":3,"forgetting-kl":0.25,"forgetting-same":0.875"#)
        let page = try Taken(report([run]).html())
        #expect(page.text.contains("before 87.5 % of the tokens") && page.text.contains("forgetting-kl"))
        let table = try #require(page.data["tables"]?["forgetting"]?.string)
        #expect(table.hasPrefix("step,loss,forgetting-loss,forgetting-base,best"))
        let metrics = try #require(page.data["tables"]?["metrics"]?.string)
        #expect(metrics.hasPrefix("step,loss,accuracy,best"))
    }

    @Test(arguments: ["adalora", "head"]) func emptyRunsSayWhatIsMissing(method: String) throws {
        let run = RunFolderFixture(layers: method == "head" ? 0 : 2)
        run.addStart(method: method, initialBudget: 0, finalBudget: 0)
        let page = try Taken(report([run]).html())
        #expect(page.text.contains("Not recorded") && page.text.contains(": no step is recorded yet."))
        #expect(page.text.contains("no end record"))
        #expect(page.text.contains(method == "head" ? "has no adapters" : "no ranks are recorded yet"))
        #expect(page.data["steps"]?.array?.isEmpty == true)
    }

    @Test func oneStepAndUndefinedLossesAreDrawn() throws {
        let run = RunFolderFixture(layers: 1)
        run.addStart(totalSteps: 1, warmupSteps: 0, finalSteps: 0, initialBudget: 18, finalBudget: 18)
        run.addRanks(0, [3, 3, 3, 3, 3, 3])
        run.addStep(1, phase: "final", loss: "null")
        let page = try Taken(report([run]).html())
        #expect(page.text.contains("not finite: the run diverged"))
        #expect(
            page.data["tables"]?["loss"]?.string
                == "step,loss,smoothed,validation_loss,budget,rank\n1,,,,36,36\n")
        // A slider of one position would move nothing.
        #expect(!page.ids.contains("frame"))
    }

    @Test func severalRunsShareAGridAndNameTheirDifferences() throws {
        let first = small()
        let second = RunFolderFixture(layers: 3, roles: ["query", "value", "output"])
        second.addStart(method: "lora", initialBudget: 18, finalBudget: 18)
        second.addRanks(0, [2, 2, 2, 2, 2, 2, 2, 2, 2])
        for step in 1...10 { second.addStep(step, phase: "fixed") }
        let report = try report([first, second])
        let page = try Taken(report.html())
        let names = [first, second].map { $0.url.lastPathComponent }
        for name in names { #expect(page.text.contains(name)) }
        #expect(page.data["maps"]?.array?.count == 2)
        #expect(page.data["layers"]?.array?.count == 3)
        let table = try report.figure("difference").table()
        #expect(table.columns == ["layer", "role", "run", "difference"])
        // Layer 0: query 2 against 0, value 2 against 2; key is adapted by the first run alone.
        #expect(table.rows[0] == [.number(0), .text("query"), .text(names[1]), .number(2)])
        #expect(table.rows[1] == [.number(0), .text("key"), .text(names[1]), .none])
        #expect(table.rows[2] == [.number(0), .text("value"), .text(names[1]), .number(0)])
    }

    @Test func sameFilesGiveTheSamePage() throws {
        let run = small()
        let report = try report([run])
        #expect(try report.html() == RunReport([run.url]).html())
    }

    /// Accuracy is better the higher, loss the lower; equal runs are equally good.
    @Test func bestValuesAreNamedAndMarked() throws {
        func run(_ accuracy: Double, _ loss: Double, rows: String) -> RunFolderFixture {
            let run = RunFolderFixture(layers: 1)
            run.addStart(totalSteps: 2, warmupSteps: 0, finalSteps: 0, initialBudget: 6, finalBudget: 6)
            run.events[0] = run.events[0].replacing(
                "\"kernel\"", with: #""hashes":{"validation":"\#(rows)"},"kernel""#)
            run.addRanks(0, [1, 1, 1, 1, 1, 1])
            run.addStep(1, phase: "final")
            run.events.append(
                #"{"event":"evaluation","step":1,"loss":\#(loss),"metrics":{"accuracy":\#(accuracy)},"isBest":true,"seconds":1}"#
            )
            return run
        }
        let (worse, better) = (run(0.5, 0.25, rows: "a"), run(0.75, 0.5, rows: "a"))
        let page = try report([worse, better]).html()
        let marked = page.components(separatedBy: "class=\"best\">").dropFirst().map {
            $0.components(separatedBy: "<")[0]
        }
        // The summary's row, then the table of evaluations: loss and accuracy.
        #expect(marked == ["0.7500 (accuracy, step 1) ", "0.2500 ", "0.7500 "])
        #expect(try report([worse, worse]).html().components(separatedBy: "class=\"best\">").count - 1 == 6)
        let markdown = try report([worse, better]).markdown()
        #expect(markdown.contains("| accuracy | 0.5000 | 0.7500 (best) |"))
        #expect(markdown.contains("| loss | 0.2500 (best) | 0.5000 |"))
        let other = try report([worse, run(0.9, 0.1, rows: "b")]).html()
        #expect(!other.contains("class=\"best\""))
        #expect(other.contains("The best values are not marked: the runs were evaluated on different rows."))
        // One run alone says what it is judged by.
        let alone = try Taken(report([better]).html())
        #expect(alone.text.contains("Best accuracy") && alone.text.contains("accuracy, step 1"))
    }

    /// No row of figures with a hole in it.
    @Test func theLastOfAnOddNumberGoesAcross() throws {
        let run = RunFolderFixture(layers: 1)
        run.addStart(method: "lora", initialBudget: 6, finalBudget: 6)
        run.addRanks(0, [1, 1, 1, 1, 1, 1])
        for step in 1...3 { run.addStep(step, phase: "fixed") }
        let html = try report([run]).html()
        for grid in html.components(separatedBy: "<div class=\"figures\">").dropFirst() {
            let part = grid.components(separatedBy: "</section>")[0]
            let figures = part.components(separatedBy: "<figure data-figure=").dropFirst()
            let across = figures.count { $0.prefix { $0 != ">" }.contains("whole") }
            #expect(across == figures.count % 2 && !figures.isEmpty)
        }
    }
}
