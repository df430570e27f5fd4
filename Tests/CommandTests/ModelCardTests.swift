import Foundation
import ModelFiles
import Testing

/// The README.md of exports. Real peft and transformers run its Python in scripts/interop.sh.
@Suite struct ModelCardTests {
    private static let forms = [
        ["--to", "lora"], ["--to", "lora", "--ragged"], ["--to", "peft-adalora"], ["--to", "merged"],
    ]

    private func trained(_ more: [String] = []) throws -> Workspace {
        let workspace = try Workspace()
        let result = try workspace.run(Workspace.training(steps: 20, ["--budget", "12"] + more))
        try #require(result.status == 0, "\(result.errors)")
        return workspace
    }

    /// Exports and returns the card, which never holds a path of this machine.
    @discardableResult
    private func card(
        _ workspace: Workspace, _ name: String, _ more: [String], run: String = "run"
    ) throws -> (text: String, result: CommandResult) {
        let result = try workspace.run(["export", run, "--output", name] + more)
        try #require(result.status == 0, "\(more): \(result.errors)")
        let text = try workspace.text("\(name)/README.md")
        #expect(!text.contains(workspace.url.path), "a private path:\n\(text)")
        return (text, result)
    }

    /// Lines between the marks that front matter stands between.
    private func frontMatter(_ text: String) throws -> [String] {
        let lines = text.components(separatedBy: "\n")
        try #require(lines.first == "---")
        let end = try #require(lines.dropFirst().firstIndex(of: "---"))
        return Array(lines[1..<end])
    }

    private func python(_ text: String) throws -> String {
        let parts = text.components(separatedBy: "```python\n")
        try #require(parts.count == 2, "one program:\n\(text)")
        return try #require(parts[1].components(separatedBy: "\n```").first)
    }

