import Autodiff
import Matrices
import Testing

@Suite struct PrefixTests {
    private let x = normalMatrix(9, 5, seed: 230)
    private let prefix = normalMatrix(3, 5, seed: 231)
    /// Sequences of 1, 5, 0 and 3 rows.
    private let offsets = [0, 1, 6, 6, 9]

    private func expected() -> [Float] {
        zip(offsets, offsets.dropFirst()).flatMap { start, end in
            prefix.values + x.values[start * 5..<end * 5]
        }
    }

    @Test func values() {
        #expect(
            evaluate { $0.prepending($0.input(prefix), to: $0.input(x), offsets: offsets) } == expected())
        let whole = Matrix(rows: 21, columns: 5, values: expected())
        #expect(evaluate { $0.withoutPrefix(of: 3, $0.input(whole), offsets: offsets) } == x.values)
        let none = Matrix(rows: 0, columns: 5)
        #expect(evaluate { $0.prepending($0.input(none), to: $0.input(x), offsets: offsets) } == x.values)
    }

    @Test func gradients() {
        GradientCheck(inputs: [prefix, x]) { [offsets] tape, inputs in
            tape.prepending(inputs[0], to: inputs[1], offsets: offsets)
        }.run()
        let whole = Matrix(rows: 21, columns: 5, values: expected())
        GradientCheck(inputs: [whole]) { [offsets] tape, inputs in
            tape.withoutPrefix(of: 3, inputs[0], offsets: offsets)
        }.run()
    }

    /// Each side alone, and both where something is there already.
    @Test func gradientsOfOneInputAndOfSeveralUses() {
        GradientCheck(inputs: [prefix]) { [x, offsets] tape, inputs in
            tape.prepending(inputs[0], to: tape.input(x), offsets: offsets)
        }.run()
        GradientCheck(inputs: [x]) { [prefix, offsets] tape, inputs in
            tape.prepending(tape.input(prefix), to: inputs[0], offsets: offsets)
        }.run()
        GradientCheck(inputs: [prefix, x]) { [offsets] tape, inputs in
            let once = tape.prepending(inputs[0], to: inputs[1], offsets: offsets)
            let twice = tape.prepending(inputs[0], to: inputs[1], offsets: offsets)
            return tape.add(
                tape.withoutPrefix(of: 3, tape.add(once, twice), offsets: offsets),
                tape.withoutPrefix(of: 3, once, offsets: offsets))
        }.run()
    }

    /// The gradient of a prefix is added up in the order of the sequences.
    @Test func theGradientOfThePrefixHasAnOrder() {
        let tape = Tape(
            pool: poisonedPool(), parameterGradients: Matrix(rows: 1, columns: 0), dropoutStream: nil)
        let input = tape.input(prefix, needsGradient: true)
        let out = tape.prepending(input, to: tape.input(x), offsets: offsets)
        let g = normalMatrix(21, 5, seed: 232)
        seedGradient(of: out, with: g)
        tape.backward()
        let starts = [0, 4, 12, 15]
        let sums = (0..<15).map { place in
            starts.reduce(Float(0)) { $0 + g.pointer[$1 * 5 + place] }
        }
        #expect(input.gradient?.values == sums)
    }
}
