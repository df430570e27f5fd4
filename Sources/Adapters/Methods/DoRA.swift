import Autodiff
import Matrices
import ModelFiles
import RankAllocation
import Transformers

/// DoRA (Liu et al. 2024): LoRA whose layers compute with (m/‖V‖)∘V, V = W + s·B·A, a trained magnitude m and the norm
/// for each row. As in PEFT the norms follow V but pass no gradient on.
///
/// Dropout acts on the low-rank part alone, where PEFT lets the base product of the scaled part see it as well.
package final class DoRA: FineTuning {
    package let adapters: AdapterSet
    package let warnings: [String]
    package let changed: ChangedParts
    package let balanced: BalancedSteps?
    private let ratio: Double

    /// Adapters of LoRA get a magnitude each, ‖V‖, so that they compute what they did.
    ///
    /// - Parameter ratio: as LoRA's; magnitudes learn at the rate of A.
    package init(
        _ adapters: AdapterSet, ratio: Double = 1, optimizer: AdapterOptimizer = .adam,
        warnings: [String] = [], changed: ChangedParts = .none
    ) {
        balanced = optimizer == .balanced ? BalancedSteps(adapters, ratio: ratio) : nil
        self.adapters = adapters
        self.changed = changed
        self.warnings = warnings
        self.ratio = ratio
        adapters.takeMagnitudes(of: nil)
    }

    package var groups: [ParameterGroup] { adapters.groups(ratio: ratio) + changed.groups }

    package func afterUpdate(_ update: MethodUpdate, probing: () -> Void) throws -> AllocationOutcome? {
        adapters.followUpdates(workers: update.workers)
        return nil
    }

    package func parametersChanged() { adapters.followUpdates() }

    convenience init(_ start: MethodStart) throws {
        let layers = try start.layers()
        let trained = try start.trainedSumsOrMagnitudes()
        let set = try LoRA.adapters(start, layers, extra: { $0.reduce(0) { $0 + $1.outputs } })
        set.takeMagnitudes(of: trained)
        try self.init(
            set, ratio: start.settings.lora.ratio, optimizer: start.settings.adapterOptimizer,
            warnings: LoRA.warnings(start, "DoRA", spent: set.liveParameterCount),
            changed: start.biases(beside: set))
    }
}

extension MethodStart {
    /// The adapter that the run goes on from, for methods with magnitudes: LoRA of any kind, or DoRA.
    func trainedSumsOrMagnitudes() throws -> AdapterSet? {
        let isMagnitude = trained?.adapters.allSatisfy { $0.rule.map { $0 is RowMagnitude } ?? true }
        return isMagnitude ?? true ? try trainedMatrices() : try trainedSums()
    }
}

extension AdapterSet {
    /// Gives each adapter a magnitude: that of `trained`, or else the norms as they are, with which it computes what it did. One
    /// without triplets has none but a trained one.
    package func takeMagnitudes(of trained: AdapterSet?) {
        let old = Dictionary(
            uniqueKeysWithValues: (trained?.adapters ?? []).map { ($0.site, $0.rule as? RowMagnitude) })
        for (index, adapter) in adapters.enumerated() where adapter.rule == nil {
            let magnitude = (old[adapter.site] ?? nil).map { Matrix(copying: $0.magnitude.values) }
            if magnitude == nil && adapter.factors.rank == 0 { continue }
            adapter.rule = RowMagnitude(layers[index], adapter.factors, magnitude: magnitude)
            // Without triplets nothing hung on the layer.
            hang(index)
        }
    }
}

extension FineTuningMethod {
    static let dora = FineTuningMethod(
        name: "dora", size: "r(O + I) + O", addsToWeights: false, peft: .dora,
        rows: LoRA.commonRows,
        parameters: { LoRA.parameters($1, $2, $3) + ($3 > 0 ? $1 : 0) }, start: { try DoRA($0) })
}

