import Autodiff
import Matrices
import RankAllocation
import Transformers

/// The layer an adapter is made for. A value: layers own the adapters on them, so an adapter may not own its layer.
package struct AdaptedLayer: Sendable, Equatable {
    package let site: LinearSite
    /// The module's path in the checkpoint
    package let modulePath: String
    package let outputs: Int
    package let inputs: Int
    /// As of `LinearLayer`
    package let rowOrder: [Int]?

    init(_ layer: LinearLayer) {
        site = layer.site
        modulePath = layer.modulePath
        outputs = layer.outputs
        inputs = layer.inputs
        rowOrder = layer.rowOrder
    }
}

/// The adapter of one linear site: s·P·diag(λ)·Q (AdaLoRA), or s·B·A without λ (LoRA; P is B, Q is A).
///
/// Unchecked Sendable: factors and mask change only between steps.
package final class LowRankAdapter: LinearAdapter, @unchecked Sendable {
    package let layer: AdaptedLayer
    package var factors: LowRankFactors
    package let dropout: Float
    /// Triplets alive; false means λ is held at 0. One entry per triplet that is physically there.
    package var mask: [Bool]
    /// Where the triplets that are physically there come from.
    package var book: TripletBook
    /// nil where the update is added to the layer's weight.
    package var rule: (any UpdateRule)?

    package var site: LinearSite { layer.site }
    /// Triplets alive.
    package var rank: Int { mask.reduce(0) { $0 + ($1 ? 1 : 0) } }

    init(
        layer: AdaptedLayer, factors: LowRankFactors, dropout: Float, initialRank: Int? = nil,
        rule: (any UpdateRule)? = nil
    ) {
        self.layer = layer
        self.factors = factors
        self.dropout = dropout
        self.rule = rule
        mask = Array(repeating: true, count: factors.rank)
        book = TripletBook(initialRank: initialRank ?? factors.rank, present: factors.rank)
    }

    package var initialRank: Int { book.initialRank }
    package var originalIndices: [Int] { book.originalIndices }

    package func output(of x: Variable, weight: Weight, bias: Weight?, on tape: Tape) -> Variable {
        guard let rule else {
            return tape.linear(x, weight: weight, bias: bias, lowRank: factors, dropout: dropout)
        }
        return rule.output(
            of: x, weight: weight, bias: bias, lowRank: factors, dropout: dropout, on: tape)
    }

    /// Without triplets that are physically there it is the bare layer, unless a rule says otherwise.
    package var acts: Bool { factors.rank > 0 || rule != nil }

    package var readsInput: Bool { factors.rank > 0 && factors.q.isTrainable }

    /// P, λ (when there is one), Q and what a rule has, in the order of the parameter vector.
    package var parameters: [Parameter] {
        [factors.p] + (factors.lambda.map { [$0] } ?? []) + [factors.q] + (rule?.parameters ?? [])
    }

    /// Numbers in `parameters` that count where this many triplets are alive.
    package func parameterCount(rank: Int) -> Int {
        rank * tripletCost + (rule?.parameters.reduce(0) { $0 + $1.values.count } ?? 0)
    }

    /// Sets λ of every pruned triplet to 0; P and Q stay, so a triplet may return.
    package func applyMask() {
        guard let lambda = factors.lambda?.values else { return }
        for (index, kept) in mask.enumerated() where !kept { lambda.pointer[index] = 0 }
    }

    /// λ; empty for LoRA.
    package var lambda: [Float] { factors.lambda?.values.values ?? [] }

    /// λ as it acts: times the length of the triplet's column of P as the layer's rule scales its rows, which is 1 where no
    /// rule does and the column is a unit vector.
    var actingLambda: [Float] {
        guard let gains = rule?.rowGains else { return lambda }
        var squares = [Double](repeating: 0, count: factors.rank)
        let p = factors.p.values
        for (row, gain) in gains.enumerated() {
            for triplet in squares.indices {
                let value = Double(gain) * Double(p.row(row)[triplet])
                squares[triplet] += value * value
            }
        }
        return zip(lambda, squares).map { $0 * Float($1.squareRoot()) }
    }

    /// What the parameters of one triplet cost: a column of P, a row of Q, and λ where there is one.
    package var tripletCost: Int {
        TripletCost.parameters(
            outputs: layer.outputs, inputs: layer.inputs, hasLambda: factors.lambda != nil)
    }

    /// The triplets alive, cut out: P [O, r], λ [r] (nil for LoRA), Q [r, I], row-major.
    package var keptFactors: (p: [Float], lambda: [Float]?, q: [Float]) {
        let kept = mask.indices.filter { mask[$0] }
        let (p, q) = (factors.p.values, factors.q.values)
        var keptP: [Float] = []
        keptP.reserveCapacity(p.rows * kept.count)
        for row in 0..<p.rows { for index in kept { keptP.append(p.row(row)[index]) } }
        var keptQ: [Float] = []
        for index in kept { keptQ += UnsafeBufferPointer(start: q.row(index), count: q.columns) }
        return (keptP, factors.lambda.map { lambda in kept.map { lambda.values.pointer[$0] } }, keptQ)
    }

    /// What each triplet alive weighs in the update: s·λ, or s where there is no λ.
    var keptWeights: [Float] {
        let kept = mask.indices.filter { mask[$0] }
        let lambda = self.lambda
        return kept.map { factors.factor * (lambda.isEmpty ? 1 : lambda[$0]) }
    }

    /// Whether some triplet alive has a column, a weight and a row that are not 0, or a rule changes the layer.
    package var hasUpdate: Bool {
        if rule?.hasEffect ?? false { return true }
        let (p, q) = (factors.p.values, factors.q.values)
        let lambda = self.lambda
        return mask.indices.contains { index in
            mask[index] && (lambda.isEmpty || lambda[index] != 0)
                && (0..<p.rows).contains { p.row($0)[index] != 0 }
                && (0..<q.columns).contains { q.row(index)[$0] != 0 }
        }
    }

    /// matrix[O, I] += weight · s·P·Λ·Q
    func addUpdate(to matrix: Matrix, weight: Float = 1) {
        let kept = keptFactors
        let weights = keptWeights
        let rank = weights.count
        let p = Matrix(rows: layer.outputs, columns: rank, values: kept.p)
        for row in 0..<p.rows { for index in 0..<rank { p.row(row)[index] *= weights[index] } }
        let q = Matrix(rows: rank, columns: layer.inputs, values: kept.q)
        Product.multiply(p, q, into: matrix, alpha: weight, beta: 1)
    }
}

