import Foundation
import ModelFiles
import Testing

/// Failures that pass for success elsewhere: here each is an error or a counted warning. `docs/silent-failures.md` lists
/// them all with their tests, of which many are beside what they test.
@Suite struct SilentFailureTests {
    private func trained(_ workspace: Workspace, _ arguments: [String]) throws -> CommandResult {
        let result = try workspace.run(arguments)
        try #require(result.status == 0, "\(result.errors)")
        return result
    }

    /// Four batches of 4 and one of 16: one mean over 16 examples.
    @Test func accumulatedStepsEqualTheLargeBatch() throws {
        let workspace = try Workspace()
        for (output, batch) in [
            ("one", ["--batch-size", "16"]), ("four", ["--batch-size", "4", "--accumulate", "4"]),
        ] {
            let options = ["--budget", "12", "--adapter-dropout", "0.1"] + batch
            _ = try trained(workspace, Workspace.training(output: output, steps: 10, options))
        }
        let losses = try ["one", "four"].map {
            try workspace.events($0, "step").compactMap { $0["loss"]?.double }
        }
        #expect(losses[0] == losses[1] && losses[0].count == 10)
        let weights = "adapter-last/adapter_model.safetensors"
        #expect(try workspace.bytes("one/\(weights)") == workspace.bytes("four/\(weights)"))
    }

    /// A row of which no label is left to learn from.
    @Test func aRowWithoutALabelledTokenIsAnError() throws {
        let workspace = try Workspace()
        try workspace.write("the O\nfilm B-X\n\n\u{1} B-X\n", to: "train.conll")
        let result = try workspace.run(
            Workspace.training(
                train: "train.conll", validation: nil, ["--budget", "12", "--task", "token-classification"]))
        #expect(result.status == 65 && result.errorLines.count == 1)
        #expect(result.errors.contains("train.conll:4: no word of the row has a token"), "\(result.errors)")
    }

