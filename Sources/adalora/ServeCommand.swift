import ArgumentParser
import Foundation
import Glibc
import RunServer
import Synchronization
import Training

struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Show runs in a browser on this machine, while they go on.",
        discussion: """
            Lists all runs in the given folders, each with its report, and renews them as training goes on. Only this \
            machine (127.0.0.1) can open the page, and nothing can be changed through it. Ctrl-C ends it.
            """)

    @Argument(help: ArgumentHelp("Run folders, or folders that hold some.", valueName: "runs"))
    var folders: [String]
    @Option(help: "Port; 0 for any that is free.") var port: UInt16 = 6116

    func run() throws {
        try Failure.run {
            for folder in folders where !Self.isFolder(folder) {
                throw TrainingError(
                    .missing, "\(folder) is not a folder; give runs, or a folder that holds some")
            }
            let server = try RunServer(folders.map { URL(fileURLWithPath: $0) }, port: port)
            let end = ServerEnd()
            let task = Task.detached {
                do {
                    try await server.run {
                        end.isListening.withLock { $0 = true }
                        Terminal.error("http://127.0.0.1:\($0)  (Ctrl-C ends it)")
                    }
                    end.set(nil)
                } catch {
                    end.set(error)
                }
            }
            for number in [SIGINT, SIGTERM] {
                signal(number, SIG_IGN)
                end.watch(number) { task.cancel() }
            }
            let error = end.wait()
            if let error, !task.isCancelled {
                if end.isListening.withLock({ $0 }) { throw TrainingError("the server ended: \(error)") }
                throw TrainingError(
                    .usage,
                    "port \(port) cannot be served (\(error)); another server may have it: give --port 0 for one that is free"
                )
            }
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }
}

/// The end of a server that runs in a task of its own.
private final class ServerEnd: @unchecked Sendable {
    // Unchecked: `error` is written before the signal that `wait` waits for, and `sources` by one thread only.
    let isListening = Mutex(false)
    private let ended = DispatchSemaphore(value: 0)
    private var error: (any Error)?
    private var sources: [any DispatchSourceSignal] = []

    func set(_ error: (any Error)?) {
        self.error = error
        ended.signal()
    }

    func wait() -> (any Error)? {
        ended.wait()
        return error
    }

    func watch(_ number: Int32, _ body: @escaping @Sendable () -> Void) {
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler(handler: body)
        source.resume()
        sources.append(source)
    }
}
