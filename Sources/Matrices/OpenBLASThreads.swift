import COpenBLAS
import Glibc

/// OpenBLAS starts a thread for each core as it is loaded, which then waits for work at full speed for 2²⁸ cycles, a tenth
/// of a second. `Workers` asks for products on one thread, so that no work ever comes.
package enum OpenBLASThreads {
    /// Has products run on one thread from here on.
    package static func useOne() {
        // OpenBLAS starts threads that were ended where any number is set, even the same.
        if openblas_get_num_threads() != 1 { openblas_set_num_threads(1) }
    }

    /// Ends these threads, so that they do not take a core from the start of the program. OpenBLAS waits for each to end: none
    /// may be at work, so this is for a program to call before all else, not for a library.
    package static func end() {
        useOne()
        // Exported by every build of OpenBLAS for its own handler of fork, but in no header. 1: threads of POSIX.
        guard openblas_get_parallel() == 1, let symbol = dlsym(nil, "blas_thread_shutdown_") else { return }
        _ = unsafeBitCast(symbol, to: (@convention(c) () -> Int32).self)()
    }
}
