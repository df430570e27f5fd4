import Foundation
import ModelFiles
import Testing

/// Methods, tasks and file formats beside the adaptive run on JSONL.
@Suite struct InputFormatTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    private func train(_ arguments: [String]) throws {
        let result = try workspace.run(arguments)
        try #require(result.status == 0, "\(result.errors)")
        #expect(workspace.exists("run/adapter/adapter_model.safetensors"))
    }

    @Test func fixedRanksTrain() throws {
        try train(Workspace.training(["--method", "lora", "--average-rank", "2"]))
        #expect(try workspace.events("run", "allocation").isEmpty)
        #expect(try workspace.rankTotals("run").allSatisfy { $0.total == 24 })
        let config = try JSONValue.read(workspace.file("run/adapter/adapter_config.json"))
        #expect(config["peft_type"]?.string == "LORA")
        #expect(config["r"]?.int == 2)
        #expect(try workspace.run(["ranks", "run"]).status == 0)
        #expect(try workspace.run(["evaluate", "run", "--data", "validation.jsonl"]).status == 0)
    }

    @Test func theHeadAloneTrains() throws {
        try train(Workspace.training(["--method", "head"]))
        let start = try #require(try workspace.events("run", "start").first)
        #expect(start["trainableParameters"]?.int == 3 * 32 + 3)
        #expect(start["sites"]?.array?.isEmpty == true)
        #expect(try workspace.run(["predict", "run", "--data", "validation.jsonl"]).status == 0)
        #expect(try workspace.run(["evaluate", "run", "--data", "validation.jsonl"]).status == 0)
    }

    @Test func regressionTrains() throws {
        func scores(_ text: String) -> String {
            var text = text
            for (index, label) in Workspace.labels.enumerated() {
                text = text.replacingOccurrences(of: "\"\(label)\"", with: "\(Double(index) / 2)")
            }
            return text
        }
        for file in ["train.jsonl", "validation.jsonl"] {
            try workspace.write(scores(workspace.text(file)), to: file)
        }
        try train(Workspace.training(["--task", "regression", "--budget", "12"]))
        let result = try workspace.run(["evaluate", "run", "--data", "validation.jsonl", "--json"])
        #expect(result.status == 0, "\(result.errors)")
        let metrics = try #require(try JSONValue.parse(result.output)["metrics"]?.object)
        #expect(metrics.keys.contains("pearson"))
        let lines = try workspace.run(["predict", "run", "--data", "validation.jsonl"]).output.split(
            separator: "\n")
        #expect(lines.count == 30)
        for line in lines { #expect(try JSONValue.parse(String(line))["score"]?.double?.isFinite == true) }
    }

    /// The same rows in another format are the same run.
    @Test(arguments: ["tsv", "csv"])
    func delimitedFilesTrainLikeJSONLines(format: String) throws {
        let separator = format == "tsv" ? "\t" : ","
        for (name, count, places) in [
            ("train", 60, ["film", "book", "song"]), ("validation", 30, ["meal", "show"]),
        ] {
            let rows = Workspace.rows(count, places: places).map { "\($0.text)\(separator)\($0.label)" }
            try workspace.write(
                "text\(separator)label\n" + rows.joined(separator: "\n") + "\n", to: "\(name).\(format)")
        }
        try train(Workspace.training(["--budget", "12"]))
        let other = Workspace.training(
            output: "other", train: "train.\(format)", validation: "validation.\(format)", ["--budget", "12"])
        try #require(try workspace.run(other).status == 0)
        let weights = "adapter-last/adapter_model.safetensors"
        #expect(try workspace.bytes("run/\(weights)") == workspace.bytes("other/\(weights)"))
        let json = try ["validation.jsonl", "validation.\(format)"].map {
            try JSONValue.parse(workspace.run(["evaluate", "run", "--data", $0, "--json"]).output)
        }
        #expect(json[0]["loss"] == json[1]["loss"])
        #expect(json[0]["metrics"] == json[1]["metrics"])
    }

    @Test func textPairsTrain() throws {
        for (name, count) in [("train", 60), ("validation", 30)] {
            let rows = Workspace.rows(count, places: [name]).map {
                "\"the \(name), it is\",\($0.text),\($0.label)\n"
            }
            try workspace.write("text_a,text_b,label\n" + rows.joined(), to: "\(name).csv")
        }
        try train(Workspace.training(train: "train.csv", validation: "validation.csv", ["--budget", "12"]))
        let result = try workspace.run(
            ["predict", "run"], input: "{\"text_a\": \"the film\", \"text_b\": \"was good\"}\n")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.split(separator: "\n").count == 1)
    }

    @Test func namedColumnsAreUsed() throws {
        let rows = try workspace.text("train.jsonl").replacingOccurrences(of: "\"text\"", with: "\"review\"")
            .replacingOccurrences(of: "\"label\"", with: "\"verdict\"")
        try workspace.write(rows, to: "named.jsonl")
        let columns = ["--text-column", "review", "--label-column", "verdict"]
        try train(Workspace.training(train: "named.jsonl", validation: nil, ["--budget", "12"] + columns))
        let result = try workspace.run(["evaluate", "run", "--data", "named.jsonl", "--json"] + columns)
        #expect(result.status == 0, "\(result.errors)")
    }

    @Test func settingsComeFromTheFileAndFlagsOverrideIt() throws {
        try workspace.write(
            """
            model: model
            train: train.jsonl
            output: run
            budget: 12
            max-length: 32
            steps: 5
            targets: [query, value]
            initial-rank: 4

            """, to: "settings.yaml")
        try train(["train", "--config", "settings.yaml", "--steps", "7"])
        let start = try #require(try workspace.events("run", "start").first)
        #expect(start["totalSteps"]?.int == 7)
        #expect(start["sites"]?.array?.count == 4)
        #expect(start["initialBudget"]?.int == 16)
        // The written configuration repeats the run.
        let again = try workspace.run(["train", "--config", "run/config.yaml", "--output", "again"])
        #expect(again.status == 0, "\(again.errors)")
        #expect(try workspace.bytes("run/ranks.csv") == workspace.bytes("again/ranks.csv"))
        let weights = "adapter/adapter_model.safetensors"
        #expect(try workspace.bytes("run/\(weights)") == workspace.bytes("again/\(weights)"))
    }

    @Test func longRowsAreCutWithAWarningDroppedOrRefused() throws {
        let long = "{\"text\": \"\(String(repeating: "film ", count: 50))\", \"label\": \"neutral\"}\n"
        try workspace.write(workspace.text("train.jsonl") + long, to: "long.jsonl")
        func result(_ choice: String) throws -> CommandResult {
            try workspace.run(
                Workspace.training(
                    output: choice, train: "long.jsonl", ["--budget", "12", "--long-rows", choice]))
        }
        let truncated = try result("truncate")
        #expect(truncated.status == 0)
        #expect(truncated.errors.contains("warning: ") && truncated.errors.contains("long.jsonl"))
        let dropped = try result("drop")
        #expect(dropped.status == 0)
        #expect(try workspace.events("drop", "start").first?["trainExamples"]?.int == 60)
        let refused = try result("error")
        #expect(refused.status == 65)
        #expect(refused.errorLines.count == 1)
        #expect(!workspace.exists("error"))
    }
}
