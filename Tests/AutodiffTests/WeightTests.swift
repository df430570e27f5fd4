import Autodiff
import Matrices
import Synchronization
import Testing

/// Frozen weights in their formats on the tape, and what becomes of them.
@Suite struct WeightTests {
    private static func bfloat16(_ name: String, _ rows: Int, _ columns: Int, seed: UInt64) throws -> Weight {
        let bytes = normalMatrix(rows, columns, seed: seed).values.flatMap { value in
            let bits = value.bitPattern >> 16
            return [UInt8(truncatingIfNeeded: bits), UInt8(bits >> 8)]
        }
        let format = try #require(WeightFormat.named("BF16"))
        return Weight(
            name: name, matrix: format.open(rows: rows, columns: columns, WeightBytes(copying: bytes)))
    }

    private let x = normalMatrix(5, 7, seed: 200)
    private let bias = Weight(name: "bias", vector: normalMatrix(1, 6, seed: 201))

    private func factors() -> LowRankFactors {
        LowRankFactors(
            p: normalParameter("P", 6, 2, seed: 202), lambda: normalParameter("λ", 1, 2, seed: 203),
            q: normalParameter("Q", 2, 7, seed: 204), factor: 0.75)
    }

    /// The same bits where our loops and OpenBLAS's fuse products and sums. Portable loops round products first: seven terms of
    /// about 1, each off by 2⁻²⁴ of it, and what follows from them.
    private static func same(_ found: [Float], _ expected: [Float]) -> Bool {
        if KernelSelection.loopLevel >= 3 { return found == expected }
        return found.count == expected.count && zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 }
    }

    /// Each product of a weight that is read in passing gives its pages back; others keep them.
    @Test func pagesGoBackAfterEachProduct() throws {
        let released = Atomic(0)
        let own = WeightBytes(copying: [UInt8](repeating: 0, count: 4 * 6 * 7))
        let bytes = WeightBytes(own.raw, of: own.owner) { released.add(1, ordering: .relaxed) }
        let weight = Weight(
            name: "weight", matrix: try #require(WeightFormat.named("F32")).open(rows: 6, columns: 7, bytes))
        let pool = BufferPool()
        func run() {
            let (x, g) = (normalMatrix(5, 7, seed: 1), normalMatrix(5, 6, seed: 2))
            let (out, back) = (Matrix(rows: 5, columns: 6), Matrix(rows: 5, columns: 7))
            weight.multiplyTransposed(x, into: out, adding: false, pool: pool)
            weight.multiplyTransposedByRow(x, into: out, adding: false, pool: pool)
            weight.multiply(g, into: back, adding: false, pool: pool)
        }
        run()
        run()
        // Once for each copy that stays laid out, where there are such.
        #expect(released.load(ordering: .relaxed) <= 2)
        weight.readInPassing()
        #expect(weight.isReadInPassing)
        let before = released.load(ordering: .relaxed)
        run()
        run()
        #expect(released.load(ordering: .relaxed) >= before + 6)
    }

    /// Output and input's gradient, and those of factors and bias, as with parameters of the same values.
    @Test func aLayerOnAHalfPrecisionWeightIsThatOnItsValues() throws {
        let weight = try Self.bfloat16("weight", 6, 7, seed: 205)
        func run(_ weight: any Operand, _ bias: any Operand) -> (values: [Float], gradients: [Float]) {
            let factors = factors()
            let vector = ParameterVector([factors.p, factors.q])
            let gradients = Matrix(rows: 1, columns: vector.count)
            let tape = Tape(pool: poisonedPool(), parameterGradients: gradients, dropoutStream: nil)
            let input = tape.input(x, needsGradient: true)
            let out = tape.linear(input, weight: weight, bias: bias, lowRank: factors, dropout: 0)
            let plain = tape.linear(input, weight: weight, bias: nil)
            seedGradient(of: out, with: normalMatrix(5, 6, seed: 206))
            seedGradient(of: plain, with: normalMatrix(5, 6, seed: 207))
            let values = out.value.values + plain.value.values
            tape.backward()
            return (values, gradients.values + (input.gradient?.values ?? []))
        }
        let frozen = run(weight, bias)
        let dense = run(
            Parameter(name: "weight", values: weight.dense()),
            Parameter(name: "bias", vector: Matrix(copying: bias.vector)))
        // Tiles of a matrix of this size are the matrix: the same sums in the same order.
        #expect(Self.same(frozen.values, dense.values) && Self.same(frozen.gradients, dense.gradients))
        #expect(frozen.gradients.count == 12 + 14 + 35 && frozen.gradients.allSatisfy { $0 != 0 })
    }

    /// Weights of bf16 are exact in it, so inputs and gradients alone are rounded, by up to 2⁻⁸ of each: each product of seven (or
    /// six) terms of about 1 is off by a few hundredths at most. What trains computes in Float32.
    @Test func productsInBFloat16AreNear() throws {
        let (plain, short) = (
            try Self.bfloat16("weight", 6, 7, seed: 205), try Self.bfloat16("weight", 6, 7, seed: 205)
        )
        short.multiplyInBFloat16()
        #expect(short.format == "BF16" && short.floats == plain.floats)
        func run(_ weight: Weight) -> (values: [Float], gradient: [Float]) {
            let tape = Tape(
                pool: poisonedPool(), parameterGradients: Matrix(rows: 1, columns: 1), dropoutStream: nil)
            let input = tape.input(x, needsGradient: true)
            let out = tape.linear(input, weight: weight, bias: bias)
            seedGradient(of: out, with: normalMatrix(5, 6, seed: 206))
            let values = out.value.values
            tape.backward()
            return (values, input.gradient?.values ?? [])
        }
        let (expected, found) = (run(plain), run(short))
        #expect(found.values != expected.values && found.gradient != expected.gradient)
        for (a, b) in zip(found.values + found.gradient, expected.values + expected.gradient) {
            #expect(abs(a - b) < 0.06)
        }
        #expect(found.gradient.count == 35)
        short.thaw()
        #expect(run(short).values == run(Weight(name: "w", matrix: Float32Weight(plain.dense()))).values)
    }

    @Test func tablesAndNormsAreReadFromWeights() throws {
        let words = try Self.bfloat16("words", 9, 6, seed: 208)
        let types = try Self.bfloat16("types", 2, 6, seed: 209)
        func run(_ words: any Operand, _ types: any Operand, _ norm: any Operand) -> [Float] {
            evaluate { tape in
                let sum = tape.embedding([(words, [8, 0, 0, 3]), (types, [1, 0, 1, 0])])
                return tape.layerNorm(sum, gamma: norm, beta: norm, epsilon: 1e-5)
            }
        }
        let dense = [words, types].map { Parameter(name: $0.name, values: $0.dense()) }
        let norm = Parameter(name: "norm", vector: Matrix(copying: bias.vector))
        #expect(run(words, types, bias) == run(dense[0], dense[1], norm))
    }

    /// The last product over a frozen vocabulary, block by block.
    @Test func vocabulariesAreReadFromWeights() throws {
        let words = try Self.bfloat16("words", 23, 7, seed: 217)
        func run(_ words: any Operand) -> (loss: Double, gradient: [Float]) {
            let tape = Tape(
                pool: poisonedPool(), parameterGradients: Matrix(rows: 1, columns: 0), dropoutStream: nil)
            let input = tape.input(x, needsGradient: true)
            let loss = tape.vocabularyCrossEntropy(
                input, weight: words, targets: [4, 0, Tape.ignoredLabel, 22, 7], divisor: 4,
                blocks: VocabularyBlocks(rows: 3, words: 5))
            tape.backward()
            return (loss, input.gradient?.values ?? [])
        }
        let (frozen, dense) = (run(words), run(Parameter(name: "words", values: words.dense())))
        #expect(Self.same([Float(frozen.loss)], [Float(dense.loss)]) && frozen.loss > 0)
        #expect(Self.same(frozen.gradient, dense.gradient))
    }

    /// The thawed parameter stands in the weight's place, trains, and carries its name and shape.
    @Test func thawing() throws {
        let weight = try Self.bfloat16("weight", 6, 7, seed: 210)
        let before = weight.dense().values
        #expect(weight.format == "BF16" && weight.parameter == nil)
        #expect(!weight.isTrainable && weight.count == 42 && weight.floats == before)
        let thawed = weight.thaw()
        #expect(weight.thaw() === thawed && weight.parameter === thawed && !weight.isTrainable)
        #expect(weight.releasePages() == 0 && weight.format == nil && thawed.values.values == before)
        #expect(thawed.name == "weight" && thawed.savedShape == [6, 7])
        let vector = ParameterVector([thawed, bias.thaw()])
        #expect(weight.isTrainable && bias.isTrainable && bias.thaw().savedShape == [6])
        vector.values.fill(2)
        #expect(weight.floats.allSatisfy { $0 == 2 } && bias.vector.values.allSatisfy { $0 == 2 })
        let out = evaluate { $0.linear($0.input(x), weight: weight, bias: bias) }
        for t in 0..<5 {
            let sum = x.view(offset: t * 7, rows: 1, columns: 7).values.reduce(0, +)
            #expect(abs(out[t * 6] - (2 * sum + 2)) < 1e-5)
        }
    }

    @Test func everyThawedGradient() throws {
        let weight = try Self.bfloat16("weight", 6, 7, seed: 211)
        let table = try Self.bfloat16("table", 3, 7, seed: 212)
        let gamma = Weight(name: "gamma", vector: normalMatrix(1, 6, seed: 215))
        let beta = Weight(name: "beta", vector: normalMatrix(1, 6, seed: 216))
        let parameters = [weight, table, bias, gamma, beta].map { $0.thaw() }
        GradientCheck(inputs: [x], parameters: parameters) { [bias] tape, inputs in
            let rows = tape.linear(
                tape.embedding([(table, [0, 2, 1, 1, 0])]), weight: weight, bias: bias)
            return tape.layerNorm(
                tape.linear(inputs[0], weight: weight, bias: nil), adding: rows, gamma: gamma, beta: beta,
                epsilon: 1e-5)
        }.run()
    }

    @Test func replacing() throws {
        let weight = try Self.bfloat16("weight", 6, 7, seed: 213)
        let values = normalMatrix(6, 7, seed: 214)
        weight.replace(with: values)
        #expect(weight.format == "F32" && weight.dense().values == values.values)
        #expect(weight.releasePages() == 0)
    }

    /// Products see [O, I], files [I, O]: before it is thawed, when it is, and after values of a file were put in.
    @Test func aTransposedTensorGoesBackAsItCame() {
        let values = normalMatrix(3, 4, seed: 217)
        let weight = Weight(name: "w", matrix: Float32Weight(values), isStoredTransposed: true)
        func stored(_ matrix: Matrix) -> [Float] {
            (0..<matrix.columns).flatMap { column in (0..<matrix.rows).map { matrix.row($0)[column] } }
        }
        #expect(weight.savedShape == [4, 3] && weight.savedFloats == stored(values))
        #expect(weight.floats == values.values)
        let other = normalMatrix(4, 3, seed: 218)
        weight.replace(withSaved: other)
        #expect(weight.floats == stored(other) && weight.savedFloats == other.values)
        let thawed = weight.thaw()
        #expect(
            thawed.savedShape == [4, 3] && thawed.isStoredTransposed && thawed.savedFloats == other.values)
        #expect(weight.savedFloats == other.values)
    }

    @Test func whatDoesNotFitTraps() async {
        await #expect(processExitsWith: .failure) {
            let matrix = Float32Weight(Matrix(rows: 2, columns: 2))
            _ = Weight(name: "w", matrix: matrix).vector
        }
        await #expect(processExitsWith: .failure) {
            let weight = Weight(name: "w", vector: Matrix(rows: 1, columns: 2))
            let tape = Tape(evaluatingWith: BufferPool())
            _ = tape.linear(tape.input(Matrix(rows: 1, columns: 2)), weight: weight, bias: nil)
        }
        await #expect(processExitsWith: .failure) {
            let matrix = Float32Weight(Matrix(rows: 2, columns: 2))
            Weight(name: "w", matrix: matrix).replace(with: Matrix(rows: 1, columns: 4))
        }
    }
}

