import Autodiff
import Matrices
import Messages
import Transformers

extension LoRA {
    /// Fresh adapters that start as the settings say.
    static func fresh(_ start: MethodStart, _ layers: [LinearLayer], rank: Int, ranks: [LinearSite: Int])
        throws
        -> AdapterSet
    {
        let plan = start.plan(.lora, rank: rank, ranks: ranks)
        let kind = start.settings.method.reads("lora-start") ? start.settings.lora.start : .random
        let directions = kind == .activationSVD ? try activationDirections(start, layers, plan) : []
        let set = try AdapterSet(installing: plan, on: layers)
        for (adapter, vectors) in zip(set.adapters, directions) {
            let q = adapter.factors.q.values
            q.pointer.update(from: vectors.pointer, count: q.count)
        }
        guard kind == .pissa || kind == .olora else { return set }
        try checkRoom(set, kind)
        let (adapters, seed) = (set.adapters, plan.seed)
        _ = try start.workers.mapThrowing(tasks: adapters.count) { index in
            let (adapter, layer) = (adapters[index], set.layers[index])
            let factors = adapter.factors
            guard factors.rank > 0,
                let (b, a) = try WeightStart.factors(
                    kind, of: layer, rank: factors.rank, factor: factors.factor,
                    isWhole: WeightStart.isSmall(layer),
                    stream: layer.site.stream(seed: seed, purpose: "start along the weights"))
            else { return }
            factors.p.values.copyValues(from: b)
            factors.q.values.copyValues(from: a)
            adapter.factors = factors.less(b, a)
        }
        return set
    }

    /// Of each layer its inputs' leading directions `[at least r, I]`; none where a checkpoint has A, which it does where A
    /// trains.
    private static func activationDirections(
        _ start: MethodStart, _ layers: [LinearLayer], _ plan: AdapterPlan
    ) throws -> [Matrix] {
        if start.isResumed && start.settings.lora.freezesA == .off { return [] }
        try plan.check(layers)
        let statistics = ActivationSVD(probing: layers)
        try start.lookAtBatches(start.settings.adalora.activationBatches) {
            try statistics.fold(workers: start.workers)
        }
        let most = layers.map { plan.rank(at: $0.site) }.max() ?? 0
        let directions = try statistics.finish(count: most, seed: start.seed, workers: start.workers)
        return directions.map(\.vectors)
    }

    /// The adapter that comes out has twice the rank.
    private static func checkRoom(_ set: AdapterSet, _ start: LoRASettings.Start) throws {
        guard
            let adapter = set.adapters.first(where: {
                2 * $0.factors.rank > min($0.layer.outputs, $0.layer.inputs)
            })
        else { return }
        let largest = min(adapter.layer.outputs, adapter.layer.inputs) / 2
        throw AdapterError(
            description:
                "start \(start.rawValue) makes an adapter of twice the rank, and rank \(adapter.factors.rank) is more than half of "
                + "what \(adapter.site) [\(adapter.layer.outputs), \(adapter.layer.inputs)] can have; lower the budget to "
                + "rank \(largest) there")
    }
}
