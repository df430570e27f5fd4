import RankAllocation
import Testing

@Suite struct SensitivityAveragesTests {
    /// β1 = 1/2 and β2 = 1/4 keep all values short binary fractions, so the hand computation is exact in
    /// Float.
    ///
    /// Step 1: I = |2·0.5|, |−1·4| = 1, 4. Ī = I/2 = 0.5, 2. Ū = 3/4·|I − Ī| = 0.375, 1.5.
    /// Step 2: I = |2·−1.5|, |−1·0| = 3, 0. Ī = 0.25 + 1.5, 1 + 0 = 1.75, 1.
    ///         Ū = 0.375/4 + 3/4·1.25, 1.5/4 + 3/4·1 = 1.03125, 1.125.
    @Test func twoStepsByHand() {
        var averages = SensitivityAverages(count: 2)
        averages.observe([2, -1], gradients: [0.5, 4], beta1: 0.5, beta2: 0.25)
        #expect(averages.sensitivity == [0.5, 2])
        #expect(averages.uncertainty == [0.375, 1.5])
        #expect([averages.score(at: 0), averages.score(at: 1)] == [0.1875, 3])

        averages.observe([2, -1], gradients: [-1.5, 0], beta1: 0.5, beta2: 0.25)
        #expect(averages.sensitivity == [1.75, 1])
        #expect(averages.uncertainty == [1.03125, 1.125])
        #expect([averages.score(at: 0), averages.score(at: 1)] == [1.8046875, 1.125])
    }

    /// β = 0.85 from zero without bias correction: Ī = 0.15·I and Ū = 0.15·0.85·I after one step. The
    /// tolerance is a few roundings of Float: 1 − 0.85 alone is off by 2e-7 of its value.
    @Test func firstStepHasNoBiasCorrection() {
        var averages = SensitivityAverages(count: 1)
        averages.observe([-3], gradients: [2], beta1: 0.85, beta2: 0.85)
        #expect(abs(averages.sensitivity[0] - 0.9) < 1e-6)
        #expect(abs(averages.uncertainty[0] - 0.765) < 1e-6)
    }

    /// Bit-equal, because both round after each operation and in the same order. Counts around the vector
    /// width cover the remainder loop.
    @Test(arguments: [0, 1, 3, 4, 5, 7, 8, 9, 31, 1000, 4099])
    func equalsNaiveReferenceBitForBit(count: Int) {
        var numbers = SeededNumbers(seed: UInt64(count) + 1)
        var averages = SensitivityAverages(count: count)
        var expected = [(mean: Float, deviation: Float)](repeating: (0, 0), count: count)
        for step in 1...20 {
            let weights = numbers.floats(count, scale: 0.1)
            let gradients = numbers.floats(count, scale: step % 5 == 0 ? 0 : 1e-3)
            averages.observe(weights, gradients: gradients, beta1: 0.85, beta2: 0.9)
            for index in 0..<count {
                let importance = abs(weights[index] * gradients[index])
                let mean = Float(0.85) * expected[index].mean + (1 - Float(0.85)) * importance
                let deviation =
                    Float(0.9) * expected[index].deviation + (1 - Float(0.9)) * abs(importance - mean)
                expected[index] = (mean, deviation)
            }
        }
        #expect(averages.sensitivity.map(\.bitPattern) == expected.map(\.mean.bitPattern))
        #expect(averages.uncertainty.map(\.bitPattern) == expected.map(\.deviation.bitPattern))
    }

    /// Rounding holds a subnormal of three units at three units under multiplication by 0.85, so without the
    /// flush an average whose gradient stays 0 would never reach 0.
    @Test func averagesDecayToZeroAndNotToASubnormal() {
        #expect(0.85 * (3 * Float.leastNonzeroMagnitude) == 3 * Float.leastNonzeroMagnitude)
        var averages = SensitivityAverages(sensitivity: [1, 1e-38], uncertainty: [1, 1e-38])
        for _ in 1...700 {
            averages.observe([0.02, 0.02], gradients: [0, 0], beta1: 0.85, beta2: 0.85)
            #expect(!averages.sensitivity.contains { $0.isSubnormal })
            #expect(!averages.uncertainty.contains { $0.isSubnormal })
        }
        #expect(averages == SensitivityAverages(count: 2))
    }

    @Test(arguments: [Float.nan, Float.infinity, -Float.infinity])
    func gradientsThatAreNotFiniteStayVisible(gradient: Float) {
        var averages = SensitivityAverages(count: 5)
        averages.observe(
            [1, 1, 1, 1, 1], gradients: [1, gradient, 1, 1, gradient], beta1: 0.85, beta2: 0.85)
        #expect((0..<5).map { averages.score(at: $0).isFinite } == [true, false, true, true, false])
    }

    @Test func countsThatDifferTrap() async {
        await #expect(processExitsWith: .failure) {
            var averages = SensitivityAverages(count: 3)
            averages.observe([1, 2, 3], gradients: [1, 2], beta1: 0.85, beta2: 0.85)
        }
    }

    @Test func betaOfOneTraps() async {
        await #expect(processExitsWith: .failure) {
            var averages = SensitivityAverages(count: 1)
            averages.observe([1], gradients: [1], beta1: 1, beta2: 0.85)
        }
    }
}

extension SensitivityAverages {
    /// `observe` for arrays, which tests can write down.
    mutating func observe(_ weights: [Float], gradients: [Float], beta1: Float, beta2: Float) {
        weights.withUnsafeBufferPointer { weights in
            gradients.withUnsafeBufferPointer { gradients in
                observe(weights: weights, gradients: gradients, beta1: beta1, beta2: beta2)
            }
        }
    }
}
