import Matrices
import Testing

@Suite struct KernelSelectionTests {
    @Test(
        arguments: [
            ("Prescott", 4, "SkylakeX"), ("Prescott", 3, "Haswell"), ("Prescott", 1, nil),
            ("Zen", 4, "SkylakeX"),
            ("Zen", 3, nil), ("Haswell", 4, "SkylakeX"), ("Haswell", 3, nil), ("SkylakeX", 4, nil),
            ("SkylakeX", 3, nil), ("skylakex", 4, nil), ("Cooperlake", 4, nil), ("Sapphirerapids", 4, nil),
            ("Nehalem", 3, "Haswell"), ("unknown", 4, "SkylakeX"), ("unknown", 1, nil),
        ] as [(String, Int, String?)]) func betterKernel(kernel: String, cpuLevel: Int, better: String?)
    {
        #expect(KernelSelection.betterKernel(than: kernel, cpuLevel: cpuLevel) == better)
    }

    @Test func thisMachineIsDescribed() {
        #expect([1, 3, 4].contains(KernelSelection.cpuLevel))
        #expect([0, KernelSelection.cpuLevel].contains(KernelSelection.loopLevel))
        #expect(!KernelSelection.currentKernel.isEmpty && KernelSelection.currentKernel != "unknown")
        #expect(KernelSelection.openBLASConfiguration.contains("OpenBLAS"))
    }

    @Test func theInstalledBLASComputesProducts() {
        // Rounding gives about 1e-6; the broken kernels that this looks for are wrong in the first digit.
        #expect(KernelSelection.productError() < 1e-4)
    }
}
