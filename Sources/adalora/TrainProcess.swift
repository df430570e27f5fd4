import Foundation
import Glibc
import ModelFiles
import Reports
import Training

/// One `adalora train` in a process of its own, its output in a log beside the run folder.
struct TrainProcess {
    let folder: URL
    /// Whether a run that ended but has no weights left is to be made again.
    var needsWeights = false

    private var log: URL { folder.appendingPathExtension("log") }

    /// Trains with these settings. A run that ended is not trained again, one that was stopped after a checkpoint goes
    /// on, and any other starts over.
    ///
    /// - Parameter shouldStop: asked many times a second; the run then saves its state and ends.
    /// - Returns: the exit status, 128 and the signal's number for a process that a signal ended.
    func run(_ flags: [(key: String, value: String)], shouldStop: () -> Bool) throws -> Int32 {
        let manager = FileManager.default
        if manager.fileExists(atPath: folder.path) {
            // A run whose harness was killed ends itself after its step; until then the folder is its own.
            _ = try FolderLock(folder, waiting: 60)
        }
        let record = try? RunRecord(folder: folder)
        if let reason = record?.end?.reason, reason != .interrupted,
            !needsWeights || manager.fileExists(atPath: RunFolder(folder).best.path)
        {
            return 0
        }
        let checkpoints = folder.appendingPathComponent("checkpoints").path
        let names = (try? manager.contentsOfDirectory(atPath: checkpoints)) ?? []
        // Killed between its last checkpoint and its end record, a run has nothing left to resume.
        let isOver = names.contains("step-\(record?.start.totalSteps ?? -1)")
        let resumes =
            !isOver && record?.end?.reason ?? .interrupted == .interrupted
            && names.contains { $0.hasPrefix("step-") }
        if !resumes { try? manager.removeItem(at: folder) }
        try manager.createDirectory(at: folder.deletingLastPathComponent(), withIntermediateDirectories: true)
        _ = manager.createFile(atPath: log.path, contents: nil)
        let output = try FileHandle(forWritingTo: log)
        defer { try? output.close() }
        let process = Process()
        // The image of this very process, also where the file was rebuilt meanwhile.
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe")
        process.arguments =
            resumes
            ? ["train", "--resume", folder.path] : ["train"] + flags.map { "--\($0.key)=\($0.value)" }
        process.environment = ProcessInfo.processInfo.environment.merging(
            [Interruption.parentVariable: String(getpid())]
        ) { $1 }
        process.standardOutput = output
        process.standardError = output
        try process.run()
        var isTold = false
        while process.isRunning {
            // The run is in a process group of its own, which Ctrl-C does not reach.
            if !isTold && shouldStop() {
                process.interrupt()
                isTold = true
            }
            Thread.sleep(forTimeInterval: 0.05)
        }
        let status = process.terminationStatus
        return process.terminationReason == .uncaughtSignal ? 128 + status : status
    }

    /// The error line that the run ended with; nil without one.
    var lastError: String? { Self.lastError(of: log) }

    static func lastError(of log: URL) -> String? {
        let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").last { $0.hasPrefix("error: ") }.map { String($0.dropFirst(7)) }
    }
}
