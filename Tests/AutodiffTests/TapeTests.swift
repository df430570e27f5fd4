import Autodiff
import Matrices
import Testing

/// A small encoder block that uses every operation, its parameters and an input.
private struct Block {
    let words = normalParameter("words", 9, 12, seed: 80)
    let query = normalParameter("query", 12, 12, seed: 81, deviation: 0.3)
    let bias = normalParameter("bias", 1, 12, seed: 82)
    let gamma = normalParameter("gamma", 1, 12, seed: 83)
    let beta = normalParameter("beta", 1, 12, seed: 84)
    let head = normalParameter("head", 3, 12, seed: 85)
    let factors = LowRankFactors(
        p: normalParameter("P", 12, 2, seed: 86), lambda: normalParameter("λ", 1, 2, seed: 87),
        q: normalParameter("Q", 2, 12, seed: 88), factor: 0.5)
    let tokens: [Int32] = [1, 4, 4, 0, 8, 2, 7, 1, 1, 3, 5, 6, 0, 2, 8]
    let offsets = [0, 1, 6, 15]

    var parameters: [Parameter] {
        [words, query, bias, gamma, beta, head, factors.p, factors.q] + (factors.lambda.map { [$0] } ?? [])
    }

    /// The same as `logits`, with the inside of the block computed twice.
    func recomputedLogits(_ tape: Tape, dropout: Float = 0.1) -> Variable {
        let x = tape.dropout(tape.embedding([(words, tokens)]), probability: dropout)
        let normed = tape.recomputed(x) { tape, x in
            let q = tape.linear(x, weight: query, bias: bias, lowRank: factors, dropout: dropout)
            let attended = tape.attention(query: q, key: x, value: tape.gelu(x), offsets: offsets, heads: 3)
            return tape.layerNorm(attended, adding: x, gamma: gamma, beta: beta, epsilon: 1e-5)
        }
        let first = tape.tanh(tape.firstRows(normed, offsets: offsets))
        let mean = tape.meanRows(tape.dropout(normed, probability: dropout), offsets: offsets)
        let pooled = tape.layerNorm(first, adding: mean, gamma: gamma, beta: beta, epsilon: 1e-5)
        return tape.linear(pooled, weight: head, bias: nil)
    }

    /// The embedded x feeds the query's layer, the key, the value's GELU and the residual.
    func logits(_ tape: Tape, dropout: Float = 0.1) -> Variable {
        let x = tape.dropout(tape.embedding([(words, tokens)]), probability: dropout)
        let q = tape.linear(x, weight: query, bias: bias, lowRank: factors, dropout: dropout)
        let attended = tape.attention(query: q, key: x, value: tape.gelu(x), offsets: offsets, heads: 3)
        let normed = tape.layerNorm(attended, adding: x, gamma: gamma, beta: beta, epsilon: 1e-5)
        let first = tape.tanh(tape.firstRows(normed, offsets: offsets))
        let mean = tape.meanRows(tape.dropout(normed, probability: dropout), offsets: offsets)
        let pooled = tape.layerNorm(first, adding: mean, gamma: gamma, beta: beta, epsilon: 1e-5)
        return tape.linear(pooled, weight: head, bias: nil)
    }

    func step(pool: BufferPool, gradients: Matrix, stream: RandomStream?) -> Double {
        let tape = Tape(pool: pool, parameterGradients: gradients, dropoutStream: stream)
        let loss = tape.crossEntropy(logits(tape), labels: [0, 2, 1], divisor: 3)
        tape.backward()
        return loss
    }
}

@Suite struct TapeTests {
    private let x = normalMatrix(15, 12, seed: 90)

    @Test func aBlockOfAllOperations() {
        let block = Block()
        GradientCheck(parameters: block.parameters, dropoutSeed: 5) { tape, _ in block.logits(tape) }.run()
    }

    /// Loss and every gradient, dropout included, to the bit.
    @Test func recomputingChangesNoBit() {
        let block = Block()
        let vector = ParameterVector(block.parameters)
        let results = [block.logits, block.recomputedLogits].map { logits in
            let gradients = Matrix(rows: 1, columns: vector.count)
            let tape = Tape(
                pool: poisonedPool(), parameterGradients: gradients,
                dropoutStream: RandomStream(seed: 7, purpose: "dropout"))
            let loss = tape.crossEntropy(logits(tape, 0.1), labels: [0, 2, 1], divisor: 3)
            tape.backward()
            return (loss, gradients.values)
        }
        #expect(results[0].0 == results[1].0)
        #expect(results[0].1 == results[1].1)
        #expect(results[0].1.contains { $0 != 0 })
    }

