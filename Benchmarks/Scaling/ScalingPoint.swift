import CCallCounts
import Foundation
import Matrices
import ModelFiles
import TrainingSteps

/// One size of work: a model of made-up weights and batches of equally long sequences.
struct ScalingPoint: Hashable {
    var kind = RandomModel.Kind.bert
    var batch = 32
    /// Tokens of each sequence
    var length = 128
    var layers = 6
    var width = 384
    var threads = 2
    var recomputes = false

    static let rank = 12
    /// The share of each sequence of a language model that is learned, at its end.
    static let learned = 0.25

    /// What one quantity at a time is changed of.
    static func usual(_ kind: RandomModel.Kind) -> ScalingPoint { ScalingPoint(kind: kind) }

    /// Arguments of `Scaling measure`.
    var arguments: [String] {
        [
            "--kind", kind.rawValue, "--batch", "\(batch)", "--length", "\(length)", "--layers", "\(layers)",
            "--width", "\(width)",
            "--threads", "\(threads)",
        ] + (recomputes ? ["--recompute"] : [])
    }

    /// Times steps until at least `seconds` have passed, the probe before and after each of them.
    func measure(seconds least: Double, in folder: URL) throws -> ScalingFigures {
        try RandomModel(kind: kind, layers: layers, width: width, positions: max(length, 128)).write(
            to: folder)
        let step = try steps(of: folder)
        let probe = SpeedProbe(workers: Workers(count: threads))
        for _ in 1...2 { _ = try step() }
        let before = acc_read()
        _ = try step()
        let flops = Double(acc_read().product_flops - before.product_flops)
        var rates: [Double] = []
        var shares: [Double] = []
        var total = 0.0
        var speed = probe.gigaflops()
        while total < least || rates.count < 5 {
            let time = try seconds { _ = try step() }
            let after = probe.gigaflops()
            rates.append(Double(batch * length) / time)
            shares.append(flops / time / 1e9 / ((speed + after) / 2))
            speed = after
            total += time
        }
        return ScalingFigures(
            tokensPerSecond: Self.median(rates), share: Self.median(shares),
            flopsPerToken: flops / Double(batch * length), peakBytes: try Self.peakMemory())
    }

    private func steps(of folder: URL) throws -> () throws -> Double {
        let lengths = [Int](repeating: length, count: batch)
        return switch kind {
        case .bert:
            try StepScenario.penalty.steps(
                model: folder, threads: threads, lengths: lengths, rank: Self.rank,
                recomputesLayers: recomputes)
        case .llama:
            try DecoderScenario.steps(
                model: folder, .penalty, threads: threads, lengths: lengths, rank: Self.rank,
                learned: Self.learned, recomputesLayers: recomputes)
        }
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    /// The kernel's high-water mark of resident memory, in bytes.
    private static func peakMemory() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        guard let kilobytes = line?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw CocoaError(.fileReadCorruptFile)
        }
        return kilobytes * 1024
    }
}

/// What one size took.
struct ScalingFigures {
    /// Medians over the steps
    let tokensPerSecond: Double
    /// The arithmetic of the products over what SGEMM would have done of it in the same time
    let share: Double
    /// Of all products of a step, forward and backward
    let flopsPerToken: Double
    let peakBytes: Int

    var json: JSONValue {
        .object([
            "tokensPerSecond": .number(tokensPerSecond), "share": .number(share),
            "flopsPerToken": .number(flopsPerToken), "peakBytes": JSONValue(peakBytes),
        ])
    }

    init(tokensPerSecond: Double, share: Double, flopsPerToken: Double, peakBytes: Int) {
        self.tokensPerSecond = tokensPerSecond
        self.share = share
        self.flopsPerToken = flopsPerToken
        self.peakBytes = peakBytes
    }

    init?(_ json: JSONValue) {
        guard let rate = json["tokensPerSecond"]?.double, let share = json["share"]?.double,
            let flops = json["flopsPerToken"]?.double, let bytes = json["peakBytes"]?.int
        else { return nil }
        self.init(tokensPerSecond: rate, share: share, flopsPerToken: flops, peakBytes: bytes)
    }
}
