import Messages
import RankAllocation
import Settings
import Transformers

/// What trains, and how: the method and the settings of all methods. The initial values are the only copy of each
/// default.
package struct TuningSettings: Sendable, Equatable {
    package var method: FineTuningMethod
    /// A run or adapter folder, of this program or of PEFT, whose adapter training goes on from.
    package var fromAdapter: String?
    /// Over all adapted matrices at the end, b(T).
    package var budget: Budget?
    /// In place of `budget`, for a model of two towers
    package var towerBudgets: TowerBudgets?
    /// Whether a probe says the budget before the run begins, in place of `budget`.
    package var hasAdvisedBudget = false
    /// A file, or a run folder, that gives each matrix a rank in place of a budget, for methods of fixed ranks.
    package var rankPattern: String?
    package var targets = AdaptedRoles.all
    /// s = alpha / initial rank: the factor of the adapters' output, constant for the run.
    package var scale = 1.0
    package var adapterDropout = 0.0
    package var adapterOptimizer = AdapterOptimizer.adam
    package var biases = BiasSettings()
    /// Of the model, beside its adapters
    package var bias = BiasesBesideAdapters.none
    package var adalora = AdaLoRASettings()
    package var bottleneck = BottleneckSettings()
    package var virtual = VirtualTokenSettings()
    package var lora = LoRASettings()

    package init(method: FineTuningMethod) { self.method = method }

    /// For methods whose adapters have a budget.
    static let budgetRows = [
        Setting<TuningSettings>(
            "budget",
            "Triplets over all adapted matrices at the end, of each tower of a model of two like text=24,vision=48, or "
                + "auto, for as many as a short probe of the rows advises",
            idle: ifRanksAreKept,
            set: { settings, value in
                if case .text(TuningSettings.advised) = value.content {
                    (settings.budget, settings.towerBudgets) = (nil, nil)
                    settings.hasAdvisedBudget = true
                    return
                }
                if value.isNull { settings.hasAdvisedBudget = false }
                try settings.readBudget(value, isOwn: { $0.asTriplets != nil }) {
                    .triplets(try $0.wholeNumber(1...1_000_000_000))
                }
            },
            get: { settings in
                settings.hasAdvisedBudget
                    ? TuningSettings.advised : settings.budgetText { $0.asTriplets.map { String($0) } }
            }),
        Setting(
            "average-rank",
            "The budget as triplets per adapted matrix, in place of budget; of each tower like text=1,vision=2",
            idle: ifRanksAreKept,
            set: { settings, value in
                try settings.readBudget(value, isOwn: { $0.asAverageRank != nil }) {
                    .averageRank(try $0.number(.aboveZeroTo(100_000)))
                }
            },
            get: { settings in settings.budgetText { $0.asAverageRank.map(SettingText.number) } }),
        Setting(
            "budget-parameters",
            "The budget as parameters of triplets (300k, 1.2M), in place of budget; of each tower like "
                + "text=100k,vision=200k",
            idle: ifRanksAreKept,
            set: { settings, value in
                try settings.readBudget(value, isOwn: { $0.asParameters != nil }) {
                    .parameters(try $0.largeNumber(1...1_000_000_000_000))
                }
            },
            get: { settings in settings.budgetText { $0.asParameters.map { String($0) } } }),
    ]

    /// Of `budget`
    package static let advised = "auto"

    /// The budget, or those of towers together, where it was said in parameters.
    var budgetParameters: Int? {
        let budgets = LinearSite.Tower.allCases.compactMap { towerBudgets?[$0] } + (budget.map { [$0] } ?? [])
        let parameters = budgets.compactMap(\.asParameters)
        return parameters.isEmpty ? nil : parameters.reduce(0, +)
    }

    /// The largest that was given as one; nil where the budget was said otherwise.
    var largestAverageRank: Double? {
        let budgets = LinearSite.Tower.allCases.compactMap { towerBudgets?[$0] } + (budget.map { [$0] } ?? [])
        return budgets.compactMap(\.asAverageRank).max()
    }

    /// For methods with adapters.
    static let adapterRows = [
        targetsRow,
        Setting<TuningSettings>(
            "scale", "Factor of the adapters' output, s = alpha / initial rank",
            set: { $0.scale = try $1.number(.aboveZeroTo(1_000_000)) },
            get: { SettingText.number($0.scale) }),
        Setting(
            "adapter-dropout", "Dropout on the adapters' input",
            set: { $0.adapterDropout = try $1.number(.zeroToBelowOne) },
            get: { SettingText.number($0.adapterDropout) }),
        Setting(
            "adapter-optimizer",
            "What moves the adapters' factors: AdamW, or steps that do not depend on how their product is split",
            choices: AdapterOptimizer.allCases.map(\.rawValue),
            set: { $0.adapterOptimizer = try $1.choice() }, get: { $0.adapterOptimizer.rawValue }),
        Setting(
            "bias", "Biases of the model that train beside its adapters",
            choices: BiasesBesideAdapters.allCases.map(\.rawValue),
            set: { $0.bias = try $1.choice() }, get: { $0.bias.rawValue }),
    ]

    /// For starts that look at the layers' inputs.
    static let activationRows = [
        Setting<TuningSettings>(
            "activation-batches", "Batches whose inputs a start activation-svd looks at",
            idle: { settings in
                let isRead =
                    settings.method.reads("lora-start")
                    ? settings.lora.start == .activationSVD
                    : settings.adalora.initialization == .activationSVD
                return isRead ? nil : "without activation-svd"
            },
            set: { $0.adalora.activationBatches = try $1.wholeNumber(1...100_000) },
            get: { String($0.adalora.activationBatches) })
    ]

    /// What trains of an [O, I] matrix at rank r.
    package func parameters(outputs: Int, inputs: Int, rank: Int) -> Int {
        method.parameters(self, outputs, inputs, rank)
    }

    static let targetsRow = Setting<TuningSettings>(
        "targets", "Adapted matrices of each layer",
        choices: AdaptedRoles.names,
        set: { $0.targets = try targets($1) },
        get: { $0.targets == .all ? AdaptedRoles.allName : SettingText.list($0.targets.texts) })

    private static func targets(_ value: SettingValue) throws -> AdaptedRoles {
        let names = try value.names().map { name in
            try SettingValue(content: .text(name)).choice(among: AdaptedRoles.names, named: \.self)
        }
        guard let roles = AdaptedRoles(names: names) else { preconditionFailure("\(names) are choices") }
        return roles
    }

    /// Methods that read a pattern of ranks keep those of the adapter that they go on from.
    private static func ifRanksAreKept(_ settings: TuningSettings) -> String? {
        let keepsRanks = settings.method.keepsRanks && settings.fromAdapter != nil
        return keepsRanks ? "with method \(settings.method.name), which keeps from-adapter's ranks" : nil
    }

    /// The matrices of each layer that the method adapts; empty for a method without adapters.
    package func adaptedRoles(of architecture: Architecture) -> [LinearSite.Role] {
        switch targets {
        case _ where !method.hasAdapters: []
        case .all: method.allRoles(architecture)
        case .named(let roles): roles
        }
    }

    /// A method whose ranks nothing else gives needs a budget.
    func checkBudget(_ rules: inout RuleCheck) {
        let keepsRanks = method.keepsRanks && (rankPattern != nil || fromAdapter != nil)
        if method.hasBudget, !saysBudget, !keepsRanks,
            rules.areKnown(
                "method", "budget", "average-rank", "budget-parameters", "rank-pattern", "from-adapter")
        {
            rules.add(
                "budget: missing for method \(method.name); say \(SettingName.budget) N, \(SettingName.averageRank) R or "
                    + "\(SettingName.budgetParameters) N")
        }
    }
}

extension Budget {
    fileprivate var asTriplets: Int? { if case .triplets(let count) = self { count } else { nil } }
    fileprivate var asAverageRank: Double? { if case .averageRank(let rank) = self { rank } else { nil } }
    fileprivate var asParameters: Int? { if case .parameters(let count) = self { count } else { nil } }
}
