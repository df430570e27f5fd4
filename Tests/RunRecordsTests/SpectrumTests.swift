import Foundation
import RunRecords
import Testing

struct SpectrumTests {
    /// A few roundings of numbers of order 1.
    private let tolerance = 1e-14

    @Test func threeAndFour() throws {
        let spectrum = Spectrum([4, 3])
        #expect(spectrum.rank == 2 && spectrum.largest == 4 && spectrum.smallest == 3)
        #expect(spectrum.energy == 25)
        #expect(try abs(#require(spectrum.stableRank) - 25.0 / 16) < tolerance)
        let entropy = -(3.0 / 7 * log(3.0 / 7) + 4.0 / 7 * log(4.0 / 7))
        #expect(try abs(#require(spectrum.effectiveRank) - exp(entropy)) < tolerance)
        #expect(abs(spectrum.shares[0] - 0.64) < tolerance && abs(spectrum.shares[1] - 0.36) < tolerance)
        #expect(spectrum.cumulative[1] == 1)
    }

    @Test func equalValuesHaveFullRank() throws {
        let spectrum = Spectrum([2, 2, 2, 2, 2])
        #expect(try abs(#require(spectrum.effectiveRank) - 5) < 5 * tolerance)
        #expect(try abs(#require(spectrum.stableRank) - 5) < 5 * tolerance)
        #expect(spectrum.count(holding: 0.9) == 5 && spectrum.count(holding: 0.8) == 4)
    }

    @Test func oneValue() {
        let spectrum = Spectrum([0.25])
        #expect(spectrum.effectiveRank == 1 && spectrum.stableRank == 1 && spectrum.cumulative == [1])
        #expect(spectrum.count(holding: 0.9) == 1)
    }

    /// Zeros have no share and do not count.
    @Test func trailingZeros() {
        let spectrum = Spectrum([3, 0, 0])
        #expect(spectrum.effectiveRank == 1 && spectrum.stableRank == 1 && spectrum.smallest == 0)
        #expect(spectrum.shares == [1, 0, 0] && spectrum.cumulative == [1, 1, 1])
        #expect(spectrum.count(holding: 0.9) == 1)
    }

    /// 9/10 is met exactly, though 1 / (1 + 1/9) may round to less.
    @Test func exactlyNinetyPercent() {
        #expect(Spectrum([3, 1]).count(holding: 0.9) == 1)
        #expect(Spectrum([3, 1.001]).count(holding: 0.9) == 2)
    }

    @Test(arguments: [[], [0], [0, 0, 0], [Double.nan], [Double.nan, 1], [Double.infinity, 1]])
    func nothingToMeasure(values: [Double]) {
        let spectrum = Spectrum(values)
        #expect(spectrum.rank == values.count)
        #expect(spectrum.shares.isEmpty && spectrum.cumulative.isEmpty)
        #expect(spectrum.effectiveRank == nil && spectrum.stableRank == nil)
        #expect(spectrum.count(holding: 0.9) == nil)
        let isFinite = values.allSatisfy(\.isFinite)
        #expect(spectrum.energy == (isFinite ? 0 : nil))
        #expect(spectrum.largest == (isFinite ? values.first : nil))
    }

    /// Squares of these leave the range of Double.
    @Test(arguments: [1e-200, 1e200])
    func extremeScales(scale: Double) throws {
        let spectrum = Spectrum([4 * scale, 3 * scale])
        #expect(try abs(#require(spectrum.stableRank) - 25.0 / 16) < tolerance)
        #expect(
            try abs(#require(spectrum.effectiveRank) - #require(Spectrum([4, 3]).effectiveRank)) < tolerance)
    }

    /// Ranks lie in 1...r, effective rank is at least stable rank, cumulative energy ascends to exactly 1.
    @Test func properties() throws {
        var generator = Generator(state: 11)
        for round in 0..<300 {
            let count = 1 + Int(generator.next() % 24)
            let values = (0..<count).map { _ in
                exp(-8 * Double(generator.next() >> 11) / Double(1 << 53) * Double(round % 5))
            }.sorted(by: >)
            let spectrum = Spectrum(values)
            #expect(spectrum.cumulative.last == 1)
            #expect(zip(spectrum.cumulative, spectrum.cumulative.dropFirst()).allSatisfy { $0 <= $1 })
            // Sums of at most 24 terms of at most 1.
            #expect(abs(spectrum.shares.reduce(0, +) - 1) < 24 * tolerance)
            let effective = try #require(spectrum.effectiveRank)
            let stable = try #require(spectrum.stableRank)
            #expect(stable >= 1 && effective >= stable - 24 * tolerance)
            #expect(effective <= Double(count) * (1 + 24 * tolerance))
            let held = try #require(spectrum.count(holding: 0.9))
            #expect(spectrum.cumulative[held - 1] >= 0.9 - tolerance)
            #expect(held == 1 || spectrum.cumulative[held - 2] < 0.9)
        }
    }

    @Test func joining() {
        let joined = Spectrum(joining: [Spectrum([3, 1]), Spectrum([]), Spectrum([4, 2, 0])])
        #expect(joined == Spectrum([4, 3, 2, 1, 0]))
        #expect(Spectrum(joining: [Spectrum([1]), Spectrum([.nan])]).energy == nil)
        #expect(Spectrum(joining: []) == Spectrum([]))
    }

    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        /// SplitMix64.
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }
}
