import Foundation
import ModelFiles
import Testing

/// `adalora compare` from a plan to its report, cut and continued.
@Suite struct CompareTests {
    private static let plan = """
        name: tiny
        model: model
        train: train.jsonl
        validation: validation.jsonl
        test: test.jsonl
        metric: accuracy
        average-ranks: [1]
        seeds: [1, 2]
        search: {learning-rates: [1e-3, 1e-2], seeds: [7]}
        baseline: LoRA
        settings: {steps: 8, max-length: 40}
        arms:
          - {name: LoRA, settings: {method: lora}}
          - {name: AdaLoRA, settings: {method: adalora}}
          - {name: pattern, pattern-of: AdaLoRA, settings: {method: lora}}
          - {name: pruned, settings: {method: lora}, prune-from: 2}
          - {name: even, settings: {allocator: fixed}}
          - {name: full, settings: {method: full}, budgetless: true}
          - {name: head, settings: {method: head}, budgetless: true}
        """

    private func compare(_ workspace: Workspace, _ more: [String] = []) throws -> CommandResult {
        try workspace.run(["compare", "plan.yaml", "--output", "out", "--threads", "1"] + more)
    }

    private func rows(_ workspace: Workspace) throws -> [JSONValue] {
        guard workspace.exists("out/results.jsonl") else { return [] }
        return try workspace.text("out/results.jsonl").split(separator: "\n").map {
            try JSONValue.parse(String($0))
        }
    }