/// What a method makes of a layer's weight W and its low-rank update where that is not their sum, W + s·P·Λ·Q.
package protocol UpdateRule: AnyObject, Sendable {
    /// For messages, such as `DoRA`
    var name: String { get }
    /// What it does beside adding to the weights, for messages: `scales their rows too`
    var effect: String { get }
    /// What of it trains, after P, λ and Q in the vector
    var parameters: [Parameter] { get }
    /// Whether it changes the layer even where the update is 0.
    var hasEffect: Bool { get }
    /// By what it multiplies each row of W + s·P·Λ·Q, `[O]`; nil where it leaves the rows as they are.
    var rowGains: [Float]? { get }

    /// Brings what it keeps of the update up to date, after P, Λ, Q, the mask or its own parameters have changed.
    func follow(_ factors: LowRankFactors)

    /// The layer's output `[T, O]`, base product and bias included.
    func output(
        of x: Variable, weight: Weight, bias: Weight?, lowRank: LowRankFactors, dropout: Float,
        on tape: Tape
    ) -> Variable

    /// Turns W + s·P·Λ·Q `[O, I]` into the weight that the layer computes with.
    func finish(_ weight: Matrix)
    /// Whether the layer computes with another bias too.
    var changesBias: Bool { get }
    /// Turns the bias `[1, O]` into that.
    func finish(bias: Matrix)
}

extension UpdateRule {
    package var rowGains: [Float]? { nil }
    package func follow(_ factors: LowRankFactors) {}
    package var changesBias: Bool { false }
    package func finish(bias: Matrix) {}
}

/// Where the triplets of one site come from.
package struct TripletBook: Sendable, Equatable {
    /// The triplets at the start of training.
    package let initialRank: Int
    /// The number that each triplet present was given when it was made: 0 ..< initial rank at the start, then in
    /// order of birth.
    package private(set) var originalIndices: [Int]
    /// The step after which each was made, 0 at the start.
    package private(set) var births: [Int]
    /// How many were ever made: the next one's number.
    package private(set) var issued: Int

    init(initialRank: Int, present: Int) {
        self.initialRank = initialRank
        originalIndices = Array(0..<present)
        births = Array(repeating: 0, count: present)
        issued = max(initialRank, present)
    }

    /// Restores a book, e.g. from a checkpoint; nil if it contradicts itself.
    package init?(initialRank: Int, originalIndices: [Int], births: [Int], issued: Int) {
        guard issued >= 0, originalIndices.allSatisfy({ 0..<issued ~= $0 }), births.allSatisfy({ $0 >= 0 }),
            Set(originalIndices).count == originalIndices.count, births.count == originalIndices.count,
            0...issued ~= initialRank
        else { return nil }
        self.initialRank = initialRank
        self.originalIndices = originalIndices
        self.births = births
        self.issued = issued
    }

    mutating func keep(_ kept: [Int]) {
        originalIndices = kept.map { originalIndices[$0] }
        births = kept.map { births[$0] }
    }

    mutating func add(after step: Int) {
        originalIndices.append(issued)
        births.append(step)
        issued += 1
    }
}

extension LowRankFactors {
    /// P·Λ·Q under the names that a site's parameters have.
    init(site: LinearSite, p: Matrix, lambda: Matrix, q: Matrix, factor: Float) {
        self.init(
            p: Parameter(name: "\(site).P", values: p), lambda: Parameter(name: "\(site).Λ", values: lambda),
            q: Parameter(name: "\(site).Q", values: q), factor: factor)
    }

    /// B·A, without λ.
    init(site: LinearSite, b: Matrix, a: Matrix, factor: Float) {
        self.init(
            p: Parameter(name: "\(site).B", values: b), lambda: nil,
            q: Parameter(name: "\(site).A", values: a), factor: factor)
    }
}
