import AdaLoRA
import Foundation

/// A language model that learns to answer, from a folder or a GGUF file:
///
///     swift run -c release Chat ../models/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf ../runs/chat
@main
struct Chat {
    static func main() throws {
        Kernels.restartWithBetter()
        guard CommandLine.arguments.count == 3 else {
            print("usage: Chat MODEL RUN")
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
        let capitals = ["France": "Paris", "Norway": "Oslo", "Peru": "Lima", "Cuba": "Havana"]
        let rows = capitals.sorted { $0.key < $1.key }.map { country, capital in
            Row.prompt("The capital of \(country) is", completion: " \(capital).")
        }
        var settings = TrainingSettings()
        settings.budget = .averageRank(2)
        settings.steps = 20
        settings.batchSize = 4
        settings.maxLength = 64
        let run = TrainingRun(
            try Model(at: modelFolder), task: .causalLanguageModel, rows: .values(rows), settings: settings,
            folder: folder)
        let end = try run.train { event in
            if case .step(let step) = event, step.number.isMultiple(of: 5) {
                print("step \(step.number): loss \(step.loss)")
            }
        }
        print("\(end.ranks.total) triplets are left")

        let speaker = try LanguageModel(adapter: folder)
        let text = try speaker.continued("The capital of Norway is", maxTokens: 8).text
        print("The capital of Norway is\(text)")
    }
}
