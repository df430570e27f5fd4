import DataParallel
import Foundation
import Glibc
import Messages
import ModelFiles
import RunRecords

/// One `adalora train` in a process of its own, its output in a log beside the run folder.
package struct TrainProcess {
    /// Names, in its environment, the process without which a run shall not go on.
    package static let parentVariable = "ADALORA_PARENT"

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
        let record = try? RunReader.record(of: folder)
        if let reason = record?.end?.reason, reason != .interrupted,
            !needsWeights || manager.fileExists(atPath: RunFolder(folder).best.path)
        {
            return 0
        }
        let resumes =
            record?.end?.reason ?? .interrupted == .interrupted && RunFolder(folder).hasCheckpoint
        if resumes {
            let status = try launch(["train", "--resume", folder.path], shouldStop: shouldStop)
            // What cannot go on exactly (another machine, damaged files) is made again.
            guard [ExitStatus.badData, ExitStatus.missingInput].contains(status) else { return status }
        }
        try? manager.removeItem(at: folder)
        return try launch(["train"] + flags.map { "--\($0.key)=\($0.value)" }, shouldStop: shouldStop)
    }

    private func launch(_ arguments: [String], shouldStop: () -> Bool) throws -> Int32 {
        let manager = FileManager.default
        try manager.createDirectory(at: folder.deletingLastPathComponent(), withIntermediateDirectories: true)
        _ = manager.createFile(atPath: log.path, contents: nil)
        let output = try FileHandle(forWritingTo: log)
        defer { try? output.close() }
        let process = Process()
        // The image of this very process, also where the file was rebuilt meanwhile.
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe")
        process.arguments = arguments
        // It is no process of the launcher that may have started this one.
        process.environment = ProcessInfo.processInfo.environment.filter { !Processes.isOfLauncher($0.key) }
            .merging(
                [Self.parentVariable: String(getpid())]
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
