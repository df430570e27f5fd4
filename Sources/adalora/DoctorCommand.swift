import ArgumentParser
import Experiments
import Foundation
import Matrices

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Show CPU, BLAS kernel and measured speed, and warn of slow setups.")

    @Flag(help: "Print only the kernel name that OPENBLAS_CORETYPE should have (for scripts).") var kernel =
        false

    func run() throws {
        let current = KernelSelection.currentKernel
        if kernel {
            Terminal.output(current)
            return
        }
        let level =
            ["1": "x86-64 baseline", "3": "AVX2 and FMA", "4": "AVX-512"]["\(KernelSelection.cpuLevel)"]
            ?? "unknown"
        let restarted = ProcessInfo.processInfo.environment["ADALORA_RESTARTED"] != nil
        Terminal.output(
            "CPU        \(Origin.cpuName), \(ProcessInfo.processInfo.activeProcessorCount) cores, \(level)")
        Terminal.output("OpenBLAS   \(KernelSelection.openBLASConfiguration)")
        Terminal.output(
            "kernel     \(current)\(restarted ? " (chosen by adalora; OpenBLAS had picked a slower one)" : "")"
        )
        Terminal.output(
            "bf16       "
                + (BFloat16Products.isFast
                    ? "AVX512-BF16: products of --precision bf16 are about twice as fast as Float32"
                    : "no instruction: --precision bf16 gives the same numbers, slower than Float32"))
        let error = KernelSelection.productError()
        Terminal.output(
            "check      one product against a plain loop: relative error \(String(format: "%.1e", error))")
        Terminal.output(
            "speed      \(String(format: "%.0f", Self.speed())) GFLOP/s on one core (sgemm 512 × 384 × 384, median)"
        )
        if let better = KernelSelection.betterKernel(than: current, cpuLevel: KernelSelection.cpuLevel) {
            Terminal.output(
                "warning: this CPU can run the \(better) kernel; unset OPENBLAS_CORETYPE or set it to \(better)"
            )
        }
        if error >= 1e-4 {
            Terminal.error(
                "error: OpenBLAS computes wrong products here; set OPENBLAS_CORETYPE=Haswell, or update libopenblas"
            )
            throw ExitCode(70)
        }
    }

    private static func speed() -> Double {
        let (m, n, k) = (512, 384, 384)
        let workers = Workers(count: 1)
        let a = Matrix(rows: m, columns: k)
        let b = Matrix(rows: n, columns: k)
        let out = Matrix(rows: m, columns: n)
        var stream = RandomStream(seed: 1, purpose: "speed")
        stream.fillNormal(a, deviation: 1)
        stream.fillNormal(b, deviation: 1)
        let clock = ContinuousClock()
        var rates: [Double] = []
        workers.run(tasks: 1) { _, _ in Product.multiplyTransposed(a, b, into: out) }
        for _ in 0..<15 {
            let start = clock.now
            for _ in 0..<10 { Product.multiplyTransposed(a, b, into: out) }
            let elapsed = clock.now - start
            let seconds = Double(elapsed.components.attoseconds) * 1e-18 + Double(elapsed.components.seconds)
            rates.append(Double(2 * m * n * k * 10) / seconds / 1e9)
        }
        return rates.sorted()[7]
    }
}
