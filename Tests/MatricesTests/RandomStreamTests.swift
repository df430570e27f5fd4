import Matrices
import Testing

@Suite struct RandomStreamTests {
    private func outputs(_ seed: UInt64, _ purpose: String, _ indices: [Int] = [], count: Int = 4) -> [UInt64]
    {
        var stream = RandomStream(seed: seed, purpose: purpose, indices: indices)
        return (0..<count).map { _ in stream.next() }
    }

    /// The test vector that goes round with SplitMix64 for the seed 1234567.
    @Test func isSplitMix64() {
        #expect(
            outputs(1_234_567, "") == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
            ])
    }

    /// Recorded from an independent implementation: a changed stream would silently change every seeded run.
    @Test func streamsNeverChange() {
        #expect(
            outputs(42, "data order", [3]) == [
                0xF7FC_04F8_853D_E878, 0x97C4_0521_B22D_6778, 0x1509_4153_0498_E237, 0x030A_7ED7_8982_D924,
            ])
        #expect(
            outputs(42, "dropout", [70, 1]) == [
                0xD535_3401_8716_85F6, 0xB2B8_49B4_7644_CEB6, 0xE88A_F074_D235_19EF, 0xE678_C290_FAA6_364E,
            ])
        #expect(
            outputs(0, "initialization", [-1]) == [
                0x1141_A5E5_4968_7C34, 0x5486_3568_3942_BB6C, 0x07D8_027F_C629_D942, 0x9F63_801B_83D3_A86C,
            ])
    }

    @Test func drawnNumbersNeverChange() {
        var uniform = RandomStream(seed: 42, purpose: "uniform")
        #expect(
            (0..<3).map { _ in uniform.uniform() } == [
                0.8060236882331466, 0.18332786874774232, 0.33288363667253695,
            ])
        var normal = RandomStream(seed: 42, purpose: "normal")
        let expected = [0.4683158236248364, -0.866449651889554, -0.5231070369334363, 1.1948186374621272]
        // log and cos may differ in the last digits between C libraries.
        for value in expected { #expect(abs(normal.normal() - value) < 1e-14) }
    }

    @Test func addressesDiffer() {
        let addresses: [(UInt64, String, [Int])] = [
            (1, "dropout", []), (2, "dropout", []), (1, "dropouu", []), (1, "", []), (1, "dropout", [0]),
            (1, "dropout", [1]), (1, "dropout", [0, 1]), (1, "dropout", [1, 0]), (1, "dropout", [0, 0]),
            (1, "dropout", [-1]), (1, "tuopord", []), (0, "dropout", []), (.max, "dropout", []),
        ]
        // Four outputs of each; 52 draws of 64 bits coincide by chance with a probability below 1e-15.
        let all = addresses.flatMap { outputs($0.0, $0.1, $0.2) }
        #expect(Set(all).count == all.count)
    }

    @Test func manyNeighboringAddressesAreUnrelated() {
        let count = 10_000
        let firsts = (0..<count).map { index in
            var stream = RandomStream(seed: 7, purpose: "dropout", indices: [index])
            return stream.uniform()
        }
        #expect(Set(firsts).count == count)
        // Five standard deviations, 1/√12 each.
        let mean = firsts.reduce(0, +) / Double(count)
        #expect(abs(mean - 0.5) < 5 * 0.2887 / Double(count).squareRoot())
    }

    @Test func theSameAddressGivesTheSameStream() {
        #expect(outputs(5, "x", [1, 2], count: 100) == outputs(5, "x", [1, 2], count: 100))
    }

    @Test func normalMoments() {
        let count = 200_000
        var stream = RandomStream(seed: 3, purpose: "moments")
        let values = (0..<count).map { _ in stream.normal() }
        let n = Double(count)
        let mean = values.reduce(0, +) / n
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / n
        // Five deviations: of the mean 1/√n, of the variance √(2/n), of the kurtosis √(96/n).
        #expect(abs(mean) < 5 / n.squareRoot())
        #expect(abs(variance - 1) < 5 * (2 / n).squareRoot())
        let fourth = values.reduce(0) { $0 + $1 * $1 * $1 * $1 } / n
        #expect(abs(fourth - 3) < 5 * (96 / n).squareRoot())
        let correlation = zip(values, values.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } / n
        #expect(abs(correlation) < 5 / n.squareRoot())
        #expect(values.allSatisfy { $0.isFinite })
    }

    @Test func uniformRangeAndFills() {
        var stream = RandomStream(seed: 4, purpose: "fills")
        #expect((0..<100_000).allSatisfy { _ in (0..<1).contains(stream.uniform()) })
        let matrix = Matrix(rows: 100, columns: 100)
        stream.fillUniform(matrix, bound: 0.25)
        #expect(matrix.values.allSatisfy { abs($0) <= 0.25 })
        // A uniform on ±b has the mean square b²/3, known within five deviations of about 1 %.
        #expect(abs(matrix.sumOfSquares / 10_000 - 0.0625 / 3) < 0.05 * 0.0625 / 3)
        stream.fillNormal(matrix, deviation: 0.02)
        // Five deviations of a mean square of 10⁴ normals, √2 % each.
        #expect(abs(matrix.sumOfSquares / 10_000 - 4e-4) < 5 * 0.0142 * 4e-4)
    }
}
