import CVectorKernels
import Foundation
import Testing

@Suite struct AdamWKernelTests {
    private struct Reference {
        var w: [Double]
        var m: [Double]
        var v: [Double]

        /// torch.optim.AdamW, in Double.
        mutating func step(
            _ gradient: [Float], scale: Double, rate: Double, beta1: Double, beta2: Double, epsilon: Double,
            decay: Double, time: Double
        ) {
            for i in w.indices {
                let g = Double(gradient[i]) * scale
                m[i] = beta1 * m[i] + (1 - beta1) * g
                v[i] = beta2 * v[i] + (1 - beta2) * g * g
                let first = m[i] / (1 - pow(beta1, time))
                let second = v[i] / (1 - pow(beta2, time))
                w[i] -= rate * (decay * w[i] + first / (second.squareRoot() + epsilon))
            }
        }
    }

    @Test(arguments: kernelSizes, [Float(0), 0.1]) func matchesTheReferenceOver50Steps(
        size: Int, decay: Float
    ) {
        var w = normalValues(size, seed: 80)
        var m = [Float](repeating: 0, count: size)
        var v = m
        var reference = Reference(w: w.map(Double.init), m: m.map(Double.init), v: v.map(Double.init))
        // The constants as Float32 holds them, so that only the arithmetic is compared.
        let (rate, beta1, beta2, epsilon, scale) = (
            Float(0.01), Float(0.9), Float(0.999), Float(1e-8), Float(0.5)
        )
        for step in 1...50 {
            let gradient = normalValues(size, seed: 1000 + UInt64(step))
            avk_adamw(
                &w, &m, &v, gradient, size, scale, rate, beta1, beta2, epsilon, decay,
                Float(1 - pow(Double(beta1), Double(step))), Float(1 - pow(Double(beta2), Double(step))))
            reference.step(
                gradient, scale: Double(scale), rate: Double(rate), beta1: Double(beta1),
                beta2: Double(beta2),
                epsilon: Double(epsilon), decay: Double(decay), time: Double(step))
        }
        // Moments: each step's roundings decay with the average. Weights of order 1 are rounded 50 times.
        expectClose(m, reference.m, relative: 1e-6, absolute: 1e-6)
        expectClose(v, reference.v, relative: 1e-5, absolute: 1e-9)
        expectClose(w, reference.w, relative: 50 * 2 * roundoff, absolute: 2e-6)
    }

    @Test func aZeroGradientOnlyDecays() {
        var (w, m, v): ([Float], [Float], [Float]) = ([2, -4], [0, 0], [0, 0])
        avk_adamw(&w, &m, &v, [0, 0], 2, 1, 0.5, 0.9, 0.999, 1e-8, 0.5, 0.1, 0.001)
        #expect(w == [1.5, -3] && m == [0, 0] && v == [0, 0])
    }

    @Test func aNaNReachesItsWeightOnly() {
        var (w, m, v) = (
            [Float](repeating: 1, count: 21), [Float](repeating: 0, count: 21),
            [Float](repeating: 0, count: 21)
        )
        var gradient = normalValues(21, seed: 81)
        gradient[17] = .nan
        avk_adamw(&w, &m, &v, gradient, 21, 1, 0.01, 0.9, 0.999, 1e-8, 0, 0.1, 0.001)
        for index in w.indices { #expect(w[index].isNaN == (index == 17)) }
    }
}
