import CVectorKernels
import Testing

@Suite struct DropoutKernelTests {
    private func kernel(_ x: [Float], key: UInt64, probability: Float) -> [Float] {
        var y = [Float](repeating: .nan, count: x.count)
        avk_dropout(x, &y, x.count, key, probability, 0)
        return y
    }

    private func mask(count: Int, key: UInt64, probability: Float) -> [Bool] {
        kernel([Float](repeating: 1, count: count), key: key, probability: probability).map { $0 != 0 }
    }

    @Test(arguments: kernelSizes) func keptValuesAreScaledAndOthersZero(size: Int) {
        let x = normalValues(size, seed: 40)
        let kept = mask(count: size, key: 9, probability: 0.3)
        let scale = 1 / (1 - Float(0.3))
        #expect(kernel(x, key: 9, probability: 0.3) == zip(x, kept).map { $1 ? $0 * scale : 0 })
    }

    /// Recorded from an independent implementation, since a changed mask would change every resumed run.
    @Test func masksNeverChange() {
        func bits(_ probability: Float) -> UInt64 {
            mask(count: 64, key: 0x0123_4567_89AB_CDEF, probability: probability).enumerated()
                .reduce(0) { $1.element ? $0 | 1 << UInt64($1.offset) : $0 }
        }
        #expect(bits(0.5) == 0xE9A2_1909_B866_D1CA)
        #expect(bits(0.1) == 0xFFFF_DF5F_BFFF_FFFE)
    }

    @Test(arguments: [Float(0.05), 0.1, 0.5, 0.9]) func keptShareAndMean(probability: Float) {
        let count = 200_000
        let y = kernel([Float](repeating: 1, count: count), key: 77, probability: probability)
        let (p, n) = (Double(probability), Double(count))
        let share = Double(y.filter { $0 != 0 }.count) / n
        // Five standard deviations of a binomial share; the key is fixed, so the test cannot flicker.
        #expect(abs(share - (1 - p)) < 5 * (p * (1 - p) / n).squareRoot())
        // Inverted dropout has variance p/(1 − p) per element.
        let mean = y.reduce(0.0) { $0 + Double($1) } / n
        #expect(abs(mean - 1) < 5 * (p / (1 - p) / n).squareRoot())
    }

    @Test func aMaskIsAFunctionOfItsKey() {
        let first = mask(count: 1000, key: 5, probability: 0.5)
        #expect(mask(count: 1000, key: 5, probability: 0.5) == first)
        // A prefix of a longer mask: element i depends on (key, i) alone.
        #expect(Array(mask(count: 1777, key: 5, probability: 0.5).prefix(1000)) == first)
        for key: UInt64 in [0, 4, 6, 5 << 32, .max] {
            let other = mask(count: 1000, key: key, probability: 0.5)
            let agreeing = zip(first, other).filter { $0 == $1 }.count
            // Independent masks agree on half of the elements, within five deviations (of 16).
            #expect(abs(agreeing - 500) < 80)
        }
    }

    @Test func probabilityZeroIsTheIdentity() {
        let x = normalValues(100, seed: 41)
        #expect(kernel(x, key: 1, probability: 0) == x)
    }

    @Test func accumulatesAndRunsInPlace() {
        let (x, old) = (normalValues(100, seed: 42), normalValues(100, seed: 43))
        let dropped = kernel(x, key: 3, probability: 0.4)
        var y = old
        avk_dropout(x, &y, 100, 3, 0.4, 1)
        // A fused multiply-add may round once instead of twice.
        let expected = zip(old, dropped).map { sumWithBound([Double($0), Double($1)]) }
        expectClose(y, expected.map(\.sum), bounds: expected.map(\.bound))

        var inPlace = x
        inPlace.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            avk_dropout(base, base, buffer.count, 3, 0.4, 0)
        }
        #expect(inPlace == dropped)
    }

    @Test func aKeptNaNStays() {
        let kept = mask(count: 100, key: 8, probability: 0.5)
        let y = kernel([Float](repeating: .nan, count: 100), key: 8, probability: 0.5)
        #expect(y.map(\.isNaN) == kept)
    }
}
