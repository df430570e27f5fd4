import AdaLoRA
import Foundation
import Testing

/// Every error of the library is of one type and has the program's text.
@Suite struct LibraryErrorTests {
    private let workspace: Workspace
    private let model: Model
    private let rows: [Row]

    init() throws {
        workspace = try Workspace()
        model = try Model(at: workspace.model)
        rows = try LibraryRunTests.values(workspace, "train.jsonl")
    }

    private let host = "example.org"

    private func error(_ body: () throws -> Void) -> AdaLoRAError? {
        do {
            try body()
            return nil
        } catch { return error as? AdaLoRAError }
    }

    private func train(
        _ task: TrainingTask = .classification, rows given: [Row]? = nil, validation: Validation = .none,
        folder: URL? = nil, _ change: (inout TrainingSettings) -> Void = { _ in }
    ) throws {
        var settings = LibraryRunTests.settings(steps: 2)
        change(&settings)
        try TrainingRun(
            model, task: task, rows: .values(given ?? rows), validation: validation, settings: settings,
            folder: folder ?? workspace.file("run")
        ).train()
    }

    @Test func runs() throws {
        let file = workspace.file("run/train.jsonl").path
        let table: [(AdaLoRAError.Kind, String, () throws -> Void)] = [
            (.usage, "--budget: ", { try train { $0.budget = .triplets(-1) } }),
            (.usage, "--average-rank: ", { try train { $0.budget = .averageRank(.nan) } }),
            (.usage, "--steps: cannot be combined with epochs", { try train { $0.epochs = 1 } }),
            (
                .usage, "--learning-rate: given more than once",
                { try train { $0.others["learning-rate"] = "1" } }
            ),
            (
                .usage, "--lerning-rate: unknown key; did you mean",
                { try train { $0.others["lerning-rate"] = "1" } }
            ),
            (.usage, "the setting output is an argument", { try train { $0.others["output"] = "x" } }),
            (.usage, "matches no matrix of this model", { try train { $0.targets = ["gate"] } }),
            (.usage, "--targets: ", { try train { $0.targets = [] } }),
            (.usage, "--threads: ", { try train { $0.threads = 0 } }),
            (.usage, "--validation-fraction: ", { try train(validation: .share(2)) }),
            (
                .usage, "is no place in this file system",
                {
                    try train(folder: URL(string: "https://\(host)/run"))
                }
            ),
            (.badData, "\(file): there are no rows", { try train(rows: []) }),
            (.badData, "\(file):2: ", { try train(rows: [rows[0], .text("unlabelled")]) }),
            (.badData, "\(file):1: ", { try train(.questionAnswering) }),
            (.badData, "there is nothing to learn", { try train(rows: [rows[0]]) }),
            (
                .badData, "\(file):1: the score inf",
                { try train(.regression, rows: [.text("a", score: .infinity)]) }
            ),
            (
                .missingInput, "no such file",
                {
                    try train(validation: .rows(.file(workspace.file("nowhere.jsonl"))))
                }
            ),
            (
                .badData, "bert: the model gives no next words",
                { try train(.causalLanguageModel, rows: [.text("the film")]) }
            ),
        ]
        for (kind, text, body) in table {
            let found = error(body)
            #expect(
                found?.kind == kind && found?.message.contains(text) == true,
                "\(text): \(String(describing: found?.kind)) \(found?.message ?? "none")")
            #expect(found.map { !$0.message.contains("\n") } ?? true, "\(found?.message ?? "")")
        }
        #expect(!workspace.exists("run"), "an error left a folder")
    }

    @Test func folders() throws {
        try train()
        var short = TrainingSettings()
        short.maxLength = 32
        let settings = short
        let table: [(AdaLoRAError.Kind, String, () throws -> Void)] = [
            (.usage, "already holds a run", { try train() }),
            (
                .usage, "there is nothing to resume",
                {
                    try TrainingRun(resuming: workspace.file("run")).train()
                }
            ),
            (.missingInput, "nowhere", { try TrainingRun(resuming: workspace.file("nowhere")).train() }),
            (.missingInput, "nowhere", { _ = try Model(at: workspace.file("nowhere")) }),
            (.missingInput, "nowhere", { _ = try Adapter(at: workspace.file("nowhere")) }),
            (.missingInput, "nowhere", { _ = try Ranks(run: workspace.file("nowhere")) }),
            (.badData, "step 7 is not recorded", { _ = try Ranks(run: workspace.file("run"), step: 7) }),
            (.badData, "next words", { _ = try LanguageModel(model) }),
            (
                .usage, "threads must be at least 1",
                {
                    _ = try Adapter(at: workspace.file("run")).predict(rows, threads: 0)
                }
            ),
            (.badData, "not an object", { _ = try Row(json: "[1]") }),
            (.badData, "the row is no JSON: line 1", { _ = try Row(json: "{") }),
            (
                .usage, "are for TrainingRun",
                {
                    _ = try AdapterTrainer(
                        model, task: .classification, learningFrom: rows, steps: 2,
                        settings: LibraryRunTests.settings())
                }
            ),
            (
                .usage, "--steps: ",
                {
                    _ = try AdapterTrainer(model, task: .classification, learningFrom: rows, steps: 0)
                }
            ),
            (
                .badData, "learningFrom:2: ",
                {
                    _ = try AdapterTrainer(
                        model, task: .classification, learningFrom: [rows[0], .text("a")], steps: 2,
                        settings: settings)
                }
            ),
        ]
        for (kind, text, body) in table {
            let found = error(body)
            #expect(
                found?.kind == kind && found?.message.contains(text) == true,
                "\(text): \(String(describing: found?.kind)) \(found?.message ?? "none")")
        }
    }

    @Test func prompts() throws {
        let workspace = try LanguageModelTests.workspace()
        let speaker = try LanguageModel(try Model(at: workspace.file("llama")))
        let table: [(String, () throws -> Void)] = [
            ("no chat template", { _ = try speaker.answer(to: [Message(.user, "hello")]) }),
            ("maxTokens must be", { _ = try speaker.continued("the", maxTokens: 0) }),
            (
                "temperature must be",
                {
                    _ = try speaker.continued("the", sampling: .init(temperature: .nan))
                }
            ),
            ("topP must be", { _ = try speaker.continued("the", sampling: .init(topP: 0)) }),
        ]
        for (text, body) in table {
            let found = error(body)
            #expect(
                found?.kind == .usage && found?.message.contains(text) == true,
                "\(text): \(found?.message ?? "none")")
        }
    }
}
