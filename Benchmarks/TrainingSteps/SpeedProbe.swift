import Foundation
import Matrices

/// How fast the machine is at this moment: each thread multiplies matrices of a MiniLM layer for some 20 ms.
package struct SpeedProbe {
    private static let (rows, inputs, outputs, products) = (512, 384, 1536, 4)
    private let workers: Workers
    private let operands: [(a: Matrix, b: Matrix, out: Matrix)]

    package init(workers: Workers) {
        self.workers = workers
        operands = (0..<workers.count).map { _ in
            let a = Matrix(rows: Self.rows, columns: Self.inputs)
            let b = Matrix(rows: Self.outputs, columns: Self.inputs)
            a.fill(0.5)
            b.fill(0.25)
            return (a, b, Matrix(rows: Self.rows, columns: Self.outputs))
        }
    }

    package func gigaflops() -> Double {
        let operands = operands
        let time = seconds {
            workers.run(tasks: operands.count) { task, _ in
                let (a, b, out) = operands[task]
                for _ in 0..<Self.products { Product.multiplyTransposed(a, b, into: out) }
            }
        }
        let operations = 2 * Self.rows * Self.inputs * Self.outputs * Self.products * workers.count
        return Double(operations) / time / 1e9
    }
}

/// Wall-clock time of `body`.
package func seconds(_ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    try body()
    let time = clock.now - start
    return Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
}

/// Of all threads of this process
package func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