extension PEFTForm {
    /// As LoRA, with `lora_magnitude_vector` (O) and `use_dora`. λ goes half into B and half into A. A magnitude without triplets
    /// stands beside a rank of zeros, since PEFT has none beside nothing.
    package static let dora = PEFTForm(
        fits: { $0.rule is RowMagnitude }, type: lora.type, holds: { $0.acts },
        tensors: { adapter, path in
            let adapter = withoutLambda(adapter)
            let magnitude = (adapter.rule as? RowMagnitude)?.magnitude.values
            return lora.tensors(adapter, path)
                + (magnitude.map {
                    [TensorToWrite(name: path + RowMagnitude.suffix, shape: [$0.count], values: $0.values)]
                } ?? [])
        },
        configure: { config, set, rank, scale in
            let plain = AdapterSet(adapters: set.adapters.map(withoutLambda), layers: set.layers)
            lora.configure(&config, plain, rank, scale)
            config["use_dora"] = .bool(true)
        })

    /// The same as B and A, of rank 1 at least.
    private static func withoutLambda(_ adapter: LowRankAdapter) -> LowRankAdapter {
        guard adapter.acts, adapter.factors.lambda != nil || adapter.rank == 0 else { return adapter }
        let folded = AdapterSet.folded(
            adapter, rank: max(1, adapter.rank), factor: adapter.factors.factor)
        // Files say one dropout, that of the first.
        return LowRankAdapter(
            layer: folded.layer, factors: folded.factors, dropout: adapter.dropout, rule: folded.rule)
    }
}

/// m of one layer, and the norms of its rows as they are.
///
/// Unchecked Sendable: values change only between steps.
final class RowMagnitude: UpdateRule, @unchecked Sendable {
    static let suffix = ".lora_magnitude_vector"

    let name = "DoRA"
    let effect = "scales their rows too"
    /// m `[1, O]`
    let magnitude: Parameter
    private let weight: Weight
    /// ‖W_o‖², `[O]`
    private let squares: [Double]
    /// ‖V_o‖ `[1, O]`, V = W + s·B·A
    private let norms: Matrix

    var parameters: [Parameter] { [magnitude] }

    /// - Parameter magnitude: `[1, O]`; nil starts it at the norms, where the layer computes W + s·B·A.
    init(_ layer: LinearLayer, _ factors: LowRankFactors, magnitude: Matrix?) {
        weight = layer.weight
        squares = Self.squares(layer.weight)
        norms = Matrix(rows: 1, columns: layer.outputs)
        let values = magnitude ?? Matrix(rows: 1, columns: layer.outputs)
        self.magnitude = Parameter(name: "\(layer.site).m", vector: values)
        follow(factors)
        if magnitude == nil { values.copyValues(from: norms) }
    }

    /// Brings the norms up to date with B and A: ‖w + s·Aᵀb‖² = ‖w‖² + 2s·b·(A·w) + s²·bᵀ(A·Aᵀ)b for each row w, b. Where there
    /// is a λ, B is P·Λ.
    func follow(_ factors: LowRankFactors) {
        let (b, a) = (factors.p.values, factors.q.values)
        let (outputs, rank, scale) = (norms.count, factors.rank, Double(factors.factor))
        let lambda = factors.lambda?.values.values.map { Double($0) } ?? Array(repeating: 1, count: rank)
        var weights = [Double](repeating: 0, count: rank)
        // onto[O, R] = W·Aᵀ, gram[R, R] = A·Aᵀ
        let onto = Matrix(rows: outputs, columns: rank)
        weight.forEachTile { first, values in
            let rows = values.count / weight.columns
            guard let start = values.baseAddress else { return }
            let tile = Matrix(
                rows: rows, columns: weight.columns, borrowing: UnsafeMutablePointer(mutating: start),
                from: weight)
            Product.multiplyTransposed(
                tile, a, into: onto.view(offset: first * rank, rows: rows, columns: rank))
        }
        let gram = Matrix(rows: rank, columns: rank)
        Product.multiplyTransposed(a, a, into: gram)
        for row in 0..<outputs {
            let along = onto.row(row)
            for index in 0..<rank { weights[index] = Double(b.row(row)[index]) * lambda[index] }
            var square = squares[row]
            for first in 0..<rank {
                var inner = 2 * Double(along[first])
                for second in 0..<rank {
                    inner += scale * Double(gram.row(first)[second]) * weights[second]
                }
                square += scale * weights[first] * inner
            }
            norms.pointer[row] = Float(max(0, square).squareRoot())
        }
    }

