import Foundation
import ModelFiles
import Testing

@Suite struct HostileFileTests {
    /// A program that takes longer has lost itself in the file.
    private static let seconds = 60
    /// What the program may take beside the size of the file, its own 39 MB with all libraries included.
    private static let memory = 68 << 20

    @Test(arguments: HostileFile.all)
    func isOneClearErrorInBoundedMemory(file: HostileFile) throws {
        let workspace = try Workspace()
        try file.prepare(workspace)
        try check(file, workspace)
        #expect(!workspace.exists("run"))
    }

    @Test(arguments: HostileFile.ofSteps)
    func isOneClearErrorInAStep(file: HostileFile) throws {
        let workspace = try Workspace()
        try file.prepare(workspace)
        try check(file, workspace)
        #expect(!workspace.exists("run/adapter"))
    }

    /// A run of a few steps, made once.
    private static let finished = Result {
        let workspace = try Workspace()
        let result = try workspace.run(
            Workspace.training(
                steps: 6,
                ["--budget", "12", "--threads", "1", "--checkpoint-every", "3", "--keep-checkpoints", "1"]))
        guard result.status == 0 else { throw CommandFailure(description: result.errors) }
        return workspace
    }

    @Test(arguments: HostileFile.ofRuns)
    func isOneClearErrorBesideARun(file: HostileFile) throws {
        let workspace = try Workspace()
        try FileManager.default.removeItem(at: workspace.model)
        let finished = try Self.finished.get()
        try FileManager.default.createSymbolicLink(at: workspace.model, withDestinationURL: finished.model)
        try FileManager.default.copyItem(at: finished.file("run"), to: workspace.file("run"))
        try file.prepare(workspace)
        try check(file, workspace)
    }

    private func check(_ file: HostileFile, _ workspace: Workspace) throws {
        let command = try RunningCommand(
            file.arguments, in: workspace.url, environment: ["OPENBLAS_NUM_THREADS": "1"])
        // The kernel forgets the peak with the process, so that it is asked all the time.
        var peak = 0
        let start = ContinuousClock.now
        while command.isRunning, ContinuousClock.now - start < .seconds(Self.seconds) {
            peak = max(peak, command.peakMemory ?? 0)
            usleep(500)
        }
        let result = try command.finish(within: 1)
        #expect(result.status == file.status, "\(result.errors.suffix(1000))")
        #expect(result.errorLines.count == 1, "\(result.errors.suffix(1000))")
        #expect(result.errorLines.first?.utf8.count ?? 0 < 2_000)
        for word in file.mentions {
            #expect(result.errors.contains(word), "\(word) in: \(result.errors.suffix(1000))")
        }
        #expect(
            peak <= file.byteCount + Self.memory, "\(peak >> 20) MB for a file of \(file.byteCount >> 20) MB")
    }
}
