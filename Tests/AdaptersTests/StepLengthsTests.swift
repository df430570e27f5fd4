import Adapters
import Autodiff
import Matrices
import Testing
import Transformers

/// The steps of exact triplets, made as long as those of LoRA's factors.
@Suite struct StepLengthsTests {
    private let rate = 0.01
    private let c = StepLengths.rowLength

    /// One matrix with triplets of the given λ and orthonormal P and Q.
    private func adapters(_ lambda: [Float]) throws -> AdapterSet {
        let set = try AdapterSet(
            installing: plan(roles: [.query], rank: lambda.count, initialization: .orthonormal),
            on: Array(tinyEncoder().linearLayers.prefix(1)))
        set.adapters[0].factors.lambda?.values.copyValues(from: lambda)
        return set
    }

    /// ± the rate, as Adam's first step does
    private func sign(_ index: Int) -> Float { index.isMultiple(of: 4) ? 1 : -1 }

    /// Moves every element of P, λ and Q by its share of the decay and by the rate.
    private func step(_ set: AdapterSet, decay: Float = 0) {
        for parameter in set.adapters[0].parameters {
            for index in 0..<parameter.values.count {
                parameter.values.pointer[index] *= 1 - decay
                parameter.values.pointer[index] += sign(index) * Float(rate)
            }
        }
    }

    /// With η far below σ the product moves as LoRA's does when B = P·σ/c and A = c·Q take steps of the same signs.
    @Test func theProductMovesAsLoRAs() throws {
        let lambda: [Float] = [0.7, 5, 100]
        let set = try adapters(lambda)
        let factors = set.adapters[0].factors
        let (p, q) = (factors.p.values, factors.q.values)
        let b = Matrix(copying: p)
        let a = Matrix(copying: q)
        for row in 0..<p.rows { for triplet in 0..<3 { b.row(row)[triplet] *= lambda[triplet] / c } }
        for element in 0..<a.count { a.pointer[element] *= c }
        for matrix in [b, a] {
            for index in 0..<matrix.count {
                matrix.pointer[index] += sign(index) * Float(rate)
            }
        }
        let lengths = StepLengths()
        lengths.begin(set)
        step(set)
        factors.lambda?.values.copyValues(from: lambda)
        lengths.end(set, rate: rate, decay: 0, workers: Workers(count: 1))
        for row in 0..<p.rows {
            for triplet in 0..<3 {
                // σ + η in place of σ: the step of P is η/σ of itself shorter, at most 1/70 of 0.01.
                let expected = b.row(row)[triplet] * c / lambda[triplet]
                let tolerance =
                    Float(rate) * c / lambda[triplet] * Float(rate) / lambda[triplet] * 1.01 + 1e-6
                #expect(abs(p.row(row)[triplet] - expected) <= tolerance)
            }
        }
        for element in 0..<q.count { #expect(abs(q.pointer[element] * c - a.pointer[element]) < 1e-6) }
    }

    /// Triplets of λ = 1 and P = 0 are LoRA's B and A: their steps are as the optimizer made them.
    @Test func loRAsOwnStartKeepsItsSteps() throws {
        let set = try adapters([1, 1])
        let (p, q) = (set.adapters[0].factors.p.values, set.adapters[0].factors.q.values)
        for row in 0..<p.rows { p.row(row)[0] = 0 }
        let lengths = StepLengths()
        lengths.begin(set)
        let old = Matrix(copying: q)
        step(set)
        let (stepped, moved) = (Matrix(copying: p), Matrix(copying: q))
        lengths.end(set, rate: rate, decay: 0, workers: Workers(count: 1))
        for row in 0..<p.rows { #expect(p.row(row)[0] == stepped.row(row)[0]) }
        for column in 0..<q.columns {
            #expect(q.row(0)[column] == moved.row(0)[column])
            let other = old.row(1)[column] + (moved.row(1)[column] - old.row(1)[column]) / c
            #expect(abs(q.row(1)[column] - other) < 1e-6)
        }
    }

    /// A triplet at 0 keeps its own step, one near 0 a finite one; what weight decay took off stays as it was.
    @Test func tripletsNearZeroAndWeightDecay() throws {
        let (decay, eta) = (Float(0.25), Float(rate))
        let set = try adapters([0, 1e-9, 0.5])
        let (p, q) = (set.adapters[0].factors.p.values, set.adapters[0].factors.q.values)
        let (oldP, oldQ) = (Matrix(copying: p), Matrix(copying: q))
        let lengths = StepLengths()
        lengths.begin(set)
        step(set, decay: decay)
        lengths.end(set, rate: rate, decay: Double(decay), workers: Workers(count: 2))
        let factors: [Float] = [1, c / (1e-9 + eta), c / (0.5 + eta)]
        for index in 0..<p.count {
            let expected = oldP.pointer[index] * (1 - decay) + factors[index % 3] * sign(index) * eta
            #expect(abs(p.pointer[index] - expected) < 1e-5)
        }
        for index in 0..<q.count {
            #expect(
                abs(q.pointer[index] - (oldQ.pointer[index] * (1 - decay) + sign(index) * eta / c)) < 1e-6)
        }
    }
}
