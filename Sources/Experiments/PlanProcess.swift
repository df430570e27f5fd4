import Foundation
import ModelFiles
import Training

/// `adalora plan` in a process of its own: what it finds in memory is then one run's alone.
enum PlanProcess {
    /// Steps of the run, seconds of training and evaluations, and bytes at the peak.
    static func plan(_ flags: [(key: String, value: String)]) throws -> (
        steps: Int, seconds: Double, bytes: Int
    ) {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("adalora-plan-\(getpid())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        // Files, since pipes that nobody reads would block it.
        func stream(_ name: String) throws -> (url: URL, handle: FileHandle) {
            let url = folder.appendingPathComponent(name)
            try Data().write(to: url)
            return (url, try FileHandle(forWritingTo: url))
        }
        let (output, errors) = (try stream("output"), try stream("errors"))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe")
        process.arguments = ["plan", "--json"] + flags.map { "--\($0.key)=\($0.value)" }
        process.standardOutput = output.handle
        process.standardError = errors.handle
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw TrainingError(
                TrainProcess.lastError(of: errors.url)
                    ?? "adalora plan ended with status \(process.terminationStatus)")
        }
        let plan = try JSONValue.read(output.url)
        guard let steps = plan["totalSteps"]?.int, let bytes = plan["memory"]?["bytes"]?.int,
            let seconds = plan["time"]?["totalSeconds"]?.double
        else {
            let warnings = plan["warnings"]?.array?.compactMap(\.string) ?? []
            throw TrainingError(.usage, warnings.last ?? "adalora plan did not measure the time of a step")
        }
        return (steps, seconds, bytes)
    }
}
