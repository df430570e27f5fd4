import Matrices
import Testing
import Training

@Suite struct ShardPlanTests {
    private func random(_ count: Int, _ longest: Int, _ seed: UInt64) -> [Int] {
        var stream = RandomStream(seed: seed, purpose: "lengths")
        return (0..<count).map { _ in 1 + Int(stream.uniform() * Double(longest)) }
    }

    @Test(arguments: [1, 2, 5, 32, 200]) func everySequenceOnce(_ count: Int) {
        for longest in [1, 12, 128, 512] {
            let lengths = random(count, longest, UInt64(count * longest))
            let shards = ShardPlan.shards(lengths: lengths)
            #expect(shards.flatMap { $0 }.sorted() == Array(lengths.indices))
            #expect(shards.allSatisfy { !$0.isEmpty && $0 == $0.sorted() })
        }
    }

    /// Longest-first to the lightest: no shard exceeds the mean by more than the longest sequence.
    @Test func loadsAreEven() {
        for seed in 1...20 {
            let lengths = random(32, 128, UInt64(seed))
            let loads = ShardPlan.shards(lengths: lengths).map { $0.reduce(0) { $0 + lengths[$1] } }
            let mean = Double(loads.reduce(0, +)) / Double(loads.count)
            #expect(Double(loads.max() ?? 0) <= mean + Double(lengths.max() ?? 0))
        }
    }

    @Test func workedExamples() {
        #expect(ShardPlan.shards(lengths: [10]) == [[0]])
        // 480 short tokens still give four cores work; 60 do not.
        #expect(ShardPlan.shards(lengths: Array(repeating: 15, count: 32)).count == 4)
        #expect(ShardPlan.shards(lengths: Array(repeating: 15, count: 4)).count == 1)
        // 32 · 128 = 4096 tokens in shards of 512.
        #expect(ShardPlan.shards(lengths: Array(repeating: 128, count: 32)).count == 8)
        #expect(ShardPlan.shards(lengths: [500, 200, 300]) == [[0], [2], [1]])
    }
}

@Suite struct BatchSamplerTests {
    @Test func anEpochVisitsEachExampleOnce() {
        let sampler = BatchSampler(examples: 103, batch: 10, seed: 5)
        #expect(sampler.stepsPerEpoch == 11)
        for epoch in 0..<3 {
            let order = sampler.order(epoch: epoch)
            let visited = (1...11).flatMap { sampler.indices(step: epoch * 11 + $0, order: order) }
            #expect(visited.sorted() == Array(0..<103))
            #expect(sampler.epoch(ofStep: epoch * 11 + 11) == epoch)
        }
    }

    @Test func ordersDifferByEpochAndSeed() {
        let sampler = BatchSampler(examples: 50, batch: 8, seed: 5)
        #expect(sampler.order(epoch: 0) == sampler.order(epoch: 0))
        #expect(sampler.order(epoch: 0) != sampler.order(epoch: 1))
        #expect(sampler.order(epoch: 0) != BatchSampler(examples: 50, batch: 8, seed: 6).order(epoch: 0))
    }
}

@Suite struct LearningRateTests {
    @Test func linear() {
        let rate = LearningRate(peak: 1, shape: .linear, warmupSteps: 4, totalSteps: 14)
        #expect(rate.value(at: 1) == 0.25 && rate.value(at: 4) == 1)
        #expect(rate.value(at: 5) == 1)
        #expect(abs(rate.value(at: 10) - 0.5) < 1e-12)
        #expect(rate.value(at: 14) > 0 && rate.value(at: 15) == 0)
    }

    @Test func cosineAndConstant() {
        let cosine = LearningRate(peak: 2, shape: .cosine, warmupSteps: 0, totalSteps: 10)
        #expect(cosine.value(at: 1) == 2)
        #expect(abs(cosine.value(at: 6) - 1) < 1e-12)
        let constant = LearningRate(peak: 2, shape: .constant, warmupSteps: 2, totalSteps: 10)
        #expect(constant.value(at: 1) == 1 && constant.value(at: 10) == 2)
    }
}
