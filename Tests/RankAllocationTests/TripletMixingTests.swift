import RankAllocation
import Testing

@Suite struct TripletMixingTests {
    /// O = 2, R = 2, I = 3 with weights that are whole numbers and quarters, hence exact.
    ///
    /// P weights [[1, 2], [3, 4]]: row (1, 2) becomes (1·1 + 2·3, 1·2 + 2·4) = (7, 10), row (3, 4) becomes
    /// (3 + 12, 6 + 16) = (15, 22). λ weights [[0.25, 0], [0.75, 1]]: (4, 8) becomes (1 + 6, 8). Q weights
    /// [[0, 1], [2, 0]]: row 0 becomes twice row 1, row 1 becomes row 0. Ū is 10 times Ī throughout.
    @Test func mixingByHand() {
        func averages(_ p: [Float], _ lambda: [Float], _ q: [Float]) -> TripletAverages {
            func tenfold(_ values: [Float]) -> SensitivityAverages {
                SensitivityAverages(sensitivity: values, uncertainty: values.map { $0 * 10 })
            }
            return TripletAverages(
                outputs: 2, rank: 2, inputs: 3, p: tenfold(p), lambda: tenfold(lambda), q: tenfold(q))
        }
        var mixed = averages([1, 2, 3, 4], [4, 8], [1, 2, 3, 4, 5, 6])
        mixed.mix(p: [1, 2, 3, 4], lambda: [0.25, 0, 0.75, 1], q: [0, 1, 2, 0])
        #expect(mixed == averages([7, 10, 15, 22], [7, 8], [8, 10, 12, 1, 2, 3]))
    }

    /// The same sums written as loops over indices, in Double. Tolerance: R + 1 roundings of Float, and all
    /// terms are positive, so nothing cancels. Shapes around the vector width cover the remainder loops.
    @Test(arguments: [(1, 1, 1), (3, 2, 5), (7, 3, 4), (16, 5, 9), (33, 12, 31), (8, 4, 1)])
    func mixingEqualsNaiveReference(outputs: Int, rank: Int, inputs: Int) {
        var numbers = SeededNumbers(seed: UInt64(outputs * 100 + rank))
        let old = numbers.averages(outputs, rank, inputs)
        let weights = (0..<3).map { _ in numbers.floats(rank * rank, scale: 1).map(\.magnitude) }
        var mixed = old
        mixed.mix(p: weights[0], lambda: weights[1], q: weights[2])
        let parts: [KeyPath<SensitivityAverages, [Float]>] = [\.sensitivity, \.uncertainty]
        for part in parts {
            func check(
                _ new: [Float], _ old: [Float], _ weights: [Float], position: (Int, Int) -> Int, of width: Int
            ) {
                for i in 0..<rank {
                    for k in 0..<width {
                        let expected = (0..<rank).reduce(0.0) {
                            $0 + Double(old[position($1, k)]) * Double(weights[$1 * rank + i])
                        }
                        let tolerance = expected * Double(rank + 1) * Double(Float.ulpOfOne)
                        #expect(abs(Double(new[position(i, k)]) - expected) <= tolerance)
                    }
                }
            }
            check(
                mixed.p[keyPath: part], old.p[keyPath: part], weights[0], position: { $1 * rank + $0 },
                of: outputs)
            check(
                mixed.lambda[keyPath: part], old.lambda[keyPath: part], weights[1], position: { i, _ in i },
                of: 1)
            check(
                mixed.q[keyPath: part], old.q[keyPath: part], weights[2], position: { $0 * inputs + $1 },
                of: inputs)
        }
    }

    /// A permutation as weights and the same one as a choice of triplets give the same bits, the identity
    /// among them, even where an average is not finite.
    @Test(arguments: 0..<20)
    func permutationsAreExact(seed: Int) {
        var numbers = SeededNumbers(seed: UInt64(seed))
        let rank = 5
        let order = seed == 0 ? Array(0..<rank) : (0..<rank).shuffled(using: &numbers)
        var weights = [Float](repeating: 0, count: rank * rank)
        for (new, old) in order.enumerated() { weights[old * rank + new] = 1 }
        var mixed = numbers.averages(6, rank, 7)
        mixed.observe(
            Factors(
                p: [.infinity] + numbers.floats(29, scale: 1), lambda: [.infinity, 1, 1, 1, 1],
                q: numbers.floats(35, scale: 1)),
            gradients: Factors(
                p: numbers.floats(30, scale: 1), lambda: [1, 1, 1, 1, 1], q: numbers.floats(35, scale: 1)),
            beta: 0.85)
        var chosen = mixed
        mixed.mix(p: weights, lambda: weights, q: weights)
        chosen.reshape(keeping: order, adding: 0)
        for (first, second) in [(mixed.p, chosen.p), (mixed.lambda, chosen.lambda), (mixed.q, chosen.q)] {
            #expect(first.sensitivity.map(\.bitPattern) == second.sensitivity.map(\.bitPattern))
            #expect(first.uncertainty.map(\.bitPattern) == second.uncertainty.map(\.bitPattern))
        }
        for part in [mixed.p, mixed.lambda] {
            #expect(part.sensitivity.count { !$0.isFinite } == 1)
        }
    }

