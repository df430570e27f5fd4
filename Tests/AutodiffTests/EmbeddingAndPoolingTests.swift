import Autodiff
import Matrices
import Testing

@Suite struct EmbeddingTests {
    private let words = normalParameter("words", 6, 5, seed: 40)
    private let positions = normalParameter("positions", 4, 5, seed: 41)
    private let types = normalParameter("types", 2, 5, seed: 42)
    private let tokens: [Int32] = [3, 0, 3, 3, 5, 0, 1]
    private let places: [Int32] = [0, 1, 2, 3, 0, 1, 2]
    private let segments: [Int32] = [0, 0, 0, 0, 1, 1, 0]

    private func embed(_ tape: Tape) -> Variable {
        tape.embedding([(words, tokens), (positions, places), (types, segments)])
    }

    @Test func values() {
        let out = evaluate(embed)
        let expected = tokens.indices.flatMap { row in
            (0..<5).map { column in
                words.values.row(Int(tokens[row]))[column] + positions.values.row(Int(places[row]))[column]
                    + types.values.row(Int(segments[row]))[column]
            }
        }
        // The same additions in the same order.
        #expect(out == expected)
    }

    @Test func gradientsWithRepeatedIndices() {
        GradientCheck(parameters: [words, positions, types]) { tape, _ in embed(tape) }.run()
    }

    @Test func gradientsOfOneTable() {
        GradientCheck(parameters: [positions], frozen: [words, types]) { tape, _ in embed(tape) }.run()
    }

    @Test func aTableUsedTwiceAccumulates() {
        GradientCheck(parameters: [words]) { [words, tokens] tape, _ in
            tape.embedding([(words, tokens), (words, tokens.reversed())])
        }.run()
    }

    @Test func frozenTablesNeedNothing() {
        let tape = Tape(
            pool: BufferPool(), parameterGradients: Matrix(rows: 1, columns: 0), dropoutStream: nil)
        #expect(!embed(tape).needsGradient)
    }
}

@Suite struct PoolingTests {
    private let x = normalMatrix(15, 6, seed: 50)
    private let offsets = [0, 1, 6, 15]

    @Test func firstRowsValues() {
        let out = evaluate { $0.firstRows($0.input(x), offsets: offsets) }
        #expect(out == [0, 1, 6].flatMap { row in (0..<6).map { x.row(row)[$0] } })
    }

    @Test func firstRowsGradients() {
        GradientCheck(inputs: [x]) { [offsets] tape, inputs in tape.firstRows(inputs[0], offsets: offsets) }
            .run()
    }

    @Test func meanRowsValues() {
        let out = evaluate { $0.meanRows($0.input(x), offsets: offsets) }
        for (sequence, range) in [0..<1, 1..<6, 6..<15].enumerated() {
            for column in 0..<6 {
                let mean = range.reduce(0.0) { $0 + Double(x.row($1)[column]) } / Double(range.count)
                // Up to ten roundings of values of order 1.
                #expect(abs(Double(out[sequence * 6 + column]) - mean) < 1e-6)
            }
        }
    }

    @Test func meanRowsGradients() {
        GradientCheck(inputs: [x]) { [offsets] tape, inputs in tape.meanRows(inputs[0], offsets: offsets) }
            .run()
    }
}
