import Benchmark
import Foundation
import Matrices

/// Times of kernels, each beside a plain loop that computes the same, and of whole steps. Compare within one run only.
/// A wrong answer ends the program before anything is timed.
@main
struct KernelTimes {
    static func main() {
        KernelSelection.restartWithBestKernel()
        do {
            try addElementwise()
            try addDecoder()
            try addProducts()
            try addAllocation()
            try addSteps()
        } catch {
            FileHandle.standardError.write(Data("error: \(error)\n".utf8))
            exit(1)
        }
        Benchmark.main(customDefaults: [TimeUnit(.us)])
    }

    /// Registers a kernel and its plain loop, after comparing what they write.
    ///
    /// - Parameter tolerance: the largest difference of two values near 1.
    static func pair(
        _ name: String, tolerance: Float, output: Matrix, kernel: @escaping () -> Void,
        plain: @escaping () -> Void
    ) throws {
        kernel()
        let fast = output.values
        output.fill(.nan)
        plain()
        for (index, (a, b)) in zip(fast, output.values).enumerated()
        where !(abs(a - b) <= tolerance * max(1, abs(b))) {
            throw WrongAnswer(description: "\(name): element \(index) is \(a), the plain loop has \(b)")
        }
        benchmark("\(name): kernel") { kernel() }
        benchmark("\(name): plain loop") { plain() }
    }

    static func normal(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix {
        var stream = RandomStream(seed: seed, purpose: "kernel times")
        return Matrix(
            rows: rows, columns: columns, values: (0..<rows * columns).map { _ in Float(stream.normal()) })
    }
}

struct WrongAnswer: Error, CustomStringConvertible {
    let description: String
}
