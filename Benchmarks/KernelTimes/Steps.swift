import Adapters
import Benchmark
import Foundation
import Matrices
import RankAllocation
import TrainingSteps

extension KernelTimes {
    /// Exact triplets of one matrix, and the choice among many.
    static func addAllocation() throws {
        for (outputs, inputs, rank) in [(384, 384, 3), (384, 384, 12), (1536, 384, 12)] {
            let p = normal(outputs, rank, seed: 9)
            let q = normal(rank, inputs, seed: 10)
            let lambda = (1...rank).map { Float($0) }
            let exact = try ExactTriplets(p: p, lambda: lambda, q: q)
            try checkProduct(p, lambda, q, exact)
            benchmark("exact triplets \(outputs)x\(inputs) rank \(rank)") {
                _ = try ExactTriplets(p: p, lambda: lambda, q: q)
            }
        }
        let scores = (0..<36).map { site in (0..<12).map { Float((site * 12 + $0) * 7919 % 433) } }
        let kept = try RankAllocator.allocate(scores: scores, budget: 72)
        guard kept.spent == 72, let worst = kept.worstKept, let best = kept.bestPruned, worst >= best else {
            throw WrongAnswer(description: "allocation: \(kept.spent) of 72 triplets")
        }
        benchmark("allocation of 72 among 432") { _ = try RankAllocator.allocate(scores: scores, budget: 72) }
    }

    /// P·Λ·Q must stay what it was: compared on its first row, relative to the largest value, 1e-4 for Float32 QR and SVD.
    private static func checkProduct(_ p: Matrix, _ lambda: [Float], _ q: Matrix, _ exact: ExactTriplets)
        throws
    {
        let before = (0..<q.columns).map { column in
            lambda.indices.reduce(Float(0)) { $0 + p.row(0)[$1] * lambda[$1] * q.row($1)[column] }
        }
        let after = (0..<q.columns).map { column in
            lambda.indices.reduce(Float(0)) {
                $0 + exact.pRows.row($1)[0] * exact.values[$1] * exact.q.row($1)[column]
            }
        }
        let largest = before.map(abs).max() ?? 0
        for (a, b) in zip(before, after) where !(abs(a - b) <= 1e-4 * largest) {
            throw WrongAnswer(description: "exact triplets: \(b) instead of \(a)")
        }
    }

    /// Whole training steps on the tiny BERT of the tests, where overhead shows, and on MiniLM where it is fetched.
    static func addSteps() throws {
        for (name, folder) in [("tiny", "Tests/Goldens/bert/model"), ("MiniLM", "models/minilm")] {
            guard FileManager.default.fileExists(atPath: folder) else {
                print("\(folder) is not there: no steps of \(name)")
                continue
            }
            for scenario in StepScenario.allCases {
                let step = try scenario.steps(
                    model: URL(fileURLWithPath: folder), threads: name == "tiny" ? 1 : 2)
                let first = try step()
                // The same 16 examples again and again: a step that works learns them.
                let last = try (1...12).map { _ in try step() }.last ?? .nan
                guard last < first else {
                    throw WrongAnswer(
                        description: "\(name), \(scenario.rawValue): loss \(first), then \(last)")
                }
                benchmark("step of \(name), \(scenario.rawValue)") { _ = try step() }
            }
        }
    }
}
