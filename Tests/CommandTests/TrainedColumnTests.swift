import Foundation
import ModelFiles
import Testing

/// An adapter remembers the columns it was trained on.
@Suite struct TrainedColumnTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    private func train(_ arguments: [String]) throws {
        let result = try workspace.run(Workspace.training(steps: 5, ["--budget", "12"] + arguments))
        try #require(result.status == 0, "\(result.errors)")
    }

    private func columns(_ folder: String) throws -> JSONValue? {
        try JSONValue.read(workspace.file("\(folder)/adalora.json"))["columns"]
    }

    private func rename(_ file: String, to name: String, _ columns: [String: String]) throws {
        var rows = try workspace.text(file)
        for (old, new) in columns { rows = rows.replacingOccurrences(of: "\"\(old)\":", with: "\"\(new)\":") }
        try workspace.write(rows, to: name)
    }

    @Test func evaluateAndPredictNeedNoColumns() throws {
        try rename("train.jsonl", to: "named.jsonl", ["text": "review", "label": "verdict"])
        try train(
            ["--train", "named.jsonl", "--validation", "named.jsonl", "--text-column", "review"]
                + ["--label-column", "verdict"])
        let written: JSONValue = .object([
            "text": .array([.string("review")]), "label": .array([.string("verdict")]),
        ])
        #expect(try columns("run/adapter") == written)
        let evaluate = ["evaluate", "run", "--json", "--data"]
        let same = try workspace.run(evaluate + ["named.jsonl"])
        #expect(same.status == 0 && !same.errors.contains("note:"), "\(same.errors)")
        #expect(try workspace.run(["predict", "run", "--data", "named.jsonl"]).errors.isEmpty)

        // Other rows are read by today's guess, and that is told.
        let usual = try workspace.run(evaluate + ["train.jsonl"])
        #expect(
            try usual.status == 0
                && JSONValue.parse(usual.output)["metrics"] == JSONValue.parse(same.output)["metrics"])
        for note in [
            "note: train.jsonl: no text column 'review', on which the model was trained; 'text' is read in its place",
            "note: train.jsonl: no label column 'verdict', on which the model was trained; 'label' is read",
        ] {
            #expect(usual.errors.contains(note), "\(usual.errors)")
        }
        let predicted = try workspace.run(["predict", "run"], input: "{\"text\": \"the film\"}\n")
        #expect(predicted.status == 0 && predicted.errors.contains("no text column 'review'"))
        #expect(!predicted.errors.contains("label column"))
        // Flags come first, here as everywhere.
        let both = "{\"review\": \"good\", \"text\": \"bad\"}\n"
        for (options, text) in [([], "good"), (["--text-column", "text"], "bad")] {
            let result = try workspace.run(["predict", "run"] + options, input: both)
            let alone = try workspace.run(
                ["predict", "run", "--data-format", "text"], input: text)
            #expect(result.output == alone.output && result.errors.isEmpty)
        }
        try rename("train.jsonl", to: "other.jsonl", ["text": "body", "label": "class"])
        for command in [["evaluate"], ["predict"]] {
            let result = try workspace.run(command + ["run", "--data", "other.jsonl"])
            #expect(result.status == 65 && result.errorLines.count == 1)
            #expect(
                result.errors.contains(
                    "other.jsonl:1: no text column 'review', on which the model was trained; the columns are 'body', 'class'"
                ), "\(result.errors)")
        }
        try rename("train.jsonl", to: "other.jsonl", ["text": "review", "label": "class"])
        let label = try workspace.run(evaluate + ["other.jsonl"])
        #expect(label.status == 65 && label.errors.contains("no label column 'verdict'"), "\(label.errors)")

        try foldersKeepThem(written, evaluate)
    }

    private func foldersKeepThem(_ written: JSONValue, _ evaluate: [String]) throws {
        for (name, command) in [
            ("lora", ["export", "run", "--to", "lora"]), ("merged", ["export", "run", "--to", "merged"]),
            ("cut", ["shrink", "run", "--budget", "8"]),
        ] {
            let result = try workspace.run(command + ["--output", name])
            try #require(result.status == 0, "\(result.errors)")
            #expect(try columns(name) == written, "\(name)")
        }
        let again = try workspace.run(["evaluate", "lora", "--data", "named.jsonl"])
        #expect(again.status == 0 && !again.errors.contains("note:"), "\(again.errors)")
        // A folder of an earlier version has no such record.
        let file = workspace.file("lora/adalora.json")
        try FileManager.default.removeItem(at: workspace.file("lora/manifest.json"))
        var description = try #require(try JSONValue.read(file).object)
        description["columns"] = nil
        try Data(JSONValue.object(description).bytes()).write(to: file)
        let older = try workspace.run(["evaluate", "lora", "--data", "named.jsonl"])
        #expect(
            older.status == 65 && older.errors.contains("no text column (such as 'text'"), "\(older.errors)")
        let usual = try workspace.run(["evaluate", "lora", "--data", "train.jsonl"])
        #expect(usual.status == 0 && !usual.errors.contains("note:"), "\(usual.errors)")
        for columns in [JSONValue.string("text"), .object(["text": .array([.string("a"), .string("a")])])] {
            description["columns"] = columns
            try Data(JSONValue.object(description).bytes()).write(to: file)
            let broken = try workspace.run(["evaluate", "lora", "--data", "named.jsonl"])
            #expect(
                broken.status == 65 && broken.errors.contains("adalora.json: columns"), "\(broken.errors)")
        }
    }

    private func writePairs() throws {
        for (name, count) in [("train", 60), ("validation", 30)] {
            let rows = Workspace.rows(count, places: [name]).map {
                "\"the \(name), it is\",\($0.text),\($0.label)\n"
            }
            try workspace.write("claim,evidence,label\n" + rows.joined(), to: "\(name).csv")
        }
    }

    @Test func pairsAndSingleTextsAreNotTakenForEachOther() throws {
        try writePairs()
        try train(
            ["--train", "train.csv", "--validation", "validation.csv", "--text-column", "claim,evidence"])
        let pair = "{\"claim\": \"the film\", \"evidence\": \"was good\"}\n"
        let right = try workspace.run(["predict", "run"], input: pair)
        #expect(right.status == 0 && right.errors.isEmpty, "\(right.errors)")
        let trained = "the model was trained on two texts a row, 'claim' and 'evidence'"
        for (options, input, problem) in [
            ([], "{\"text\": \"the film\"}\n", trained + "; here is one, 'text'; give rows with both"),
            (["--text-column", "claim"], pair, trained + "; here is one, 'claim'"),
            (
                ["--data-format", "text"], "the film\n",
                trained + ", and a line of text is one; give rows as JSONL"
            ),
            (
                [], "{\"claim\": \"the film\"}\n",
                "no text columns 'claim' and 'evidence', on which the model was trained"
            ),
        ] {
            let result = try workspace.run(["predict", "run"] + options, input: input)
            #expect(result.status == 65 && result.output.isEmpty)
            #expect(result.errors.contains(problem), "\(result.errors)")
        }
        try workspace.write("{\"text\": \"the film\", \"label\": \"neutral\"}\n", to: "single.jsonl")
        #expect(try workspace.run(["evaluate", "run", "--data", "single.jsonl"]).errors.contains(trained))
    }

    @Test func aModelOfSingleTextsTakesNoPairs() throws {
        try train([])
        let pair = "{\"sentence1\": \"the film\", \"sentence2\": \"was good\"}\n"
        for options in [[], ["--text-column", "sentence1,sentence2"]] {
            let result = try workspace.run(["predict", "run"] + options, input: pair)
            #expect(result.status == 65)
            #expect(
                result.errors.contains(
                    "the model was trained on one text a row, 'text'; here are two, 'sentence1' and 'sentence2'; name the "
                        + "one column with --text-column"), "\(result.errors)")
        }
        // Without labels nobody asks which column could be one.
        let labels = "{\"text\": \"the film\", \"labels\": 1, \"score\": 2}\n"
        #expect(try workspace.run(["predict", "run"], input: labels).status == 0)
    }

    /// Numbers of columns are remembered where they were given; labels of sets with what stands between them.
    @Test func columnsWithoutNames() throws {
        let tags = TaskData.tokens
        func columned(_ text: String) -> String {
            text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
                let fields = line.split(separator: "\t")
                return fields.count == 2 ? "\(fields[0])\t\(fields[1])\tX" : String(line)
            }.joined(separator: "\n")
        }
        try workspace.write(columned(tags.train), to: "task-train.conll")
        try workspace.write(columned(tags.validation), to: "task-validation.conll")
        let result = try workspace.run(tags.training(output: "tags", steps: 5, ["--label-column", "2"]))
        try #require(result.status == 0, "\(result.errors)")
        #expect(try columns("tags/adapter")?["label"]?.array == [.string("2")])
        #expect(try columns("tags/adapter")?["text"]?.array?.isEmpty == true)
        let evaluated = try workspace.run(["evaluate", "tags", "--data", "task-validation.conll"])
        #expect(evaluated.status == 0, "\(evaluated.errors)")
        let words = try workspace.run(
            ["predict", "tags", "--data-format", "text", "--format", "csv"], input: "the film  was 3\n")
        try #require(words.status == 0, "\(words.errors)")
        #expect(words.output.contains(#""[""the"",""film"",""was"",""3""]""#), "\(words.output)")

        for (name, rows) in [("train", 0..<80), ("validation", 80..<120)] {
            let lines = rows.map { index in
                let labels = ["up", "down", "flat"].enumerated().filter { index >> $0.offset & 1 == 1 }
                return "film \(index),\(labels.map { $0.element + "|x" }.joined(separator: "; "))\n"
            }
            try workspace.write("text,labels\n" + lines.joined(), to: "\(name).csv")
        }
        try train(
            ["--output", "sets", "--task", "multi-label", "--train", "train.csv"]
                + ["--validation", "validation.csv", "--label-separator", ";"])
        #expect(try columns("sets/adapter")?["labelSeparator"]?.string == ";")
        let sets = try workspace.run(["evaluate", "sets", "--data", "validation.csv", "--json"])
        #expect(sets.status == 0, "\(sets.errors)")
        #expect(
            try JSONValue.parse(sets.output)["classes"]?.object?.keys.sorted() == [
                "down|x", "flat|x", "up|x",
            ])
        let table = try workspace.run(
            ["predict", "sets", "--data", "validation.csv", "--format", "csv", "--threshold", "0"])
        #expect(table.output.contains(#""[""down|x"",""flat|x"",""up|x""]""#), "\(table.output.prefix(300))")
    }
}