    /// The input of a recomputed part may have another reader, before or after it.
    @Test(arguments: [true, false]) func recomputedInputIsReadTwice(isFirst: Bool) {
        let gamma = normalParameter("gamma", 1, 12, seed: 91)
        let beta = normalParameter("beta", 1, 12, seed: 92)
        GradientCheck(inputs: [x], parameters: [gamma, beta]) { tape, inputs in
            let other = isFirst ? tape.gelu(inputs[0]) : nil
            let part = tape.recomputed(inputs[0]) { tape, x in
                tape.layerNorm(tape.gelu(x), gamma: gamma, beta: beta, epsilon: 1e-5)
            }
            return tape.layerNorm(
                part, adding: other ?? tape.gelu(inputs[0]), gamma: gamma, beta: beta, epsilon: 1e-5)
        }.run()
    }

    /// Memory of an input that nobody else reads, taken for the backward pass: same bits, and no buffer more.
    @Test func reusingChangesNoBit() {
        let gamma = normalParameter("gamma", 1, 12, seed: 93)
        let beta = normalParameter("beta", 1, 12, seed: 94)
        let weight = normalParameter("weight", 12, 12, seed: 96)
        func run(_ reusing: Bool) -> (values: [Float], gradient: [Float], memory: Int) {
            let pool = BufferPool()
            let tape = Tape(pool: pool, parameterGradients: Matrix(rows: 1, columns: 1), dropoutStream: nil)
            let input = tape.input(x, needsGradient: true)
            let bent = tape.gelu(
                tape.linear(input, weight: weight, bias: nil), reusing: reusing)
            let out = tape.layerNorm(
                bent, adding: input, gamma: gamma, beta: beta, epsilon: 1e-5, reusing: reusing)
            out.gradient = normalMatrix(15, 12, seed: 95)
            let values = out.value.values
            tape.backward()
            return (values, input.gradient?.values ?? [], pool.allocatedElements)
        }
        let (plain, reusing) = (run(false), run(true))
        #expect(plain.values == reusing.values && plain.gradient == reusing.gradient)
        #expect(reusing.memory <= plain.memory && plain.gradient.count == x.count)
    }

    /// What it is for: a chain of parts takes the memory of one of them.
    @Test func recomputingTakesLessMemory() {
        func elements(_ recomputing: Bool) -> Int {
            let pool = BufferPool()
            let tape = Tape(
                pool: pool, parameterGradients: Matrix(rows: 1, columns: 1), dropoutStream: nil)
            var x = tape.input(normalMatrix(40, 50, seed: 9), needsGradient: true)
            for _ in 0..<10 {
                let part = { (tape: Tape, x: Variable) in (0..<6).reduce(x) { x, _ in tape.gelu(x) } }
                x = recomputing ? tape.recomputed(x, part) : part(tape, x)
            }
            x.gradient = normalMatrix(40, 50, seed: 10)
            tape.backward()
            return pool.allocatedElements
        }
        // 10 × 6 slopes; or 10 results, and the slopes of one part beside what is at work.
        #expect(elements(true) * 2 < elements(false))
    }

