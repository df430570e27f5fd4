import RankAllocation
import Testing

@Suite struct TripletAveragesTests {
    /// O = 2, R = 2, I = 3.
    ///
    /// s(P) = [[2, 2], [3, 8]], column means 2.5 and 5; s(λ) = 4, 2; s(Q) = [[1, 2, 3], [2, 2.5, 3]], row
    /// means 2 and 2.5. S = 4 + 2.5 + 2, 2 + 5 + 2.5.
    /// Ī alone: 1 + 2 + 2, 0.5 + 3 + 5.
    @Test func scoresByHand() {
        let averages = TripletAverages(
            outputs: 2, rank: 2, inputs: 3,
            p: SensitivityAverages(sensitivity: [1, 2, 3, 4], uncertainty: [2, 1, 1, 2]),
            lambda: SensitivityAverages(sensitivity: [1, 0.5], uncertainty: [4, 4]),
            q: SensitivityAverages(sensitivity: [1, 2, 3, 4, 5, 6], uncertainty: [1, 1, 1, 0.5, 0.5, 0.5]))
        #expect(averages.scores(weightedByUncertainty: true) == [8.5, 9.5])
        #expect(averages.scores(weightedByUncertainty: false) == [5, 8.5])
    }

    /// O = 2, R = 1, I = 1, β1 = β2 = 1/2: one step gives Ī = I/2 and Ū = I/4, so s = I²/8.
    /// I(P) = 2, 4; I(λ) = 8; I(Q) = 0, hence S = 64/8 + (4/8 + 16/8)/2 + 0 = 9.25.
    @Test func observingByHand() {
        var averages = TripletAverages(outputs: 2, rank: 1, inputs: 1)
        averages.observe(
            Factors(p: [1, 2], lambda: [4], q: [3]), gradients: Factors(p: [2, -2], lambda: [-2], q: [0]),
            beta: 0.5)
        #expect(averages.scores(weightedByUncertainty: true) == [9.25])
        #expect(averages.scores(weightedByUncertainty: false) == [5.5])
    }

    @Test func scoresAreZeroBeforeTheFirstStep() {
        let averages = TripletAverages(outputs: 3, rank: 2, inputs: 4)
        #expect(averages.scores(weightedByUncertainty: true) == [0, 0])
        #expect(averages.scores(weightedByUncertainty: false) == [0, 0])
    }

    /// 2²⁴ and then 1024 ones: a Float sum would lose each of them. Exact in Double, so compared exactly.
    @Test func sumsAreInDouble() {
        let inputs = 1025
        var q = [Float](repeating: 1, count: inputs)
        q[0] = 16_777_216
        let averages = TripletAverages(
            outputs: 1, rank: 1, inputs: inputs, p: SensitivityAverages(count: 1),
            lambda: SensitivityAverages(count: 1), q: SensitivityAverages(sensitivity: q, uncertainty: q))
        let expected = Float((16_777_216.0 + 1024) / Double(inputs))
        #expect(averages.scores(weightedByUncertainty: false) == [expected])
    }

    /// Each Ī·Ū of 5e-46 rounds to 0 in Float; their sum, rounded once, is the smallest subnormal.
    @Test func productsDoNotUnderflowBeforeTheyAreSummed() {
        let averages = TripletAverages(
            outputs: 1, rank: 1, inputs: 1,
            p: SensitivityAverages(sensitivity: [1e-23], uncertainty: [5e-23]),
            lambda: SensitivityAverages(sensitivity: [1e-23], uncertainty: [5e-23]),
            q: SensitivityAverages(sensitivity: [1e-23], uncertainty: [5e-23]))
        #expect(averages.lambda.score(at: 0) == 0)
        #expect(averages.scores(weightedByUncertainty: true) == [.leastNonzeroMagnitude])
    }

    @Test func rankZeroHasNoScores() {
        var averages = TripletAverages(outputs: 4, rank: 0, inputs: 5)
        let none = Factors(p: [], lambda: [], q: [])
        averages.observe(none, gradients: none, beta: 0.85)
        #expect(averages.scores(weightedByUncertainty: true).isEmpty)
        #expect(averages.scores(weightedByUncertainty: false).isEmpty)
        averages.reshape(keeping: [], adding: 0)
        averages.mix(p: [], lambda: [], q: [])
        #expect(averages == TripletAverages(outputs: 4, rank: 0, inputs: 5))
    }

    /// Each mask of 6 triplets, and a permutation: compacting and then observing sliced arrays gives the same
    /// bits as observing everything and then compacting, because every scalar has its own averages.
    @Test func compactingThenObservingEqualsObservingThenCompacting() {
        var numbers = SeededNumbers(seed: 11)
        let (outputs, rank, inputs) = (5, 6, 7)
        let masks = (0..<64).map { mask in (0..<rank).filter { mask >> $0 & 1 == 1 } }
        for kept in masks + [[4, 0, 5]] {
            var whole = TripletAverages(outputs: outputs, rank: rank, inputs: inputs)
            whole.observe(
                numbers.factors(outputs, rank, inputs), gradients: numbers.factors(outputs, rank, inputs),
                beta: 0.85)
            var compacted = whole
            compacted.reshape(keeping: kept, adding: 0)

            let weights = numbers.factors(outputs, rank, inputs)
            let gradients = numbers.factors(outputs, rank, inputs)
            whole.observe(weights, gradients: gradients, beta: 0.85)
            compacted.observe(
                weights.keeping(kept, rank: rank, inputs: inputs),
                gradients: gradients.keeping(kept, rank: rank, inputs: inputs), beta: 0.85)

            let scores = whole.scores(weightedByUncertainty: true)
            #expect(compacted.scores(weightedByUncertainty: true) == kept.map { scores[$0] })
            whole.reshape(keeping: kept, adding: 0)
            #expect(compacted == whole)
            #expect(compacted.rank == kept.count)
        }
    }

    @Test func keepingATripletTwiceTraps() async {
        await #expect(processExitsWith: .failure) {
            var averages = TripletAverages(outputs: 2, rank: 2, inputs: 2)
            averages.reshape(keeping: [1, 1], adding: 0)
        }
    }

    @Test func keepingATripletThatDoesNotExistTraps() async {
        await #expect(processExitsWith: .failure) {
            var averages = TripletAverages(outputs: 2, rank: 2, inputs: 2)
            averages.reshape(keeping: [2], adding: 0)
        }
    }
}
