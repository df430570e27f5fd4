import Autodiff
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Testing

@Suite struct VocabularyLossTests {
    /// Made anew: tests run beside each other, and finite differences write into theirs.
    private let hidden = normalMatrix(9, 6, seed: 80)
    private static let targets: [Int32] = [4, Tape.ignoredLabel, 0, 22, 4, Tape.ignoredLabel, 11, 22, 7]

    private static func weight() -> Parameter { normalParameter("words", 23, 6, seed: 81) }

    /// One block; several of rows, of words, of both; as large as the matrix.
    private static let blocks = [
        VocabularyBlocks(rows: 100, words: 100), VocabularyBlocks(rows: 2, words: 100),
        VocabularyBlocks(rows: 100, words: 4), VocabularyBlocks(rows: 3, words: 5),
        VocabularyBlocks(rows: 7, words: 23), VocabularyBlocks(rows: 1, words: 1),
    ]

    private func run(
        _ hidden: Matrix, _ weight: Parameter, _ targets: [Int32], divisor: Double, blocks: VocabularyBlocks?,
        gradients: Matrix = Matrix(rows: 1, columns: 0)
    ) -> (loss: Double, gradient: [Float]?) {
        let tape = Tape(pool: poisonedPool(), parameterGradients: gradients, dropoutStream: nil)
        let input = tape.input(hidden, needsGradient: true)
        let loss = tape.vocabularyCrossEntropy(
            input, weight: weight, targets: targets, divisor: divisor, blocks: blocks)
        tape.backward()
        return (loss, input.gradient?.values)
    }

