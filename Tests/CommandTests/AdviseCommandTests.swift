import Foundation
import ModelFiles
import Testing

/// `adalora advise` and `train --budget auto` on the tiny model.
@Suite struct AdviseCommandTests {
    private func advise(_ workspace: Workspace, _ more: [String], train: String = "rows.jsonl") throws
        -> CommandResult
    {
        try workspace.run(
            ["advise", "--model", "model", "--train", train, "--max-length", "32", "--batch-size", "8"] + more
        )
    }

    private func workspace(rows: Int = 120) throws -> Workspace {
        let workspace = try Workspace()
        try workspace.write(
            Workspace.jsonLines(rows: rows, places: ["film", "book", "song", "meal", "show"]),
            to: "rows.jsonl")
        return workspace
    }

    /// Without what a clock says.
    private func answer(_ output: String) throws -> JSONObject {
        var object = try #require(JSONValue.parse(output).object)
        object["plan"] = nil
        var probe = object["probe"]?.object
        probe?["seconds"] = nil
        object["probe"] = probe.map { .object($0) }
        return object
    }

    @Test func rulesAlone() throws {
        let workspace = try workspace()
        let result = try advise(workspace, ["--rules-only"])
        try #require(result.status == 0, "\(result.errors)")
        #expect(result.output.hasPrefix("By the rules alone: rank 4 on average, a budget of 48."))
        #expect(result.output.contains("rows are few") && result.output.contains("rank 8, as other trainers"))
        #expect(result.output.contains("run.yaml:") && result.output.contains("\nbudget: 48\n"))
        #expect(!result.errors.contains("probe:"))
    }

    /// The answer is that of the seed, whatever the number of threads.
    @Test func aProbeAnswersTheSameOnAnyNumberOfThreads() throws {
        let workspace = try workspace()
        let options = ["--json", "--seed", "5"]
        let one = try advise(workspace, options + ["--threads", "1"])
        try #require(one.status == 0, "\(one.errors)")
        let three = try advise(workspace, options + ["--threads", "3"])
        var (first, second) = (try answer(one.output), try answer(three.output))
        // The settings name the threads that were given.
        (first["settings"], second["settings"]) = (nil, nil)
        #expect(first == second)
        let probe = try #require(first["probe"])
        #expect(probe["rates"]?.array?.count == 5 && probe["cuts"]?.array?.count == 4)
        #expect(try #require(probe["wide"]?.double) < (try #require(probe["alone"]?.double)))
        #expect(probe["judgedBy"]?.string == "loss" && probe["metric"]?["name"]?.string == "accuracy")
        let accuracy = try #require(probe["metric"]?["wide"]?.double)
        #expect((0...1).contains(accuracy) && probe["metric"]?["cuts"]?.array?.count == 4)
        #expect(first["votes"]?.array?.count == 3)
        let range = try #require(first["rankRange"]?.array)
        let rank = try #require(first["rank"]?.double)
        #expect(try #require(range[0].double) <= rank && rank <= (try #require(range[1].double)))
        #expect(one.errors.contains("GFLOP/s"))
    }

    @Test func settingsAndPageAreReady() throws {
        let workspace = try workspace()
        let result = try advise(
            workspace,
            [
                "--validation", "validation.jsonl", "--output", "run.yaml", "--html", "advice.html",
                "--threads", "1",
            ])
        try #require(result.status == 0, "\(result.errors)")
        for text in ["Why:", "sureness", "budget", "learning rate", "memory", "time", "The probe took"] {
            #expect(result.output.contains(text), "\(text)")
        }
        #expect(!result.output.contains("run.yaml:"))
        let page = try workspace.text("advice.html")
        for figure in ["quality", "kept", "rates", "spectra", "roles", "gradients"] {
            #expect(page.contains("data-figure=\"\(figure)\""), "\(figure)")
        }
        let trained = try workspace.run(["train", "--config", "run.yaml", "--output", "run", "--steps", "4"])
        #expect(trained.status == 0, "\(trained.errors)")
    }

