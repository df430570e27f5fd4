import Matrices
import Messages
import RankAllocation
import Settings

extension AdaLoRA {
    /// How ranks move: pruned to a falling budget (AdaLoRA), exchanged between matrices under a constant one, or not
    /// at all: the budget spread evenly from the start.
    package enum Allocator: String, CaseIterable, Sendable { case prune, exchange, fixed }

    /// Which weights enter the sensitivity: those before the update (paper) or after it (PEFT, authors' code).
    package enum ImportanceWeights: String, CaseIterable, Sendable { case paper, peft }

    /// How a triplet is scored; each is described where `RankAllocation` implements it.
    package enum Importance: String, CaseIterable, Sendable {
        case sensitivity
        case sensitivityOnly = "sensitivity-only"
        case taskSensitivity = "task-sensitivity"
        case spectralSensitivity = "spectral-sensitivity"
        case singularValue = "singular-value"
        case magnitude, random

        func measure(seed: UInt64) -> any ImportanceMeasure {
            switch self {
            case .sensitivity: Sensitivity()
            case .sensitivityOnly: SensitivityOnly()
            case .taskSensitivity: TaskSensitivity()
            case .spectralSensitivity: SpectralSensitivity()
            case .singularValue: SingularValue()
            case .magnitude: Magnitude()
            case .random:
                RandomImportance { site, triplet in
                    var stream = RandomStream(
                        seed: seed, purpose: "random importance", indices: [site, triplet])
                    return Float(stream.uniform())
                }
            }
        }

        /// Whether it scores exact singular triplets, which only orthogonality exact has.
        var needsExactTriplets: Bool { measure(seed: 0).needsExactTriplets }

        /// Whether it averages sensitivities over the steps.
        var observesGradients: Bool { measure(seed: 0).observedGradient != .none }
    }

    /// What keeps P and Q orthonormal: the paper's squared norm, the norm of PEFT and the authors' code, exact
    /// re-factorization after each step without a penalty, or nothing.
    package enum Orthogonality: String, CaseIterable, Sendable {
        case squared, norm, exact, none

        /// Exact re-factorization takes the place of a penalty.
        var penalty: OrthogonalityPenalty.Form {
            switch self {
            case .squared: .squared
            case .norm: .norm
            case .exact, .none: .none
            }
        }
    }

    package struct Settings: Sendable, Equatable {
        /// Triplets per adapted matrix at the start; nil follows from the budget, see `InitialRank`.
        package var initialRank: InitialRank?
        package var initialization = FactorInitialization.orthonormal
        /// Batches of inputs that `activationSVD` looks at.
        package var activationBatches = 8
        /// t_i / T: the share of steps that keep every triplet.
        package var warmupFraction = 0.1
        /// t_f / T: the share of steps with a fixed mask.
        package var finalFraction = 0.4
        package var allocator = Allocator.prune
        /// ΔT, in optimizer steps; nil leaves it to the allocator, see `resolvedAllocateEvery`.
        package var allocateEvery: Int?
        /// The share of the triplets that the first exchange may replace; later ones less, the last none.
        package var exchangeShare = 0.1
        /// nil leaves it to what else is set, see `resolvedImportance`.
        package var importance: Importance?
        package var importanceWeights = ImportanceWeights.paper
        package var importanceBeta1 = 0.85
        package var importanceBeta2 = 0.85
        /// nil leaves it to the importance, see `resolvedOrthogonality`.
        package var orthogonality: Orthogonality?
        /// γ, the weight of the orthogonality term in the loss.
        package var orthogonalityWeight = 0.1
        /// Allocations between two records of all triplets; nil thins long runs, see `resolvedHistoryEvery`.
        package var historyEvery: Int?

        init() {}

        /// `importance`, or else the paper's score: on exact triplets, unless something else that is set asks for others.
        /// On exact triplets it did better than with the penalty at every budget of `Benchmarks/results`.
        package var resolvedImportance: Importance {
            if let importance { return importance }
            let mayBeExact = orthogonality == nil || orthogonality == .exact
            return mayBeExact && allocator == .prune && importanceWeights == .paper
                ? .spectralSensitivity : .sensitivity
        }

        /// `orthogonality`, or else exact where the importance needs it, or the paper's penalty.
        package var resolvedOrthogonality: Orthogonality {
            orthogonality ?? (resolvedImportance.needsExactTriplets ? .exact : .squared)
        }

        /// `allocateEvery`, or else every step, and every 20 where new triplets need time to show what they are worth.
        package var resolvedAllocateEvery: Int { allocateEvery ?? (allocator == .exchange ? 20 : 1) }

        /// `historyEvery`, or else as few as keep a run of `allocations` at about a thousand records.
        package func resolvedHistoryEvery(allocations: Int) -> Int {
            historyEvery ?? max(1, allocations / 1000)
        }

        /// The same with what unset values stand for, as far as that follows from other settings.
        package var resolved: Settings {
            var resolved = self
            resolved.importance = resolvedImportance
            resolved.orthogonality = resolvedOrthogonality
            resolved.allocateEvery = resolvedAllocateEvery
            return resolved
        }
    }
}

