import Foundation
import Messages
import ModelFiles
import RunRecords
import Training

extension RunFolder {
    /// Creates the folder of a new run; a folder that already holds a run is refused.
    func create() throws {
        try checkNew()
        do {
            try FileManager.default.createDirectory(at: checkpoints, withIntermediateDirectories: true)
        } catch {
            throw ModelFileError(
                kind: .unwritable, file: url.path, problem: "the run folder cannot be created",
                advice: "check the path and its permissions")
        }
    }

    /// Refuses a folder that holds a run or anything else.
    package func checkNew() throws {
        if FileManager.default.fileExists(atPath: events.path)
            || FileManager.default.fileExists(atPath: config.path)
        {
            throw TrainingError(
                .usage,
                "\(url.path) already holds a run; choose another \(SettingName.output), or go on with \(SettingName.resume) "
                    + shellQuoted(url.path)
            )
        }
        if let entries = try? FileManager.default.contentsOfDirectory(atPath: url.path), !entries.isEmpty {
            throw TrainingError(
                .usage, "\(url.path) is not empty; give a new folder as \(SettingName.output)")
        }
    }

    func removeCheckpoints(keeping count: Int) {
        for step in checkpointSteps().dropFirst(max(count, 1)) {
            // A checkpoint that cannot be removed costs space, not correctness.
            try? AtomicFile.removeFolder(checkpoint(step: step))
        }
    }
}
