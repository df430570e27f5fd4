import Autodiff
import Matrices
import Testing

@Suite struct LinearTests {
    private let x = normalMatrix(5, 7, seed: 1)
    private let weight = normalParameter("weight", 6, 7, seed: 2)
    private let bias = normalParameter("bias", 1, 6, seed: 3)

    private func factors(rank: Int, lambda: Bool) -> LowRankFactors {
        LowRankFactors(
            p: normalParameter("P", 6, rank, seed: 4),
            lambda: lambda ? normalParameter("λ", 1, rank, seed: 5) : nil,
            q: normalParameter("Q", rank, 7, seed: 6), factor: 0.75)
    }

    private func parameters(of factors: LowRankFactors) -> [Parameter] {
        [factors.p, factors.q] + (factors.lambda.map { [$0] } ?? [])
    }

    /// x · (W + factor · P diag(λ) Q)ᵀ + b in Double.
    private func reference(_ factors: LowRankFactors?, bias: Parameter?) -> [Double] {
        var expected: [Double] = []
        for t in 0..<5 {
            for o in 0..<6 {
                var sum = Double(bias?.values.pointer[o] ?? 0)
                for i in 0..<7 {
                    var w = Double(weight.values.row(o)[i])
                    if let factors {
                        for r in 0..<factors.rank {
                            w +=
                                Double(factors.factor) * Double(factors.p.values.row(o)[r])
                                * Double(factors.lambda?.values.pointer[r] ?? 1)
                                * Double(factors.q.values.row(r)[i])
                        }
                    }
                    sum += Double(x.row(t)[i]) * w
                }
                expected.append(sum)
            }
        }
        return expected
    }

    private func expectClose(_ values: [Float], _ expected: [Double]) {
        // Sums of up to 40 products of order 1 in Float32.
        for (value, reference) in zip(values, expected) { #expect(abs(Double(value) - reference) < 2e-5) }
        #expect(values.count == expected.count)
    }

    @Test(arguments: [false, true]) func values(withBias: Bool) {
        let bias = withBias ? bias : nil
        expectClose(
            evaluate { $0.linear($0.input(x), weight: weight, bias: bias) }, reference(nil, bias: bias))
        for lambda in [false, true] {
            let factors = factors(rank: 3, lambda: lambda)
            expectClose(
                evaluate {
                    $0.linear($0.input(x), weight: weight, bias: bias, lowRank: factors, dropout: 0.5)
                },
                reference(factors, bias: bias))
        }
    }

    @Test func gradients() {
        GradientCheck(inputs: [x], parameters: [weight, bias]) { [weight, bias] tape, inputs in
            tape.linear(inputs[0], weight: weight, bias: bias)
        }.run()
    }

    @Test func gradientsWithoutBias() {
        GradientCheck(inputs: [x], parameters: [weight]) { [weight] tape, inputs in
            tape.linear(inputs[0], weight: weight, bias: nil)
        }.run()
    }

    @Test(arguments: [false, true]) func gradientsOfEachParameterAlone(trainWeight: Bool) {
        let (trained, frozen) = trainWeight ? (weight, bias) : (bias, weight)
        GradientCheck(parameters: [trained], frozen: [frozen]) { [x, weight, bias] tape, _ in
            tape.linear(tape.input(x), weight: weight, bias: bias)
        }.run()
    }

    @Test(arguments: [false, true], [Float(0), 0.4])
    func lowRankGradients(lambda: Bool, dropout: Float) {
        for rank in [1, 3] {
            let factors = factors(rank: rank, lambda: lambda)
            var check = GradientCheck(
                inputs: [x], parameters: parameters(of: factors), frozen: [weight, bias]
            ) {
                [weight, bias] tape, inputs in
                tape.linear(inputs[0], weight: weight, bias: bias, lowRank: factors, dropout: dropout)
            }
            check.dropoutSeed = 11
            check.run()
        }
    }

    @Test func lowRankGradientsWithATrainableWeightAndNoBias() {
        let factors = factors(rank: 2, lambda: true)
        GradientCheck(inputs: [x], parameters: [weight] + parameters(of: factors), dropoutSeed: 12) {
            [weight] tape, inputs in
            tape.linear(inputs[0], weight: weight, bias: nil, lowRank: factors, dropout: 0.2)
        }.run()
    }

    @Test func lambdaOfZeroStillLearns() {
        // AdaLoRA starts there: P, Q random and λ = 0; only λ then has a gradient.
        let factors = factors(rank: 3, lambda: true)
        factors.lambda?.values.fill(0)
        GradientCheck(inputs: [x], parameters: parameters(of: factors), frozen: [weight, bias]) {
            [weight, bias] tape, inputs in
            tape.linear(inputs[0], weight: weight, bias: bias, lowRank: factors, dropout: 0)
        }.run()
    }

    @Test(arguments: [false, true]) func rankZeroIsThePlainLayer(lambda: Bool) {
        let empty = factors(rank: 0, lambda: lambda)
        let plain = evaluate { $0.linear($0.input(x), weight: weight, bias: bias) }
        let adapted = evaluate {
            $0.linear($0.input(x), weight: weight, bias: bias, lowRank: empty, dropout: 0.1)
        }
        #expect(adapted == plain)
        GradientCheck(
            inputs: [x], parameters: parameters(of: empty) + [weight, bias], dropoutSeed: 13
        ) { [weight, bias] tape, inputs in
            tape.linear(inputs[0], weight: weight, bias: bias, lowRank: empty, dropout: 0.1)
        }.run()
    }

    @Test func adapterDropoutSparesTheFrozenPath() {
        // With Q·x = 0 through a zero Q, whatever is dropped the output is the plain layer's.
        let factors = factors(rank: 2, lambda: true)
        factors.q.values.fill(0)
        let tape = Tape(
            pool: poisonedPool(), parameterGradients: Matrix(rows: 1, columns: 0),
            dropoutStream: RandomStream(seed: 1, purpose: "dropout"))
        let out = tape.linear(tape.input(x), weight: weight, bias: bias, lowRank: factors, dropout: 0.9)
        #expect(out.value.values == evaluate { $0.linear($0.input(x), weight: weight, bias: bias) })
        tape.backward()
    }

    @Test func emptyBatch() {
        let empty = Matrix(rows: 0, columns: 7)
        let factors = factors(rank: 2, lambda: true)
        #expect(
            evaluate { $0.linear($0.input(empty), weight: weight, bias: bias, lowRank: factors, dropout: 0) }
                .isEmpty)
    }
}