    @Test func everyForm() throws {
        let workspace = try trained()
        for (index, form) in Self.forms.enumerated() {
            let (text, result) = try card(workspace, "export-\(index)", form)
            let front = try frontMatter(text)
            let isMerged = form[1] == "merged"
            #expect(front.contains("library_name: \(isMerged ? "transformers" : "peft")"), "\(front)")
            #expect(front.contains("pipeline_tag: text-classification") && front.contains("- adalora"))
            // The Hub takes no path for a base.
            #expect(!front.contains { $0.hasPrefix("base_model") }, "\(front)")
            #expect(result.output.contains("how to use it: export-\(index)/README.md"))
            #expect(
                text.contains("AdaLoRA: 12 triplets in ") && text.contains("(budget: 12 triplets)"), "\(text)"
            )
            #expect(text.contains("| layer | query | key | value |"), "\(text)")
            #expect(
                text.contains("`negative`, `neutral`, `positive`") && text.contains("text column: `text`"))
            let program = try python(text)
            if isMerged {
                #expect(
                    program.contains("AutoModelForSequenceClassification.from_pretrained(\"./export-3\")"))
                #expect(!program.contains("peft") && program.contains("labels = model.config.id2label"))
            } else {
                #expect(program.contains("from peft import AutoPeftModelForSequenceClassification"))
                #expect(program.contains(#"labels = ["negative", "neutral", "positive"]"#), "\(program)")
                // The base has a classifier of 5 classes of its own.
                #expect(
                    program.contains(
                        "num_labels=len(labels), id2label=dict(enumerate(labels)), ignore_mismatched_sizes=True)"
                    ))
                #expect(program.contains("AutoTokenizer.from_pretrained(\"./model\")"))
            }
        }
    }

    /// The program and its classes; a tag of the Hub's.
    @Test(arguments: TaskData.all) func everyTask(data: TaskData) throws {
        let workspace = try Workspace()
        try data.write(to: workspace)
        try #require(try workspace.run(data.training(output: "run", steps: 20)).status == 0)
        let expected = [
            "multi-label": ("text-classification", "SequenceClassification", "logits.sigmoid()"),
            "token-classification": ("token-classification", "TokenClassification", "batch.word_ids(row)"),
            "question-answering": ("question-answering", "QuestionAnswering", "answer = None"),
        ]
        let (tag, end, line) = try #require(expected[data.task])
        for (index, form) in Self.forms.enumerated() {
            let (text, _) = try card(workspace, "export-\(index)", form)
            #expect(try frontMatter(text).contains("pipeline_tag: \(tag)"))
            let program = try python(text)
            #expect(program.contains(form[1] == "merged" ? "AutoModelFor\(end)" : "AutoPeftModelFor\(end)"))
            #expect(program.contains(line), "\(program)")
            #expect(program.contains("max_length=\(data.options.contains("18") ? 18 : 32)"))
        }
    }

    @Test func scoresAndPairs() throws {
        let workspace = try Workspace()
        let rows = (0..<60).map {
            "{\"one\": \"the film \($0 % 7)\", \"two\": \"was very \($0 % 5)\", \"score\": \($0 % 5)}\n"
        }
        try workspace.write(rows.joined(), to: "pairs.jsonl")
        let options = ["--task", "regression", "--text-column", "one,two", "--budget", "12"]
        let result = try workspace.run(
            Workspace.training(steps: 10, train: "pairs.jsonl", validation: nil, options))
        try #require(result.status == 0, "\(result.errors)")
        let (text, _) = try card(workspace, "lora", ["--to", "lora"])
        let program = try python(text)
        #expect(
            program.contains("\n    \"./lora\", num_labels=1, ignore_mismatched_sizes=True)"), "\(program)")
        #expect(
            program.contains("tokenizer(texts, others, ") && program.contains("print(logits[:, 0].tolist())"))
        #expect(
            text.contains("text columns: `one`, `two`") && text.contains("a score for each pair of texts"))
        // There were no validation rows.
        #expect(!text.contains("## Validation"))
    }

    /// Heads that no class of transformers holds, and what answers as trained.
    @Test(arguments: [
        ("mean", "model.classifier((hidden * mask).sum(1) / mask.sum(1))"),
        ("first", "model.classifier(hidden[:, 0])"),
    ])
    func otherPooling(pooling: String, line: String) throws {
        let workspace = try trained(["--pooling", pooling])
        let (text, result) = try card(workspace, "lora", ["--to", "lora"])
        #expect(
            result.errors.contains("README.md has the lines of Python that answer as trained"),
            "\(result.errors)")
        #expect(text.contains("is wrong. These lines answer as trained"), "\(text)")
        let program = try python(text)
        #expect(program.contains(".get_base_model()") && program.contains(line), "\(program)")
        #expect(!program.contains("model(**batch).logits"))
    }

    /// Labels that look like YAML, Python or Markdown.
    @Test func labelsOfAnyText() throws {
        let workspace = try Workspace()
        let names = ["a \"b\"", "```", "---", "c\\nd", "é: [x]"]
        let rows = (0..<60).map { index -> String in
            let row: JSONObject = [
                "text": .string("the \(index % 5) film"), "label": .string(names[index % 5]),
            ]
            return JSONValue.object(row).text() + "\n"
        }
        try workspace.write(rows.joined(), to: "odd.jsonl")
        let training = Workspace.training(steps: 5, train: "odd.jsonl", validation: nil, ["--budget", "12"])
        try #require(try workspace.run(training).status == 0)
        let (text, _) = try card(workspace, "lora", ["--to", "lora"])
        let line = try #require(try python(text).split(separator: "\n").first { $0.hasPrefix("labels = ") })
        let list = try JSONValue.parse(String(line.dropFirst("labels = ".count)))
        #expect(Set(list.array?.compactMap(\.string) ?? []) == Set(names))
        #expect(text.contains("```` ``` ````"), "\(text)")
    }

    /// Of many labels the program and the list name the file.
    @Test func manyLabels() throws {
        let workspace = try Workspace()
        let rows = (0..<202).map { "{\"text\": \"the film \($0)\", \"label\": \"\($0 % 101)\"}\n" }
        try workspace.write(rows.joined(), to: "many.jsonl")
        let training = Workspace.training(steps: 2, train: "many.jsonl", validation: nil, ["--budget", "12"])
        try #require(try workspace.run(training).status == 0)
        let (text, _) = try card(workspace, "lora", ["--to", "lora"])
        let program = try python(text)
        #expect(program.hasPrefix("import json\n\nimport torch\n"), "\(program)")
        #expect(
            program.contains(#"labels = json.load(open("./lora/adalora.json", encoding="utf-8"))["labels"]"#))
        #expect(text.contains(" and 51 more, all of them in `adalora.json`"), "\(text)")
    }

    /// The command that the card shows is one, and gives the run's answers.
    @Test func itsCommandRuns() throws {
        let workspace = try trained()
        let expected = try workspace.run(["predict", "run", "--data", "test.jsonl"]).output
        for (name, more) in [
            ("lora", ["--to", "lora", "--ragged"]),
            ("named", ["--to", "lora", "--ragged", "--base-name", "org/model"]),
        ] {
            let (text, _) = try card(workspace, name, more)
            let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("$ adalora ") })
            let words = line.dropFirst("$ adalora ".count).replacing("rows.jsonl", with: "test.jsonl")
            let result = try workspace.run(words.split(separator: " ").map(String.init))
            let answers = result.output.split(separator: "\n").map { $0.prefix { $0 != "," } }
            #expect(
                answers == expected.split(separator: "\n").map { $0.prefix { $0 != "," } }, "\(result.errors)"
            )
        }
    }

    @Test func namesOfTheBase() throws {
        let workspace = try trained()
        func names(_ folder: String) throws -> (peft: String?, adalora: String?) {
            (
                try JSONValue.read(workspace.file("\(folder)/adapter_config.json"))[
                    "base_model_name_or_path"]?.string,
                try JSONValue.read(workspace.file("\(folder)/adalora.json"))["baseModel"]?.string
            )
        }
        // That the base was made from another model gives it no name.
        let config = try workspace.text("model/config.json")
        try workspace.write(
            config.replacing("\"model_type\"", with: "\"_name_or_path\": \"org/older\", \"model_type\""),
            to: "model/config.json")
        let usual = try card(workspace, "usual", ["--to", "lora"])
        #expect(try names("usual") == ("./model", workspace.model.path))
        #expect(
            usual.result.output.contains("base model: ./model, a path from here"), "\(usual.result.output)")
        #expect(usual.result.output.contains("name it with --base-name"))

        let named = try card(workspace, "named", ["--to", "lora", "--base-name", "org/model"])
        #expect(try names("named") == ("org/model", "org/model"))
        #expect(try frontMatter(named.text).contains("base_model: org/model"))
        #expect(try frontMatter(named.text).contains("- base_model:adapter:org/model"))
        let lost = try workspace.run(["predict", "named", "--data", "test.jsonl"])
        #expect(
            lost.status == 66
                && lost.errors.contains("'org/model' is no folder here; give the folder with --model"),
            "\(lost.errors)")
        // What was exported keeps its name.
        try card(workspace, "again", ["--to", "lora", "--model", "model"], run: "named")
        #expect(try names("again").peft == "org/model")
        let merged = try card(workspace, "merged", ["--to", "merged", "--base-name", "org/model"])
        #expect(try frontMatter(merged.text).contains("base_model: org/model"))
        #expect(!(try workspace.text("merged/adalora.json").contains(workspace.url.path)))

        for (name, message) in [
            ("", "is no name of a model"), ("a\nb", "is no name of a model"), (" a", "is no name of a model"),
            ("./other", "with other weights than"),
        ] {
            if name == "./other" {
                try FileManager.default.copyItem(at: workspace.model, to: workspace.file("other"))
                try workspace.editTensors(workspace.file("other/model.safetensors")) { info, bytes in
                    var bytes = bytes
                    if info.name.hasSuffix("layer.0.output.dense.weight") { bytes[0] ^= 1 }
                    return TensorToWrite(
                        name: info.name, elementType: info.elementType, shape: info.shape, bytes: bytes)
                }
            }
            let wrong = try workspace.run([
                "export", "run", "--to", "lora", "--output", "x", "--base-name", name,
            ])
            #expect(wrong.status == 64 && wrong.errors.contains(message), "\(name): \(wrong.errors)")
            #expect(!workspace.exists("x"))
        }
    }

    /// A base in the Hub's cache has its name in its path; one outside of the working folder is told as a whole path.
    @Test func basesElsewhere() throws {
        let workspace = try trained()
        let outside = try Workspace()
        let snapshot = outside.file("hub/models--org--name/snapshots/0a1b")
        try FileManager.default.createDirectory(
            at: snapshot.deletingLastPathComponent(), withIntermediateDirectories: true)
        try FileManager.default.copyItem(at: workspace.model, to: snapshot)
        let cached = try card(workspace, "cached", ["--to", "lora", "--model", snapshot.path])
        #expect(cached.result.output.contains("base model: org/name, by its place in the Hub's cache"))
        #expect(try frontMatter(cached.text).contains("base_model: org/name"))

        let whole = try card(workspace, "whole", ["--to", "lora", "--model", outside.model.path])
        #expect(whole.result.output.contains("base model: \(outside.model.path), a path of this machine"))
        #expect(!whole.text.contains(outside.url.path))
        #expect(try python(whole.text).contains("AutoTokenizer.from_pretrained(model.config.name_or_path)"))
    }

    /// Figures are those of the evaluation that the adapter was kept for.
    @Test func figuresOfTheRun() throws {
        let workspace = try trained(["--evaluate-every", "5"])
        let (text, _) = try card(workspace, "lora", ["--to", "lora"])
        let best = try #require(try workspace.events("run", "evaluation").last { $0["isBest"]?.bool == true })
        let step = try #require(best["step"]?.int)
        let accuracy = try #require(best["metrics"]?["accuracy"]?.double)
        #expect(text.contains("At step \(step), on 30 rows:"), "\(text)")
        #expect(text.contains("| accuracy | \(String(format: "%.4f", accuracy)) |"), "\(text)")

        // A copy has no run beside it.
        try FileManager.default.copyItem(at: workspace.file("run/adapter"), to: workspace.file("copy"))
        let copy = try card(workspace, "of-copy", ["--to", "lora"], run: "copy")
        #expect(!copy.text.contains("## Validation") && !copy.text.contains("budget"), "\(copy.text)")

        try workspace.write("{\"event\": \"nonsense\"}\n", to: "run/events.jsonl")
        let damaged = try card(workspace, "damaged", ["--to", "lora"])
        #expect(
            damaged.result.errors.contains("README.md has no figures of the run"), "\(damaged.result.errors)")
        #expect(!damaged.text.contains("## Validation"))
    }

    /// People write into a README, and keep one in a folder that is theirs.
    @Test func isThePersons() throws {
        let workspace = try trained()
        try card(workspace, "lora", ["--to", "lora"])
        let manifest = try JSONValue.read(workspace.file("lora/manifest.json"))
        #expect(manifest["files"]?["README.md"] == nil && manifest["files"]?["adalora.json"] != nil)
        try workspace.write("my own words\n", to: "lora/README.md")
        #expect(try workspace.run(["predict", "lora", "--data", "test.jsonl"]).status == 0)
        let again = try workspace.run(["export", "run", "--to", "lora", "--output", "lora"])
        #expect(again.status == 64 && again.errors.contains("already exists"))
        #expect(try workspace.text("lora/README.md") == "my own words\n")
    }

    /// The golden base has a classifier of 5, which stays where that is enough; another precision than that of training
    /// is asked for by its config.
    @Test func whatTheBaseNeeds() throws {
        let workspace = try Workspace()
        let rows = (0..<60).map { "{\"text\": \"the film \($0)\", \"label\": \"\($0 % 5)\"}\n" }
        try workspace.write(rows.joined(), to: "five.jsonl")
        let training = Workspace.training(steps: 5, train: "five.jsonl", validation: nil, ["--budget", "12"])
        try #require(try workspace.run(training).status == 0)
        let plain = try python(try card(workspace, "plain", ["--to", "lora"]).text)
        #expect(plain.contains("id2label=dict(enumerate(labels)))"), "\(plain)")
        let config = try workspace.text("model/config.json")
        try #require(config.contains("\"float32\""))
        try workspace.write(config.replacing("\"float32\"", with: "\"bfloat16\""), to: "model/config.json")
        let half = try python(try card(workspace, "half", ["--to", "lora"]).text)
        #expect(half.contains("id2label=dict(enumerate(labels)), dtype=\"float32\")"), "\(half)")
    }
}
