import Adapters
import Autodiff
import Datasets
import Matrices
import RankAllocation
import Testing
import Training
import Transformers

/// Growth as well as pruning: triplets change places under a constant budget.
@Suite struct ExchangeTests {
    private static let data = TrainerTests.rows(24, seed: 21)

    private static func trainer(threads: Int = 2, exact: Bool = false, share: Double = 0.25) throws -> Trainer
    {
        try TrainerTests.trainer(threads: threads, interval: 4, final: 24, dropout: 0, rank: 2, initial: 24) {
            $0.exchangeShare = share
            $0.keepsTripletsExact = exact
        }
    }

    @Test(arguments: [false, true]) func theBudgetStaysAndRanksMove(exact: Bool) throws {
        let trainer = try Self.trainer(exact: exact)
        var added = 0
        for step in 1...30 {
            let result = try trainer.step(step, data: Self.data, indices: Array(0..<24))
            #expect(trainer.adapters.ranks.reduce(0, +) == 24)
            if let allocation = result.allocation {
                #expect(allocation.added == allocation.left && allocation.returned == 0)
                #expect(allocation.ranks == trainer.adapters.ranks && allocation.spent == 24)
                // Steps 8, 12, 16: one made at 20 would have no step before ranks are fixed.
                #expect(step < 20 || allocation.added == 0)
                added += allocation.added
            }
            if step == 20 { trainer.compact() }
            #expect(result.loss.isFinite)
        }
        #expect(added > 0, "nothing was exchanged: the test tests nothing")
        #expect(Set(trainer.adapters.ranks).count > 1)
        for adapter in trainer.adapters.adapters {
            #expect(Set(adapter.originalIndices).count == adapter.factors.rank)
            #expect(adapter.originalIndices.allSatisfy { $0 < adapter.book.issued })
        }
    }

    /// A new triplet has λ = 0, directions outside the old ones, and moments that give no burst.
    @Test func newTripletsAreOrthogonalAndStill() throws {
        let trainer = try Self.trainer()
        for step in 1...8 { _ = try trainer.step(step, data: Self.data, indices: Array(0..<24)) }
        var seen = 0
        for adapter in trainer.adapters.adapters {
            for (index, birth) in adapter.book.births.enumerated() where birth == 8 {
                seen += 1
                let (p, q) = (adapter.factors.p.values, adapter.factors.q.values)
                #expect(adapter.factors.lambda?.values.values[index] == 0)
                for other in 0..<adapter.factors.rank {
                    let dotP = (0..<p.rows).reduce(Float(0)) { $0 + p.row($1)[index] * p.row($1)[other] }
                    let dotQ = (0..<q.columns).reduce(Float(0)) { $0 + q.row(index)[$1] * q.row(other)[$1] }
                    // Orthogonal to Float32 rounding, also where the kept vectors are not of unit length.
                    #expect(abs(dotP - (other == index ? 1 : 0)) < 1e-4)
                    #expect(abs(dotQ - (other == index ? 1 : 0)) < 1e-4)
                }
                let lambda = try #require(adapter.factors.lambda)
                let at = trainer.vector.range(of: lambda).lowerBound + index
                #expect(trainer.optimizer.firstMoments.values[at] == 0)
                #expect(trainer.optimizer.secondMoments.values[at] > 0)
            }
        }
        #expect(seen > 0)
    }

    /// The direction is that of steepest descent outside the spans: with λ a little above 0 the loss falls faster than
    /// along any of some random pairs, and by the rate that the gradient promises.
    @Test func newTripletsPointWhereTheLossFalls() throws {
        let trainer = try Self.trainer(threads: 1, share: 0.1)
        for step in 1...8 { _ = try trainer.step(step, data: Self.data, indices: Array(0..<24)) }
        let adapter = try #require(trainer.adapters.adapters.first { $0.book.births.contains(8) })
        let index = try #require(adapter.book.births.firstIndex(of: 8))
        let lambda = try #require(adapter.factors.lambda)
        func slope() throws -> Double {
            lambda.values.pointer[index] = 0.02
            let up = try trainer.evaluate(Self.data).loss
            lambda.values.pointer[index] = -0.02
            let down = try trainer.evaluate(Self.data).loss
            lambda.values.pointer[index] = 0
            return (up - down) / 0.04
        }
        let chosen = try slope()
        #expect(chosen < 0)
        var stream = RandomStream(seed: 5, purpose: "directions")
        for _ in 0..<10 {
            let p = Matrix(rows: 1, columns: adapter.layer.outputs)
            let q = Matrix(rows: 1, columns: adapter.layer.inputs)
            stream.fillNormal(p, deviation: 1)
            stream.fillNormal(q, deviation: 1)
            try Factorization.orthonormalize(p)
            try Factorization.orthonormalize(q)
            for row in 0..<p.columns { adapter.factors.p.values.row(row)[index] = p.pointer[row] }
            for column in 0..<q.columns { adapter.factors.q.values.row(index)[column] = q.pointer[column] }
            #expect(try abs(slope()) < -chosen)
        }
    }

    @Test func bitsDoNotDependOnThreads() throws {
        let trainers = try [1, 3].map { try Self.trainer(threads: $0) }
        for trainer in trainers {
            for step in 1...16 { _ = try trainer.step(step, data: Self.data, indices: Array(0..<24)) }
        }
        #expect(trainers[0].vector.values.values == trainers[1].vector.values.values)
        #expect(trainers[0].adapters.ranks == trainers[1].adapters.ranks)
    }
}
