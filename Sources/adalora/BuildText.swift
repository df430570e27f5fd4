import BuildFacts
import Matrices

/// What `adalora --version` says.
enum BuildText {
    /// `0.2.0 (commit 0123456789ab)`
    static var version: String { "\(Build.version) (commit \(commit))" }

    /// As people quote it.
    static var commit: String { String(Build.commit.prefix(12)) }

    static var all: String {
        """
        adalora \(version)
        OpenBLAS \(ProductLibraries.openBLASVersion), kernel \(KernelSelection.currentKernel)
        oneDNN \(ProductLibraries.oneDNNVersion), \(ProductLibraries.oneDNNInstructions)
        loops \(loops)
        """
    }

    /// What our own loops were compiled for and chosen by.
    static var loops: String {
        switch KernelSelection.loopLevel {
        case 4: "AVX-512"
        case 3: "AVX2"
        case 1: "SSE2"
        default: "portable C"
        }
    }
}
