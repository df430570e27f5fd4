import AdaLoRA
import Foundation

/// A classifier of reviews, from rows in this program to answers, by the library's loop:
///
///     swift run -c release FirstRun ../models/minilm ../runs/first
@main
struct FirstRun {
    static func main() async throws {
        Kernels.restartWithBetter()
        guard CommandLine.arguments.count == 3 else {
            print("usage: FirstRun MODEL RUN")
            exit(64)
        }
        let paths = CommandLine.arguments.dropFirst().map { URL(fileURLWithPath: $0) }
        do {
            try await train(modelFolder: paths[0], folder: paths[1])
            try answer(folder: paths[1])
        } catch let error as AdaLoRAError {
            print("error: \(error)")
            exit(error.kind == .usage ? 64 : 1)
        }
    }

    static func train(modelFolder: URL, folder: URL) async throws {
        let model = try Model(at: modelFolder)
        print("\(model.architecture) of \(model.layers) layers and \(model.parameters) parameters")

        let rows = reviews.map { Row.text($0.text, label: $0.isGood ? "good" : "bad") }

        var settings = TrainingSettings()
        settings.budget = .averageRank(2)
        settings.epochs = 8
        settings.batchSize = 8
        settings.seed = 7

        let run = TrainingRun(
            model, task: .classification, rows: .values(rows), validation: .share(0.25),
            settings: settings, folder: folder)
        for try await event in run.events() {
            switch event {
            case .note(let text), .warning(let text):
                print(text)
            case .step(let step) where step.number.isMultiple(of: 8):
                print("step \(step.number): loss \(step.loss), \(step.ranks.total) triplets")
            case .evaluation(let evaluation):
                print("after step \(evaluation.step): accuracy \(evaluation.metrics["accuracy"] ?? .nan)")
            case .finished(let end):
                print("\(end.reason) after \(end.step) steps and \(end.tokens) tokens")
            default:
                break
            }
        }
    }

    static func answer(folder: URL) throws {
        let adapter = try Adapter(at: folder)
        for (role, rank) in adapter.ranks.byRole.sorted(by: { $0.key < $1.key }) {
            print("\(role): \(rank) triplets")
        }
        let texts = ["What a lovely evening that was.", "A dull and tiring evening."]
        let answers = try adapter.predict(texts.map { Row.text($0) })
        for (text, answer) in zip(texts, answers) {
            print("\(answer.label ?? "?") (\(answer.probability ?? 0)): \(text)")
        }
    }

    static var reviews: [(text: String, isGood: Bool)] {
        let things = ["film", "book", "meal", "concert", "play", "hotel"]
        let good = ["lovely", "delightful", "wonderful", "charming"]
        let bad = ["dull", "dreadful", "tiring", "clumsy"]
        return things.flatMap { thing in
            good.map { ("The \(thing) was \($0) from beginning to end.", true) }
                + bad.map { ("The \(thing) was \($0) from beginning to end.", false) }
        }
    }
}
