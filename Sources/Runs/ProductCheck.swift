import Matrices
import Training

/// Some old OpenBLAS builds compute wrong results on some CPUs; better to find out before training.
package enum ProductCheck {
    package static func run() throws {
        let error = KernelSelection.productError()
        guard error < 1e-4 else {
            throw TrainingError(
                "OpenBLAS computes wrong products here (kernel \(KernelSelection.currentKernel), relative error \(error)); "
                    + "set OPENBLAS_CORETYPE=Haswell, or update libopenblas")
        }
    }
}
