import Foundation

/// Names inside a run folder; see the README for what each holds.
public struct RunFolder: Sendable {
    public let url: URL

    public init(_ url: URL) { self.url = url }

    /// The settings of the run, resolved.
    public var config: URL { url.appendingPathComponent("config.yaml") }
    /// What happened, a record a line: the source of truth.
    public var events: URL { url.appendingPathComponent("events.jsonl") }
    /// The rank of each matrix after each allocation, the first step and the last.
    public var ranks: URL { url.appendingPathComponent("ranks.csv") }
    /// Singular values and scores of all triplets.
    public var triplets: URL { url.appendingPathComponent("triplets.jsonl") }
    /// The best adapter by validation, or the last one without validation data.
    public var adapter: URL { url.appendingPathComponent("adapter") }
    public var lastAdapter: URL { url.appendingPathComponent("adapter-last") }
    /// As `adapter` and `lastAdapter`, where every weight was trained: whole Hugging Face model folders.
    public var model: URL { url.appendingPathComponent("model") }
    public var lastModel: URL { url.appendingPathComponent("model-last") }
    /// What the run made, adapter or model.
    public var best: URL { FileManager.default.fileExists(atPath: model.path) ? model : adapter }
    public var last: URL {
        FileManager.default.fileExists(atPath: lastModel.path) ? lastModel : lastAdapter
    }
    public var checkpoints: URL { url.appendingPathComponent(Self.checkpointsName) }
    public static let checkpointsName = "checkpoints"
    /// Event files for TensorBoard.
    public var tensorBoard: URL { url.appendingPathComponent("tensorboard") }
    /// The report that `adalora report` writes.
    public var page: URL { url.appendingPathComponent("report.html") }

    public func checkpoint(step: Int) -> URL {
        checkpoints.appendingPathComponent(Self.checkpointName(step: step))
    }

    public static func checkpointName(step: Int) -> String { "step-\(step)" }

    /// nil for a name that is none of a checkpoint.
    public static func checkpointStep(named name: String) -> Int? {
        guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), name == checkpointName(step: step)
        else { return nil }
        return step
    }

    /// Steps with a checkpoint, newest first.
    public func checkpointSteps() -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints.path)) ?? []
        return names.compactMap(Self.checkpointStep(named:)).sorted(by: >)
    }

    /// Whether there is a checkpoint, whole or not.
    public var hasCheckpoint: Bool { !checkpointSteps().isEmpty }
}
