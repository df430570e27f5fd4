import Glibc
import Matrices

/// The matrix products of this process. OpenBLAS chooses its kernels by the name of the CPU; a version older than the CPU takes
/// some that are five to seven times slower, and tells nobody.
public enum Kernels {
    /// What OpenBLAS runs now: `SkylakeX`, `Haswell`, `Zen` …
    ///
    /// Kernels add in different orders, so that runs agree to the bit only on the same ones.
    public static var name: String { KernelSelection.currentKernel }

    /// What the CPU could run in place of much slower ones; nil where all is well, and where the variable `OPENBLAS_CORETYPE`
    /// says what is wanted.
    public static var better: String? {
        guard getenv("OPENBLAS_CORETYPE") == nil else { return nil }
        return KernelSelection.betterKernel(
            than: KernelSelection.currentKernel, cpuLevel: KernelSelection.cpuLevel)
    }

    /// Starts this process over, once, with `OPENBLAS_CORETYPE` set to ``better``; returns where that is nil, or the system does
    /// not let it.
    ///
    /// Call it first of all, in a program's `main`: what the process has done by then is done again. A program that cannot be
    /// started over sets the variable before it starts; without either, runs begin with a ``RunEvent/warning(_:)``.
    public static func restartWithBetter() { KernelSelection.restartWithBestKernel() }
}