    /// Squares of a rotation by 30° keep the total over triplets. Tolerance: a few roundings of Float.
    @Test func rotationsKeepTotals() {
        var numbers = SeededNumbers(seed: 9)
        let old = numbers.averages(11, 2, 13)
        var mixed = old
        let weights: [Float] = [0.75, 0.25, 0.25, 0.75]
        mixed.mix(p: weights, lambda: weights, q: weights)
        let before = old.scores(weightedByUncertainty: false).reduce(0, +)
        let after = mixed.scores(weightedByUncertainty: false).reduce(0, +)
        #expect(abs(before - after) <= 1e-6 * before)
        #expect(mixed != old)
    }

    /// O = 2, R = 2, I = 3: triplet 1 stays, and a new one of averages 0 follows.
    @Test func reshapingByHand() {
        var averages = TripletAverages(
            outputs: 2, rank: 2, inputs: 3,
            p: SensitivityAverages(sensitivity: [1, 2, 3, 4], uncertainty: [5, 6, 7, 8]),
            lambda: SensitivityAverages(sensitivity: [1, 2], uncertainty: [3, 4]),
            q: SensitivityAverages(sensitivity: [1, 2, 3, 4, 5, 6], uncertainty: [6, 5, 4, 3, 2, 1]))
        averages.reshape(keeping: [1], adding: 1)
        #expect(averages.rank == 2)
        #expect(averages.p == SensitivityAverages(sensitivity: [2, 0, 4, 0], uncertainty: [6, 0, 8, 0]))
        #expect(averages.lambda == SensitivityAverages(sensitivity: [2, 0], uncertainty: [4, 0]))
        #expect(
            averages.q
                == SensitivityAverages(sensitivity: [4, 5, 6, 0, 0, 0], uncertainty: [3, 2, 1, 0, 0, 0]))
        averages.reshape(keeping: [], adding: 3)
        #expect(averages == TripletAverages(outputs: 2, rank: 3, inputs: 3))
    }

    /// Removing what was added restores the triplets, and additions do not change the scores of the others by
    /// a bit.
    @Test(arguments: [0, 1, 2, 9])
    func addedTripletsLeaveTheOthersAlone(added: Int) {
        var numbers = SeededNumbers(seed: 21)
        let old = numbers.averages(37, 4, 19)
        var grown = old
        grown.reshape(keeping: [0, 1, 2, 3], adding: added)
        #expect(grown.rank == 4 + added)
        for isWeighted in [true, false] {
            let scores = grown.scores(weightedByUncertainty: isWeighted)
            #expect(Array(scores.prefix(4)) == old.scores(weightedByUncertainty: isWeighted))
            #expect(scores.dropFirst(4).allSatisfy { $0 == 0 })
        }
        grown.reshape(keeping: [0, 1, 2, 3], adding: 0)
        #expect(grown == old)
    }

    /// Sums by loops over indices in Double. Tolerance: one rounding of the result to Float, since the sums
    /// in Double differ by far less than that.
    @Test(arguments: [(1, 1, 1), (15, 3, 16), (16, 3, 17), (33, 1, 31), (384, 3, 384), (97, 12, 5)])
    func scoresEqualNaiveReference(outputs: Int, rank: Int, inputs: Int) {
        var numbers = SeededNumbers(seed: UInt64(outputs + rank))
        let averages = numbers.averages(outputs, rank, inputs)
        for isWeighted in [true, false] {
            func s(_ part: SensitivityAverages, _ index: Int) -> Double {
                Double(part.sensitivity[index]) * (isWeighted ? Double(part.uncertainty[index]) : 1)
            }
            let scores = averages.scores(weightedByUncertainty: isWeighted)
            for i in 0..<rank {
                let p = (0..<outputs).reduce(0.0) { $0 + s(averages.p, $1 * rank + i) } / Double(outputs)
                let q = (0..<inputs).reduce(0.0) { $0 + s(averages.q, i * inputs + $1) } / Double(inputs)
                let expected = s(averages.lambda, i) + p + q
                #expect(abs(Double(scores[i]) - expected) <= expected * Double(Float.ulpOfOne))
            }
        }
    }

    @Test func weightsOfAnotherRankTrap() async {
        await #expect(processExitsWith: .failure) {
            var averages = TripletAverages(outputs: 2, rank: 2, inputs: 2)
            averages.mix(p: [1, 0, 0, 1], lambda: [1, 0, 0], q: [1, 0, 0, 1])
        }
    }

    @Test func negativeWeightsTrap() async {
        await #expect(processExitsWith: .failure) {
            var averages = TripletAverages(outputs: 2, rank: 1, inputs: 2)
            averages.mix(p: [1], lambda: [1], q: [-1])
        }
    }

    @Test func addingANegativeCountTraps() async {
        await #expect(processExitsWith: .failure) {
            var averages = TripletAverages(outputs: 2, rank: 1, inputs: 2)
            averages.reshape(keeping: [0], adding: -1)
        }
    }
}

extension SeededNumbers {
    /// Averages of positive values, as they are after some steps.
    fileprivate mutating func averages(_ outputs: Int, _ rank: Int, _ inputs: Int) -> TripletAverages {
        var averages = TripletAverages(outputs: outputs, rank: rank, inputs: inputs)
        for _ in 1...3 {
            averages.observe(
                factors(outputs, rank, inputs), gradients: factors(outputs, rank, inputs), beta: 0.85)
        }
        return averages
    }
}
