import ArgumentParser
import Foundation
import Matrices
import ModelFiles
import TrainingSteps

/// This project's side of scripts/compare-peft.sh: reads commands on standard input and answers each with a line of
/// JSON. Between commands it waits in a blocking read, so that the other side has the machine to itself.
///
///     step N      the optimizer step N on batch N: seconds, loss, tokens, triplets alive
///     evaluate    loss and predicted classes of the validation examples
///     probe       GFLOP/s of a short SGEMM on all threads
///     quit
@main
struct PeerSteps: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Training steps on command, for the comparison with PyTorch and PEFT.")

    @Option(help: "JSON file that describes the run; without it only the probe answers.") var task: String?
    @Option(help: "Threads of the probe when there is no task.") var threads = 2

    func validate() throws {
        guard threads > 0 else { throw ValidationError("--threads must be at least 1, not \(threads)") }
    }

    func run() throws {
        KernelSelection.restartWithBestKernel()
        let task = try task.map { try PeerTask(file: URL(fileURLWithPath: $0)) }
        let workers = Workers(count: task?.threads ?? threads)
        let run = try task.map { try PeerRun($0, workers: workers) }
        try answer([
            "ready": .string(KernelSelection.openBLASConfiguration), "threads": JSONValue(workers.count),
        ])
        let probe = SpeedProbe(workers: workers)
        while let line = readLine(), line != "quit" {
            let words = line.split(separator: " ")
            switch (words.first, words.dropFirst().first.flatMap { Int($0) }, run) {
            case ("probe", _, _): try answer(["gflops": .number(probe.gigaflops())])
            case ("step", let step?, let run?): try answer(run.step(step))
            case ("evaluate", _, let run?): try answer(run.evaluate())
            default: throw ValidationError("unknown command \"\(line)\", or one that needs --task")
            }
        }
    }

    private func answer(_ members: JSONObject) throws {
        try FileHandle.standardOutput.write(contentsOf: Data((JSONValue.object(members).text() + "\n").utf8))
    }
}
