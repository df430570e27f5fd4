import Messages
import ModelFiles
import RankAllocation
import Settings
import Transformers

/// LoRA (Hu et al. 2022): s·B·A at ranks that stay.
package final class LoRA: FineTuning {
    package let adapters: AdapterSet
    package let warnings: [String]
    package let changed: ChangedParts

    package init(_ adapters: AdapterSet, warnings: [String] = [], changed: ChangedParts = .none) {
        self.adapters = adapters
        self.changed = changed
        self.warnings = warnings
    }

    package var groups: [ParameterGroup] { [ParameterGroup(adapters.parameters)] + changed.groups }

    static let rankRows = [
        Setting<TuningSettings>(
            "rank-pattern",
            "Ranks of LoRA's matrices from a run folder or a JSON file of site names and ranks",
            set: { $0.rankPattern = try $1.orNone { try $0.text() } },
            get: { $0.rankPattern.map(SettingText.text) })
    ]
    @Sendable static func parameters(_ outputs: Int, _ inputs: Int, _ rank: Int) -> Int {
        rank * TripletCost.parameters(outputs: outputs, inputs: inputs, hasLambda: false)
    }

    static let rows = TuningSettings.budgetRows + rankRows + TuningSettings.adapterRows

    convenience init(_ start: MethodStart) throws {
        _ = try start.trainedSums()
        let layers = try start.layers()
        let set = try Self.adapters(start, layers)
        try self.init(
            set, warnings: Self.warnings(start, "LoRA", spent: set.liveParameterCount),
            changed: start.biases(beside: set))
    }

    /// Fresh ones of the ranks that the settings give, or those that the run goes on from.
    ///
    /// - Parameter extra: parameters beside the triplets that a budget in parameters pays for too
    static func adapters(_ start: MethodStart, _ layers: [LinearLayer], extra: Int = 0) throws -> AdapterSet {
        if let trained = start.trained {
            return try AdapterSet(
                continuing: trained.asLoRA(scale: Float(start.settings.scale)),
                plan: start.plan(.lora, rank: 0), on: start.backbone.linearLayers)
        }
        if let path = start.settings.rankPattern {
            return try AdapterSet(
                installing: start.plan(.lora, rank: 0, ranks: try start.readRanks(path, layers)), on: layers)
        }
        let rank = try fixedRank(start.settings.budget, layers, extra: extra)
        return try AdapterSet(installing: start.plan(.lora, rank: rank), on: layers)
    }

    private static func fixedRank(_ budget: Budget?, _ layers: [LinearLayer], extra: Int) throws -> Int {
        let costs = layers.map {
            TripletCost.parameters(outputs: $0.outputs, inputs: $0.inputs, hasLambda: false)
        }
        if case .parameters(let parameters) = budget {
            let perRank = costs.reduce(0, +)
            guard parameters - extra >= perRank else {
                throw AdapterError(
                    description:
                        "a budget of \(parameters) parameters is less than the \(perRank + extra) of rank 1 in "
                        + "\(layers.count) matrices; raise \(SettingName.budgetParameters), or adapt fewer \(SettingName.targets)"
                )
            }
            return (parameters - extra) / perRank
        }
        let total = budget?.total(costs: costs) ?? 0
        guard total > 0, total % layers.count == 0 else {
            throw AdapterError(
                description:
                    "a fixed rank must be whole: budget \(total) over \(layers.count) matrices is "
                    + "\(Double(total) / Double(layers.count)); use \(SettingName.averageRank) or a multiple of \(layers.count)"
            )
        }
        return total / layers.count
    }

    /// - Parameter spent: parameters
    static func warnings(_ start: MethodStart, _ name: String, spent: Int) -> [String] {
        guard start.trained == nil, case .parameters(let budget) = start.settings.budget, spent != budget
        else { return [] }
        return [
            "\(name) of whole rank spends \(spent) of the budget of \(budget) parameters; \(budget - spent) stay unused"
        ]
    }
}

extension FineTuningMethod {
    static let lora = FineTuningMethod(
        name: "lora", size: "r(O + I)", hasAdapters: true, peft: .lora, rows: LoRA.rows,
        parameters: LoRA.parameters,
        start: { try LoRA($0) })
}

extension PEFTForm {
    /// `lora_A.weight` (r, I), `lora_B.weight` (O, r); ΔW = lora_alpha / r · B·A. Where ranks differ, `rank_pattern` and
    /// `alpha_pattern` hold those of each module; modules at rank 0 are left out.
    package static let lora = PEFTForm(
        fits: { $0.rule == nil && $0.factors.lambda == nil }, type: "LORA", keepsEmpty: false,
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
            for adapter in set.adapters where adapter.rank > 0 && adapter.rank != rank {
                ranks[adapter.layer.modulePath] = JSONValue(adapter.rank)
                alphas[adapter.layer.modulePath] = .number(scale * Double(adapter.rank))
            }
            config["rank_pattern"] = .object(ranks)
            config["alpha_pattern"] = .object(alphas)
        })
}
