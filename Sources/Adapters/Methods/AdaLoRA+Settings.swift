import Messages
import RankAllocation
import Settings

/// The rows of its settings, in three groups because the table of all settings shows others between them.
extension AdaLoRA {
    static let rows =
        TuningSettings.budgetRows + rankRows + TuningSettings.adapterRows + startRows + allocationRows

    static let rankRows = [
        row(
            Setting<AdaLoRASettings>(
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

    package static let startRows =
        [
            Setting<AdaLoRASettings>(
                "initialize", "How the adapters start (lora: P = 0, λ = 1, as LoRA's B and A)",
                choices: FactorInitialization.allCases.map(\.rawValue),
                set: { $0.initialization = try $1.choice() }, get: { $0.initialization.rawValue })
        ].map(row) + TuningSettings.activationRows

    package static let allocationRows = [
        Setting<AdaLoRASettings>(
            "warmup-fraction", "Share of the steps that keep every triplet", idle: unlessMoving,
            set: { $0.warmupFraction = try $1.number(.zeroToBelowOne) },
            get: { SettingText.number($0.warmupFraction) }),
        Setting(
            "final-fraction", "Share of the steps, at the end, whose ranks are fixed", idle: unlessMoving,
            set: { $0.finalFraction = try $1.number(.zeroToBelowOne) },
            get: { SettingText.number($0.finalFraction) }),
        Setting(
            "allocator", "How ranks move (a matrix that exchange leaves none gets none back)",
            choices: AdaLoRASettings.Allocator.allCases.map(\.rawValue),
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
            "importance", "How a triplet is scored",
            choices: AdaLoRASettings.Importance.allCases.map(\.rawValue),
            unset: "spectral-sensitivity, or sensitivity where other settings rule out exact triplets",
            idle: unlessMoving,
            set: { $0.importance = try $1.orNone { try $0.choice() } }, get: { $0.importance?.rawValue }),
        Setting(
            "importance-weights",
            "Weights before (paper) or after (peft) the update in the score; unlike in PEFT, pruned triplets "
                + "leave the norm penalty after the last allocation",
            choices: AdaLoRASettings.ImportanceWeights.allCases.map(\.rawValue), idle: unlessObserved,
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
            choices: AdaLoRASettings.Orthogonality.allCases.map(\.rawValue),
            unset: "exact where the importance needs it, or squared",
            set: { $0.orthogonality = try $1.orNone { try $0.choice() } },
            get: { $0.orthogonality?.rawValue }),
        Setting(
            "triplet-steps",
            "How long the steps of exact triplets are: as Adam makes them, or as those of LoRA's factors",
            choices: AdaLoRASettings.TripletSteps.allCases.map(\.rawValue), unset: "lora",
            idle: { settings in
                let form = settings.resolvedOrthogonality
                return form == .exact ? nil : "with orthogonality \(form.rawValue)"
            },
            set: { $0.tripletSteps = try $1.orNone { try $0.choice() } },
            get: { $0.tripletSteps?.rawValue }),
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

    private static func row(_ row: Setting<AdaLoRASettings>) -> Setting<TuningSettings> {
        row.within(\.adalora)
    }

    @Sendable private static func unlessMoving(_ settings: AdaLoRASettings) -> String? {
        settings.allocator == .fixed ? "with allocator fixed" : nil
    }

    @Sendable private static func unlessObserved(_ settings: AdaLoRASettings) -> String? {
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
extension AdaLoRASettings {
    func check(_ settings: TuningSettings, _ rules: inout RuleCheck) {
        if settings.fromAdapter != nil, initialization == .activationSVD || initialization == .lora,
            rules.areKnown("from-adapter", "initialize")
        {
            rules.add(
                "\(rules.mention("initialize")): \(initialization.rawValue) chooses the start that from-adapter gives; use "
                    + "orthonormal, for the triplets beyond the adapter's")
        }
        checkWarmup(&rules)
        checkSteps(settings, &rules)
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
        if case .triplets(let rank) = initialRank, let average = settings.largestAverageRank,
            average > Double(rank), allocator == .prune, rules.areKnown("initial-rank", "average-rank")
        {
            rules.add(
                "\(rules.mention("initial-rank", "average-rank")): initial-rank \(rank) is below average-rank "
                    + "\(SettingText.number(average)); raise the one or lower the other")
        }
    }

    /// Singular values of LoRA's first steps are noise, by which nothing should be pruned.
    private func checkWarmup(_ rules: inout RuleCheck) {
        guard initialization == .lora, allocator != .fixed, warmupFraction < Self.leastWarmup,
            rules.areKnown("initialize", "allocator", "warmup-fraction")
        else { return }
        rules.add(
            "\(rules.mention("initialize", "warmup-fraction")): initialize lora knows nothing of its triplets in the "
                + "first steps; make warmup-fraction \(SettingText.number(Self.leastWarmup)) or more")
    }

    private static let leastWarmup = 0.05

    /// Penalties ask how a product is split.
    private func checkSteps(_ settings: TuningSettings, _ rules: inout RuleCheck) {
        let form = resolvedOrthogonality
        guard settings.adapterOptimizer == .balanced, form != .exact, form != .none,
            rules.areKnown("adapter-optimizer", "orthogonality", "importance", "allocator")
        else { return }
        rules.add(
            "\(rules.mention("adapter-optimizer")): balanced does not see how P, Λ and Q are split, which orthogonality "
                + "\(form.rawValue) is about; use orthogonality \(allocator == .fixed ? "none" : "exact"), or adam"
        )
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
