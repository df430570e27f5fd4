import Foundation
import RankAllocation
import Settings
import Transformers

/// A way to fine-tune, as everything that asks "which one?" sees it: `--method`, its settings, help, assembly, PEFT's
/// files, reports and plans.
///
/// To add one: a file beside this one with a `FineTuning` and a static value here, and its place in `all` (`AllMethods.swift`).
package struct FineTuningMethod: Sendable {
    /// What `--method` calls it.
    package let name: String
    /// How many numbers it trains beside the head, for help: of an [O, I] matrix at rank r, where it says nothing else.
    package let size: String?
    /// The learning rate where none is given.
    package let usualLearningRate: Double
    /// Whether every weight of the backbone trains, so that a whole model is the result.
    package let trainsBackbone: Bool
    /// Whether its updates add to the weights and do nothing else, as those of LoRA.
    package let addsToWeights: Bool
    /// Whether some of the model's own vectors train, and nothing is added to it.
    package let trainsOwnVectors: Bool
    /// How its adapters, if it has any, stand in PEFT's files.
    package let peft: PEFTForm
    /// How what it trains beside the matrices stands in files; nil for methods that train nothing of the kind.
    package let parts: PartForm?
    /// What `targets` means by `all`.
    let allRoles: @Sendable (Architecture) -> [LinearSite.Role]
    /// Which those are, for help; nil where it means all that the model has.
    let allRolesNote: String?
    /// What trains of an adapter of rank r on an [O, I] matrix, of O, I and r.
    let parameters: @Sendable (_ settings: TuningSettings, _ outputs: Int, _ inputs: Int, _ rank: Int) -> Int
    /// The settings that mean something with it, in the order of help.
    let rows: [Setting<TuningSettings>]
    /// What makes it larger or smaller, for tables; nil for a method without a size.
    package let knob: @Sendable (TuningSettings) -> Knob?
    /// Who says which matrix has which rank.
    package let rankChoice: @Sendable (TuningSettings) -> RankChoice
    /// What must hold between its settings.
    let check: @Sendable (TuningSettings, inout RuleCheck) -> Void
    /// Puts it on a model.
    package let start: @Sendable (MethodStart) throws -> any FineTuning

    init(
        name: String, size: String? = nil, usualLearningRate: Double = 3e-3,
        trainsBackbone: Bool = false, addsToWeights: Bool = true,
        trainsOwnVectors: Bool = false, peft: PEFTForm = .adalora, parts: PartForm? = nil,
        allRoles: @escaping @Sendable (Architecture) -> [LinearSite.Role] = { $0.roles },
        allRolesNote: String? = nil,
        rows: [Setting<TuningSettings>] = [],
        knob: @escaping @Sendable (TuningSettings) -> Knob? = { $0.method.hasBudget ? Knob("rank") : nil },
        rankChoice: @escaping @Sendable (TuningSettings) -> RankChoice = { _ in .none },
        parameters: @escaping @Sendable (TuningSettings, Int, Int, Int) -> Int = { _, _, _, _ in 0 },
        check: @escaping @Sendable (TuningSettings, inout RuleCheck) -> Void = { _, _ in },
        start: @escaping @Sendable (MethodStart) throws -> any FineTuning
    ) {
        self.name = name
        self.size = size
        self.usualLearningRate = usualLearningRate
        self.trainsBackbone = trainsBackbone
        self.addsToWeights = addsToWeights
        self.trainsOwnVectors = trainsOwnVectors
        self.peft = peft
        self.parts = parts
        self.allRoles = allRoles
        self.allRolesNote = allRolesNote
        self.rows = rows
        self.knob = knob
        self.rankChoice = rankChoice
        self.parameters = parameters
        self.check = check
        self.start = { model in
            if parts != nil { try model.requireOneTower() }
            return try start(model)
        }
        keys = Set(rows.map(\.key))
    }

    private let keys: Set<String>

    /// Whether an adapter is its result, which a run may go on from: updates of matrices, or parts.
    package var makesAdapter: Bool { hasAdapters || parts != nil }

    /// Whether the setting `key` means something with it.
    package func reads(_ key: String) -> Bool { keys.contains(key) }

    /// Whether it hangs adapters on matrices.
    package var hasAdapters: Bool { reads("targets") }

    /// Whether it spends a budget.
    package var hasBudget: Bool { reads("budget") }

    /// Whether something else than a head trains.
    package var trainsModel: Bool { makesAdapter || trainsBackbone || trainsOwnVectors }

    /// Whether its ranks are whole and stay as they are, so that a pattern may give them.
    package var keepsRanks: Bool { reads("rank-pattern") }
}

extension FineTuningMethod: Equatable {
    package static func == (one: FineTuningMethod, other: FineTuningMethod) -> Bool { one.name == other.name }
}
