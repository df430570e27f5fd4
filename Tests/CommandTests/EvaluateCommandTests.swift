import Foundation
import ModelFiles
import Testing

/// What `evaluate` says beside its metrics, what a run keeps of it, and what a run says at its end.
@Suite(.serialized) struct EvaluateCommandTests {
    private static func trained(_ more: [String] = []) throws -> (workspace: Workspace, errors: String) {
        let workspace = try Workspace()
        let result = try workspace.run(Workspace.training(steps: 12, ["--budget", "12"] + more))
        try #require(result.status == 0, "\(result.errors)")
        return (workspace, result.errors)
    }

    @Test func confusionsAndWrongRows() throws {
        let (workspace, _) = try Self.trained()
        let table = try workspace.run(
            ["evaluate", "run", "--data", "test.jsonl", "--wrong-rows", "new/wrong.jsonl"])
        try #require(table.status == 0, "\(table.errors)")
        #expect(table.output.contains("true ↓ answered →") && table.output.contains("ece"))
        let json = try JSONValue.parse(
            workspace.run(["evaluate", "run", "--data", "test.jsonl", "--json"]).output)
        let cells = try #require(json["confusion"]?.array)
        func sum(_ chosen: (JSONValue) -> Bool) -> Int {
            cells.filter(chosen).reduce(0) { $0 + ($1["count"]?.int ?? 0) }
        }
        #expect(sum { _ in true } == 24)
        let right = sum { $0["truth"] == $0["answer"] }
        #expect(json["metrics"]?["accuracy"]?.double == Double(right) / 24)
        for label in Workspace.labels {
            #expect(json["classes"]?[label]?["support"]?.int == sum { $0["truth"]?.string == label })
        }
        let error = try #require(json["metrics"]?["ece"]?.double)
        #expect(error >= 0 && error <= 1)

        let wrong = try workspace.text("new/wrong.jsonl").split(separator: "\n").map {
            try JSONValue.parse(String($0))
        }
        #expect(wrong.count == 24 - right)
        #expect(table.errors.contains("new/wrong.jsonl: \(24 - right) wrong rows of 24"))
        let rows = try workspace.text("test.jsonl").split(separator: "\n").map {
            try JSONValue.parse(String($0))
        }
        let answers = try workspace.run(["predict", "run", "--data", "test.jsonl"]).output.split(
            separator: "\n"
        )
        .map { try JSONValue.parse(String($0)) }
        let lines = wrong.compactMap { $0["line"]?.int }
        #expect(lines == rows.indices.filter { rows[$0]["label"] != answers[$0]["label"] }.map { $0 + 1 })
        for (row, line) in zip(wrong, lines) {
            #expect(row["text"] == rows[line - 1]["text"] && row["truth"] == rows[line - 1]["label"])
            #expect(row["answer"] == answers[line - 1]["label"])
            #expect(row["probabilities"] == answers[line - 1]["probabilities"])
        }
    }

