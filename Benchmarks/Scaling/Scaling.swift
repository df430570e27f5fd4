import ArgumentParser
import Charts
import Foundation
import Matrices
import ModelFiles
import TrainingSteps

/// How time and memory of a training step grow with the work.
@main
struct Scaling: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tokens a second and peak memory against batch size, length, depth, width and threads.",
        discussion:
            "AdaLoRA of rank 12 on all matrices of each layer of a BERT, or a Llama, with made-up weights.",
        subcommands: [Run.self, Measure.self], defaultSubcommand: Run.self)

    /// All sizes, each in a process of its own, so that peak memory is its own.
    struct Run: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Measure all sizes and write table and plots.")

        @Option(help: "Folder of table and plots.") var output = "Benchmarks/results/scaling"
        @Option(help: "Seconds of steps for each size, at least.") var seconds = 4.0
        @Option(help: "bert or llama.") var kind = RandomModel.Kind.bert

        func run() throws {
            let folder = URL(fileURLWithPath: output)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            var results: [ScalingPoint: ScalingFigures] = [:]
            let axes = ScalingAxis.all(kind)
            let points = axes.flatMap(\.points)
            for (index, point) in points.enumerated() where results[point] == nil {
                let words = point.arguments.joined(separator: " ")
                FileHandle.standardError.write(Data("[\(index + 1)/\(points.count)] \(words)\n".utf8))
                results[point] = try measured(point)
            }
            let report = ScalingReport(kind, axes, results)
            print(report.table)
            try AtomicFile.write(Data(report.markdown.utf8), to: folder.appendingPathComponent("scaling.md"))
            for chart in report.charts {
                try AtomicFile.write(
                    Data(chart.svg().utf8), to: folder.appendingPathComponent("\(chart.id).svg"))
            }
        }

        private func measured(_ point: ScalingPoint) throws -> ScalingFigures {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            process.arguments = ["measure", "--seconds", "\(seconds)"] + point.arguments
            let pipe = Pipe()
            process.standardOutput = pipe
            try process.run()
            let data = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            guard process.terminationStatus == 0,
                let figures = ScalingFigures(try JSONValue.parse(String(decoding: data, as: UTF8.self)))
            else { throw ExitCode(1) }
            return figures
        }
    }

    struct Measure: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Measure one size; prints JSON.")

        @Option(help: "bert or llama.") var kind = RandomModel.Kind.bert
        @Option(help: "Sequences of a batch.") var batch = 32
        @Option(help: "Tokens of each sequence.") var length = 128
        @Option(help: "Layers of the model.") var layers = 6
        @Option(help: "Width of the model, a multiple of 12.") var width = 384
        @Option(help: "Worker threads.") var threads = 2
        @Flag(help: "Compute layers again in the backward pass.") var recompute = false
        @Option(help: "Seconds of steps, at least.") var seconds = 4.0

        func validate() throws {
            guard [batch, length, layers, threads].allSatisfy({ $0 > 0 }), width > 0, width % 12 == 0 else {
                throw ValidationError("sizes must be positive, and the width a multiple of 12")
            }
        }

        func run() throws {
            KernelSelection.restartWithBestKernel()
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
                "scaling-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: folder) }
            let point = ScalingPoint(
                kind: kind, batch: batch, length: length, layers: layers, width: width, threads: threads,
                recomputes: recompute)
            print(try point.measure(seconds: seconds, in: folder).json.text())
        }
    }
}

extension RandomModel.Kind: ExpressibleByArgument {}
