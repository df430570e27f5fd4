import AdaLoRA
import Foundation
import ModelFiles
import Testing

/// Runs of the library beside those of the program.
@Suite struct LibraryRunTests {
    /// What is the same of two runs: the adapters, and how ranks moved.
    static let files =
        ["adapter", "adapter-last"].flatMap { folder in
            ["adapter_model.safetensors", "adapter_config.json", "adalora.json"].map { "\(folder)/\($0)" }
        } + ["ranks.csv"]

    static func expectSameFiles(_ workspace: Workspace, _ first: String, _ second: String, _ what: String)
        throws
    {
        for file in files {
            let same = try workspace.bytes("\(first)/\(file)") == workspace.bytes("\(second)/\(file)")
            #expect(same, "\(what): \(file) of \(first) and \(second)")
        }
    }

    /// The rows of a file as values.
    static func values(_ workspace: Workspace, _ file: String) throws -> [Row] {
        try workspace.text(file).split(separator: "\n").map { try Row(json: String($0)) }
    }

    static func settings(budget: Int = 12, steps: Int = 20, maxLength: Int = 32) -> TrainingSettings {
        var settings = TrainingSettings()
        settings.budget = .triplets(budget)
        settings.steps = steps
        settings.batchSize = 8
        settings.learningRate = 0.01
        settings.maxLength = maxLength
        settings.threads = 2
        return settings
    }

    static func flags(_ settings: TrainingSettings) -> [String] {
        guard case .triplets(let budget)? = settings.budget else { return [] }
        return [
            "--budget", "\(budget)", "--steps", "\(settings.steps ?? 0)", "--batch-size", "8",
            "--learning-rate",
            "0.01", "--max-length", "\(settings.maxLength ?? 0)", "--threads", "2",
        ]
    }

