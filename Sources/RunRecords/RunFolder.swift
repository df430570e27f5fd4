import Foundation

/// Names inside a run folder; see the README for what each holds.
package struct RunFolder: Sendable {
    package let url: URL

    package init(_ url: URL) { self.url = url }

    /// The settings of the run, resolved.
    package var config: URL { url.appendingPathComponent("config.yaml") }
    /// What happened, a record a line: the source of truth.
    package var events: URL { url.appendingPathComponent("events.jsonl") }
    /// The rank of each matrix after each allocation, the first step and the last.
    package var ranks: URL { url.appendingPathComponent("ranks.csv") }
    /// Singular values and scores of all triplets.
    package var triplets: URL { url.appendingPathComponent("triplets.jsonl") }
    /// What the best evaluation and the last say class by class.
    package var classes: URL { url.appendingPathComponent("classes.json") }
    /// What a language model answered to the run's prompts; only of runs that have some.
    package var samples: URL { url.appendingPathComponent("samples.jsonl") }
    /// The best adapter by validation, or the last one without validation data.
    package var adapter: URL { url.appendingPathComponent(Self.resultNames[0]) }
    package var lastAdapter: URL { url.appendingPathComponent(Self.resultNames[1]) }
    /// As `adapter` and `lastAdapter`, where every weight was trained: whole Hugging Face model folders.
    package var model: URL { url.appendingPathComponent(Self.resultNames[2]) }
    package var lastModel: URL { url.appendingPathComponent(Self.resultNames[3]) }
    /// Adapters, best and last, and whole models likewise.
    package static let resultNames = ["adapter", "adapter-last", "model", "model-last"]
    /// What the run made, adapter or model.
    package var best: URL { FileManager.default.fileExists(atPath: model.path) ? model : adapter }
    package var last: URL {
        FileManager.default.fileExists(atPath: lastModel.path) ? lastModel : lastAdapter
    }
    package var checkpoints: URL { url.appendingPathComponent(Self.checkpointsName) }
    package static let checkpointsName = "checkpoints"
    /// Event files for TensorBoard.
    package var tensorBoard: URL { url.appendingPathComponent("tensorboard") }
    /// What a probe answered, where one chose the budget.
    package var advice: URL { url.appendingPathComponent("advice.json") }
    /// The report that `adalora report` writes.
    package var page: URL { url.appendingPathComponent("report.html") }

    package func checkpoint(step: Int) -> URL {
        checkpoints.appendingPathComponent(Self.checkpointName(step: step))
    }

    package static func checkpointName(step: Int) -> String { "step-\(step)" }

    /// nil for a name that is none of a checkpoint.
    package static func checkpointStep(named name: String) -> Int? {
        guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), name == checkpointName(step: step)
        else { return nil }
        return step
    }

    /// Steps with a checkpoint, newest first.
    package func checkpointSteps() -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints.path)) ?? []
        return names.compactMap(Self.checkpointStep(named:)).sorted(by: >)
    }

    /// Whether there is a checkpoint, whole or not.
    package var hasCheckpoint: Bool { !checkpointSteps().isEmpty }
}
