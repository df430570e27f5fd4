import Autodiff
import Matrices
import Messages
import ModelFiles
import RankAllocation
import Settings
import Transformers

/// LoRA (Hu et al. 2022): s·B·A at ranks that stay.
package final class LoRA: FineTuning {
    package let adapters: AdapterSet
    package let groups: [ParameterGroup]
    package let warnings: [String]
    package let changed: ChangedParts
    package let balanced: BalancedSteps?
    private let frozen: FrozenA?

    /// - Parameters:
    ///   - ratio: of the rates of B and A. As in the paper (Hayou et al. 2024) it is B's alone: PEFT's grouping, as the
    ///     authors' code, also takes in whatever has one dimension, the head's bias and DoRA's magnitudes.
    ///   - frozen: of these adapters, whose B alone trains; nil where A does too.
    package init(
        _ adapters: AdapterSet, ratio: Double = 1, frozen: FrozenA? = nil,
        optimizer: AdapterOptimizer = .adam, warnings: [String] = [], changed: ChangedParts = .none
    ) {
        balanced = optimizer == .balanced ? BalancedSteps(adapters, ratio: ratio) : nil
        self.adapters = adapters
        self.changed = changed
        self.warnings = warnings
        self.frozen = frozen
        groups =
            (frozen != nil
                ? [ParameterGroup(adapters.adapters.map(\.factors.p))] : adapters.groups(ratio: ratio))
            + changed.groups
    }

    /// Of what is kept beside weights that train
    package var averages: Int {
        let origins = adapters.adapters.compactMap(\.factors.origin)
        return origins.reduce(frozen?.count ?? 0) { $0 + $1.p.count + $1.q.count }
            + (frozen == nil ? 0 : adapters.adapters.reduce(0) { $0 + $1.factors.q.values.count })
    }

    /// A start that is taken off makes the adapter twice as wide, and then it is copied.
    package var copies: Int {
        3 * adapters.adapters.compactMap(\.factors.origin).reduce(0) { $0 + $1.p.count + $1.q.count }
    }

    package func precondition(_ gradients: Matrix, in vector: ParameterVector, workers: Workers) {
        frozen?.precondition(gradients, in: vector, workers: workers)
    }

    package var result: AdapterSet { adapters.standingAlone }

    package func snapshot(workers: Workers) throws -> [SiteSnapshot] { try result.snapshot(workers: workers) }

    static let rankRows = [
        Setting<TuningSettings>(
            "rank-pattern",
            "Ranks of LoRA's matrices from a run folder or a JSON file of site names and ranks",
            set: { $0.rankPattern = try $1.orNone { try $0.text() } },
            get: { $0.rankPattern.map(SettingText.text) })
    ]
    static func parameters(_ outputs: Int, _ inputs: Int, _ rank: Int) -> Int {
        rank * TripletCost.parameters(outputs: outputs, inputs: inputs, hasLambda: false)
    }

    /// That DoRA reads too
    static let commonRows =
        TuningSettings.budgetRows + rankRows + TuningSettings.adapterRows + LoRASettings.commonRows

    static let rows = commonRows + LoRASettings.ownRows + TuningSettings.activationRows

    convenience init(_ start: MethodStart) throws {
        _ = try start.trainedSums()
        let layers = try start.layers()
        let set = try Self.adapters(start, layers)
        let settings = start.settings
        let spent = set.adapters.reduce(0) {
            $0 + settings.parameters(outputs: $1.layer.outputs, inputs: $1.layer.inputs, rank: $1.rank)
        }
        try self.init(
            set, ratio: settings.lora.ratio,
            frozen: settings.lora.freezesA == .on ? try FrozenA(set) : nil,
            optimizer: settings.adapterOptimizer, warnings: Self.warnings(start, "LoRA", spent: spent),
            changed: start.biases(beside: set))
    }

    /// Fresh ones of the ranks that the settings give, or those that the run goes on from.
    ///
    /// - Parameter extra: parameters beside the triplets of these layers that a budget in parameters pays for too
    static func adapters(
        _ start: MethodStart, _ layers: [LinearLayer], extra: ([LinearLayer]) -> Int = { _ in 0 }
    ) throws -> AdapterSet {
        let settings = start.settings
        if let trained = try start.trainedMatrices() {
            let plan = start.plan(.lora, rank: 0)
            return try AdapterSet(
                continuing: trained.asLoRA(scale: plan.factor), plan: plan, on: start.backbone.linearLayers)
        }
        if let path = settings.rankPattern {
            return try fresh(start, layers, rank: 0, ranks: try start.readRanks(path, layers))
        }
        // What a rank costs; `extra` has what comes with any.
        let costs = layers.map {
            settings.parameters(outputs: $0.outputs, inputs: $0.inputs, rank: 2)
                - settings.parameters(outputs: $0.outputs, inputs: $0.inputs, rank: 1)
        }
        let costBySite = Dictionary(uniqueKeysWithValues: zip(layers.map(\.site), costs))
        let shares = try settings.budgetShares(of: layers)
        let ranks = try shares.map {
            try fixedRank($0, costs: $0.layers.map { costBySite[$0.site] ?? 0 }, extra: extra($0.layers))
        }
        let rank = ranks.max() ?? 0
        var others: [LinearSite: Int] = [:]
        for (share, own) in zip(shares, ranks) where own < rank {
            for layer in share.layers { others[layer.site] = own }
        }
        return try fresh(start, layers, rank: rank, ranks: others)
    }

    private static func fixedRank(_ share: BudgetShare, costs: [Int], extra: Int) throws -> Int {
        let layers = share.layers
        if case .parameters(let parameters) = share.budget {
            let perRank = costs.reduce(0, +)
            guard parameters - extra >= perRank else {
                throw AdapterError(
                    description:
                        "a budget of \(parameters) parameters is less than the \(perRank + extra) of rank 1 in "
                        + "\(layers.count) matrices\(share.place); raise \(SettingName.budgetParameters), or adapt fewer \(SettingName.targets)"
                )
            }
            return (parameters - extra) / perRank
        }
        let total = share.total
        guard total > 0, total % layers.count == 0 else {
            throw AdapterError(
                description:
                    "a fixed rank must be whole: budget \(total) over \(layers.count) matrices\(share.place) is "
                    + "\(Double(total) / Double(layers.count)); use \(SettingName.averageRank) or a multiple of \(layers.count)"
            )
        }
        return total / layers.count
    }

    /// - Parameter spent: parameters
    static func warnings(_ start: MethodStart, _ name: String, spent: Int) -> [String] {
        guard start.trained == nil, let budget = start.settings.budgetParameters, spent != budget else {
            return []
        }
        return [
            "\(name) of whole rank spends \(spent) of the budget of \(budget) parameters; \(budget - spent) stay unused"
        ]
    }
}