    /// Answers that no window holds count as none: said, with their number.
    @Test func answersOutsideAllWindowsAreCounted() throws {
        let workspace = try Workspace()
        let answer = "film was very good the book was"
        let row =
            #"{"question": "was", "context": "the \#(answer) bad", "answers": {"text": ["\#(answer)"], "answer_start": [4]}}"#
        try workspace.write(
            row + "\n" + row.replacingOccurrences(of: "bad", with: "poor") + "\n", to: "q.jsonl")
        let options = [
            "--budget", "12", "--task", "question-answering", "--max-length", "10", "--stride", "2",
        ]
        let result = try trained(
            workspace, Workspace.training(steps: 1, train: "q.jsonl", validation: nil, options))
        #expect(
            result.errors.contains("the answers of 2 of 2 questions are in no window whole"),
            "\(result.errors)")
    }

    /// Spellings of one label are told with their counts, by the check and by training, in both files.
    @Test func spellingsOfALabelAreCounted() throws {
        let workspace = try Workspace()
        let header = "text,label\n"
        try workspace.write(
            header
                + "good movie,pos\nbad film,neg\ngreat plot,pos \nboring acting, neg\nfun,Pos\nnot good,neg\n",
            to: "train.csv")
        try workspace.write(header + "a film,pos\nthe book,Pos\n", to: "other.csv")
        let words =
            "train.csv: 2 labels written in several ways: 'neg' (2), ' neg' (1); 'pos' (1), 'pos ' (1), 'Pos' (1)"
        let check = try workspace.run(["data", "check", "train.csv", "other.csv"])
        #expect(check.status == 0 && check.output.contains("warning: " + words), "\(check.output)")
        let training = try trained(
            workspace,
            Workspace.training(steps: 1, train: "train.csv", validation: "other.csv", ["--budget", "12"]))
        #expect(training.errors.contains("warning: " + words), "\(training.errors)")
    }

    /// Vectors, printed lists and columns of 0 and 1 are the labels they stand for, as a list of names is.
    @Test func labelsInOtherShapesAreTheSameLabels() throws {
        let workspace = try Workspace()
        let shapes: [(name: String, text: String, more: [String])] = [
            (
                "v.jsonl",
                [[1, 0], [0, 1], [1, 1], [0, 0]].map { "{\"text\": \"a film\", \"labels\": \($0)}\n" }
                    .joined(), []
            ),
            ("p.csv", "text,labels\na,['0']\nb,['1']\nc,\"['0', '1']\"\nd,[]\n", []),
            ("c.csv", "text,0,1\na,1,0\nb,0,1\nc,1,1\nd,0,0\n", ["--label-column", "0,1"]),
            ("s.csv", "text;labels\na;1 0\nb;0 1\nc;1 1\nd;0 0\n", []),
        ]
        for shape in shapes {
            try workspace.write(shape.text, to: shape.name)
            let arguments = ["data", "check", shape.name, "--task", "multi-label", "--json"] + shape.more
            let result = try workspace.run(arguments)
            let report = try JSONValue.parse(result.output)
            #expect(result.status == 0, "\(shape.name): \(result.output)")
            #expect(report["labels"]?.array?.compactMap(\.string) == ["0", "1"])
            let counts = report["files"]?.array?.first?["labels"]
            #expect(counts?["0"]?.int == 2 && counts?["1"]?.int == 2, "\(shape.name): \(result.output)")
        }
        try workspace.write("{\"text\": \"e\", \"labels\": [1, 0, 0]}\n", to: "wide.jsonl")
        let wide = try workspace.run(["data", "check", "v.jsonl", "wide.jsonl", "--task", "multi-label"])
        #expect(
            wide.status == 65
                && wide.output.contains("wide.jsonl: rows of 3 values of 0 and 1, v.jsonl has 2"))
        try workspace.write("{\"text\": \"a\", \"label\": [1, 0]}\n", to: "one.jsonl")
        let one = try workspace.run(["data", "check", "one.jsonl"])
        #expect(
            one.status == 65
                && one.output.contains("is a list; for several labels a row train for multi-label"))
    }

    /// Settings with a byte order mark are the settings; text of another encoding is named.
    @Test func aByteOrderMarkChangesNothing() throws {
        let workspace = try Workspace()
        let settings = "budget: 12\nsteps: 1\nmax-length: 32\n"
        try workspace.write("\u{FEFF}" + settings, to: "run.yaml")
        try workspace.write("\u{FEFF}" + workspace.text("model/vocab.txt"), to: "model/vocab.txt")
        try workspace.write("\u{FEFF}" + workspace.text("model/config.json"), to: "model/config.json")
        let paths = ["train", "--model", "model", "--train", "train.jsonl", "--config", "run.yaml"]
        _ = try trained(workspace, paths + ["--output", "run"])
        try workspace.write([0xFF, 0xFE] + settings.utf8.flatMap { [$0, 0] }, to: "wide.yaml")
        let wide = try workspace.run(paths.dropLast() + ["wide.yaml", "--output", "wide"])
        #expect(wide.status == 65 && wide.errorLines.count == 1)
        #expect(
            wide.errors.contains("wide.yaml: the file is UTF-16; convert it with iconv -f UTF-16 -t UTF-8"))
    }

    @Test func aVocabularyOfAnotherModelIsAnError() throws {
        let workspace = try Workspace()
        try workspace.write(
            (Workspace.vocabulary + ["more", "words"]).joined(separator: "\n") + "\n", to: "model/vocab.txt")
        for command in [
            Workspace.training(["--budget", "12"]), ["data", "check", "train.jsonl", "--model", "model"],
        ] {
            let result = try workspace.run(command)
            #expect(result.status == 65 && result.errorLines.count == 1)
            #expect(result.errors.contains("103 tokens, the model's embedding only 101"), "\(result.errors)")
        }
    }

    /// Validation rows with each other's labels are answered worse and worse: the first evaluation is the best, and its
    /// adapter is what the run leaves.
    @Test func theBestAdapterIsKept() throws {
        let workspace = try Workspace()
        var rows = try workspace.text("validation.jsonl")
        for (old, new) in [
            ("negative", "x"), ("neutral", "negative"), ("positive", "neutral"), ("x", "positive"),
        ] {
            rows = rows.replacingOccurrences(of: "\"label\": \"\(old)\"", with: "\"label\": \"\(new)\"")
        }
        try workspace.write(rows, to: "validation.jsonl")
        let options = [
            "--method", "lora", "--average-rank", "2", "--evaluate-every", "10", "--best-metric", "loss",
            "--learning-rate", "0.02",
        ]
        _ = try trained(workspace, Workspace.training(steps: 60, options))
        let evaluations = try workspace.events("run", "evaluation")
        let losses = try evaluations.map { try #require($0["loss"]?.double) }
        let best = try #require(losses.min())
        try #require(
            best < losses[losses.count - 1], "the last evaluation is the best: the test tests nothing")
        let step = evaluations.first { $0["loss"]?.double == best }?["step"]?.int
        let end = try #require(try workspace.events("run", "end").last)
        #expect(end["bestStep"]?.int == step)
        let described = try JSONValue.parse(try workspace.text("run/adapter/adalora.json"))
        #expect(described["step"]?.int == step)
        let again = try trained(workspace, ["evaluate", "run", "--data", "validation.jsonl", "--json"])
        #expect(abs((try JSONValue.parse(again.output)["loss"]?.double ?? 0) - best) < 1e-6)
    }

    /// At a rate of nearly 0 two weights of the penalty leave the same model, so the same loss: 1e-6 for rounding.
    @Test func thePenaltyIsNoPartOfTheEvaluation() throws {
        let workspace = try Workspace()
        var losses: [Double] = []
        var penalties: [Double] = []
        for weight in ["0", "1000"] {
            let options = [
                "--budget", "12", "--orthogonality", "squared", "--initialize", "gaussian", "--learning-rate",
                "1e-12", "--head-learning-rate", "1e-12", "--orthogonality-weight", weight,
            ]
            _ = try trained(workspace, Workspace.training(output: "run-\(weight)", steps: 3, options))
            let evaluation = try #require(try workspace.events("run-\(weight)", "evaluation").last)
            losses.append(try #require(evaluation["loss"]?.double))
            let step = try #require(try workspace.events("run-\(weight)", "step").last)
            penalties.append(try #require(step["orthogonality"]?.double))
        }
        #expect(penalties[0] == 0 && penalties[1] > 100)
        #expect(abs(losses[0] - losses[1]) < 1e-6)
    }

    /// Positions of labels come from the training rows alone and go by name: a file that begins with other labels, or
    /// lacks the first one, is measured rightly.
    @Test func labelsKeepTheOrderOfTheTrainingFile() throws {
        let workspace = try Workspace()
        let lines = try workspace.text("validation.jsonl").split(separator: "\n").reversed()
        let without = lines.filter { !$0.contains("negative") }
        try workspace.write(without.joined(separator: "\n") + "\n", to: "validation.jsonl")
        let result = try trained(
            workspace, Workspace.training(steps: 60, ["--budget", "24", "--learning-rate", "0.02"]))
        #expect(result.errors.contains("validation.jsonl: nothing of 1 of the 3 labels: 'negative'"))
        let start = try #require(try workspace.events("run", "start").first)
        #expect(start["labels"]?.array?.compactMap(\.string) == Workspace.labels)
        let last = try #require(try workspace.events("run", "evaluation").last)
        // Numbered by its own labels the file would have every answer wrong that is right.
        #expect((last["metrics"]?["accuracy"]?.double ?? 0) > 0.75)
    }

    @Test func sharedRepeatedAndContradictoryRowsAreCounted() throws {
        let workspace = try Workspace()
        let train = try workspace.text("train.jsonl")
        let rows = train.split(separator: "\n")
        try workspace.write(
            train + rows[0] + "\n" + rows[1].replacingOccurrences(of: "neutral", with: "positive") + "\n",
            to: "train.jsonl")
        try workspace.write(
            try workspace.text("validation.jsonl") + rows[0] + "\n" + rows[3] + "\n", to: "validation.jsonl")
        let result = try trained(workspace, Workspace.training(steps: 1, ["--budget", "12"]))
        for text in [
            "warning: validation.jsonl: 2 of 32 rows also stand in train.jsonl (line 31 as line 1, line 32 as line 4)",
            "warning: train.jsonl: 1 row repeats an earlier row, text and label (line 61)",
            "warning: train.jsonl: 1 row with the text of an earlier row but another label (line 62 as line 2)",
        ] { #expect(result.errors.contains(text), "\(text) in: \(result.errors)") }
        let logged = try workspace.events("run", "warning").compactMap { $0["text"]?.string }
        #expect(logged.count >= 3)
    }

    @Test func aClassMissingInTrainingIsAnError() throws {
        let workspace = try Workspace()
        let lines = try workspace.text("train.jsonl").split(separator: "\n").filter {
            !$0.contains("neutral")
        }
        try workspace.write(lines.joined(separator: "\n") + "\n", to: "train.jsonl")
        let result = try workspace.run(Workspace.training(["--budget", "12"]))
        #expect(result.status == 65 && result.errorLines.count == 1)
        #expect(
            result.errors.contains(
                "validation.jsonl:2: unknown label 'neutral'; train.jsonl lacks 1 label that this file has in 10 places"
            ), "\(result.errors)")
    }

    @Test func anEmptyTextColumnIsAnError() throws {
        let workspace = try Workspace()
        try workspace.write("text,label\n,x\n ,y\n", to: "empty.csv")
        try workspace.write("text,label\na,x\n ,y\nb,y\n", to: "some.csv")
        let empty = try workspace.run(
            Workspace.training(train: "empty.csv", validation: nil, ["--budget", "12"]))
        #expect(empty.status == 65 && empty.errors.contains("empty.csv:2: every row has an empty text"))
        let some = try trained(
            workspace, Workspace.training(steps: 1, train: "some.csv", validation: nil, ["--budget", "12"]))
        #expect(some.errors.contains("warning: some.csv: 1 row with empty text, first at line 3"))
    }

    /// Each test that the document names exists, or a script of checks that no test can do.
    @Test func theDocumentNamesTestsThatExist() throws {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let document = tests.deletingLastPathComponent().appendingPathComponent("docs/silent-failures.md")
        let text = String(decoding: try Data(contentsOf: document), as: UTF8.self)
        let files = try FileManager.default.subpathsOfDirectory(atPath: tests.path).filter {
            $0.hasSuffix(".swift")
        }
        let sources = try files.map {
            String(decoding: try Data(contentsOf: tests.appendingPathComponent($0)), as: UTF8.self)
        }
        // The last column of each row: `Suite.test` in backquotes.
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst()
        #expect(rows.count >= 18)
        for row in rows {
            let cell = row.split(separator: "|", omittingEmptySubsequences: false).dropLast().last ?? ""
            let names = cell.split(separator: "`").filter { $0.contains(".") }
            #expect(!names.isEmpty, "no test in: \(row)")
            for name in names {
                if name.hasPrefix("scripts/") {
                    let script = document.deletingLastPathComponent().deletingLastPathComponent()
                        .appendingPathComponent(String(name))
                    #expect(FileManager.default.fileExists(atPath: script.path), "\(name) does not exist")
                    continue
                }
                let parts = name.split(separator: ".")
                let exists = sources.contains { source in
                    source.contains("struct \(parts[0]) {") && source.contains("func \(parts[1])(")
                }
                #expect(exists, "\(name) does not exist")
            }
        }
    }
}