    /// The program alone takes more than a megabyte, whatever is recomputed.
    @Test func memoryThatDoesNotSuffice() throws {
        let workspace = try workspace()
        let given = ["--seed", "5", "--memory", "1M", "--output", "run.yaml"]
        let result = try advise(workspace, given)
        try #require(result.status == 0, "\(result.errors)")
        #expect(Self.unwrapped(result).contains("with --recompute all: try a smaller --batch-size"))
        #expect(try workspace.text("run.yaml").contains("\nrecompute: all\n"))
        let more = try advise(workspace, given + ["--recompute", "all"])
        #expect(Self.unwrapped(more).contains("with --frozen-cache off: try a smaller --batch-size"))
    }

    private static func unwrapped(_ result: CommandResult) -> String {
        result.output.split { $0.isWhitespace }.joined(separator: " ")
    }

    @Test func dataThatCannotTell() throws {
        let workspace = try workspace(rows: 30)
        let tiny = try advise(workspace, [])
        try #require(tiny.status == 0, "\(tiny.errors)")
        #expect(tiny.output.hasPrefix("These data cannot tell which rank they need."))
        #expect(tiny.output.contains("training rows are too few") && !tiny.errors.contains("probe:"))
        let text = Workspace.jsonLines(rows: 120, places: ["film", "book", "song", "meal", "show"])
        try workspace.write(
            text.replacing("\"neutral\"", with: "\"positive\"").replacing(
                "\"negative\"", with: "\"positive\"")
                + "{\"text\": \"the film was bad\", \"label\": \"negative\"}\n"
                + "{\"text\": \"the song was bad\", \"label\": \"negative\"}\n",
            to: "lopsided.jsonl")
        let lopsided = try advise(workspace, [], train: "lopsided.jsonl")
        try #require(lopsided.status == 0, "\(lopsided.errors)")
        #expect(lopsided.output.contains("of the labels are of one class"), "\(lopsided.output)")
        let scores = (0..<120).map { "{\"text\": \"the film was good \($0)\", \"label\": 2.5}\n" }.joined()
        try workspace.write(scores, to: "constant.jsonl")
        let constant = try advise(workspace, ["--task", "regression"], train: "constant.jsonl")
        #expect(constant.output.contains("All scores are 2.5") || constant.status == 65, "\(constant.errors)")
    }

    @Test func wrongOptionsAreTold() throws {
        let workspace = try workspace()
        let cases: [(options: [String], text: String)] = [
            (["--memory", "much"], "--memory much: write it like 4GB or 800M"),
            (["--time", "soon"], "--time soon: write it like 30m, 2h or 90s"),
            (["--method", "head"], "--method head has no budget to advise on"),
            (["--from-adapter", "run"], "advice is for adapters that start anew"),
        ]
        for (options, text) in cases {
            let result = try advise(workspace, options)
            #expect(result.status == 64, "\(options)")
            #expect(result.errors.contains(text), "\(result.errors)")
        }
        let plan = try workspace.run([
            "plan", "--model", "model", "--train", "rows.jsonl", "--budget", "auto",
        ])
        #expect(
            plan.status == 64 && plan.errors.contains("--budget auto: only adalora train and adalora advise"))
    }

    @Test func trainAsksFirstAndRemembers() throws {
        let workspace = try workspace()
        let arguments = Workspace.training(train: "rows.jsonl", ["--budget", "auto", "--threads", "1"])
        let result = try workspace.run(arguments)
        try #require(result.status == 0, "\(result.errors)")
        #expect(result.errors.contains("Why:"))
        let config = try workspace.text("run/config.yaml")
        #expect(config.contains(try Regex("\nbudget: [0-9]+\n")))
        let advice = try JSONValue.parse(workspace.text("run/advice.json"))
        let start = try #require(workspace.events("run", "start").first)
        let facts = try #require(start["environment"])
        #expect(facts.text().contains(try #require(advice["headline"]?.string)))
        // The folder is refused before anything is probed.
        let again = try workspace.run(arguments)
        #expect(again.status == 64 && !again.errors.contains("probe:"))
        let resumed = try workspace.run(["train", "--resume", "run"])
        #expect(!resumed.errors.contains("probe:"))
    }
}