    /// Of a sum the backward pass reads neither part: their memory serves others while the tape goes on.
    @Test func valuesThatNobodyReadsAgainGo() {
        let pool = BufferPool()
        let tape = Tape(pool: pool, parameterGradients: Matrix(rows: 1, columns: 1), dropoutStream: nil)
        let input = tape.input(normalMatrix(30, 50, seed: 97), needsGradient: true)
        func sum() -> Variable {
            let turned = tape.rmsNorm(
                input, gamma: normalParameter("gamma", 1, 50, seed: 98), epsilon: 1e-5)
            return tape.add(tape.scaled(turned, by: 2), tape.add(tape.scaled(turned, by: 3), turned))
        }
        let out = sum()
        // Of the norm, two products and two sums at most, the last one stays.
        let held = pool.allocations
        let others = (0..<3).map { _ in pool.matrix(rows: 30, columns: 50) }
        #expect(pool.allocations == held)
        for other in others { other.fill(.nan) }
        let gradient = normalMatrix(30, 50, seed: 99)
        seedGradient(of: out, with: gradient)
        tape.backward()
        let alone = Tape(pool: pool, parameterGradients: Matrix(rows: 1, columns: 1), dropoutStream: nil)
        let again = alone.input(input.value, needsGradient: true)
        let sixfold = alone.scaled(
            alone.rmsNorm(again, gamma: normalParameter("gamma", 1, 50, seed: 98), epsilon: 1e-5), by: 6)
        seedGradient(of: sixfold, with: gradient)
        alone.backward()
        let pairs = zip(input.gradient?.values ?? [], again.gradient?.values ?? [])
        // Six times a number, or two, three and one times it added up, which round otherwise.
        #expect(
            pairs.count { _ in true } == 1_500 && pairs.allSatisfy { abs($0 - $1) <= 1e-5 * (1 + abs($1)) })
    }

    @Test func oneVariableAsQueryKeyValueAndResidual() {
        let (gamma, beta) = (
            normalParameter("gamma", 1, 12, seed: 91), normalParameter("beta", 1, 12, seed: 92)
        )
        GradientCheck(inputs: [x], parameters: [gamma, beta]) { tape, inputs in
            let attended = tape.attention(
                query: inputs[0], key: inputs[0], value: inputs[0], offsets: [0, 1, 6, 15], heads: 3)
            return tape.layerNorm(attended, adding: inputs[0], gamma: gamma, beta: beta, epsilon: 1e-5)
        }.run()
    }

    /// Every operation as the first and as a later consumer of one variable.
    @Test func everyOperationAccumulatesIntoASharedInput() {
        let block = Block()
        let operations: [(Tape, Variable) -> Variable] = [
            { tape, x in tape.linear(x, weight: block.query, bias: block.bias) },
            { tape, x in
                tape.linear(x, weight: block.query, bias: nil, lowRank: block.factors, dropout: 0.3)
            },
            { tape, x in tape.linear(x, weight: block.query, bias: nil, lowRank: block.factors, dropout: 0) },
            { tape, x in tape.gelu(x) },
            { tape, x in tape.tanh(x) },
            { tape, x in tape.dropout(x, probability: 0.3) },
            { tape, x in tape.layerNorm(x, gamma: block.gamma, beta: block.beta, epsilon: 1e-5) },
            { tape, x in
                let rows = tape.input(normalMatrix(15, 12, seed: 93))
                return tape.attention(query: x, key: rows, value: rows, offsets: [0, 1, 6, 15], heads: 3)
            },
            { tape, x in tape.firstRows(x, offsets: Array(0...15)) },
            { tape, x in tape.meanRows(x, offsets: Array(0...15)) },
        ]
        // Each beside itself: the second to run backward must add. Gamma and beta pass the sum through.
        for operation in operations {
            GradientCheck(inputs: [x], dropoutSeed: 6) { tape, inputs in
                let first = operation(tape, inputs[0])
                let second = operation(tape, inputs[0])
                return tape.layerNorm(
                    first, adding: second, gamma: block.gamma, beta: block.beta, epsilon: 1e-2)
            }.run()
        }
    }

    @Test func nothingFlowsWhereNoGradientIsNeeded() {
        let gradients = Matrix(rows: 1, columns: 0)
        let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
        let (weight, bias) = (normalParameter("w", 12, 12, seed: 94), normalParameter("b", 1, 12, seed: 95))
        let input = tape.input(x)
        let outputs = [
            tape.linear(input, weight: weight, bias: bias), tape.gelu(input), tape.tanh(input),
            tape.layerNorm(input, adding: input, gamma: bias, beta: bias, epsilon: 1e-5),
            tape.attention(query: input, key: input, value: input, offsets: [0, 15], heads: 3),
            tape.firstRows(input, offsets: [0, 15]), tape.meanRows(input, offsets: [0, 15]),
        ]
        for output in outputs { #expect(!output.needsGradient) }
        #expect(tape.crossEntropy(outputs[0], labels: [Int32](repeating: 0, count: 15), divisor: 1) > 0)
        tape.backward()
        #expect(input.gradient == nil && outputs.allSatisfy { $0.gradient == nil })
    }

    /// With all of its factors frozen a low-rank layer has nothing to learn either.
    @Test func aFrozenLowRankLayerNeedsNoGradient() {
        let block = Block()
        let tape = Tape(
            pool: BufferPool(), parameterGradients: Matrix(rows: 1, columns: 0), dropoutStream: nil)
        let out = tape.linear(
            tape.input(x), weight: block.query, bias: nil, lowRank: block.factors, dropout: 0)
        tape.backward()
        #expect(!out.needsGradient)
    }

    @Test func gradientsStopBelowTheLowestTrainableParameter() {
        let block = Block()
        let vector = ParameterVector([block.head])
        let gradients = Matrix(rows: 1, columns: vector.count)
        let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
        let below = tape.gelu(tape.linear(tape.input(x), weight: block.query, bias: block.bias))
        let out = tape.linear(below, weight: block.head, bias: nil)
        #expect(!below.needsGradient && out.needsGradient)
        seedGradient(of: out, with: normalMatrix(15, 3, seed: 96))
        tape.backward()
        #expect(below.gradient == nil && gradients.sumOfSquares > 0)
    }

    @Test func anEvaluationTapeComputesTheTrainingTapesBits() {
        let block = Block()
        let gradients = Matrix(rows: 1, columns: ParameterVector(block.parameters).count)
        let training = Tape(pool: poisonedPool(), parameterGradients: gradients, dropoutStream: nil)
        let expected = block.logits(training).value.values
        training.backward()
        #expect(evaluate { block.logits($0) } == expected)
        #expect(gradients.values.allSatisfy { $0 == 0 }, "no loss, no gradient")
    }

    @Test func anEvaluationTapeRecordsNothing() {
        let block = Block()
        _ = ParameterVector(block.parameters)
        let tape = Tape(evaluatingWith: BufferPool())
        let input = tape.input(x, needsGradient: true)
        let out = tape.gelu(tape.linear(input, weight: block.query, bias: block.bias))
        let logits = block.logits(tape)
        #expect(!tape.isTraining && !input.needsGradient && !out.needsGradient && !logits.needsGradient)
        _ = tape.crossEntropy(logits, labels: [0, 1, 2], divisor: 3)
        seedGradient(of: out, with: normalMatrix(15, 12, seed: 97))
        tape.backward()
        #expect(input.gradient == nil && logits.gradient == nil)
    }

    @Test func anEvaluationTapeGivesBuffersBackAsItGoes() {
        let pool = BufferPool()
        let tape = Tape(evaluatingWith: pool)
        var variable = tape.input(x)
        for _ in 0..<20 { variable = tape.gelu(variable) }
        // The input of an operation and its output.
        #expect(pool.allocations == 2)
    }

    @Test func aSteadyLoopAllocatesNothing() {
        let block = Block()
        let pool = BufferPool()
        let gradients = Matrix(rows: 1, columns: ParameterVector(block.parameters).count)
        var losses: [Double] = []
        var counts: [Int] = []
        for step in 0..<6 {
            gradients.fill(0)
            let stream = RandomStream(seed: 1, purpose: "dropout", indices: [step % 2])
            losses.append(block.step(pool: pool, gradients: gradients, stream: stream))
            counts.append(pool.allocations)
        }
        #expect(counts[0] > 0 && counts.allSatisfy { $0 == counts[0] })
        // Reused buffers change nothing: the same stream gives the same bits.
        #expect(losses[0] == losses[2] && losses[1] == losses[5] && losses[0] != losses[1])
    }

    @Test func gradientsOfShardsAccumulate() {
        let block = Block()
        let count = ParameterVector(block.parameters).count
        let (once, twice) = (Matrix(rows: 1, columns: count), Matrix(rows: 1, columns: count))
        _ = block.step(pool: BufferPool(), gradients: once, stream: nil)
        for _ in 0..<2 { _ = block.step(pool: BufferPool(), gradients: twice, stream: nil) }
        for (single, double) in zip(once.values, twice.values) {
            // Sums of a few dozen terms that start from another value round differently.
            #expect(abs(double - 2 * single) <= 1e-5 * max(1, abs(single)))
        }
    }

    /// A step that an error interrupts must not keep its buffers for ever.
    @Test func aTapeThatNeverRunsBackwardIsReleased() {
        let pool = BufferPool()
        weak var released: Tape?
        do {
            let tape = Tape(pool: pool, parameterGradients: Matrix(rows: 1, columns: 0), dropoutStream: nil)
            released = tape
            _ = tape.gelu(tape.input(x, needsGradient: true))
        }
        #expect(released == nil)
    }
}

@Suite struct ParameterVectorTests {
    @Test func movesValuesIntoOneArray() {
        let a = normalParameter("a", 2, 3, seed: 100)
        let b = normalParameter("b", 1, 4, seed: 101)
        let frozen = normalParameter("frozen", 2, 2, seed: 102)
        let (first, second) = (a.values.values, b.values.values)
        let vector = ParameterVector([a, b])
        #expect(vector.count == 10 && vector.values.values == first + second)
        #expect(vector.range(of: a) == 0..<6 && vector.range(of: b) == 6..<10)
        #expect(a.isTrainable && b.isTrainable && !frozen.isTrainable)
        #expect(a.values.rows == 2 && a.values.columns == 3)
        vector.values.pointer[7] = 42
        #expect(b.values.pointer[1] == 42)
    }

    @Test func emptyParametersTakeNoPlace() {
        let empty = Parameter(name: "empty", values: Matrix(rows: 0, columns: 5))
        let b = normalParameter("b", 1, 4, seed: 103)
        let vector = ParameterVector([empty, b])
        #expect(vector.range(of: empty).isEmpty && vector.range(of: b) == 0..<4 && empty.isTrainable)
        #expect(ParameterVector([]).count == 0)
    }
}
