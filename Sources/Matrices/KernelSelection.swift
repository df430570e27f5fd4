import COpenBLAS
import CVectorKernels
import Glibc

/// The BLAS trap: OpenBLAS picks kernels by CPU *model*. A version older than the CPU falls back to SSE kernels
/// that are five to seven times slower, and tells nobody. Here the kernel in use is compared with what the CPU
/// can do.
package enum KernelSelection {
    /// The kernel OpenBLAS runs now, e.g. `SkylakeX`, `Haswell`, `Zen`, `Prescott`.
    package static var currentKernel: String {
        guard let name = openblas_get_corename() else { return "unknown" }
        return String(cString: name)
    }

    package static var openBLASConfiguration: String {
        guard let text = openblas_get_config() else { return "unknown" }
        return String(cString: text)
    }

    /// x86-64 level of the CPU: 4 with AVX-512, 3 with AVX2, 1 otherwise.
    package static var cpuLevel: Int { Int(avk_cpu_level()) }

    /// Level that our own loops run at: that of the CPU, 0 where they are portable C.
    package static var loopLevel: Int { Int(avk_kernel_level()) }

    /// The kernel the CPU deserves when the one in use is worse, nil when all is well.
    package static func betterKernel(than kernel: String, cpuLevel: Int) -> String? {
        let avx512 = ["skylakex", "cooperlake", "sapphirerapids"]
        let avx2 = ["haswell", "zen", "excavator"]
        let name = kernel.lowercased()
        if cpuLevel >= 4 && !avx512.contains(name) { return "SkylakeX" }
        if cpuLevel == 3 && !avx2.contains(name) && !avx512.contains(name) { return "Haswell" }
        return nil
    }

    /// Restarts this process once with `OPENBLAS_CORETYPE` set if OpenBLAS chose a worse kernel than the CPU
    /// can run. A value that the user or the machine has set is respected. Call it before any other work.
    /// Returns (does not restart) when nothing needs changing or the restart is impossible.
    package static func restartWithBestKernel() {
        #if os(Linux)
            guard getenv("OPENBLAS_CORETYPE") == nil, getenv("ADALORA_RESTARTED") == nil,
                let better = betterKernel(than: currentKernel, cpuLevel: cpuLevel)
            else { return }
            setenv("OPENBLAS_CORETYPE", better, 1)
            // A marker against restarting for ever should OpenBLAS ignore the variable.
            setenv("ADALORA_RESTARTED", "1", 1)
            var arguments: [UnsafeMutablePointer<CChar>?] = CommandLine.arguments.map { strdup($0) }
            arguments.append(nil)
            execv("/proc/self/exe", &arguments)
        #endif
    }

    /// Largest relative difference of one BLAS product from a plain loop in Double. Some old OpenBLAS builds
    /// compute wrong results on some CPUs; anything above 1e-4 is broken, rounding gives about 1e-6.
    package static func productError() -> Double {
        let (m, n, k) = (67, 131, 259)
        var stream = RandomStream(seed: 1, purpose: "product check")
        let a = Matrix(rows: m, columns: k)
        let b = Matrix(rows: n, columns: k)
        stream.fillNormal(a, deviation: 1)
        stream.fillNormal(b, deviation: 1)
        let out = Matrix(rows: m, columns: n)
        Product.multiplyTransposed(a, b, into: out)
        var worst = 0.0
        for i in 0..<m {
            for j in 0..<n {
                var sum = 0.0
                for l in 0..<k { sum += Double(a.row(i)[l]) * Double(b.row(j)[l]) }
                let error = abs(Double(out.row(i)[j]) - sum) / Double(k).squareRoot()
                if error.isNaN { return .infinity }
                worst = max(worst, error)
            }
        }
        return worst
    }
}
