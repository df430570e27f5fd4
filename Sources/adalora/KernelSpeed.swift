import Matrices

/// How fast products are here.
enum KernelSpeed {
    /// Of one core, the median of products [512, 384] · [384, 384]ᵀ.
    static func gigaflops() -> Double {
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
