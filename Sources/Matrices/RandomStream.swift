import Glibc

/// A named, seeded stream of random numbers (SplitMix64, Steele et al. 2014).
///
/// A stream is addressed by (seed, purpose, indices), so nothing needs saving to resume: the order of epoch 3
/// or the dropout of shard 1 in step 70 is a function of its address.
package struct RandomStream: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64, purpose: String, indices: [Int] = []) {
        state = seed
        for byte in purpose.utf8 { absorb(UInt64(byte)) }
        for index in indices { absorb(UInt64(bitPattern: Int64(index)) ^ 0xA5A5_A5A5_0000_0000) }
    }

    private mutating func absorb(_ value: UInt64) {
        state ^= value
        state = next()
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    package mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Standard normal by Box–Muller.
    package mutating func normal() -> Double {
        let radius = (-2 * log(1 - uniform())).squareRoot()
        return radius * cos(2 * Double.pi * uniform())
    }

    package mutating func fillNormal(_ matrix: Matrix, deviation: Double) {
        for index in 0..<matrix.count { matrix.pointer[index] = Float(normal() * deviation) }
    }

    package mutating func fillUniform(_ matrix: Matrix, bound: Double) {
        for index in 0..<matrix.count { matrix.pointer[index] = Float((2 * uniform() - 1) * bound) }
    }
}
