import AdaLoRA
import Foundation

/// A regression with a loop of one's own: hard rows come more often.
///
///     swift run -c release OwnLoop ../models/minilm ../runs/own-loop
@main
struct OwnLoop {
    static func main() throws {
        Kernels.restartWithBetter()
        guard CommandLine.arguments.count == 3 else {
            print("usage: OwnLoop MODEL ADAPTER")
            exit(64)
        }
        let paths = CommandLine.arguments.dropFirst().map { URL(fileURLWithPath: $0) }
        do {
            try train(modelFolder: paths[0], folder: paths[1])
        } catch let error as AdaLoRAError {
            print("error: \(error)")
            exit(error.kind == .usage ? 64 : 1)
        }
    }

    static func train(modelFolder: URL, folder: URL) throws {
        let model = try Model(at: modelFolder)
        var settings = TrainingSettings()
        settings.budget = .triplets(24)
        settings.targets = ["query", "value"]
        settings.maxLength = 32
        let trainer = try AdapterTrainer(
            model, task: .regression, learningFrom: rows, steps: 40, settings: settings)
        for text in trainer.warnings + trainer.notes { print(text) }

        var losses = Array(repeating: Double.infinity, count: rows.count)
        while trainer.completedSteps < trainer.totalSteps {
            // The four rows with the highest loss when they were last seen.
            let hardest = losses.indices.sorted { losses[$0] > losses[$1] }.prefix(4)
            for index in hardest {
                // The step learns from the mean of the four.
                losses[index] = try trainer.backward([rows[index]], scale: 1 / 4).loss
            }
            let step = try trainer.step()
            if step.isAllocation, step.number.isMultiple(of: 8) {
                print("step \(step.number): loss \(step.loss), \(trainer.ranks.total) triplets")
            }
        }

        let evaluation = try trainer.evaluate(rows)
        print("mean absolute error \(evaluation.metrics["mae"] ?? .nan)")
        for matrix in trainer.ranks.matrices where matrix.rank > 0 {
            print("\(matrix.name): rank \(matrix.rank)")
        }
        try trainer.save(to: folder)

        let adapter = try Adapter(at: folder)
        let answers = try adapter.predict([.text("about nine spoons of sugar")])
        print("sugar: \(answers[0].score ?? .nan)")
    }

    /// Amounts in words, and as numbers.
    static var rows: [Row] {
        let numbers = ["one", "two", "three", "four", "five", "six", "seven", "eight"]
        return ["sugar", "flour", "salt"].flatMap { good in
            numbers.enumerated().map { index, number in
                Row.text("about \(number) spoons of \(good)", score: Double(index + 1) / 10)
            }
        }
    }
}
