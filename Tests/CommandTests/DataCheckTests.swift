import Foundation
import ModelFiles
import Testing

/// `adalora data check` on small files.
@Suite struct DataCheckTests {
    private func check(_ workspace: Workspace, _ more: [String]) throws -> (status: Int32, report: JSONValue)
    {
        let result = try workspace.run(["data", "check", "--json"] + more)
        return (result.status, try JSONValue.parse(result.output))
    }

    private func kinds(_ report: JSONValue, _ severity: String) -> [String] {
        (report["findings"]?.array ?? []).filter { $0["severity"]?.string == severity }.compactMap {
            $0["kind"]?.string
        }
    }

    @Test func cleanFilesInOrder() throws {
        let workspace = try Workspace()
        // The workspace's own files have rows that repeat others.
        for (name, places) in [
            ("validation", ["meal", "show", "stall"]), ("test", ["cake", "park", "game"]),
        ] {
            try workspace.write(Workspace.jsonLines(rows: 27, places: places), to: "\(name).jsonl")
        }
        let files = ["train.jsonl", "validation.jsonl", "test.jsonl"]
        let (status, report) = try check(
            workspace, files + ["--model", "model", "--max-length", "32", "--strict"])
        #expect(status == 0 && report["fit"]?.bool == true, "\(report.text())")
        #expect(report["labels"]?.array?.compactMap(\.string) == Workspace.labels)
        let described = try #require(report["files"]?.array)
        #expect(described.compactMap { $0["role"]?.string } == ["train", "validation", "test"])
        #expect(described.compactMap { $0["rows"]?.int } == [60, 27, 27])
        #expect(described[0]["labels"]?["positive"]?.int == 20)
        #expect(described[0]["columns"]?["text"]?.array?.compactMap(\.string) == ["text"])
        // "the film was very good 0" is 6 tokens of the vocabulary and 2 special ones.
        #expect(described[0]["tokens"]?["median"]?.int == 8 && described[0]["tokens"]?["tooLong"]?.int == 0)
        let text = try workspace.run(["data", "check"] + files)
        #expect(text.status == 0 && text.errors.isEmpty)
        #expect(text.output.contains("nothing to warn of") && text.output.contains("train.jsonl"))
        #expect(!text.output.contains("median"))
    }

    /// What training warns of, the check warns of in the same words.
    @Test func warningsAreThoseOfTraining() throws {
        let workspace = try Workspace()
        try workspace.write(
            try workspace.text("train.jsonl") + #"{"text": "the film was very good 0", "label": "negative"}"#
                + "\n",
            to: "train.jsonl")
        try workspace.write(
            #"{"text": "the film was very good 0", "label": "positive"}"# + "\n"
                + #"{"text": "  ", "label": "negative"}"# + "\n", to: "validation.jsonl")
        let files = ["train.jsonl", "validation.jsonl", "--model", "model", "--max-length", "7"]
        let (status, report) = try check(workspace, files)
        #expect(status == 0)
        #expect(
            Set(kinds(report, "warning")) == ["note", "conflicting-labels", "overlap", "unmeasured-labels"])
        #expect(try check(workspace, files + ["--strict"]).status == 65)
        let trained = try workspace.run(
            Workspace.training(steps: 1, ["--budget", "12", "--max-length", "7"]))
        #expect(trained.status == 0, "\(trained.errors)")
        for finding in report["findings"]?.array ?? [] {
            let text = try #require(finding["text"]?.string)
            #expect(trained.errors.contains("warning: \(text)"), "\(text) in: \(trained.errors)")
        }
    }