    @Test func whatHasNoWrongRowsIsRefused() throws {
        let (workspace, _) = try Self.trained()
        let own = try workspace.run([
            "evaluate", "run", "--data", "test.jsonl", "--wrong-rows", "./test.jsonl",
        ])
        #expect(own.status == 64 && own.errors.contains("is the file of --data; give another name"))
        try workspace.write(
            (0..<12).map { "{\"text\": \"the film \($0)\", \"label\": \($0 % 5)}\n" }.joined(),
            to: "scores.jsonl")
        let scored = try workspace.run(
            Workspace.training(
                output: "scored", steps: 3, train: "scores.jsonl", validation: "scores.jsonl",
                ["--budget", "12", "--task", "regression"]))
        try #require(scored.status == 0, "\(scored.errors)")
        #expect(scored.errors.contains("mae ") && scored.errors.contains("rmse "))
        #expect(!workspace.exists("scored/classes.json"))
        let refused = try workspace.run(
            ["evaluate", "scored", "--data", "scores.jsonl", "--wrong-rows", "wrong.jsonl"])
        #expect(refused.status == 64 && refused.errors.contains("task regression tells no wrong rows"))
        let metrics = try #require(
            try JSONValue.parse(
                workspace.run(["evaluate", "scored", "--data", "scores.jsonl", "--json"]).output)["metrics"]?
                .object)
        #expect(metrics.keys == ["pearson", "spearman", "mae", "rmse"])
    }

    /// The record of the best evaluation says what `evaluate` says of the same rows, and the report shows it.
    @Test func theRunKeepsItsClasses() throws {
        let (workspace, _) = try Self.trained(["--evaluate-every", "4"])
        let record = try JSONValue.parse(workspace.text("run/classes.json"))
        let best = try #require(record["evaluations"]?.array?.first { $0["isBest"]?.bool == true })
        let event = try #require(
            try workspace.events("run", "evaluation").last { $0["isBest"]?.bool == true })
        #expect(best["step"] == event["step"])
        let json = try JSONValue.parse(
            workspace.run(["evaluate", "run", "--validation-rows", "--json"]).output)
        let names = try #require(best["classes"]?.array?.compactMap { $0["name"]?.string })
        #expect(names == Workspace.labels)
        let cells = try #require(best["confusion"]?.array).compactMap { $0.array?.compactMap(\.int) }
        let told = try #require(json["confusion"]?.array).map { cell in
            [cell["truth"], cell["answer"]].map { names.firstIndex(of: $0?.string ?? "") ?? -1 }
                + [cell["count"]?.int ?? 0]
        }
        #expect(cells == told)

        try #require(workspace.run(["report", "run"]).status == 0)
        let page = try workspace.text("run/report.html")
        #expect(page.contains("Confusion matrix") && page.contains("id=\"classes-title\""))
        let csv = try workspace.run(["report", "run", "--format", "csv", "--figure", "confusion"]).output
        #expect(csv.split(separator: "\n").count == cells.count + 1)
        let markdown = try workspace.run(["report", "run", "--format", "markdown"]).output
        #expect(markdown.contains("Classes in run after step") && markdown.contains("| negative |"))

        try workspace.write("{}", to: "run/classes.json")
        let damaged = try workspace.run(["report", "run"])
        #expect(damaged.status == 65 && damaged.errors.contains("classes.json: key 'format' is not 1"))
    }

    @Test func theEndSaysHowGoodAndWhatNext() throws {
        let (workspace, errors) = try Self.trained(["--output", "my runs/first"])
        let event = try #require(
            try workspace.events("my runs/first", "evaluation").last { $0["isBest"]?.bool == true })
        let accuracy = try #require(event["metrics"]?["accuracy"]?.double)
        let step = try #require(event["step"]?.int)
        let ending = errors.split(separator: "\n").suffix(5).map(String.init)
        #expect(
            ending[0].hasPrefix(
                "best: accuracy \(String(format: "%.4f", accuracy)) on 30 validation rows at step \(step), validation loss "
            ))
        #expect(
            ending.dropFirst() == [
                "kept: my runs/first/adapter", "next: adalora evaluate 'my runs/first' --validation-rows",
                "      adalora report 'my runs/first'",
                "      adalora export 'my runs/first' --to lora --output 'my runs/first-lora'",
            ])
        // They are commands.
        for command in ending.suffix(3) {
            let words = command.replacing("next: ", with: "").drop { $0 == " " }.dropFirst("adalora".count)
            let result = try workspace.shell("\"$0\"\(words)", [])
            #expect(result.status == 0, "\(command): \(result.errors)")
        }
        // The mean of so few steps is each step's own loss.
        #expect(errors.contains("  loss ") && !errors.contains("(mean of"))
        let longer = try Self.trained(["--steps", "60"]).errors
        #expect(longer.contains(" (mean of 3 steps)") && longer.contains("step 60/60  loss "))
    }

    @Test(arguments: [("dora", "--to merged"), ("head", nil), ("full", nil)] as [(String, String?)])
    func onlyCommandsThatApply(_ method: String, _ export: String?) throws {
        let more = method == "dora" ? ["--average-rank", "1"] : []
        let workspace = try Workspace()
        let result = try workspace.run(Workspace.training(steps: 3, ["--method", method] + more))
        try #require(result.status == 0, "\(result.errors)")
        #expect(result.errors.contains("next: adalora evaluate run --validation-rows"))
        let line = result.errors.split(separator: "\n").first { $0.contains("adalora export") }
        #expect(line.map { $0.contains(export ?? "nothing") } ?? (export == nil), "\(result.errors)")
        #expect(try workspace.run(["evaluate", "run", "--validation-rows"]).status == 0)
    }
}
