import Foundation
import ModelFiles
import Testing

/// Multi-label and token classification and question answering from training to prediction.
@Suite struct TaskRunTests {
    private static func trained(_ data: TaskData, steps: Int = 150, _ more: [String] = []) throws -> Workspace
    {
        let workspace = try Workspace()
        try data.write(to: workspace)
        let result = try workspace.run(data.training(output: "run", steps: steps, more))
        try #require(result.status == 0 && result.errorLines.isEmpty, "\(result.errors)")
        return workspace
    }

    @Test(arguments: TaskData.all) func learnsAndKeepsItsAnswers(_ data: TaskData) throws {
        let workspace = try Self.trained(data)
        let after = try data.evaluation(workspace, "run")
        let reached = try #require(after["metrics"]?[data.metric]?.double)
        #expect(reached >= data.threshold, "\(after.text())")
        let best = try #require(try workspace.events("run", "evaluation").last { $0["isBest"]?.bool == true })
        #expect(best["metrics"] == after["metrics"] && best["loss"] == after["loss"])
        #expect(after["examples"]?.int == 40)

        // Nothing learned: the threshold says something.
        try workspace.run(
            data.training(output: "raw", steps: 1, ["--method", "head", "--learning-rate", "1e-9"]))
        let before = try data.evaluation(workspace, "raw")
        #expect(try #require(before["metrics"]?[data.metric]?.double) < data.threshold, "\(before.text())")

        let answers = try data.predictions(workspace, "run")
        #expect(answers.count == 40)
        for (name, options) in [
            ("lora", ["--to", "lora"]), ("peft", ["--to", "peft-adalora"]),
            ("merged", ["--to", "merged", "--data", "task-validation.\(data.format)"]),
        ] {
            let result = try workspace.run(["export", "run", "--output", name] + options)
            try #require(result.status == 0, "\(name): \(result.errors)")
            #expect(try data.evaluation(workspace, name)["metrics"] == after["metrics"], "\(name)")
        }
        let adapter = try JSONValue.read(workspace.file("lora/adapter_config.json"))
        #expect(adapter["task_type"]?.string == data.peftTask)
        let config = try JSONValue.read(workspace.file("merged/config.json"))
        #expect(config["architectures"]?.array?.compactMap(\.string) == [data.architecture])
        #expect(config["problem_type"]?.string == data.problemType)

        // What PEFT does not keep: names, and that a classifier is for sets.
        let names = try #require(
            try JSONValue.read(workspace.file("lora/adalora.json"))["labels"]?.array?.compactMap(\.string))
        let back = try workspace.run(
            ["import", "lora", "--model", "model", "--output", "mine", "--max-length", "18"]
                + (names.isEmpty ? [] : ["--labels", names.joined(separator: ",")])
                + (data.problemType == nil ? [] : ["--task", data.task]))
        try #require(back.status == 0, "\(back.errors)")
        let again = try data.predictions(workspace, "mine")
        let answer = ["labels", "answer"]
        // Questions without an answer are nothing that PEFT's files tell of.
        for (old, new) in zip(answers, again) where old["answer"]?.isNull != true {
            for key in answer { #expect(old[key] == new[key]) }
        }
        let cut = try workspace.run(["shrink", "run", "--budget", "20", "--output", "cut"])
        #expect(cut.status == 0, "\(cut.errors)")
        #expect(try data.predictions(workspace, "cut").count == 40)
    }

    /// On any number of threads, resumed from an earlier checkpoint, or with the batch cut in two: the same bytes. Losses
    /// weigh each labelled token of a step alike, whatever batch it came in.
    @Test(arguments: TaskData.all) func theSameBytesHoweverItRan(_ data: TaskData) throws {
        let workspace = try Workspace()
        try data.write(to: workspace)
        let weights = "adapter-last/adapter_model.safetensors"
        var bytes: [Data] = []
        for (name, options) in [
            ("one", ["--threads", "1", "--checkpoint-every", "10"]), ("two", ["--threads", "2"]),
            ("halves", ["--batch-size", "4", "--accumulate", "2"]), ("again", ["--recompute", "layers"]),
        ] {
            let result = try workspace.run(data.training(output: name, steps: 30, options))
            try #require(result.status == 0, "\(result.errors)")
            bytes.append(try workspace.bytes("\(name)/\(weights)"))
        }
        #expect(bytes.allSatisfy { $0 == bytes[0] })
        try FileManager.default.removeItem(at: workspace.file("one/checkpoints/step-30"))
        try FileManager.default.removeItem(at: workspace.file("one/adapter-last"))
        let result = try workspace.run(["train", "--resume", "one"])
        try #require(result.status == 0, "\(result.errors)")
        #expect(try workspace.bytes("one/\(weights)") == bytes[0])
    }