extension AdapterSet {
    /// All that trains of adapters in the order of their parameters, B at `ratio` times the rate.
    func groups(ratio: Double) -> [ParameterGroup] {
        if ratio == 1 { return [ParameterGroup(parameters)] }
        return adapters.flatMap { adapter in
            [
                ParameterGroup([adapter.factors.p], rateFactor: ratio),
                ParameterGroup(Array(adapter.parameters.dropFirst())),
            ]
        }
    }
}

extension FineTuningMethod {
    static let lora = FineTuningMethod(
        name: "lora", size: "r(O + I), or rO where A stays", peft: .lora, rows: LoRA.rows,
        parameters: { $0.lora.freezesA == .on ? $3 * $1 : LoRA.parameters($1, $2, $3) },
        check: { $0.lora.check($0, &$1) }, start: { try LoRA($0) })
}

extension PEFTForm {
    /// `lora_A.weight` (r, I), `lora_B.weight` (O, r); ΔW = lora_alpha / r · B·A. Where ranks or factors differ, `rank_pattern`
    /// and `alpha_pattern` hold those of each module; modules at rank 0 are left out. A factor that was divided by √r is
    /// written as any other, by its α, which programs that do not know `use_rslora` read too.
    package static let lora = PEFTForm(
        fits: { $0.rule == nil && $0.factors.lambda == nil }, type: "LORA", holds: { $0.rank > 0 },
        tensors: { adapter, path in
            let (b, _, a) = adapter.keptFactors
            return [
                TensorToWrite(
                    name: "\(path).lora_A.weight", shape: [adapter.rank, adapter.layer.inputs], values: a),
                TensorToWrite(
                    name: "\(path).lora_B.weight", shape: [adapter.layer.outputs, adapter.rank], values: b),
            ]
        },
        configure: { config, set, rank, scale in
            config["lora_alpha"] = .number(scale * Double(rank))
            var (ranks, alphas) = (JSONObject(), JSONObject())
            for adapter in set.adapters where adapter.rank > 0 {
                let factor = Double(adapter.factors.factor)
                if adapter.rank != rank { ranks[adapter.layer.modulePath] = JSONValue(adapter.rank) }
                if adapter.rank != rank || factor != scale {
                    alphas[adapter.layer.modulePath] = .number(factor * Double(adapter.rank))
                }
            }
            config["rank_pattern"] = .object(ranks)
            config["alpha_pattern"] = .object(alphas)
        })
}