    private static func squares(_ weight: Weight) -> [Double] {
        var squares: [Double] = []
        weight.forEachTile { _, values in
            for start in stride(from: 0, to: values.count, by: weight.columns) {
                squares.append(
                    values[start..<start + weight.columns].reduce(0) { $0 + Double($1) * Double($1) })
            }
        }
        return squares
    }

    /// m/‖V‖ `[O]`; 0 where a row of V is 0, which no magnitude makes anything else.
    private func gain(_ row: Int) -> Float {
        norms.pointer[row] > 0 ? magnitude.values.pointer[row] / norms.pointer[row] : 0
    }

    var rowGains: [Float]? { (0..<norms.count).map(gain) }

    var hasEffect: Bool { (0..<norms.count).contains { abs(gain($0) - 1) > 1e-6 } }

    func output(
        of x: Variable, weight: Weight, bias: Weight?, lowRank: LowRankFactors, dropout: Float,
        on tape: Tape
    ) -> Variable {
        let gains = tape.pool.matrix(rows: 1, columns: norms.count)
        for row in 0..<norms.count { gains.pointer[row] = gain(row) }
        let sum = tape.linear(x, weight: weight, bias: nil, lowRank: lowRank, dropout: dropout)
        return tape.rescaled(sum, by: gains, of: magnitude, over: norms, bias: bias)
    }

    func finish(_ weight: Matrix) {
        for row in 0..<weight.rows {
            let (values, gain) = (weight.row(row), gain(row))
            for column in 0..<weight.columns { values[column] *= gain }
        }
    }
}

extension Tape {
    /// out[T, O] = x[T, O] · diag(gains) + bias, where gains are `magnitude` / `norms` and the norms pass nothing on.
    fileprivate func rescaled(
        _ x: Variable, by gains: Matrix, of magnitude: Parameter, over norms: Matrix, bias: Weight?
    ) -> Variable {
        let trains = magnitude.isTrainable || (bias?.isTrainable ?? false)
        let out = output(
            rows: x.rows, columns: x.columns, needsGradient: x.needsGradient || trains)
        let input = out.needsGradient && magnitude.isTrainable ? x.saved() : nil
        if let bias {
            let scaled = pool.matrix(rows: x.value.rows, columns: x.value.columns)
            Kernel.scaleColumns(x.value, by: gains, factor: 1, into: scaled)
            Kernel.fillRows(bias.vector, into: out.value)
            Kernel.add(scaled, into: out.value)
        } else {
            Kernel.scaleColumns(x.value, by: gains, factor: 1, into: out.value)
        }
        record(out) { [unowned self, x = x.place] g in
            if let input, let gradient = gradient(of: magnitude) {
                let dots = pool.matrix(rows: 1, columns: gains.count)
                dots.fill(0)
                Kernel.addColumnDots(g, input.value, factor: 1, into: dots)
                for row in 0..<gains.count where norms.pointer[row] > 0 {
                    gradient.pointer[row] += dots.pointer[row] / norms.pointer[row]
                }
            }
            if let bias, let gradient = gradient(of: bias) { Kernel.addColumnSums(of: g, into: gradient) }
            backwardScaledColumns(x, by: gains, g)
        }
        return out
    }
}