    @Test func everythingThatIsWrongAtOnce() throws {
        let workspace = try Workspace()
        try workspace.write(
            try workspace.text("train.jsonl") + "broken\n" + #"{"text": "no label"}"# + "\n",
            to: "train.jsonl")
        try workspace.write(#"{"text": "a meal", "label": "unheard"}"# + "\n", to: "validation.jsonl")
        try workspace.write(#"{"text": " ", "label": "negative"}"# + "\n", to: "test.jsonl")
        let files = ["--train", "train.jsonl", "--validation", "validation.jsonl", "--test", "test.jsonl"]
        let (status, report) = try check(workspace, files)
        #expect(status == 65 && report["errors"]?.int == 3)
        #expect(Set(kinds(report, "error")) == ["rejected-rows", "unknown-labels", "unusable"])
        let rejected = report["files"]?.array?.first?["rejected"]?.array ?? []
        #expect(rejected.compactMap { $0["line"]?.int } == [61, 62])
        let text = try workspace.run(["data", "check"] + files)
        #expect(text.status == 65 && text.errorLines == ["error: 3 errors in the data; see above"])
        #expect(text.output.contains("train.jsonl:61: broken JSON") && text.output.contains("3 errors"))
    }

    @Test(arguments: TaskData.all) func everyTask(data: TaskData) throws {
        let workspace = try Workspace()
        try data.write(to: workspace)
        let files = ["task-train.\(data.format)", "task-validation.\(data.format)"]
        let (status, report) = try check(
            workspace, files + ["--task", data.task, "--model", "model", "--max-length", "32"])
        #expect(status == 0, "\(report.text())")
        let described = try #require(report["files"]?.array)
        #expect(described.compactMap { $0["rows"]?.int } == [80, 40])
        let labels = try #require(described[0]["labels"]?.object)
        switch data.task {
        case "multi-label": #expect(Set(labels.keys) == ["up", "down", "flat"])
        case "token-classification": #expect(Set(labels.keys) == ["O", "B-THING", "B-NUM", "I-NUM"])
        default: #expect(labels["answered"]?.int == 60 && labels["unanswered"]?.int == 20)
        }
    }

    @Test func scores() throws {
        let workspace = try Workspace()
        try workspace.write("text,score\na,1\nb,x\nc,3\n", to: "bad.csv")
        try workspace.write("text,score\na,2\nb,2\n", to: "constant.csv")
        let (status, report) = try check(workspace, ["bad.csv", "--task", "regression"])
        #expect(status == 65 && report["files"]?.array?.first?["labels"]?["mean"]?.double == 2)
        let constant = try check(workspace, ["constant.csv", "--task", "regression"])
        #expect(constant.status == 0 && kinds(constant.report, "warning") == ["constant-scores"])
    }

    @Test func wrongUse() throws {
        let workspace = try Workspace()
        for arguments in [
            [], ["a", "b", "c", "d"], ["train.jsonl", "--validation", "validation.jsonl"],
            ["train.jsonl", "--task", "poetry"],
        ] {
            #expect(try workspace.run(["data", "check"] + arguments).status == 64, "\(arguments)")
        }
        #expect(try workspace.run(["data", "check", "nowhere.jsonl"]).status == 66)
        #expect(try workspace.run(["data", "check", "train.jsonl", "--model", "nowhere"]).status == 66)
    }
}

/// `adalora plan` on the tiny model.
@Suite struct PlanCommandTests {
    private func plan(_ workspace: Workspace, _ more: [String]) throws -> JSONValue {
        let options = Array(Workspace.training(more).drop { $0 != "--model" }).filter {
            $0 != "run" && $0 != "--output"
        }
        let result = try workspace.run(["plan", "--json"] + options)
        guard result.status == 0 else { throw CommandFailure(description: result.errors) }
        return try JSONValue.parse(result.output)
    }

    /// Each of the 2 layers has six matrices; a triplet of [32, 32] counts 65, of [64, 32] 97.
    @Test func countsParametersAsTheRunDoes() throws {
        let workspace = try Workspace()
        let options = ["--budget", "12", "--threads", "1"]
        let plan = try plan(workspace, options)
        try #require(try workspace.run(Workspace.training(options)).status == 0)
        let start = try #require(try workspace.events("run", "start").first)
        #expect(plan["parameters"]?["trainable"]?.int == start["trainableParameters"]?.int)
        #expect(plan["parameters"]?["frozen"]?.int == start["frozenParameters"]?.int)
        #expect(plan["parameters"]?["roles"]?["query"]?["parameters"]?.int == 2 * 8 * 65)
        #expect(plan["totalSteps"]?.int == 30 && plan["stepsPerEpoch"]?.int == 8)
        #expect(plan["evaluations"]?.int == (try workspace.events("run", "evaluation").count))
        #expect((plan["time"]?["trainingSeconds"]?.double ?? 0) > 0)
        // The program itself is nearly all of it; what it takes beside that is in the tests of the estimate.
        let peak = try #require(try workspace.events("run", "end").last?["peakMemoryBytes"]?.double)
        let bytes = try #require(plan["memory"]?["bytes"]?.double)
        #expect(abs(bytes / peak - 1) < 0.25, "\(bytes) \(peak)")
        let parts = (plan["memory"]?["parts"]?.array ?? []).compactMap { $0["bytes"]?.double }
        #expect(abs(parts.reduce(0, +) - bytes) < 1)
    }

    @Test func methodsAndTexts() throws {
        let workspace = try Workspace()
        let full = try plan(workspace, ["--method", "full"])
        #expect(
            full["parameters"]?["frozen"]?.int == 0 && full["parameters"]?["roles"]?.object?.isEmpty == true)
        let text = try workspace.run([
            "plan", "--model", "model", "--train", "train.jsonl", "--budget", "12", "--max-length", "32",
        ])
        #expect(text.status == 0, "\(text.errors)")
        for word in ["frozen", "attention-output", "memory at the peak", "available", "time         about"] {
            #expect(text.output.contains(word), "\(word) in: \(text.output)")
        }
        #expect(
            try workspace.run([
                "plan", "--model", "model", "--train", "nowhere.jsonl", "--budget", "12", "--max-length",
                "32",
            ])
            .status == 66)
        #expect(!workspace.exists("none"))
    }
}
