extension SettingTable {
    static let allocation = [
        Setting(
            "warmup-fraction", "Share of the steps that keep every triplet", idle: unlessMoving,
            set: { $0.warmupFraction = try $1.number(.zeroToBelowOne) },
            get: { SettingText.number($0.warmupFraction) }),
        Setting(
            "final-fraction", "Share of the steps, at the end, whose ranks are fixed", idle: unlessMoving,
            set: { $0.finalFraction = try $1.number(.zeroToBelowOne) },
            get: { SettingText.number($0.finalFraction) }),
        Setting(
            "allocator", "How ranks move (a matrix that exchange leaves none gets none back)",
            choices: RunConfig.Allocator.allCases.map(\.rawValue),
            idle: unlessAllocated,
            set: { $0.allocator = try $1.choice() }, get: { $0.allocator.rawValue }),
        Setting(
            "allocate-every", "Optimizer steps between allocations",
            unset: "every step, or every 20 with exchange",
            idle: unlessMoving,
            set: { $0.allocateEvery = try $1.orNone { try $0.wholeNumber(1...1_000_000_000) } },
            get: { $0.allocateEvery.map { String($0) } }),
        Setting(
            "exchange-share", "Share of the triplets that the first exchange may replace",
            idle: {
                unlessAllocated($0)
                    ?? ($0.allocator == .exchange ? nil : "with allocator \($0.allocator.rawValue)")
            },
            set: { $0.exchangeShare = try $1.number(.aboveZeroTo(1)) },
            get: { SettingText.number($0.exchangeShare) }),
        Setting(
            "importance", "How a triplet is scored", choices: RunConfig.Importance.allCases.map(\.rawValue),
            unset: "spectral-sensitivity, or sensitivity where other settings rule out exact triplets",
            idle: unlessMoving,
            set: { $0.importance = try $1.orNone { try $0.choice() } }, get: { $0.importance?.rawValue }),
        Setting(
            "importance-weights",
            "Weights before (paper) or after (peft) the update in the score; unlike in PEFT, pruned triplets "
                + "leave the norm penalty after the last allocation",
            choices: RunConfig.ImportanceWeights.allCases.map(\.rawValue), idle: unlessObserved,
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
            choices: RunConfig.Orthogonality.allCases.map(\.rawValue),
            unset: "exact where the importance needs it, or squared", idle: unlessAllocated,
            set: { $0.orthogonality = try $1.orNone { try $0.choice() } },
            get: { $0.orthogonality?.rawValue }),
        Setting(
            "orthogonality-weight", "Weight of that penalty in the loss",
            idle: { config in
                let form = config.resolvedOrthogonality
                let isPenalty = form == .squared || form == .norm
                return unlessAllocated(config) ?? (isPenalty ? nil : "with orthogonality \(form.rawValue)")
            },
            set: { $0.orthogonalityWeight = try $1.number(.zeroTo(1_000_000)) },
            get: { SettingText.number($0.orthogonalityWeight) }),
        Setting(
            "history-every", "Allocations between two records of all triplets",
            unset: "each, or fewer in runs of over 1,000", idle: unlessMoving,
            set: { $0.historyEvery = try $1.orNone { try $0.wholeNumber(1...1_000_000_000) } },
            get: { $0.historyEvery.map { String($0) } }),
    ]