/// The rows of its settings, in three groups because the table of all settings shows others between them.
extension AdaLoRA {
    static let rows =
        TuningSettings.budgetRows + rankRows + TuningSettings.adapterRows + startRows + allocationRows

    static let rankRows = [
        row(
            Setting<Settings>(
                "initial-rank",
                "Triplets per adapted matrix at the start, or a multiple of the average rank like 1.5x",
                unset: "1.5x, but at least 8",
                idle: { $0.allocator == .prune ? nil : "with allocator \($0.allocator.rawValue)" },
                set: { $0.initialRank = try $1.orNone { try initialRank($0) } },
                get: {
                    switch $0.initialRank {
                    case .triplets(let rank): String(rank)
                    case .multiple(let factor): SettingText.number(factor) + "x"
                    case nil: nil
                    }
                }))
    ]

    package static let startRows = [
        Setting<Settings>(
            "initialize", "How the adapters start",
            choices: FactorInitialization.allCases.map(\.rawValue),
            set: { $0.initialization = try $1.choice() }, get: { $0.initialization.rawValue }),
        Setting(
            "activation-batches", "Batches whose inputs initialize activation-svd looks at",
            idle: { $0.initialization == .activationSVD ? nil : "without activation-svd" },
            set: { $0.activationBatches = try $1.wholeNumber(1...100_000) },
            get: { String($0.activationBatches) }),
    ].map(row)

    package static let allocationRows = [
        Setting<Settings>(
            "warmup-fraction", "Share of the steps that keep every triplet", idle: unlessMoving,
            set: { $0.warmupFraction = try $1.number(.zeroToBelowOne) },
            get: { SettingText.number($0.warmupFraction) }),
        Setting(
            "final-fraction", "Share of the steps, at the end, whose ranks are fixed", idle: unlessMoving,
            set: { $0.finalFraction = try $1.number(.zeroToBelowOne) },
            get: { SettingText.number($0.finalFraction) }),
        Setting(
            "allocator", "How ranks move (a matrix that exchange leaves none gets none back)",
            choices: Allocator.allCases.map(\.rawValue),
            set: { $0.allocator = try $1.choice() }, get: { $0.allocator.rawValue }),
        Setting(
            "allocate-every", "Optimizer steps between allocations",
            unset: "every step, or every 20 with exchange",
            idle: unlessMoving,
            set: { $0.allocateEvery = try $1.orNone { try $0.wholeNumber(1...1_000_000_000) } },
            get: { $0.allocateEvery.map { String($0) } }),
        Setting(
            "exchange-share", "Share of the triplets that the first exchange may replace",
            idle: { $0.allocator == .exchange ? nil : "with allocator \($0.allocator.rawValue)" },
            set: { $0.exchangeShare = try $1.number(.aboveZeroTo(1)) },
            get: { SettingText.number($0.exchangeShare) }),
        Setting(
            "importance", "How a triplet is scored", choices: Importance.allCases.map(\.rawValue),
            unset: "spectral-sensitivity, or sensitivity where other settings rule out exact triplets",
            idle: unlessMoving,
            set: { $0.importance = try $1.orNone { try $0.choice() } }, get: { $0.importance?.rawValue }),
        Setting(
            "importance-weights",
            "Weights before (paper) or after (peft) the update in the score; unlike in PEFT, pruned triplets "
                + "leave the norm penalty after the last allocation",
            choices: ImportanceWeights.allCases.map(\.rawValue), idle: unlessObserved,
            set: { $0.importanceWeights = try $1.choice() }, get: { $0.importanceWeights.rawValue }),
        Setting(
            "importance-beta1", "Decay of the average sensitivity", idle: unlessObserved,
            set: { $0.importanceBeta1 = try $1.number(.zeroToBelowOne) },
            get: { SettingText.number($0.importanceBeta1) }),
        Setting(
            "importance-beta2", "Decay of the average uncertainty", idle: unlessObserved,
            set: { $0.importanceBeta2 = try $1.number(.zeroToBelowOne) },
            get: { SettingText.number($0.importanceBeta2) }),
        Setting(
            "orthogonality", "What keeps P and Q orthonormal",
            choices: Orthogonality.allCases.map(\.rawValue),
            unset: "exact where the importance needs it, or squared",
            set: { $0.orthogonality = try $1.orNone { try $0.choice() } },
            get: { $0.orthogonality?.rawValue }),
        Setting(
            "orthogonality-weight", "Weight of that penalty in the loss",
            idle: {
                let form = $0.resolvedOrthogonality
                return form.penalty == .none ? "with orthogonality \(form.rawValue)" : nil
            },
            set: { $0.orthogonalityWeight = try $1.number(.zeroTo(1_000_000)) },
            get: { SettingText.number($0.orthogonalityWeight) }),
        Setting(
            "history-every", "Allocations between two records of all triplets",
            unset: "each, or fewer in runs of over 1,000", idle: unlessMoving,
            set: { $0.historyEvery = try $1.orNone { try $0.wholeNumber(1...1_000_000_000) } },
            get: { $0.historyEvery.map { String($0) } }),
    ].map(row)

