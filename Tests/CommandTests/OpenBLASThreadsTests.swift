import Foundation
import Glibc
import Testing

/// OpenBLAS starts a thread for each core as the program is loaded, and each keeps a core busy for a tenth of a second.
@Suite struct OpenBLASThreadsTests {
    /// While a run trains, so that what asks for products on one thread has not started the others again: it has as many threads
    /// as a run for which OpenBLAS never had any.
    @Test(.enabled(if: ProcessInfo.processInfo.activeProcessorCount > 1, "one core: no such threads"))
    func areEnded() throws {
        let workspace = try Workspace()
        let runs = try ["1", "4"].map { count in
            let run = Workspace.training(
                output: "run-\(count)", steps: 100_000, ["--budget", "12", "--threads", "1"])
            return try RunningCommand(
                run, in: workspace.url, environment: ["OPENBLAS_NUM_THREADS": count])
        }
        defer { for run in runs { run.send(SIGKILL) } }
        for run in runs {
            while run.isRunning, try !run.errorsSoFar().contains("step ") { usleep(5000) }
            let said = try run.errorsSoFar()
            try #require(run.isRunning, "\(said)")
        }
        func unnamed(_ run: RunningCommand) -> Int { run.threads.count { $0 == "adalora" } }
        // Threads of Dispatch get their names a moment after they start.
        for _ in 0..<200 where unnamed(runs[0]) != unnamed(runs[1]) { usleep(5000) }
        #expect(unnamed(runs[0]) == unnamed(runs[1]) && unnamed(runs[1]) > 0)
    }
}
