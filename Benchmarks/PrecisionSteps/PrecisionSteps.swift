import ArgumentParser
import Foundation
import Matrices
import ModelFiles
import TrainingSteps

/// Steps of one model whose frozen products are in Float32, and of the same in bf16, in turns.
@main
struct PrecisionSteps: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "CPU time of training steps in Float32 over that in bf16, and how far their gradients differ.",
        discussion: """
            AdaLoRA on all matrices, one thread, batches of equally long sequences; a language model learns each token. A \
            BERT of made-up weights unless a model is given.
            """)

    @Option(help: "A model: a folder or a GGUF file.") var model: String?
    @Option(help: "Layers of the made-up model.") var layers = 12
    @Option(help: "Width of the made-up model, a multiple of 12.") var width = 768
    @Option(help: "Sequences of a batch.") var batch = 8
    @Option(help: "Tokens of each sequence.") var length = 128
    @Option(help: "Triplets of each matrix.") var rank = 12
    @Option(help: "Pairs of steps.") var pairs = 7
    @Option(help: "float32 or bf16: take steps of this one alone, for a profiler.") var only: String?

    func validate() throws {
        guard [layers, batch, length, rank, pairs].allSatisfy({ $0 > 0 }), width > 0, width % 12 == 0 else {
            throw ValidationError("sizes must be positive, and the width a multiple of 12")
        }
        guard [nil, "float32", "bf16"].contains(only) else {
            throw ValidationError("--only is float32 or bf16")
        }
    }

    func run() throws {
        KernelSelection.restartWithBestKernel()
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "precision-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let url = URL(fileURLWithPath: model ?? folder.path)
        if model == nil {
            try RandomModel(kind: .bert, layers: layers, width: width, positions: max(length, 128)).write(
                to: folder)
        }
        func steps() throws -> SteppedModel {
            try SteppedModel(url, batch: batch, length: length, rank: rank)
        }
        if let only {
            let alone = try steps()
            if only == "bf16" { alone.multiplyInBFloat16() }
            for _ in 0..<pairs { _ = try alone.step() }
            return
        }
        try compareGradients(steps())
        let (plain, short) = (try steps(), try steps())
        short.multiplyInBFloat16()
        // Lay weights out and make buffers.
        for _ in 0..<2 { _ = (try plain.step(), try short.step()) }
        var (times, ratios): ([(Double, Double)], [Double]) = ([], [])
        for _ in 0..<pairs {
            let pair = (try cpuTime { _ = try plain.step() }, try cpuTime { _ = try short.step() })
            times.append(pair)
            ratios.append(pair.0 / pair.1)
        }
        let best = (times.map(\.0).min() ?? 0, times.map(\.1).min() ?? 0)
        print(
            "step: float32 \(Self.figure(best.0)) s, bf16 \(Self.figure(best.1)) s at best; ratio \(Self.figure(best.0 / best.1)), "
                + "median of pairs \(Self.figure(ratios.sorted()[ratios.count / 2]))"
                + (BFloat16Products.isFast ? "" : " (no instruction for bf16 here)"))
    }

    /// After some steps, when no factor is 0.
    private func compareGradients(_ model: SteppedModel) throws {
        for _ in 0..<3 { _ = try model.step() }
        let before = try model.gradient()
        model.multiplyInBFloat16()
        let after = try model.gradient()
        var (difference, size) = (0.0, 0.0)
        for (a, b) in zip(before.values, after.values) {
            difference += Double(a - b) * Double(a - b)
            size += Double(a) * Double(a)
        }
        print(
            "loss \(before.loss) and \(after.loss); relative difference of the gradient "
                + Self.figure((difference / size).squareRoot()))
    }

    private static func figure(_ value: Double) -> String { String(format: "%.4g", value) }
}

/// Of this thread, which takes the steps.
private func cpuTime(_ body: () throws -> Void) rethrows -> Double {
    func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
    let start = now()
    try body()
    return now() - start
}
