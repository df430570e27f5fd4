import Autodiff
import Matrices
import RankAllocation

/// Changes of the physical shapes: pruned triplets cut out, new ones put in.
extension RankController {
    /// Cuts pruned triplets out of P, Λ and Q, and out of the averages. The masked model computes the same before
    /// and after. Sites at rank 0 lose their adapter.
    ///
    /// `others` are the trainable parameters that follow the adapters in the vector (the head).
    package func compact(_ vector: ParameterVector, others: [Parameter]) -> Reshaped {
        let kept = set.adapters.map { adapter in adapter.mask.indices.filter { adapter.mask[$0] } }
        return reshape(vector, keeping: kept, adding: [:], after: 0, others: others)
    }

    /// What step t should exchange; nil when no exchange is due. A triplet made in an exchange is on trial for one
    /// interval, and the last exchange is at least an interval before ranks are fixed.
    package func planExchange(after step: Int, workers: Workers) throws -> (
        plan: ExchangePlan, scores: [[Float]]
    )? {
        guard let share = settings.exchangeShare, schedule.allocates(after: step) else { return nil }
        let scores = scores(workers: workers)
        let budgeting = Double(schedule.lastBudgetingStep - schedule.warmupSteps)
        let left = Double(schedule.lastBudgetingStep - step) / budgeting
        let counts = settings.groups.sums(set.adapters.map(\.factors.rank))
        let isLate = step + schedule.interval > schedule.lastBudgetingStep
        let plan = try TripletExchange.plan(
            scores: scores,
            isProtected: set.adapters.map { adapter in
                adapter.book.births.map { $0 > 0 && step - $0 < schedule.interval }
            }, costs: costs,
            largestRanks: set.adapters.map { min($0.layer.outputs, $0.layer.inputs) },
            budgets: schedule.budgets(at: step),
            limits: counts.map { isLate ? 0 : Int((share * left * Double($0)).rounded(.up)) },
            groups: settings.groups)
        return (plan, scores)
    }

    /// The adapters that get a new triplet each, with probes on them; run a backward pass, then `exchange`.
    package func probes(for plan: ExchangePlan) -> ExchangeProbes {
        ExchangeProbes(set, sites: plan.added)
    }

    /// Removes and adds triplets. New ones have λ = 0, so ΔW changes only by what is removed; `probes` saw the
    /// gradient that gives their directions. Shapes stay as they are under an empty plan.
    package func exchange(
        _ plan: ExchangePlan, scores: [[Float]], probes: ExchangeProbes, after step: Int,
        vector: ParameterVector, others: [Parameter], workers: Workers
    ) throws -> (reshaped: Reshaped?, outcome: AllocationOutcome) {
        let newborns = try probes.finish(workers: workers)
        let removed = plan.removed.map(Set.init)
        let keptScores = zip(scores, removed).flatMap { scores, removed in
            scores.indices.filter { !removed.contains($0) }.map { scores[$0] }
        }
        let removedScores = zip(scores, plan.removed).flatMap { scores, removed in removed.map { scores[$0] }
        }
        let masks = set.adapters.indices.map { site in
            set.adapters[site].mask.indices.map { !removed[site].contains($0) }
        }
        let keepsHistory = keepsHistory(after: step)
        let energies = keepsHistory ? self.energies(left: masks, workers: workers) : []
        let kept = masks.map { mask in mask.indices.filter { mask[$0] } }
        let reshaped =
            plan.isEmpty ? nil : reshape(vector, keeping: kept, adding: newborns, after: step, others: others)
        let costs = self.costs
        let spending = settings.groups.sums(
            set.adapters.indices.map { set.adapters[$0].rank * (costs?[$0] ?? 1) })
        let outcome = AllocationOutcome(
            budgets: schedule.budgets(at: step), spending: spending, ranks: set.ranks,
            worstKept: keptScores.min(),
            bestPruned: removedScores.max(), returned: 0, left: removedScores.count, added: plan.added.count,
            snapshot: keepsHistory
                ? try snapshot(
                    scores: self.scores(workers: workers), energies: energies,
                    areExact: settings.keepsTripletsExact, workers: workers) : nil)
        return (reshaped, outcome)
    }

    /// Gives the adapters the shapes a checkpoint had; values are left to be copied in.
    package func restoreShapes(_ triplets: [TripletBook], dropEmpty: Bool, others: [Parameter])
        -> ParameterVector
    {
        for (site, saved) in zip(set.adapters.indices, triplets) {
            let adapter = set.adapters[site]
            let rank = saved.originalIndices.count
            adapter.resize(to: rank)
            adapter.book = saved
            set.layers[site].adapter = dropEmpty && !adapter.acts ? nil : adapter
            sites[site].averages = TripletAverages(
                outputs: adapter.layer.outputs, rank: rank, inputs: adapter.layer.inputs)
        }
        return ParameterVector(set.parameters + others)
    }

