import AdaLoRA
import Foundation
import Testing
import Training

/// Loops of one's own.
@Suite struct LibraryLoopTests {
    private static func trainer(
        _ workspace: Workspace, _ rows: [Row], steps: Int = 20,
        _ change: (inout TrainingSettings) -> Void = { _ in }
    ) throws -> AdapterTrainer {
        var settings = LibraryRunTests.settings()
        settings.steps = nil
        change(&settings)
        return try AdapterTrainer(
            try Model(at: workspace.model), task: .classification, learningFrom: rows, steps: steps,
            settings: settings)
    }

    /// With the batches of the library's loop it is that loop.
    @Test func theSameBatchesGiveTheSameBytes() throws {
        let workspace = try Workspace()
        let rows = try LibraryRunTests.values(workspace, "train.jsonl")
        try TrainingRun(
            try Model(at: workspace.model), task: .classification, rows: .values(rows),
            settings: LibraryRunTests.settings(), folder: workspace.file("run")
        ).train()
        let trainer = try Self.trainer(workspace, rows)
        let sampler = BatchSampler(examples: rows.count, batch: 8, seed: 42)
        var totals: [Int] = []
        for number in 1...20 {
            let order = sampler.order(epoch: sampler.epoch(ofStep: number))
            let batch = sampler.indices(step: number, order: order).map { rows[$0] }
            let loss = try trainer.backward(batch).loss
            let step = try trainer.step()
            #expect(step.number == number && step.loss == loss && step.budget == trainer.ranks.total)
            totals.append(trainer.ranks.total)
        }
        #expect(totals.first == 96 && totals.last == 12 && trainer.completedSteps == trainer.totalSteps)
        try trainer.save(to: workspace.file("own"))
        for file in ["adapter_model.safetensors", "adapter_config.json", "adalora.json"] {
            #expect(
                try workspace.bytes("own/\(file)") == workspace.bytes("run/adapter-last/\(file)"), "\(file)")
        }
        // What was written may be written again.
        try trainer.save(to: workspace.file("own"))
        let adapter = try Adapter(at: workspace.file("own"))
        #expect(adapter.ranks == trainer.ranks && adapter.step == 20)
        let test = try LibraryRunTests.values(workspace, "test.jsonl")
        #expect(try adapter.predict(test) == trainer.predict(test))
        #expect(try adapter.evaluate(.values(test)).loss == trainer.evaluate(test).loss)
    }

    /// Two halves at half the scale are the mean of the whole: sums in another order, so that rounding differs.
    @Test func batchesAddUp() throws {
        let workspace = try Workspace()
        let rows = Array(try LibraryRunTests.values(workspace, "train.jsonl").prefix(16))
        func first(_ parts: [[Row]]) throws -> AdapterTrainer.Step {
            let trainer = try Self.trainer(workspace, rows) { $0.others["head-dropout"] = "0" }
            for part in parts { try trainer.backward(part, scale: 1 / Double(parts.count)) }
            return try trainer.step()
        }
        let whole = try first([rows])
        let halves = try first([Array(rows.prefix(8)), Array(rows.suffix(8))])
        #expect(abs(whole.loss - halves.loss) < 1e-5, "\(whole.loss) \(halves.loss)")
        #expect(abs(whole.gradientNorm / halves.gradientNorm - 1) < 1e-4)
        let double = try first([rows, rows])
        #expect(abs(whole.gradientNorm / double.gradientNorm - 1) < 1e-4)
    }

    @Test func aLanguageModelLearns() throws {
        let workspace = try LanguageModelTests.workspace()
        let rows = try LibraryRunTests.values(workspace, "texts.jsonl")
        var settings = LibraryRunTests.settings(budget: 21, maxLength: 20)
        settings.steps = nil
        let trainer = try AdapterTrainer(
            try Model(at: workspace.file("llama")), task: .causalLanguageModel, learningFrom: rows, steps: 24,
            settings: settings)
        let before = try trainer.evaluate(rows).loss
        var cut = 0
        for number in 0..<24 {
            let batch = try trainer.backward((0..<8).map { rows[(8 * number + $0) % rows.count] })
            cut += batch.truncatedRows
            try trainer.step()
        }
        #expect(try trainer.evaluate(rows).loss < 0.9 * before)
        #expect(trainer.ranks.total == 21 && cut > 0)
    }

    @Test func whatCannotBeIsAnError() throws {
        let workspace = try Workspace()
        let rows = try LibraryRunTests.values(workspace, "train.jsonl")
        let trainer = try Self.trainer(workspace, rows, steps: 2)
        func error(_ body: () throws -> Void) -> AdaLoRAError? {
            do {
                try body()
                return nil
            } catch { return error as? AdaLoRAError }
        }
        let table: [(AdaLoRAError.Kind, String, () throws -> Void)] = [
            (.usage, "step 1: there is no gradient", { try trainer.step() }),
            (.badData, "batch: there are no rows", { try trainer.backward([]) }),
            (
                .badData, "batch:2: unknown label 'postive', did you mean",
                {
                    try trainer.backward([rows[0], .text("the film", label: "postive")])
                }
            ),
            (
                .badData, "batch:1: the score nan is not finite",
                { try trainer.backward([.text("a", score: .nan)]) }
            ),
            (.usage, "step 1: the scale inf", { try trainer.backward([rows[0]], scale: .infinity) }),
            (.badData, "rows:1:", { _ = try trainer.evaluate([.text("the film")]) }),
            (.badData, "rows:1:", { _ = try trainer.predict([.question("who", context: "the film")]) }),
            (.usage, "holds no adapter of this program", { try trainer.save(to: workspace.url) }),
        ]
        for (kind, text, body) in table {
            let found = error(body)
            #expect(
                found?.kind == kind && found?.message.contains(text) == true,
                "\(text): \(String(describing: found))")
        }
        #expect(trainer.completedSteps == 0)
        #expect(try trainer.predict([]).isEmpty)
        for _ in 0..<2 {
            try trainer.backward(rows)
            try trainer.step()
        }
        #expect(error { try trainer.backward(rows) }?.message.contains("all 2 steps are taken") == true)
    }
}
