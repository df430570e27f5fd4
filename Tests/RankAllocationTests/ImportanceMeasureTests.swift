import RankAllocation
import Testing

@Suite struct ImportanceMeasureTests {
    /// O = 2, R = 2, I = 3, as in `TripletAveragesTests.scoresByHand`: Ī·Ū gives 8.5 and 9.5, Ī gives 5 and
    /// 8.5.
    static let triplets = SiteTriplets(
        site: 3,
        averages: TripletAverages(
            outputs: 2, rank: 2, inputs: 3,
            p: SensitivityAverages(sensitivity: [1, 2, 3, 4], uncertainty: [2, 1, 1, 2]),
            lambda: SensitivityAverages(sensitivity: [1, 0.5], uncertainty: [4, 4]),
            q: SensitivityAverages(sensitivity: [1, 2, 3, 4, 5, 6], uncertainty: [1, 1, 1, 0.5, 0.5, 0.5])),
        lambda: [-3, 2], originalIndices: [7, 4])

    struct Expectation: Sendable {
        let measure: any ImportanceMeasure
        let gradient: ObservedGradient
        let exactTriplets: Bool
        let scores: [Float]
    }

    static let expectations = [
        Expectation(
            measure: Sensitivity(), gradient: .total, exactTriplets: false,
            scores: [8.5, 9.5]),
        Expectation(
            measure: SensitivityOnly(), gradient: .total, exactTriplets: false,
            scores: [5, 8.5]),
        Expectation(
            measure: Magnitude(), gradient: .none, exactTriplets: false,
            scores: [3, 2]),
        Expectation(
            measure: SingularValue(), gradient: .none, exactTriplets: true,
            scores: [3, 2]),
        Expectation(
            measure: SpectralSensitivity(), gradient: .total, exactTriplets: true,
            scores: [8.5, 9.5]),
        Expectation(
            measure: TaskSensitivity(), gradient: .task, exactTriplets: false,
            scores: [8.5, 9.5]),
        Expectation(
            measure: RandomImportance { Float($0 * 10 + $1) }, gradient: .none, exactTriplets: false,
            scores: [37, 34]),
    ]

    @Test(arguments: expectations)
    func needsAndScores(_ expectation: Expectation) {
        let measure = expectation.measure
        #expect(measure.observedGradient == expectation.gradient)
        #expect(measure.needsExactTriplets == expectation.exactTriplets)
        #expect(measure.scores(Self.triplets) == expectation.scores)
    }

    /// A measure that observes nothing may not read the averages, and one that observes may not read λ, which
    /// is masked in part.
    @Test(arguments: expectations)
    func scoresReadOnlyWhatIsObserved(_ expectation: Expectation) {
        let measure = expectation.measure
        let whole = Self.triplets
        let unobserved = SiteTriplets(
            site: whole.site, averages: TripletAverages(outputs: 2, rank: 2, inputs: 3),
            lambda: whole.lambda, originalIndices: whole.originalIndices)
        let masked = SiteTriplets(
            site: whole.site, averages: whole.averages, lambda: [0, 0],
            originalIndices: whole.originalIndices)
        #expect((measure.scores(unobserved) == expectation.scores) == (measure.observedGradient == .none))
        let readsLambda = measure is Magnitude || measure is SingularValue
        #expect((measure.scores(masked) == expectation.scores) == !readsLambda)
    }

    /// Keeping triplets 1 and 0 in that order gives the scores of those two.
    @Test(arguments: expectations)
    func scoresFollowTheirTriplet(_ expectation: Expectation) {
        let whole = Self.triplets
        var averages = whole.averages
        averages.reshape(keeping: [1, 0], adding: 0)
        let swapped = SiteTriplets(
            site: whole.site, averages: averages, lambda: [whole.lambda[1], whole.lambda[0]],
            originalIndices: [whole.originalIndices[1], whole.originalIndices[0]])
        #expect(expectation.measure.scores(swapped) == expectation.scores.reversed())
    }

    /// The control's mask is a function of the budget alone: a smaller budget keeps a subset, before and
    /// after compaction.
    @Test func randomMasksAreNestedAcrossCompaction() throws {
        let measure = RandomImportance { site, index in
            var numbers = SeededNumbers(seed: UInt64(site * 1000 + index))
            return Float.random(in: 0..<1, using: &numbers)
        }
        func scores(_ indices: [[Int]]) -> [[Float]] {
            indices.enumerated().map { site, own in
                measure.scores(
                    SiteTriplets(
                        site: site, averages: TripletAverages(outputs: 1, rank: own.count, inputs: 1),
                        lambda: own.map { _ in 1 }, originalIndices: own))
            }
        }
        let all = (0..<9).map { _ in Array(0..<8) }
        let direct = try RankAllocator.allocate(scores: scores(all), budget: 20)
        let first = try RankAllocator.allocate(scores: scores(all), budget: 45)
        let compacted = (0..<9).map { first.keptIndices(at: $0) }
        let second = try RankAllocator.allocate(scores: scores(compacted), budget: 20)
        let survivors = (0..<9).map { site in second.keptIndices(at: site).map { compacted[site][$0] } }
        #expect(survivors == (0..<9).map { direct.keptIndices(at: $0) })
        #expect(Set(direct.ranks).count > 1)
    }

    @Test func lambdaOfAnotherRankTraps() async {
        await #expect(processExitsWith: .failure) {
            _ = SiteTriplets(
                site: 0, averages: TripletAverages(outputs: 2, rank: 2, inputs: 2), lambda: [1],
                originalIndices: [0, 1])
        }
    }

    @Test func originalIndicesOfAnotherRankTrap() async {
        await #expect(processExitsWith: .failure) {
            _ = SiteTriplets(
                site: 0, averages: TripletAverages(outputs: 2, rank: 2, inputs: 2), lambda: [1, 2],
                originalIndices: [0])
        }
    }
}