/// Memory that an operation is let reuse must be nobody else's: each wrong use ends the process.
@Suite struct ReusingTests {
    private static func tape() -> Tape {
        Tape(pool: BufferPool(), parameterGradients: Matrix(rows: 1, columns: 4), dropoutStream: nil)
    }

    private static func rows(_ tape: Tape) -> Variable {
        tape.input(normalMatrix(3, 4, seed: 220), needsGradient: true)
    }

    private static let weight = normalParameter("w", 4, 4, seed: 221)
    private static let norm = normalParameter("norm", 1, 4, seed: 222)

    /// A pre-norm block: the norm takes x, and the residual reads it afterwards.
    @Test func aLaterReaderTraps() async {
        await #expect(processExitsWith: .failure) {
            let tape = Self.tape()
            let x = tape.linear(Self.rows(tape), weight: Self.weight, bias: nil)
            let normed = tape.layerNorm(
                x, gamma: Self.norm, beta: Self.norm, epsilon: 1e-5, reusing: true)
            _ = tape.layerNorm(normed, adding: x, gamma: Self.norm, beta: Self.norm, epsilon: 1e-5)
        }
    }

    /// An adapter's backward pass reads the input of its layer.
    @Test func anEarlierReaderTraps() async {
        await #expect(processExitsWith: .failure) {
            let tape = Self.tape()
            let factors = LowRankFactors(
                p: normalParameter("P", 4, 1, seed: 223), lambda: nil,
                q: normalParameter("Q", 1, 4, seed: 224),
                factor: 1)
            // Of a Q that trains.
            _ = ParameterVector([factors.q])
            let x = tape.linear(Self.rows(tape), weight: Self.weight, bias: nil)
            _ = tape.linear(x, weight: Self.weight, bias: nil, lowRank: factors, dropout: 0)
            _ = tape.gelu(x, reusing: true)
        }
    }

    @Test(arguments: [false, true]) func theOperationThatReadsItsOwnResultTraps(isTanh: Bool) async {
        if isTanh {
            await #expect(processExitsWith: .failure) {
                let tape = Self.tape()
                _ = tape.gelu(tape.tanh(Self.rows(tape)), reusing: true)
            }
        } else {
            await #expect(processExitsWith: .failure) {
                let tape = Self.tape()
                _ = tape.gelu(tape.relu(Self.rows(tape)), reusing: true)
            }
        }
    }

    /// Attention's backward pass reads all three.
    @Test func attentionsInputsAreKept() async {
        await #expect(processExitsWith: .failure) {
            let tape = Self.tape()
            let x = tape.linear(Self.rows(tape), weight: Self.weight, bias: nil)
            let other = Self.rows(tape)
            _ = tape.attention(query: other, key: other, value: x, offsets: [0, 3], heads: 2)
            _ = tape.gelu(x, reusing: true)
        }
    }

    /// A trained weight's gradient is made of its input.
    @Test func aTrainedLayersInputIsKept() async {
        await #expect(processExitsWith: .failure) {
            let tape = Self.tape()
            let trained = normalParameter("trained", 1, 4, seed: 225)
            _ = ParameterVector([trained])
            let x = tape.linear(Self.rows(tape), weight: Self.weight, bias: nil)
            _ = tape.linear(x, weight: trained, bias: nil)
            _ = tape.gelu(x, reusing: true)
        }
    }

    @Test func whatComesFromOutsideIsNotTheTapes() async {
        await #expect(processExitsWith: .failure) {
            let tape = Self.tape()
            _ = tape.gelu(Self.rows(tape), reusing: true)
        }
    }

    @Test func aRecomputedPartsInputIsKept() async {
        await #expect(processExitsWith: .failure) {
            let tape = Self.tape()
            let x = tape.linear(Self.rows(tape), weight: Self.weight, bias: nil)
            _ = tape.recomputed(x) { tape, x in tape.gelu(x) }
            _ = tape.gelu(x, reusing: true)
        }
    }

    @Test func twiceTraps() async {
        await #expect(processExitsWith: .failure) {
            let tape = Self.tape()
            let x = tape.linear(Self.rows(tape), weight: Self.weight, bias: nil)
            _ = tape.gelu(x, reusing: true)
            _ = tape.gelu(x, reusing: true)
        }
    }

    /// A frozen layer's backward pass needs no input, so that its memory is free afterwards.
    @Test func aFrozenLayersInputMayBeReused() {
        let tape = Self.tape()
        let x = tape.linear(Self.rows(tape), weight: Self.weight, bias: nil)
        let read = tape.linear(x, weight: Self.weight, bias: nil)
        let bent = tape.gelu(x, reusing: true)
        seedGradient(of: read, with: normalMatrix(3, 4, seed: 226))
        seedGradient(of: bent, with: normalMatrix(3, 4, seed: 227))
        tape.backward()
        #expect(bent.value.values.allSatisfy { $0.isFinite })
    }
}