    static let run = [
        Setting(
            "seed", "Seed of data order, initial weights and dropout",
            set: { $0.seed = try $1.seed() }, get: { String($0.seed) }),
        Setting(
            "threads", "Worker threads", unset: "all cores",
            set: { $0.threads = try $1.orNone { try $0.wholeNumber(1...4096) } },
            get: { $0.threads.map { String($0) } }),
        Setting(
            "recompute",
            "What the backward pass computes again to save memory; layers take a third more time",
            choices: RunConfig.Recompute.allCases.map(\.rawValue),
            set: { $0.recompute = try $1.choice() }, get: { $0.recompute.rawValue }),
        Setting(
            "checkpoint-every", "Steps between checkpoints, 0 for only at the end and on interruption",
            set: { $0.checkpointEvery = try $1.wholeNumber(0...1_000_000_000) },
            get: { String($0.checkpointEvery) }),
        Setting(
            "keep-checkpoints", "Newest checkpoints to keep",
            set: { $0.keepCheckpoints = try $1.wholeNumber(1...1_000_000) },
            get: { String($0.keepCheckpoints) }),
        Setting(
            "evaluate-every", "Steps between evaluations", unset: "each epoch",
            idle: { $0.validation == nil ? "without validation" : nil },
            set: { $0.evaluateEvery = try $1.orNone { try $0.wholeNumber(1...1_000_000_000) } },
            get: { $0.evaluateEvery.map { String($0) } }),
        Setting(
            "early-stopping", "Evaluations without improvement after which training stops", unset: "never",
            set: { $0.earlyStopping = try $1.orNone { try $0.wholeNumber(1...1_000_000) } },
            get: { $0.earlyStopping.map { String($0) } }),
        Setting(
            "best-metric", "What decides which evaluation is the best",
            choices: RunConfig.Metric.allCases.map(\.rawValue), unset: "the first of the task's metrics",
            set: { $0.bestMetric = try $1.orNone { try $0.choice() } },
            get: { $0.bestMetric?.rawValue }),
    ]

    // Helpers of the rows.

    /// A path that every run must give is empty until it is given.
    static func path(_ value: String) -> String? { value.isEmpty ? nil : SettingText.text(value) }

    static func unlessTask(_ task: RunConfig.Task) -> @Sendable (RunConfig) -> String? {
        { $0.task == task ? nil : "with task \($0.task.rawValue)" }
    }

    static func unlessOneClass(_ config: RunConfig) -> String? {
        config.task.hasOneClass ? nil : "with task \(config.task.rawValue)"
    }

    static func ifQuestions(_ config: RunConfig) -> String? {
        config.task == .questionAnswering ? "with task \(config.task.rawValue)" : nil
    }

    static func unlessAdapters(_ config: RunConfig) -> String? {
        config.method.hasAdapters ? nil : "with method \(config.method.rawValue)"
    }

    static func unlessBudgeted(_ config: RunConfig) -> String? {
        let keepsRanks = config.method == .lora && config.fromAdapter != nil
        return unlessAdapters(config)
            ?? (keepsRanks ? "with method lora, which keeps from-adapter's ranks" : nil)
    }

    static func unlessAllocated(_ config: RunConfig) -> String? {
        config.method == .adalora ? nil : "with method \(config.method.rawValue)"
    }

    static func unlessMoving(_ config: RunConfig) -> String? {
        unlessAllocated(config) ?? (config.allocator == .fixed ? "with allocator fixed" : nil)
    }

    static func unlessObserved(_ config: RunConfig) -> String? {
        let importance = config.resolvedImportance
        return unlessMoving(config)
            ?? (importance.observesGradients ? nil : "with importance \(importance.rawValue)")
    }

    static func textColumns(_ value: SettingValue) throws -> [String] {
        let names = try value.names()
        guard names.count <= 2 else {
            throw ValueProblem("\(names.count) text columns are too many", "name one, or two for pairs")
        }
        return names
    }

    /// One name, or in a list several columns of 0 and 1.
    static func labelColumn(_ value: SettingValue) throws -> String {
        guard case .list = value.content else { return try value.text() }
        let names = try value.names()
        if names.count > 1, let name = names.first(where: { $0.contains(",") }) {
            throw ValueProblem("\(quoted(name)) has a comma, which separates columns", "rename the column")
        }
        return names.joined(separator: ",")
    }

    /// By name, or the character itself.
    static func delimiter(_ value: SettingValue) throws -> RunConfig.Delimiter {
        let names: [String: RunConfig.Delimiter] = [
            ",": .comma, ";": .semicolon, "\t": .tab, "\\t": .tab, "|": .pipe,
        ]
        switch value.content {
        case .text(let text), .quotedText(let text):
            if let delimiter = names[text] { return delimiter }
        default: break
        }
        return try value.choice()
    }

    /// In the order of the roles, so that the order in which they are written does not matter.
    static func targets(_ value: SettingValue) throws -> [RunConfig.Role] {
        let named = try value.names().map { name in
            try SettingValue(content: .text(name)).choice(of: RunConfig.Role.self)
        }
        return RunConfig.Role.allCases.filter(named.contains)
    }
}