    /// What a shard asks of its pool is written down the same whether its rows are one block or several: the estimate of a
    /// run's memory compares shards of other sizes.
    @Test func requestsDoNotDependOnTheNumberOfBlocks() {
        let bytes = WeightBytes(copying: [UInt8](repeating: 0, count: 23 * 6 * 2))
        let format = WeightFormat.named("BF16")
        let matrix = format?.open(rows: 23, columns: 6, bytes) ?? Float32Weight(Matrix(rows: 23, columns: 6))
        let weight = Weight(name: "words", matrix: matrix)
        func requests(_ blocks: VocabularyBlocks) -> Int {
            let pool = BufferPool()
            return pool.record {
                let tape = Tape(
                    pool: pool, parameterGradients: Matrix(rows: 1, columns: 0), dropoutStream: nil)
                let input = tape.input(hidden, needsGradient: true)
                _ = tape.vocabularyCrossEntropy(
                    input, weight: weight, targets: Self.targets, divisor: 1, blocks: blocks)
                tape.backward()
            }.count
        }
        #expect(requests(VocabularyBlocks(rows: 100, words: 100)) > 4)
        #expect(
            Set([100, 4, 2, 1].map { requests(VocabularyBlocks(rows: $0, words: 100)) }).count == 1)
        #expect(
            Set([23, 7, 1].map { requests(VocabularyBlocks(rows: 100, words: $0)) }).count == 1)
    }

    /// By hand: logits 1·(0, ln 2, ln 5) = probabilities 1/8, 2/8, 5/8; targets 2 and 0 cost ln 8/5 and ln 8. With one input
    /// the gradient of a row is Σ (p − target) · w = 2/8 ln 2 + 5/8 ln 5 − w[target].
    @Test func byHand() {
        let weight = Parameter(
            name: "w", values: Matrix(rows: 3, columns: 1, values: [0, Float(log(2.0)), Float(log(5.0))]))
        let hidden = Matrix(rows: 3, columns: 1, values: [1, 9, 1])
        for blocks in Self.blocks {
            let (loss, gradient) = run(
                hidden, weight, [2, Tape.ignoredLabel, 0], divisor: 2, blocks: blocks)
            // Float32 logits of order 1.
            #expect(abs(loss - (log(8.0 / 5) + log(8.0)) / 2) < 1e-6)
            let mean = 0.25 * log(2.0) + 0.625 * log(5.0)
            let expected = [(mean - log(5.0)) / 2, 0, mean / 2]
            for (value, expected) in zip(gradient ?? [], expected) {
                #expect(abs(Double(value) - expected) < 1e-6)
            }
            #expect(gradient?.count == 3 && gradient?[1] == 0)
        }
    }

    /// The same as logits as a whole and their cross-entropy, whatever the blocks.
    @Test(arguments: blocks.indices) func isCrossEntropyOfTheLogits(index: Int) throws {
        let weight = Self.weight()
        let vector = ParameterVector([weight])
        func gradients() -> Matrix { Matrix(rows: 1, columns: vector.count) }
        let (ours, theirs) = (gradients(), gradients())
        let (loss, gradient) = run(
            hidden, weight, Self.targets, divisor: 5, blocks: Self.blocks[index], gradients: ours)
        let tape = Tape(pool: poisonedPool(), parameterGradients: theirs, dropoutStream: nil)
        let input = tape.input(hidden, needsGradient: true)
        let whole = tape.crossEntropy(
            tape.linear(input, weight: weight, bias: nil), labels: Self.targets, divisor: 5)
        tape.backward()
        // Float32 logits of order 5 and exponentials to 3e-7.
        #expect(abs(loss - whole) < 3e-6)
        #expect(relativeError(try #require(gradient), try #require(input.gradient).values) < 3e-6)
        #expect(relativeError(ours.values, theirs.values) < 3e-6)
        // A frozen matrix has them in one pass.
        let (passed, passing) = run(
            hidden, Self.weight(), Self.targets, divisor: 5, blocks: Self.blocks[index])
        #expect(abs(passed - whole) < 3e-6)
        #expect(relativeError(try #require(passing), try #require(input.gradient).values) < 3e-6)
    }

    /// Rows that several targets follow, some of them twice, over a frozen matrix and one that trains.
    @Test(arguments: blocks.indices) func severalTargetsOfARow(index: Int) throws {
        let places = [2, 2, 2, 0, 5, 5]
        let targets: [Int32] = [4, 11, 4, 22, Tape.ignoredLabel, 0]
        func run(_ weight: Parameter, gradients: Matrix) throws -> (Double, [Float]) {
            let tape = Tape(pool: poisonedPool(), parameterGradients: gradients, dropoutStream: nil)
            let input = tape.input(hidden, needsGradient: true)
            let losses = tape.vocabularyLosses(
                input, places: places, weight: weight, targets: targets, divisor: 3,
                blocks: Self.blocks[index])
            tape.backward()
            return (losses.reduce(0) { $0 + ($1 ?? 0) / 3 }, try #require(input.gradient).values)
        }
        let tape = Tape(
            pool: poisonedPool(), parameterGradients: Matrix(rows: 1, columns: 0), dropoutStream: nil)
        let input = tape.input(hidden, needsGradient: true)
        let whole = tape.crossEntropy(
            tape.linear(tape.rows(input, places), weight: Self.weight(), bias: nil), labels: targets,
            divisor: 3)
        tape.backward()
        let trained = Self.weight()
        let vector = ParameterVector([trained])
        for (loss, gradient) in [
            try run(Self.weight(), gradients: Matrix(rows: 1, columns: 0)),
            try run(trained, gradients: Matrix(rows: 1, columns: vector.count)),
        ] {
            // As in `isCrossEntropyOfTheLogits`.
            #expect(abs(loss - whole) < 3e-6)
            #expect(relativeError(gradient, try #require(input.gradient).values) < 3e-6)
        }
    }

    /// A target that is all but certain: p − 1 = −e⁻¹² keeps its digits, where the sum of words less the target's own would
    /// leave one or none.
    @Test func gradientsOfCertainTargetsKeepTheirDigits() throws {
        let weight = Parameter(name: "w", values: Matrix(rows: 2, columns: 1, values: [12, 0]))
        for blocks in [VocabularyBlocks(rows: 1, words: 2), VocabularyBlocks(rows: 1, words: 1)] {
            let gradient = try #require(
                run(Matrix(rows: 1, columns: 1, values: [1]), weight, [0], divisor: 1, blocks: blocks)
                    .gradient)[0]
            // 12 · (p − 1): p = 1/(1 + e⁻¹²) is rounded to Float32, 6e-8 of 6e-6.
            #expect(abs(Double(gradient) + 12 / (1 + exp(12.0))) < 12 * 6e-8)
        }
    }

    @Test func gradientsByFiniteDifferences() {
        let weight = Self.weight()
        let vector = ParameterVector([weight])
        let gradients = Matrix(rows: 1, columns: vector.count)
        gradients.fill(0.5)
        let blocks = VocabularyBlocks(rows: 3, words: 5)
        let (_, gradient) = run(
            hidden, weight, Self.targets, divisor: 5, blocks: blocks, gradients: gradients)
        func value() -> Double {
            let tape = Tape(evaluatingWith: poisonedPool())
            return tape.vocabularyCrossEntropy(
                tape.input(hidden), weight: weight, targets: Self.targets, divisor: 5, blocks: blocks)
        }
        // The stencil's h⁴/30 · f⁽⁵⁾, and logits of order 5 rounded to 5e-7 over h = 1/32.
        for index in 0..<hidden.count {
            let numeric = finiteDifference(hidden.pointer + index, value)
            #expect(abs(Double(gradient?[index] ?? .nan) - numeric) < 1e-4)
        }
        for index in 0..<weight.values.count {
            let numeric = finiteDifference(weight.values.pointer + index, value)
            #expect(abs(Double(gradients.pointer[index]) - 0.5 - numeric) < 1e-4)
        }
    }

    /// Scaled and capped logits, as a whole and in blocks; and by finite differences.
    @Test(arguments: [
        LogitTransform(scale: 0.25), LogitTransform(softCap: 3), LogitTransform(scale: 0.5, softCap: 2),
    ])
    func transformedLogits(transform: LogitTransform) throws {
        let weight = Self.weight()
        let vector = ParameterVector([weight])
        let whole = Matrix(rows: 1, columns: vector.count)
        let tape = Tape(pool: poisonedPool(), parameterGradients: whole, dropoutStream: nil)
        let input = tape.input(hidden, needsGradient: true)
        let products = tape.linear(input, weight: weight, bias: nil)
        let expected = tape.crossEntropy(
            tape.logits(products, transform), labels: Self.targets, divisor: 5)
        let exact = zip(Self.targets, 0...).reduce(0.0) { sum, pair in
            guard pair.0 >= 0 else { return sum }
            let logits = (0..<23).map { word in
                let z = Double(transform.scale) * Double(products.value.row(pair.1)[word])
                return transform.softCap.map { Double($0) * tanh(z / Double($0)) } ?? z
            }
            return sum + log(logits.reduce(0) { $0 + exp($1) }) - logits[Int(pair.0)]
        }
        tape.backward()
        // As in `isCrossEntropyOfTheLogits`.
        #expect(abs(expected - exact / 5) < 3e-6)
        for blocks in Self.blocks {
            let gradients = Matrix(rows: 1, columns: vector.count)
            let other = Tape(pool: poisonedPool(), parameterGradients: gradients, dropoutStream: nil)
            let rows = other.input(hidden, needsGradient: true)
            let loss = other.vocabularyCrossEntropy(
                rows, weight: weight, targets: Self.targets, divisor: 5, transform: transform, blocks: blocks)
            other.backward()
            #expect(abs(loss - expected) < 3e-6)
            #expect(
                relativeError(try #require(rows.gradient).values, try #require(input.gradient).values) < 3e-6)
            #expect(relativeError(gradients.values, whole.values) < 3e-6)
            // A frozen matrix has them in one pass.
            let once = Tape(
                pool: poisonedPool(), parameterGradients: Matrix(rows: 1, columns: 0), dropoutStream: nil)
            let passed = once.input(hidden, needsGradient: true)
            let same = once.vocabularyCrossEntropy(
                passed, weight: Self.weight(), targets: Self.targets, divisor: 5, transform: transform,
                blocks: blocks)
            once.backward()
            #expect(abs(same - expected) < 3e-6)
            #expect(
                relativeError(try #require(passed.gradient).values, try #require(input.gradient).values)
                    < 3e-6)
        }
        for index in stride(from: 0, to: hidden.count, by: 5) {
            let numeric = finiteDifference(hidden.pointer + index) {
                let tape = Tape(evaluatingWith: poisonedPool())
                return tape.vocabularyCrossEntropy(
                    tape.input(hidden), weight: weight, targets: Self.targets, divisor: 5,
                    transform: transform)
            }
            #expect(abs(Double(input.gradient?.values[index] ?? .nan) - numeric) < 1e-4)
        }
    }

    @Test func gradientsAreAddedToWhatIsThere() {
        let tape = Tape(
            pool: poisonedPool(), parameterGradients: Matrix(rows: 1, columns: 0), dropoutStream: nil)
        let input = tape.input(hidden, needsGradient: true)
        for _ in 0..<2 {
            _ = tape.vocabularyCrossEntropy(input, weight: Self.weight(), targets: Self.targets, divisor: 5)
        }
        tape.backward()
        let once = run(hidden, Self.weight(), Self.targets, divisor: 5, blocks: nil).gradient ?? []
        #expect(input.gradient?.values == once.map { 2 * $0 })
    }

    /// A frozen matrix below which nothing learns costs no second pass, and rows without a target no first one.
    @Test func nothingToLearn() {
        let pool = BufferPool()
        let tape = Tape(evaluatingWith: pool)
        let none = [Int32](repeating: Tape.ignoredLabel, count: 9)
        #expect(
            tape.vocabularyCrossEntropy(
                tape.input(hidden), weight: Self.weight(), targets: none, divisor: 1) == 0)
        let (loss, gradient) = run(hidden, Self.weight(), none, divisor: 1, blocks: nil)
        #expect(loss == 0 && gradient?.allSatisfy { $0 == 0 } == true)
    }

    @Test func farApartLogits() {
        let weight = Parameter(name: "w", values: Matrix(rows: 3, columns: 1, values: [1000, -1000, 0]))
        let hidden = Matrix(rows: 2, columns: 1, values: [1, 1])
        for blocks in Self.blocks {
            #expect(run(hidden, weight, [0, 0], divisor: 1, blocks: blocks).loss == 0)
            #expect(run(hidden, weight, [1, 0], divisor: 1, blocks: blocks).loss == 2000)
        }
    }

    @Test(arguments: [Float.nan, .infinity]) func whatIsNotFiniteIsNotHidden(bad: Float) {
        for word in [0, 4, 22] {
            let weight = Self.weight()
            weight.values.row(word)[3] = bad
            let (loss, gradient) = run(
                hidden, weight, Self.targets, divisor: 1, blocks: VocabularyBlocks(rows: 3, words: 5))
            #expect(!loss.isFinite && gradient?.allSatisfy(\.isFinite) == false)
        }
    }

    /// Shards on any number of workers: a step's sums are taken in the order of the shards.
    @Test func bitsDoNotDependOnThreads() {
        let (rows, vocabulary, width) = (300, 700, 24)
        let hidden = normalMatrix(rows, width, seed: 82)
        let weight = normalParameter("w", vocabulary, width, seed: 83)
        let targets = (0..<rows).map { Int32($0 % 3 == 1 ? -1 : $0 * 37 % vocabulary) }
        func step(_ threads: Int) -> [[Float]] {
            Workers(count: threads).map(tasks: 6) { shard in
                let part = shard * 50..<(shard + 1) * 50
                let tape = Tape(
                    pool: BufferPool(), parameterGradients: Matrix(rows: 1, columns: 0), dropoutStream: nil)
                let input = tape.input(
                    hidden.view(offset: part.lowerBound * width, rows: 50, columns: width),
                    needsGradient: true)
                let loss = tape.vocabularyCrossEntropy(
                    input, weight: weight, targets: Array(targets[part]), divisor: 200)
                tape.backward()
                return [Float(loss)] + (input.gradient?.values ?? [])
            }
        }
        let one = step(1)
        #expect(one == step(2) && one == step(5))
    }

    /// Less than 33 MiB of logits at a time, 32 rows or more as long as there are as many.
    @Test(arguments: [32, 49_152, 151_936, 262_144, 1_000_000]) func blocksAreBounded(vocabulary: Int) {
        for count in [1, 31, 32, 200, 512, 5000] {
            let blocks = VocabularyBlocks(count: count, vocabulary: vocabulary)
            #expect(blocks.rows * blocks.words <= 1 << 23 && blocks.rows >= min(count, 32))
            #expect(blocks.words == vocabulary || vocabulary > 262_144)
            // A megabyte in one pass, 512 words or more as long as there are as many.
            let passing = VocabularyBlocks.passing(count: count, vocabulary: vocabulary)
            #expect(passing.rows * passing.words <= 1 << 18 && passing.words >= min(vocabulary, 512))
            #expect(passing.rows == min(count, 512))
        }
    }

    /// PyTorch's cross_entropy of hidden · weightᵀ, by scripts/goldens/vocabulary_loss.py.
    @Test func isPyTorchs() throws {
        let golden = try Golden.tensors("vocabulary/expected.safetensors")
        let targets = try golden.floats("targets").map { Int32($0) }
        let (rows, width) = (targets.count, try golden.floats("hidden").count / targets.count)
        let hidden = Matrix(rows: rows, columns: width, values: try golden.floats("hidden"))
        let values = try golden.floats("weight")
        let weight = Parameter(
            name: "weight", values: Matrix(rows: values.count / width, columns: width, values: values))
        let vector = ParameterVector([weight])
        for blocks in [nil, VocabularyBlocks(rows: 8, words: 64)] {
            let gradients = Matrix(rows: 1, columns: vector.count)
            let (loss, gradient) = run(
                hidden, weight, targets, divisor: Double(targets.count { $0 >= 0 }), blocks: blocks,
                gradients: gradients)
            // Float32 on both sides: logits of order 10, sums over 16 inputs and 301 words.
            #expect(abs(loss - Double(try golden.floats("loss")[0])) < 3e-6)
            #expect(relativeError(try #require(gradient), try golden.floats("grad.hidden")) < 5e-6)
            #expect(relativeError(gradients.values, try golden.floats("grad.weight")) < 5e-6)
            let frozen = Parameter(
                name: "weight", values: Matrix(rows: values.count / width, columns: width, values: values))
            let once = run(
                hidden, frozen, targets, divisor: Double(targets.count { $0 >= 0 }), blocks: blocks)
            #expect(abs(once.loss - Double(try golden.floats("loss")[0])) < 3e-6)
            #expect(relativeError(try #require(once.gradient), try golden.floats("grad.hidden")) < 5e-6)
        }
    }
}
