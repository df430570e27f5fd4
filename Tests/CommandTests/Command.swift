import Dispatch
import Foundation

/// What a finished `adalora` process left behind.
struct CommandResult {
    /// The exit status, or 128 + the number of the signal that ended the process, as shells count.
    let status: Int32
    let output: String
    let errors: String

    /// The lines of standard error that start with "error:".
    var errorLines: [Substring] {
        errors.split(separator: "\n").filter { $0.hasPrefix("error:") }
    }
}

struct CommandFailure: Error, CustomStringConvertible {
    let description: String
}

/// A started `adalora` process. Its streams go to files: pipes that nobody reads would block it.
final class RunningCommand {
    private let process = Process()
    private let ended = DispatchSemaphore(value: 0)
    private let folder: URL
    private let name: String

    /// - Parameters:
    ///   - executable: for a shell around the binary; the binary itself by default.
    ///   - pipe: takes the place of `input`; the test writes to its other end.
    init(
        _ arguments: [String], executable: URL? = nil, input: String = "", pipe: Pipe? = nil, in folder: URL,
        environment: [String: String] = [:]
    ) throws {
        self.folder = folder.appendingPathComponent("process-\(UUID().uuidString)")
        name = arguments.joined(separator: " ")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        process.executableURL = try executable ?? Binary.locate()
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let inputFile = self.folder.appendingPathComponent("stdin")
        try Data(input.utf8).write(to: inputFile)
        let streams = [
            try pipe?.fileHandleForReading ?? FileHandle(forReadingFrom: inputFile),
            try Self.stream(self.folder.appendingPathComponent("stdout")),
            try Self.stream(self.folder.appendingPathComponent("stderr")),
        ]
        (process.standardInput, process.standardOutput, process.standardError) = (
            streams[0], streams[1], streams[2]
        )
        let ended = self.ended
        process.terminationHandler = { _ in ended.signal() }
        // The process has copies. Kept open here, those of some hundred processes would make `Process.run` crash.
        defer { for stream in streams { try? stream.close() } }
        try process.run()
    }

    private static func stream(_ file: URL) throws -> FileHandle {
        try Data().write(to: file)
        return try FileHandle(forWritingTo: file)
    }

    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// The time limit only keeps a hanging binary from hanging the tests; no test measures time.
    func finish(within seconds: Double = 240) throws -> CommandResult {
        guard ended.wait(timeout: .now() + seconds) == .success else {
            send(SIGKILL)
            throw CommandFailure(description: "no end after \(seconds) s: \(name)")
        }
        func text(_ stream: String) throws -> String {
            String(decoding: try Data(contentsOf: folder.appendingPathComponent(stream)), as: UTF8.self)
        }
        let status = process.terminationStatus
        return CommandResult(
            status: process.terminationReason == .exit ? status : 128 + status,
            output: try text("stdout"), errors: try text("stderr"))
    }

    var isRunning: Bool { process.isRunning }

    /// Standard output of a process that goes on.
    func outputSoFar() throws -> String {
        String(decoding: try Data(contentsOf: folder.appendingPathComponent("stdout")), as: UTF8.self)
    }

    /// Standard error of a process that goes on.
    func errorsSoFar() throws -> String {
        String(decoding: try Data(contentsOf: folder.appendingPathComponent("stderr")), as: UTF8.self)
    }

    /// Names of the threads of a process that goes on. Those without a name of their own have the program's.
    var threads: [String] {
        let folder = "/proc/\(process.processIdentifier)/task"
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return threads.compactMap { try? String(contentsOfFile: "\(folder)/\($0)/comm", encoding: .utf8) }
            .map { String($0.dropLast()) }
    }

    /// The highest resident memory so far, in bytes; nil once the process has ended.
    var peakMemory: Int? {
        let file = "/proc/\(process.processIdentifier)/status"
        let line = (try? String(contentsOfFile: file, encoding: .utf8))?.split(separator: "\n")
            .first { $0.hasPrefix("VmHWM:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }
}

/// Where the command under test is.
enum Binary {
    /// `ADALORA_BINARY`, or the executable `adalora` in the folder of the test product or above.
    static func locate() throws -> URL {
        if let path = ProcessInfo.processInfo.environment["ADALORA_BINARY"] {
            guard isExecutable(path) else {
                throw CommandFailure(description: "ADALORA_BINARY is \(path), which is no executable file")
            }
            return URL(fileURLWithPath: path)
        }
        let products: [String?] =
            [CommandLine.arguments.first, Bundle.main.executablePath] + Bundle.allBundles.map(\.bundlePath)
        for product in products.compactMap(\.self) {
            var folder = URL(fileURLWithPath: product).resolvingSymlinksInPath()
            for _ in 0..<6 where folder.path != "/" {
                folder.deleteLastPathComponent()
                let candidate = folder.appendingPathComponent("adalora")
                if isExecutable(candidate.path) { return candidate }
            }
        }
        throw CommandFailure(
            description:
                "no executable adalora beside the tests; build the whole package or set ADALORA_BINARY")
    }

    private static func isExecutable(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
            && FileManager.default.isExecutableFile(atPath: path)
    }
}