    private func reshape(
        _ vector: ParameterVector, keeping kept: [[Int]], adding newborns: [Int: Newborn], after step: Int,
        others: [Parameter]
    ) -> Reshaped {
        var source: [Int] = []
        source.reserveCapacity(vector.count)
        for (site, adapter) in set.adapters.enumerated() {
            let newborn = newborns[site]
            sites[site].averages.reshape(keeping: kept[site], adding: newborn == nil ? 0 : 1)
            source += sources(of: adapter, kept: kept[site], adding: newborn == nil ? 0 : 1, in: vector)
            adapter.reshape(keeping: kept[site], adding: newborn, after: step)
            set.hang(site)
        }
        for parameter in others { source += vector.range(of: parameter) }
        return (ParameterVector(set.parameters + others), source)
    }

    /// P, λ and Q of one site, each new triplet after the kept ones, and what a rule has.
    private func sources(
        of adapter: LowRankAdapter, kept: [Int], adding count: Int, in vector: ParameterVector
    )
        -> [Int]
    {
        let rank = adapter.factors.rank
        let (p, q) = (
            vector.range(of: adapter.factors.p).lowerBound, vector.range(of: adapter.factors.q).lowerBound
        )
        let lambda = adapter.factors.lambda.map { vector.range(of: $0).lowerBound } ?? 0
        let inputs = adapter.layer.inputs
        let new = repeatElement(-1, count: count)
        var source: [Int] = []
        for row in 0..<adapter.layer.outputs {
            source += kept.lazy.map { p + row * rank + $0 }
            source += new
        }
        source += kept.lazy.map { lambda + $0 }
        source += new
        for index in kept {
            source += (q + index * inputs)..<(q + (index + 1) * inputs)
        }
        source += repeatElement(-1, count: count * inputs)
        for parameter in adapter.rule?.parameters ?? [] {
            source += vector.range(of: parameter)
        }
        return source
    }
}

/// Probes on the sites that get a new triplet each.
package final class ExchangeProbes {
    private let set: AdapterSet
    private let probed: [(site: Int, probe: GradientProbe)]

    init(_ set: AdapterSet, sites: [Int]) {
        self.set = set
        probed = sites.map { ($0, GradientProbe(set.adapters[$0])) }
        for entry in probed { set.layers[entry.site].adapter = entry.probe }
    }

    /// Takes the probes off. G is the gradient of ΔW: where a rule scales the rows of W + ΔW, that of what it makes of them, so
    /// scaled. The direction of a new triplet is the leading singular pair of the gradient's part
    /// outside the spans of P and Q, (I − PP⁺)·G·(I − Q⁺Q): where ΔW cannot go yet and the loss falls fastest. p is
    /// the negative left vector, so that λ grows from 0 upwards.
    func finish(workers: Workers) throws -> [Int: Newborn] {
        for entry in probed {
            set.hang(entry.site)
            guard let gains = set.adapters[entry.site].rule?.rowGains else { continue }
            let gradient = entry.probe.sum
            for (row, gain) in gains.enumerated() {
                for column in 0..<gradient.columns { gradient.row(row)[column] *= gain }
            }
        }
        let tasks = probed.map {
            (factors: set.adapters[$0.site].factors, gradient: $0.probe.sum, site: $0.site)
        }
        let newborns = try workers.mapThrowing(tasks: tasks.count) { task in
            try Self.newborn(tasks[task].factors, gradient: tasks[task].gradient, site: tasks[task].site)
        }
        return Dictionary(uniqueKeysWithValues: zip(probed.map(\.site), newborns))
    }

    /// - Parameter gradient: G `[O, I]`, overwritten by its part outside the spans.
    private static func newborn(_ factors: LowRankFactors, gradient: Matrix, site: Int) throws -> Newborn {
        let rank = factors.rank
        let pRows = Matrix(rows: rank, columns: gradient.rows)
        pRows.copyTransposed(from: factors.p.values)
        let qRows = Matrix(copying: factors.q.values)
        _ = try Factorization.orthonormalizeRows(pRows)
        _ = try Factorization.orthonormalizeRows(qRows)
        let left = Matrix(rows: rank, columns: gradient.columns)
        Product.multiply(pRows, gradient, into: left)
        Product.transposedMultiply(pRows, left, into: gradient, alpha: -1, beta: 1)
        let right = Matrix(rows: gradient.rows, columns: rank)
        Product.multiplyTransposed(gradient, qRows, into: right)
        Product.multiply(right, qRows, into: gradient, alpha: -1, beta: 1)
        let leading = try Factorization.leadingTriplets(
            of: gradient, count: 1,
            stream: RandomStream(seed: 0, purpose: "gradient directions", indices: [site]))
        return Newborn(p: leading.u.values.map { -$0 }, q: leading.vt.values)
    }
}
