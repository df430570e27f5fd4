import Autodiff
import Matrices
import Testing

/// Outputs that a backward pass reads and that no memory holds until then: their operation makes them again.
@Suite struct RemakingTests {
    private let x = normalMatrix(6, 12, seed: 120, deviation: 1.5)
    private let gamma = normalParameter("gamma", 1, 12, seed: 121)
    private let beta = normalParameter("beta", 1, 12, seed: 122)

    private static func tape(_ vector: ParameterVector? = nil, _ pool: BufferPool = poisonedPool()) -> Tape {
        Tape(
            pool: pool, parameterGradients: Matrix(rows: 1, columns: vector?.count ?? 0), dropoutStream: nil)
    }

    /// Of every operation that can: the same bits, after others have written to the memory that was given back.
    @Test(arguments: ["erf", "tanh", "quick", "layer norm", "sum", "norm", "heads", "silu", "gelu", "halves"])
    func valuesAreTheSame(operation: String) {
        let tape = Self.tape()
        let input = tape.input(x, needsGradient: true)
        func output() -> Variable {
            switch operation {
            case "erf": tape.gelu(input, form: .erf, remaking: true)
            case "tanh": tape.gelu(input, form: .tanh, remaking: true)
            case "quick": tape.gelu(tape.scaled(input, by: 1), form: .quick, reusing: true, remaking: true)
            case "layer norm": tape.layerNorm(input, gamma: gamma, beta: beta, epsilon: 1e-5)
            case "sum": tape.layerNorm(input, adding: input, gamma: gamma, beta: beta, epsilon: 1e-5)
            case "norm": tape.rmsNorm(input, gamma: gamma, epsilon: 1e-5, offset: 1)
            case "heads":
                tape.rmsNorm(input, gamma: normalParameter("g", 1, 4, seed: 3), epsilon: 1e-5, heads: 3)
            case "silu": tape.gated(input, tape.scaled(input, by: 2), by: .silu)
            case "gelu": tape.gated(input, tape.scaled(input, by: 2), by: .geluTanh)
            default: tape.gated(input, by: .silu)
            }
        }
        func saved() -> (values: [Float], saved: SavedValue) {
            let output = output()
            return (output.value.values, output.saved())
        }
        let (values, again) = saved()
        for _ in 0..<4 { tape.pool.matrix(rows: x.rows, columns: x.columns).fill(.nan) }
        #expect(again.value.values == values)
        // Read twice, it is the same.
        #expect(again.value.values == values)
    }

    private func factors(_ seed: UInt64) -> LowRankFactors {
        LowRankFactors(
            p: normalParameter("P", 12, 2, seed: seed), lambda: normalParameter("λ", 1, 2, seed: seed + 1),
            q: normalParameter("Q", 2, 12, seed: seed + 2), factor: 0.5)
    }

    /// Several adapters read one output, through dropout or not, and a weight that trains does.
    @Test(arguments: [Float(0), 0.3]) func gradients(dropout: Float) {
        let (first, second) = (factors(130), factors(140))
        let weight = normalParameter("weight", 12, 12, seed: 150, deviation: 0.3)
        let trained = [first, second].flatMap { [$0.p, $0.q] + ($0.lambda.map { [$0] } ?? []) }
        GradientCheck(
            inputs: [x], parameters: trained + [weight, gamma, beta],
            dropoutSeed: dropout > 0 ? 9 : nil
        ) { [gamma, beta] tape, inputs in
            let normed = tape.layerNorm(inputs[0], gamma: gamma, beta: beta, epsilon: 1e-5)
            let expanded = tape.gelu(
                tape.linear(normed, weight: weight, bias: nil, lowRank: first, dropout: dropout),
                reusing: true, remaking: true)
            return tape.add(
                tape.linear(expanded, weight: weight, bias: nil, lowRank: second, dropout: dropout), normed)
        }.run()
    }

    /// A remade output that no backward pass reads: its slopes are made all the same.
    @Test func nobodyReadsTheOutput() {
        GradientCheck(inputs: [x]) { tape, inputs in
            tape.gelu(tape.scaled(inputs[0], by: 1), form: .tanh, reusing: true, remaking: true)
        }.run()
    }

    /// Floats that six matrices with adapters take, one after the other.
    private static func held(trainsQ: Bool = true, _ between: (Tape, Variable) -> Variable) -> Int {
        let weight = normalParameter("weight", 60, 60, seed: 160, deviation: 0.1)
        let factors = (0..<6).map { number in
            LowRankFactors(
                p: normalParameter("P", 60, 2, seed: number), lambda: nil,
                q: normalParameter("Q", 2, 60, seed: number + 10), factor: 1)
        }
        let vector = ParameterVector(factors.flatMap { trainsQ ? [$0.p, $0.q] : [$0.p] })
        let pool = BufferPool()
        let tape = tape(vector, pool)
        var hidden = tape.input(normalMatrix(40, 60, seed: 161), needsGradient: true)
        for factors in factors {
            hidden = tape.linear(
                between(tape, hidden), weight: weight, bias: nil, lowRank: factors, dropout: 0)
        }
        hidden.gradient = normalMatrix(40, 60, seed: 162)
        tape.backward()
        return pool.allocatedElements
    }

    /// What it is for: six inputs of GELUs beside what is at work, or six outputs and six slopes.
    @Test func outputsTakeNoMemory() {
        let (remade, kept) = (
            Self.held { $0.gelu($1, remaking: true) }, Self.held { $0.gelu($1, remaking: false) }
        )
        #expect(Double(remade) < 0.75 * Double(kept))
    }

    /// What a frozen Q does not read is not kept: the memory that LoRA-FA saves.
    @Test func inputsOfFrozenFactorsGo() {
        let (frozen, trained) = (Self.held(trainsQ: false) { $1 }, Self.held { $1 })
        #expect(Double(frozen) < 0.75 * Double(trained))
    }
}