    private static func row(_ row: Setting<Settings>) -> Setting<TuningSettings> { row.within(\.adalora) }

    @Sendable private static func unlessMoving(_ settings: Settings) -> String? {
        settings.allocator == .fixed ? "with allocator fixed" : nil
    }

    @Sendable private static func unlessObserved(_ settings: Settings) -> String? {
        let importance = settings.resolvedImportance
        return unlessMoving(settings)
            ?? (importance.observesGradients ? nil : "with importance \(importance.rawValue)")
    }

    /// `12`, or `1.5x` for a multiple of the average rank.
    private static func initialRank(_ value: SettingValue) throws -> InitialRank {
        guard case .text(let text) = value.content, text.hasSuffix("x") else {
            return .triplets(try value.wholeNumber(1...100_000))
        }
        let factor = try SettingValue(content: .text(String(text.dropLast()))).number(.zeroTo(1000))
        guard factor >= 1 else {
            throw ValueProblem("\(quoted(text)) starts below the budget", "use 1x or more, like 1.5x")
        }
        return .multiple(factor)
    }
}

/// What must hold between them.
extension AdaLoRA.Settings {
    func check(_ settings: TuningSettings, _ rules: inout RuleCheck) {
        if settings.fromAdapter != nil, initialization == .activationSVD,
            rules.areKnown("from-adapter", "initialize")
        {
            rules.add(
                "\(rules.mention("initialize")): activation-svd chooses the start that from-adapter gives; use orthonormal, "
                    + "for the triplets beyond the adapter's")
        }
        checkExactness(&rules)
        // Decimal fractions such as 0.7 + 0.3 can add up to a little less than 1.
        let sum = warmupFraction + finalFraction
        if sum >= 1 - 1e-9, rules.areKnown("warmup-fraction", "final-fraction") {
            let warmup = SettingText.number(warmupFraction)
            let final = SettingText.number(finalFraction)
            rules.add(
                "\(rules.mention("warmup-fraction", "final-fraction")): warmup-fraction \(warmup) and "
                    + "final-fraction \(final) leave no steps to allocate in; make their sum less than 1")
        }
        if case .triplets(let rank) = initialRank, case .averageRank(let average) = settings.budget,
            average > Double(rank), allocator == .prune, rules.areKnown("initial-rank", "average-rank")
        {
            rules.add(
                "\(rules.mention("initial-rank", "average-rank")): initial-rank \(rank) is below average-rank "
                    + "\(SettingText.number(average)); raise the one or lower the other")
        }
    }

    private func checkExactness(_ rules: inout RuleCheck) {
        if let importance, importance.needsExactTriplets, let form = orthogonality, form != .exact,
            rules.areKnown("importance", "orthogonality")
        {
            rules.add(
                "\(rules.mention("importance", "orthogonality")): importance \(importance.rawValue) needs exact "
                    + "triplets, which orthogonality \(form.rawValue) does not keep; use exact or leave it out"
            )
        }
        if allocator == .fixed, resolvedOrthogonality == .exact,
            rules.areKnown("allocator", "orthogonality", "importance")
        {
            rules.add(
                "\(rules.mention("allocator")): allocator fixed allocates nothing, and exact triplets come with allocations; "
                    + "use orthogonality squared, norm or none")
        }
        if importance == .spectralSensitivity, importanceWeights == .peft,
            rules.areKnown("importance", "importance-weights")
        {
            rules.add(
                "\(rules.mention("importance-weights", "importance")): importance-weights peft sees the triplets between an "
                    + "update and their re-factorization, so importance spectral-sensitivity needs paper")
        }
    }
}