    @Test func aPlanFromTheFirstRunToTheReport() throws {
        let workspace = try Workspace()
        try workspace.write(Self.plan, to: "plan.yaml")
        let dry = try compare(workspace, ["--dry-run"])
        #expect(dry.status == 0, "\(dry.errors)")
        // 7 arms × 2 rates × 1 seed to search, 7 arms × 2 seeds to report.
        #expect(dry.output.contains("0 of 28 runs are finished, 28 to go"))
        #expect(!workspace.exists("out"))

        try #require(try compare(workspace, ["--limit", "5"]).status == 0)
        let first = try rows(workspace)
        #expect(first.count == 5)
        let whole = try compare(workspace)
        try #require(whole.status == 0, "\(whole.errors)")
        let all = try rows(workspace)
        #expect(all.count == 28 && Array(all.prefix(5)) == first)
        #expect(Set(all.compactMap { $0["id"]?.string }).count == 28)
        #expect(all.allSatisfy { $0["status"]?.string == "ok" })
        // Rank 1 everywhere in the tiny BERT: 12 matrices, 896 parameters; λ is 1 more each.
        for row in all where row["budget"] != nil {
            let spent = try #require(row["adapter-parameters"]?.int)
            #expect(spent > 896 - 97 && spent <= 908, "\(row)")
        }
        // An epoch is shorter than the run: without the harness there would be more evaluations.
        for row in all {
            let id = try #require(row["id"]?.string)
            let events = try workspace.text("out/runs/\(id)/events.jsonl").split(separator: "\n")
            #expect(events.filter { $0.contains("\"event\":\"evaluation\"") }.count == 1, "\(id)")
        }
        let adalora = all.filter { $0["arm"]?.string == "AdaLoRA" && $0["stage"]?.string == "report" }
        let pattern = all.filter { $0["arm"]?.string == "pattern" && $0["stage"]?.string == "report" }
        #expect(adalora.map { $0["ranks"] } == pattern.map { $0["ranks"] })

        let report = try workspace.text("out/report.md")
        #expect(report.contains("reported runs: 14 of 14") && report.contains("fewer than 3 seeds"))
        for name in [
            "quality.svg", "differences.svg", "ranks-r1.svg", "rank-over-time-adalora.svg", "step-time.svg",
            "table.csv",
        ] {
            #expect(workspace.exists("out/\(name)"), "\(name)")
        }
        #expect(whole.output.contains("baseline") && whole.output.contains("pruned"))
        // Done is done: nothing runs again, and the report comes out the same.
        let again = try compare(workspace)
        #expect(again.status == 0 && again.output == whole.output)
        #expect(try rows(workspace) == all)

        // Predictions are of the 24 test rows, the truth too.
        let predictions = try Self.predictions(workspace)
        #expect(predictions.count == 15 && predictions.count { $0.id.hasPrefix("truth-") } == 1)
        #expect(predictions.allSatisfy { $0.lines.count == 24 })
        #expect(!workspace.exists("out/predictions"))
        try damagedPredictionsAreAnError(workspace)
        try loosePredictionsAreRead(workspace, predictions, whole.output)
        // A lost row of a run whose weights are gone: that run is made again, with the same result.
        let lines = try workspace.text("out/results.jsonl").split(separator: "\n")
        let lost = try #require(all.lastIndex { $0["stage"]?.string == "report" && $0["budget"] != nil })
        try workspace.write(
            lines.enumerated().filter { $0.offset != lost }.map { $0.element + "\n" }.joined(),
            to: "out/results.jsonl")
        let mended = try compare(workspace)
        #expect(mended.status == 0, "\(mended.errors)")
        let row = try #require(try rows(workspace).last)
        #expect(row["id"] == all[lost]["id"] && row["test"] == all[lost]["test"])
        #expect(try rows(workspace).count == 28)

        try workspace.write(Self.plan.replacing("steps: 8", with: "steps: 9"), to: "plan.yaml")
        let written = try workspace.bytes("out/report.md")
        let foreign = try compare(workspace, ["--report-only"])
        #expect(foreign.status == 64 && foreign.errors.contains("28 of 28 results in out belong to no trial"))
        #expect(try workspace.bytes("out/report.md") == written)
        let other = try compare(workspace, ["--limit", "1"])
        #expect(
            other.status == 0 && other.errors.contains("note: 28 of 28 results in out belong to no trial"))
        #expect(
            other.errors.contains("do not count, but for those of learning rates that a search has still"))
    }

    /// A training file alone, in folds: each row is tested once, and no run sees its test rows.
    @Test func folds() throws {
        let workspace = try Workspace()
        try workspace.write(
            """
            name: folded
            model: model
            train: train.jsonl
            folds: 3
            validation-fraction: 0.2
            metric: accuracy
            average-ranks: [1]
            seeds: [1]
            search: {learning-rates: [1e-3, 1e-2], seeds: [7]}
            baseline: LoRA
            settings: {steps: 8, max-length: 40}
            arms:
              - {name: LoRA, settings: {method: lora}}
              - {name: pruned, settings: {method: lora}, prune-from: 2}
            """, to: "plan.yaml")
        let dry = try compare(workspace, ["--dry-run"])
        #expect(
            dry.status == 0 && dry.output.contains("0 of 18 runs are finished, 18 to go"), "\(dry.errors)")
        #expect(dry.errors.contains("3 folds of 20 rows (stratified, seed 42)\n"))
        #expect(!workspace.exists("out"))
        try #require(try compare(workspace, ["--limit", "4"]).status == 0)
        let whole = try compare(workspace)
        try #require(whole.status == 0, "\(whole.errors)")
        let all = try rows(workspace)
        #expect(all.count == 18 && all.allSatisfy { $0["status"]?.string == "ok" })
        #expect(
            all.compactMap { $0["fold"]?.int }.sorted()
                == [1, 2, 3].flatMap { [Int](repeating: $0, count: 6) })

        func lines(_ name: String) throws -> [Substring] { try workspace.text(name).split(separator: "\n") }
        let train = try lines("train.jsonl")
        var tested: [Substring] = []
        for fold in 1...3 {
            let parts = try ["train", "validation", "test"].map {
                try lines("out/folds/fold-\(fold)/\($0).jsonl")
            }
            #expect(parts.map(\.count) == [32, 8, 20] && parts.flatMap { $0 }.sorted() == train.sorted())
            tested += parts[2]
        }
        #expect(tested.sorted() == train.sorted())
        for row in all {
            let events = try workspace.events("out/runs/\(try #require(row["id"]?.string))", "start")
            #expect(
                events.first?["trainExamples"]?.int == 32 && events.first?["validationExamples"]?.int == 8)
        }
        // Of each reported run, and the truth of each fold.
        let predictions = try Self.predictions(workspace)
        #expect(predictions.count == 6 + 3 && predictions.allSatisfy { $0.lines.count == 20 })
        #expect(predictions.count { $0.id.hasPrefix("truth-") } == 3)
        let report = try workspace.text("out/report.md")
        #expect(
            report.contains("bootstrap over the test rows of each fold")
                && report.contains("Nadeau and Bengio"))
        #expect(whole.output.contains("on the test folds") && !report.contains("single fold"))

        let again = try compare(workspace, ["--report-only"])
        #expect(again.status == 0 && again.output == whole.output, "\(again.errors)")
        // A row more is other folds.
        try workspace.write(
            try workspace.text("train.jsonl") + "{\"text\": \"one more\", \"label\": \"neutral\"}\n",
            to: "train.jsonl")
        let other = try compare(workspace, ["--report-only"])
        #expect(other.status == 64 && other.errors.contains("18 of 18 results in out belong to no trial"))
        try workspace.write("{\"text\": \"one\", \"label\": \"neutral\"}\n", to: "train.jsonl")
        let few = try compare(workspace)
        #expect(few.status == 65 && few.errors.contains("1 rows are too few for 3 folds"), "\(few.errors)")
    }

    /// What a comparison predicted, trial by trial.
    static func predictions(_ workspace: Workspace) throws -> [(id: String, lines: [Substring])] {
        let packed = Array(try workspace.bytes("out/predictions.gz"))
        var left = String(decoding: try Gzip.unpacked(packed, limit: 1 << 20), as: UTF8.self)
            .split(separator: "\n")[...]
        var found: [(id: String, lines: [Substring])] = []
        while let head = left.popFirst() {
            let words = head.split(separator: " ")
            let count = try #require(words.count == 2 ? Int(words[1]) : nil, "\(head)")
            found.append((String(words[0]), Array(left.prefix(count))))
            left = left.dropFirst(count)
        }
        return found
    }

    private func damagedPredictionsAreAnError(_ workspace: Workspace) throws {
        let whole = try workspace.bytes("out/predictions.gz")
        try whole.prefix(whole.count / 2).write(to: workspace.file("out/predictions.gz"))
        for more in [["--report-only"], []] {
            let damaged = try compare(workspace, more)
            #expect(damaged.status == 64, "\(damaged.errors)")
            #expect(damaged.errors.contains("predictions.gz: the gzip data end too early"))
        }
        try whole.write(to: workspace.file("out/predictions.gz"))
    }

    /// As earlier versions left them, and as a killed comparison does; the next one packs them.
    private func loosePredictionsAreRead(
        _ workspace: Workspace, _ predictions: [(id: String, lines: [Substring])], _ output: String
    ) throws {
        let packed = try workspace.bytes("out/predictions.gz")
        try FileManager.default.removeItem(at: workspace.file("out/predictions.gz"))
        try FileManager.default.createDirectory(
            at: workspace.file("out/predictions"), withIntermediateDirectories: true)
        for (id, lines) in predictions {
            try workspace.write(lines.map { $0 + "\n" }.joined(), to: "out/predictions/\(id).txt")
        }
        #expect(try compare(workspace, ["--report-only"]).output == output)
        #expect(!workspace.exists("out/predictions.gz"), "a report changes no results")
        #expect(try compare(workspace).output == output)
        #expect(try workspace.bytes("out/predictions.gz") == packed && !workspace.exists("out/predictions"))
    }

    /// No line that renews itself is longer than a terminal of 60 columns; the run's steps and both estimates are seen.
    @Test func progressFitsTheTerminal() throws {
        let workspace = try Workspace()
        try workspace.write(Self.plan.replacing("steps: 8", with: "steps: 3000"), to: "plan.yaml")
        // script(1), which Debian always has, is the terminal.
        let command = "'$0' compare plan.yaml --output out --threads 1 --limit 1"
        let result = try workspace.shell("script -qec \"stty cols 60; \(command)\" /dev/null", [])
        #expect(result.status == 0, "\(result.output)")
        let shown = result.output.components(separatedBy: "\r\u{1B}[K").filter { $0.contains("  step ") }
        #expect(
            shown.contains {
                $0.hasPrefix("[1/28] LoRA") && $0.contains("/3000") && $0.contains("  all runs ")
            })
        #expect(shown.allSatisfy { !$0.contains("\n") && $0.count < 60 }, "\(shown)")
        #expect(result.output.contains("\r\u{1B}[K[1/28] LoRA, r1, rate 1e-3, seed 7: validation accuracy "))
    }

    /// Interrupted in the middle of a run: the same command finishes that run and the rest.
    @Test func anInterruptedComparisonGoesOn() throws {
        let workspace = try Workspace()
        try workspace.write(
            Self.plan.replacing("steps: 8", with: "steps: 4000").replacing("[1, 2]", with: "[1]"),
            to: "plan.yaml")
        let none = try compare(workspace, ["--report-only"])
        #expect(none.status == 66 && none.errors.contains("out is not there; run the comparison without"))
        let command = try workspace.start(
            ["compare", "plan.yaml", "--output", "out", "--threads", "1", "--limit", "1"])
        func running() -> String? {
            let folder = workspace.file("out/runs").path
            let runs = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            return runs.first { !$0.hasSuffix(".log") }
        }
        let sign = Data("\"event\":\"step\",\"step\":20,".utf8)
        while command.isRunning {
            let events = running().flatMap { try? workspace.bytes("out/runs/\($0)/events.jsonl") } ?? Data()
            if events.range(of: sign) != nil { break }
            usleep(2000)
        }
        try #require(command.isRunning)
        let run = try #require(running())
        command.send(SIGINT)
        let result = try command.finish()
        #expect(result.status == 130, "\(result.errors)")
        #expect(result.errors.contains("go on with the same command"))
        #expect(try rows(workspace).isEmpty)
        #expect(workspace.exists("out/runs/\(run)/checkpoints"))
        let second = try compare(workspace, ["--limit", "1"])
        #expect(second.status == 0, "\(second.errors)")
        #expect(try rows(workspace).count == 1)
        let starts = try workspace.text("out/runs/\(run)/events.jsonl").components(
            separatedBy: "\"event\":\"start\"")
        #expect(starts.count == 3, "the run was not resumed")
    }

    /// Killed after the run ended and before its row was written: the run is not made again. Killed before the run's
    /// end record: it goes on from its last checkpoint, with nothing left to train.
    @Test func aKilledComparisonRepeatsNothing() throws {
        let workspace = try Workspace()
        try workspace.write(Self.plan, to: "plan.yaml")
        try #require(try compare(workspace, ["--limit", "1", "--keep-runs"]).status == 0)
        let row = try #require(try rows(workspace).first)
        let run = "out/runs/\(try #require(row["id"]?.string))"
        func starts() throws -> Int {
            try workspace.text("\(run)/events.jsonl").components(separatedBy: "\"event\":\"start\"").count - 1
        }
        let events = try workspace.bytes("\(run)/events.jsonl")
        try FileManager.default.removeItem(at: workspace.file("out/results.jsonl"))
        try #require(try compare(workspace, ["--limit", "1", "--keep-runs"]).status == 0)
        #expect(try workspace.bytes("\(run)/events.jsonl") == events)
        #expect(try rows(workspace).first?["validation"] == row["validation"])

        let lines = try workspace.text("\(run)/events.jsonl").split(separator: "\n")
        try #require(lines.last?.contains("\"event\":\"end\"") == true)
        try workspace.write(lines.dropLast().joined(separator: "\n") + "\n", to: "\(run)/events.jsonl")
        try FileManager.default.removeItem(at: workspace.file("out/results.jsonl"))
        let again = try compare(workspace, ["--limit", "1"])
        #expect(again.status == 0, "\(again.errors)")
        #expect(try starts() == 2)
        #expect(try rows(workspace).first?["validation"] == row["validation"])
    }

    @Test func wrongPlansAreNamed() throws {
        let workspace = try Workspace()
        try workspace.write(
            Self.plan.replacing("metric: accuracy", with: "metrics: accuracy"), to: "plan.yaml")
        let unknown = try compare(workspace)
        #expect(unknown.status == 64 && unknown.errors.contains("plan.yaml:6"), "\(unknown.errors)")
        try workspace.write(
            Self.plan.replacing("train: train.jsonl", with: "train: absent.jsonl"), to: "plan.yaml")
        let absent = try compare(workspace)
        #expect(absent.status == 66 && absent.errors.contains("absent.jsonl"))
        #expect(try workspace.run(["compare", "none.yaml", "--output", "out"]).status == 66)
        try workspace.write(
            Self.plan.replacing("test: test.jsonl", with: "test: validation.jsonl"), to: "plan.yaml")
        let same = try compare(workspace)
        #expect(same.status == 64 && same.errors.contains("the test data are the validation data"))
        try workspace.write(
            Self.plan.replacing("seeds: [7]}", with: "seeds: [7], metric: pearson}"), to: "plan.yaml")
        let unfit = try compare(workspace)
        #expect(unfit.status == 64 && unfit.errors.contains("pearson does not exist for task classification"))
        #expect(!workspace.exists("out/results.jsonl"))
    }

    @Test func oneProcessAFolder() throws {
        let workspace = try Workspace()
        try workspace.write(Self.plan.replacing("steps: 8", with: "steps: 1000000"), to: "plan.yaml")
        let first = try workspace.start([
            "compare", "plan.yaml", "--output", "out", "--threads", "1", "--limit", "1",
        ])
        while first.isRunning && !workspace.exists("out/runs") { usleep(2000) }
        let second = try compare(workspace)
        #expect(second.status == 75 && second.errors.contains("in use"), "\(second.errors)")
        first.send(SIGTERM)
        #expect(try first.finish().status != 0)
    }

    /// The run of a killed comparison is not left behind: it saves its state, ends, and the next comparison goes on
    /// with it.
    @Test func aKilledComparisonLeavesNoRunBehind() throws {
        let workspace = try Workspace()
        try workspace.write(Self.plan.replacing("steps: 8", with: "steps: 100000"), to: "plan.yaml")
        let first = try workspace.start([
            "compare", "plan.yaml", "--output", "out", "--threads", "1", "--limit", "1",
        ])
        func run() -> String? {
            let runs = workspace.file("out/runs").path
            return (try? FileManager.default.contentsOfDirectory(atPath: runs))?.first {
                !$0.hasSuffix(".log")
            }
        }
        func has(_ text: String) -> Bool {
            run().flatMap { try? workspace.text("out/runs/\($0)/events.jsonl") }?.contains(text) ?? false
        }
        while first.isRunning && !has("\"event\":\"step\"") { usleep(2000) }
        // While it runs, nobody else may write there.
        let folder = "out/runs/\(try #require(run()))"
        let other = try workspace.run(["train", "--resume", folder])
        #expect(other.status == 75 && other.errors.contains("in use"), "\(other.errors)")
        first.send(SIGKILL)
        _ = try first.finish()
        // Only keeps a hanging run from hanging the test.
        let deadline = ContinuousClock.now + .seconds(60)
        while !has("\"reason\":\"interrupted\"") && ContinuousClock.now < deadline { usleep(10_000) }
        #expect(has("\"reason\":\"interrupted\""))
        let checkpoints = try FileManager.default.contentsOfDirectory(
            atPath: workspace.file("\(folder)/checkpoints").path)
        #expect(checkpoints.count == 1)
    }
}