    @Test func aClassifierHasTheBytesOfTheProgram() throws {
        let workspace = try Workspace()
        let settings = Self.settings()
        let result = try workspace.run(
            [
                "train", "--model", workspace.model.path, "--train", "train.jsonl", "--validation",
                "validation.jsonl",
            ]
                + ["--output", "program"] + Self.flags(settings))
        try #require(result.status == 0, "\(result.errors)")
        let model = try Model(at: workspace.model)
        for (name, rows, validation) in [
            (
                "values", Rows.values(try Self.values(workspace, "train.jsonl")),
                Rows.values(try Self.values(workspace, "validation.jsonl"))
            ),
            ("files", .file(workspace.file("train.jsonl")), .file(workspace.file("validation.jsonl"))),
        ] {
            let run = TrainingRun(
                model, task: .classification, rows: rows, validation: .rows(validation), settings: settings,
                folder: workspace.file(name))
            #expect(try run.train().reason == .completed)
            try Self.expectSameFiles(workspace, "program", name, "classification")
        }
        let adapter = try Adapter(at: workspace.file("values"))
        let test = try Self.values(workspace, "test.jsonl")
        let told = try workspace.run(["predict", "program", "--data", "test.jsonl"])
        let answers = try adapter.predict(test)
        #expect(answers.map { $0.json + "\n" }.joined() == told.output)
        #expect(answers.allSatisfy { $0.probabilities.count == 3 && $0.label != nil && !$0.isCut })
        #expect(
            adapter.labels == Workspace.labels && adapter.task == .classification && adapter.maxLength == 32)
        #expect(adapter.ranks == (try Ranks(run: workspace.file("program"), step: adapter.step)))
        let measured = try workspace.run(["evaluate", "program", "--data", "test.jsonl", "--json"])
        let expected = try JSONValue.parse(measured.output)
        for rows in [Rows.values(test), .file(workspace.file("test.jsonl"))] {
            let evaluation = try adapter.evaluate(rows)
            #expect(evaluation.rows == test.count)
            #expect(evaluation.loss == expected["loss"]?.double)
            #expect(evaluation.metrics["accuracy"] == expected["metrics"]?["accuracy"]?.double)
        }
    }

    @Test func aRegressionHasTheBytesOfTheProgram() throws {
        let workspace = try Workspace()
        let rows = Workspace.rows(40, places: ["film", "book", "song"]).enumerated().map { index, row in
            Row.text(row.text, score: Double(index % 3) / 2)
        }
        try workspace.write(rows.map { $0.json + "\n" }.joined(), to: "scores.jsonl")
        let settings = Self.settings()
        let result = try workspace.run(
            ["train", "--model", workspace.model.path, "--task", "regression", "--train", "scores.jsonl"]
                + ["--validation-fraction", "0.25", "--output", "program"] + Self.flags(settings))
        try #require(result.status == 0, "\(result.errors)")
        let run = TrainingRun(
            try Model(at: workspace.model), task: .regression, rows: .values(rows), validation: .share(0.25),
            settings: settings, folder: workspace.file("library"))
        try run.train()
        try Self.expectSameFiles(workspace, "program", "library", "regression")
        let scores = try Adapter(at: workspace.file("library")).predict(rows).compactMap(\.score)
        #expect(scores.count == rows.count)
    }

    @Test func aLanguageModelHasTheBytesOfTheProgram() throws {
        let workspace = try LanguageModelTests.workspace()
        let settings = Self.settings(budget: 21, maxLength: 60)
        let result = try workspace.run(
            [
                "train", "--model", workspace.file("llama").path, "--task", "causal-lm", "--train",
                "texts.jsonl",
            ]
                + ["--validation", "held.jsonl", "--output", "program"] + Self.flags(settings))
        try #require(result.status == 0, "\(result.errors)")
        let run = TrainingRun(
            try Model(at: workspace.file("llama")), task: .causalLanguageModel,
            rows: .values(try Self.values(workspace, "texts.jsonl")),
            validation: .rows(.values(try Self.values(workspace, "held.jsonl"))), settings: settings,
            folder: workspace.file("library"))
        try run.train()
        try Self.expectSameFiles(workspace, "program", "library", "causal-lm")
        let told = try workspace.run([
            "generate", "program", "--raw", "--prompt", "the cat", "--max-tokens", "6",
        ])
        let speaker = try LanguageModel(adapter: workspace.file("library"))
        var pieces = ""
        let written = try speaker.continued("the cat", maxTokens: 6) { piece in
            pieces += piece
            return true
        }
        #expect(written.text + "\n" == told.output && pieces == written.text && written.tokens <= 6)
        #expect(!speaker.talks)
    }

    @Test func eventsTellTheRunAsItGoes() async throws {
        let workspace = try Workspace()
        let run = TrainingRun(
            try Model(at: workspace.model), task: .classification, rows: .file(workspace.file("train.jsonl")),
            validation: .share(0.3), settings: Self.settings(), folder: workspace.file("run"))
        var start: RunEvent.Start?
        var (steps, allocations, end): ([RunEvent.Step], [RunEvent.Allocation], RunEvent.End?) = ([], [], nil)
        var best: [Int] = []
        for try await event in run.events() {
            #expect(end == nil, "\(event) after the end")
            switch event {
            case .started(let found): start = found
            case .step(let step): steps.append(step)
            case .allocation(let allocation): allocations.append(allocation)
            case .evaluation(let evaluation) where evaluation.isBest: best.append(evaluation.step)
            case .finished(let found): end = found
            default: break
            }
        }
        let (started, ended) = (try #require(start), try #require(end))
        #expect(started.labels == Workspace.labels && started.totalSteps == 20 && started.method == "adalora")
        #expect(started.ranks.matrices.count == 12 && started.ranks.total == started.initialBudget)
        #expect(steps.map(\.number) == Array(1...20) && steps.allSatisfy { $0.ranks.total == $0.budget })
        #expect(!allocations.isEmpty && allocations.allSatisfy { $0.ranks.total == $0.budget })
        #expect(ended.reason == .completed && ended.ranks.total == 12 && ended.bestStep == best.last)
        #expect(ended.ranks == (try Ranks(run: workspace.file("run"))))
        #expect(ended.ranks.byLayer.values.reduce(0, +) == 12 && ended.ranks.byRole.values.reduce(0, +) == 12)
        let first = ended.ranks.matrices[0]
        #expect(ended.ranks[layer: first.layer, role: first.role] == first.rank)
        #expect(ended.ranks[layer: 99, role: "query"] == nil)
    }

    @Test func aStoppedRunGoesOnToTheSameBytes() throws {
        let workspace = try Workspace()
        let rows = try Self.values(workspace, "train.jsonl")
        func run(_ name: String) throws -> TrainingRun {
            TrainingRun(
                try Model(at: workspace.model), task: .classification, rows: .values(rows),
                validation: .share(0.3), settings: Self.settings(), folder: workspace.file(name))
        }
        try run("whole").train()
        var taken = 0
        let end = try run("stopped").train(
            onEvent: { if case .step = $0 { taken += 1 } }, shouldStop: { taken == 7 })
        #expect(end.reason == .interrupted && end.step == 7)
        // The rows go with the folder.
        try FileManager.default.moveItem(at: workspace.file("stopped"), to: workspace.file("moved"))
        let rest = try TrainingRun(resuming: workspace.file("moved")).train()
        #expect(rest.reason == .completed && rest.step == 20)
        try Self.expectSameFiles(workspace, "whole", "moved", "resumed")
    }

    @Test func leavingTheEventsEndsTheRun() async throws {
        let workspace = try Workspace()
        let run = TrainingRun(
            try Model(at: workspace.model), task: .classification, rows: .file(workspace.file("train.jsonl")),
            settings: Self.settings(steps: 100_000), folder: workspace.file("run"))
        // Slowly: beside other tests it may take long until this one reads an event.
        let slowly: @Sendable () -> Bool = {
            usleep(20_000)
            return false
        }
        for try await event in run.events(shouldStop: slowly) {
            if case .step(let step) = event, step.number == 3 { break }
        }
        // The state is saved after the step that was at work.
        var end: JSONValue?
        for _ in 0..<600 where end == nil {
            end = try workspace.events("run", "end").last
            if end == nil { try await Task.sleep(for: .milliseconds(100)) }
        }
        #expect(end?["reason"]?.string == "interrupted")
        #expect(try #require(end?["step"]?.int) < 100_000)
    }
}