    @Test func labelSetsByTheirThreshold() throws {
        let data = TaskData.multiLabel
        let workspace = try Self.trained(data, steps: 40)
        for line in try data.predictions(workspace, "run", ["--threshold", "0.3"]) {
            let probabilities = try #require(line["probabilities"]?.object).members
            let given = probabilities.filter { $0.value.double ?? 0 >= 0.3 }.map(\.key).sorted()
            #expect((line["labels"]?.array ?? []).compactMap(\.string).sorted() == given)
        }
        // Every label is given at 0: recall is 1 and precision the share of true labels.
        let all = try data.evaluation(workspace, "run", ["--threshold", "0"])
        let classes = try #require(all["classes"]?.object).members
        #expect(classes.map(\.key) == ["down", "flat", "up"])
        for entry in classes {
            #expect(entry.value["recall"]?.double == 1 && entry.value["precision"]?.double == 0.5)
        }
        #expect(all["metrics"]?["micro-f1"]?.double == 2.0 / 3)
        // The same rows as a table.
        let rows = try data.validation.split(separator: "\n").map { line in
            let json = try JSONValue.parse(String(line))
            let labels = (json["labels"]?.array ?? []).compactMap(\.string).joined(separator: ";")
            return "\(json["text"]?.string ?? ""),\(labels)\n"
        }
        try workspace.write("text,labels\n" + rows.joined(), to: "rows.csv")
        let table = try workspace.run(
            ["evaluate", "run", "--data", "rows.csv", "--json", "--label-separator", ";"])
        #expect(
            try JSONValue.parse(table.output)["metrics"] == data.evaluation(workspace, "run")["metrics"])
        #expect(
            try workspace.run(["evaluate", "run", "--data", "rows.csv", "--threshold", "2"]).status == 64)
    }

    @Test func wordsWithLabelsAndSpans() throws {
        let data = TaskData.tokens
        let workspace = try Self.trained(data)
        let input =
            #"{"tokens": ["the", "film", "was", "cabs", "3", "poor"]}"# + "\n"
            + #"{"tokens": ["\#(String(repeating: "a", count: 40))", "film"]}"# + "\n"
            + #"{"tokens": ["film", "\u0001", "book"]}"# + "\n"
        let result = try workspace.run(["predict", "run"], input: input)
        try #require(result.status == 0, "\(result.errors)")
        #expect(result.errors.contains("1 rows are longer than 32 tokens and were cut"))
        let lines = try result.output.split(separator: "\n").map { try JSONValue.parse(String($0)) }
        #expect(
            lines[0]["labels"]?.array?.compactMap(\.string)
                == ["O", "B-THING", "O", "O", "B-NUM", "I-NUM"])
        let spans = try #require(lines[0]["spans"]?.array)
        #expect(spans.map { $0["type"]?.string } == ["THING", "NUM"])
        #expect(spans.map { $0["text"]?.string } == ["film", "3 poor"])
        #expect(spans.map { [$0["start"]?.int, $0["end"]?.int] } == [[1, 2], [4, 6]])
        // A word that did not fit and one without a token have no label.
        #expect(lines[1]["labels"]?.array?.last?.isNull == true)
        #expect(lines[2]["labels"]?.array?.map(\.isNull) == [false, true, false])
        let types = try #require(try data.evaluation(workspace, "run")["classes"]?.object).members
        #expect(types.map(\.key) == ["NUM", "THING"])
        let shown = try workspace.run(["evaluate", "run", "--data", "task-validation.conll"])
        #expect(shown.output.contains("THING") && shown.output.contains("precision"))
    }

    /// Tags that make no spans are counted one by one; what is odd about tags is said.
    @Test func tagsWithoutSpans() throws {
        let workspace = try Workspace()
        try workspace.write(
            #"{"words": ["the", "film", "was"], "tags": ["D", "N", "V"]}"# + "\n", to: "plain.jsonl")
        let training = { (file: String, output: String) in
            try workspace.run(
                Workspace.training(
                    output: output, steps: 20, train: file, validation: file,
                    ["--task", "token-classification", "--budget", "12"]))
        }
        let plain = try training("plain.jsonl", "plain")
        try #require(plain.status == 0, "\(plain.errors)")
        let metrics = try #require(try workspace.events("plain", "evaluation").last?["metrics"]?.object)
        #expect(metrics.members.map(\.key) == ["accuracy"])
        try workspace.write(
            #"{"tokens": ["the", "film", "\u0001"], "labels": ["O", "I-X", "O"]}"# + "\n", to: "odd.jsonl")
        let odd = try training("odd.jsonl", "odd")
        #expect(odd.errors.contains("1 tags say inside or end where no span"), "\(odd.errors)")
        #expect(odd.errors.contains("1 words have no token"), "\(odd.errors)")
        try workspace.write(
            #"{"tokens": ["the", "film"], "labels": ["NN", "B-X"]}"# + "\n", to: "mixed.jsonl")
        let mixed = try training("mixed.jsonl", "mixed")
        #expect(mixed.errors.contains("tags such as 'NN' are no parts of spans"), "\(mixed.errors)")
        try workspace.write(
            #"{"tokens": ["the", "\#(String(repeating: "a", count: 40))", "film"], "labels": ["O", "O", "B-X"]}"#,
            to: "long.jsonl")
        let long = try training("long.jsonl", "long")
        #expect(long.errors.contains("were cut; 1 words are lost"), "\(long.errors)")
    }

    @Test func answersStandInTheirContexts() throws {
        let data = TaskData.questions
        let workspace = try Self.trained(data)
        let contexts = try data.validation.split(separator: "\n").map { try JSONValue.parse(String($0)) }
        var answered = 0
        for (row, line) in zip(contexts, try data.predictions(workspace, "run")) {
            #expect(line["id"] == row["id"])
            guard let answer = line["answer"]?.string, let start = line["start"]?.int,
                let end = line["end"]?.int
            else {
                #expect(line["answer"]?.isNull == true)
                continue
            }
            let scalars = Array(try #require(row["context"]?.string).unicodeScalars)[start..<end]
            #expect(String(String.UnicodeScalarView(scalars)) == answer)
            answered += 1
        }
        #expect(answered > 20 && answered < 40)
        // No answer at all, or one always.
        let none = try data.predictions(workspace, "run", ["--no-answer-threshold", "-1000"])
        #expect(none.allSatisfy { $0["answer"]?.isNull == true })
        let always = try data.predictions(workspace, "run", ["--no-answer-threshold", "1000"])
        #expect(always.allSatisfy { $0["answer"]?.string != nil })
        // A question of which no window holds the answer whole, and one that leaves its context no room.
        let long = String(repeating: "a", count: 30)
        try workspace.write(
            #"{"question": "the", "context": "\#(long)", "answers": {"text": ["\#(long)"], "answer_start": [0]}}"#
                + "\n" + #"{"question": "\#(long)", "context": "the film", "answers": {"text": ["film"], "#
                + #""answer_start": [4]}}"#, to: "long.jsonl")
        let result = try workspace.run(["evaluate", "run", "--data", "long.jsonl"])
        #expect(result.status == 0)
        #expect(result.errors.contains("the answers of 1 of 2 questions are in no window whole"))
        #expect(result.errors.contains("1 questions leave no room for their context"))
    }

    /// The metrics of a comparison are resampled over rows from what each adds to them.
    @Test(arguments: TaskData.all) func comparisonsKnowTheMetrics(_ data: TaskData) throws {
        let workspace = try Workspace()
        try data.write(to: workspace)
        // Other bytes than those of the training file, which may not be the test.
        try workspace.write(data.train + "\n", to: "task-test.\(data.format)")
        let settings = ["task: \(data.task)", "steps: 8"] + (data.options.isEmpty ? ["max-length: 32"] : [])
        let options = stride(from: 0, to: data.options.count, by: 2).map { index in
            "\(data.options[index].dropFirst(2)): \(data.options[index + 1])"
        }
        try workspace.write(
            """
            name: tasks
            model: model
            train: task-train.\(data.format)
            validation: task-validation.\(data.format)
            test: task-test.\(data.format)
            metric: \(data.metric)
            average-ranks: [1]
            seeds: [1, 2]
            search: {learning-rates: [1e-2], seeds: [7]}
            baseline: LoRA
            settings: {\((settings + options).joined(separator: ", "))}
            arms:
              - {name: LoRA, settings: {method: lora}}
              - {name: AdaLoRA, settings: {method: adalora}}
            """, to: "plan.yaml")
        let result = try workspace.run(["compare", "plan.yaml", "--output", "out", "--threads", "1"])
        try #require(result.status == 0, "\(result.errors)")
        #expect(result.errors.contains("80 of the 80 test texts are in task-train.\(data.format) too"))
        let rows = try workspace.text("out/results.jsonl").split(separator: "\n").map {
            try JSONValue.parse(String($0))
        }
        #expect(rows.count == 4)  // a single learning rate needs no search
        #expect(rows.filter { $0["test"]?[data.metric]?.double != nil }.count == 4)
        let predictions = try CompareTests.predictions(workspace)
        #expect(predictions.count == 5)  // four runs and the truth
        for (_, lines) in predictions {
            #expect(lines.count == 81 && lines[0].hasPrefix("shares ") && lines[0].contains(data.metric))
        }
    }
}
