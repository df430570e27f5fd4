import CLAPACKE
import COneDNN
import COpenBLAS

/// The libraries behind products and factorizations, as they tell of themselves.
package enum ProductLibraries {
    /// `0.3.21`
    package static var openBLASVersion: String {
        let words = KernelSelection.openBLASConfiguration.split(separator: " ")
        return words.count > 1 && words[0] == "OpenBLAS" ? String(words[1]) : "unknown"
    }

    /// `2.6.3`
    package static var oneDNNVersion: String {
        guard let version = dnnl_version() else { return "unknown" }
        let it = version.pointee
        return "\(it.major).\(it.minor).\(it.patch)"
    }

    /// The instructions that oneDNN uses at most here, by its own names: `avx512_core_bf16`.
    package static var oneDNNInstructions: String {
        let names: [UInt32: String] = [
            0x0: "all", 0x1: "sse41", 0x3: "avx", 0x7: "avx2", 0xf: "avx512_mic", 0x1f: "avx512_mic_4ops",
            0x27: "avx512_core", 0x67: "avx512_core_vnni", 0xe7: "avx512_core_bf16",
            0x3e7: "avx512_core_amx", 0x407: "avx2_vnni",
        ]
        let level = dnnl_get_effective_cpu_isa().rawValue
        return names[UInt32(level)] ?? "level \(level)"
    }

    /// Version of LAPACK's interface: `3.9.0`.
    package static var lapackVersion: String {
        var (major, minor, patch): (Int32, Int32, Int32) = (0, 0, 0)
        LAPACKE_ilaver(&major, &minor, &patch)
        return "\(major).\(minor).\(patch)"
    }
}
