import Adapters
import RankAllocation
import RunConfiguration
import Tasks
import Testing

@Suite struct DefaultsTests {
    /// The numbers are the documented ones, so that a changed default is a decision and not an accident.
    @Test func defaults() throws {
        let loaded = try load(nil, smallest)
        let config = loaded.config
        #expect(loaded.warnings.isEmpty)
        #expect(config.model == "m" && config.train == "t.csv" && config.output == "o")
        #expect(config.validation == nil && config.textColumns == nil && config.labelColumn == nil)
        #expect(config.task == .classification && config.tuning.method.name == "adalora")
        #expect(config.tuning.budget == .triplets(300) && config.tuning.adalora.initialRank == nil)
        #expect(config.tuning.targets == .all)
        #expect(config.tuning.scale == 1 && config.tuning.adapterDropout == 0 && config.headDropout == 0.1)
        #expect(config.pooling == nil && config.tuning.adalora.initialization == .orthonormal)
        #expect(
            config.learningRate == nil && config.headLearningRate == nil && config.tuning.rankPattern == nil)
        #expect(config.weightDecay == 0)
        #expect(config.beta1 == 0.9 && config.beta2 == 0.999 && config.adamEpsilon == 1e-8)
        #expect(config.gradientClip == 1 && config.learningRateSchedule == .linear)
        #expect(config.learningRateWarmup == 0.06 && config.epochs == nil && config.steps == nil)
        #expect(config.batchSize == nil && config.accumulate == 1 && config.maxLength == 128)
        #expect(config.longRows == .truncate && config.labelSeparator == nil && config.stride == nil)
        #expect(config.delimiter == nil)
        #expect(
            config.tuning.adalora.warmupFraction == 0.1 && config.tuning.adalora.finalFraction == 0.4
                && config.tuning.adalora.allocateEvery == nil)
        #expect(
            config.tuning.adalora.allocator == .prune && config.tuning.adalora.exchangeShare == 0.1
                && config.tuning.adalora.historyEvery == nil)
        #expect(config.tuning.adalora.activationBatches == 8)
        #expect(config.tuning.fromAdapter == nil && config.headStart == .adapter)
        #expect(config.tuning.adalora.importance == nil && config.tuning.adalora.importanceWeights == .paper)
        #expect(
            config.tuning.adalora.resolvedImportance == .spectralSensitivity
                && config.tuning.adalora.resolvedOrthogonality == .exact)
        #expect(
            config.tuning.adalora.importanceBeta1 == 0.85 && config.tuning.adalora.importanceBeta2 == 0.85)
        #expect(
            config.tuning.adalora.orthogonality == nil && config.tuning.adalora.orthogonalityWeight == 0.1)
        #expect(config.seed == 42 && config.threads == nil)
        #expect(config.frozenCache == .auto && config.recompute == .none)
        #expect(config.checkpointEvery == 0 && config.keepCheckpoints == 2)
        #expect(config.evaluateEvery == nil && config.earlyStopping == nil && config.bestMetric == nil)
    }

    @Test func sizesOfTheFrozenCache() throws {
        for (text, size) in [
            ("auto", RunConfig.FrozenCacheSize.auto), ("off", .off), ("500M", .bytes(500_000_000)),
            ("4096", .bytes(4_096)),
        ] {
            let config = try load(nil, smallest + [("frozen-cache", text)]).config
            #expect(config.frozenCache == size)
            #expect(try load(config.yaml(), []).config.frozenCache == size)
        }
        for text in ["none", "0", "-1", "2.5", "500MB", "true", ""] {
            #expect(throws: (any Error).self, "\(text)") {
                try load(nil, smallest + [("frozen-cache", text)])
            }
        }
        let full = Array(smallest.dropLast()) + [("method", "full"), ("frozen-cache", "off")]
        #expect(try load(nil, full).warnings.contains { $0.contains("frozen-cache") })
    }

    @Test func evaluationsOfARun() throws {
        let config = try load(nil, smallest).config
        #expect(config.evaluations(totalSteps: 30, stepsPerEpoch: 10) == 3)
        #expect(config.evaluations(totalSteps: 31, stepsPerEpoch: 10) == 4)
        let often = try load(nil, smallest + [("validation", "v"), ("evaluate-every", "4")]).config
        #expect(often.evaluations(totalSteps: 10, stepsPerEpoch: 10) == 3)
    }

    @Test func unsetValuesResolve() throws {
        let config = try load(nil, smallest).config
        #expect(config.resolvedLearningRate == 3e-3 && config.resolvedHeadLearningRate == 3e-3)
        let full = try load(nil, Array(smallest.dropLast()) + [("method", "full")]).config
        #expect(full.resolvedLearningRate == 1e-4 && full.resolvedHeadLearningRate == 1e-4)
        #expect(config.resolvedBestMetric == .accuracy && config.resolvedStride == 42)
        #expect(!config.hasValidation)
        let held = try load(nil, smallest + [("validation-fraction", "0.1")]).config
        #expect(held.hasValidation && held.effectiveSettings()["validation-fraction"] == "0.1")
        // Ids of trials are made of the effective settings: those of runs with a file stay what they were.
        let file = try load(nil, smallest + [("validation", "v")]).config
        #expect(file.hasValidation && file.effectiveSettings()["validation-fraction"] == nil)
        #expect(
            config.tuning.adalora.resolvedOrthogonality == .exact
                && config.tuning.adalora.resolvedAllocateEvery == 1)
        let costs = [Int](repeating: 769, count: 36)
        #expect(config.tuning.budget?.total(costs: costs) == 300)
        #expect(try initialRank(config, costs: costs, largest: 384) == 13)  // 1.5 · 300 / 36 = 12.5
        #expect(
            config.tuning.budget?.evenRanks(costs: costs)
                == [Int](repeating: 9, count: 12) + [Int](repeating: 8, count: 24))
        let other = try load(
            nil,
            Array(smallest.dropLast()) + [
                ("average-rank", "2.5"), ("task", "regression"), ("head-learning-rate", "0.1"),
            ]
        ).config
        #expect(other.resolvedHeadLearningRate == 0.1)
        #expect(other.resolvedBestMetric == .pearson)
        let questions = try load(nil, smallest + [("task", "question-answering"), ("max-length", "512")])
        #expect(questions.config.resolvedBestMetric == .f1 && questions.config.resolvedStride == 128)
        #expect(other.tuning.budget?.total(costs: [Int](repeating: 9, count: 35)) == 88)  // 87.5
        // 1.5 · 2.5 = 3.75 is below 8, which a matrix of rank 6 cannot have.
        #expect(try initialRank(other, costs: [Int](repeating: 9, count: 35), largest: 384) == 8)
        #expect(try initialRank(other, costs: [Int](repeating: 9, count: 35), largest: 6) == 6)
        let given = try load(nil, smallest + [("initial-rank", "20")]).config
        #expect(try initialRank(given, costs: costs, largest: 384) == 20)
        let multiple = try load(
            nil, Array(smallest.dropLast()) + [("average-rank", "2.5"), ("initial-rank", "1.5x")])
        #expect(multiple.config.tuning.adalora.initialRank == .multiple(1.5))
        #expect(try initialRank(multiple.config, costs: costs, largest: 384) == 4)  // 3.75
    }

    private func initialRank(_ config: RunConfig, costs: [Int], largest: Int) throws -> Int {
        InitialRank.rank(
            config.tuning.adalora.initialRank, budget: try #require(config.tuning.budget), costs: costs,
            largest: largest)
    }

    /// `auto` stands for a budget that a probe finds; another way to say one takes its place.
    @Test func anAdvisedBudget() throws {
        let flags = Array(smallest.dropLast())
        let auto = try load(nil, flags + [("budget", "auto")]).config
        #expect(auto.tuning.hasAdvisedBudget && auto.tuning.budget == nil)
        #expect(auto.yaml().contains("\nbudget: auto\n"))
        #expect(try load(auto.yaml()).config == auto)
        let told = try load(auto.yaml(), [("average-rank", "4")]).config
        #expect(!told.tuning.hasAdvisedBudget && told.tuning.budget == .averageRank(4))
        let found = try auto.with([("budget", "72"), ("initial-rank", "8")])
        #expect(!found.tuning.hasAdvisedBudget && found.tuning.budget == .triplets(72))
        #expect(
            found.changedSettings.map(\.key) == ["model", "train", "output", "budget", "initial-rank"])
        #expect(try load(nil, flags + [("budget", "96")]).config.changedSettings.last?.value == "96")
    }

    /// A budget in parameters pays for whole triplets: of 100 + 300 parameters a rank, 1,000 make rank 2 and leave
    /// 200, which is two more of the first matrix's triplets but one per matrix is the rule.
    @Test func budgetsInParameters() throws {
        let config = try load(nil, Array(smallest.dropLast()) + [("budget-parameters", "1k")]).config
        #expect(config.tuning.budget == .parameters(1000) && config.tuning.budget?.unit == .parameters)
        #expect(config.tuning.budget?.total(costs: [100, 300]) == 1000)
        #expect(try initialRank(config, costs: [100, 300], largest: 4) == 4)  // 1.5 · 2.5 = 3.75
        #expect(config.tuning.budget?.evenRanks(costs: [100, 300]) == [3, 2])
        for (text, value) in [
            ("300k", 300_000), ("1.2M", 1_200_000), ("0.5k", 500), ("7", 7), ("2.01k", 2010), ("8.05k", 8050),
        ] {
            let flags = Array(smallest.dropLast()) + [("budget-parameters", text)]
            #expect(try load(nil, flags).config.tuning.budget == .parameters(value))
        }
        for text in [
            "k", ".k", ".5k", "1.2.3k", "1.0001k", "-1k", "1e3k", "nank", "0k", "1kk", "1 k", "2000000000M",
        ] {
            #expect(throws: ConfigErrors.self, "\(text)") {
                try load(nil, Array(smallest.dropLast()) + [("budget-parameters", text)])
            }
        }
    }

    /// Exact triplets unless a setting asks for others: the paper's score then.
    @Test(arguments: [
        ("orthogonality", "squared", AdaLoRASettings.Orthogonality.squared),
        ("orthogonality", "none", AdaLoRASettings.Orthogonality.none),
        ("allocator", "exchange", .squared), ("allocator", "fixed", .squared),
        ("importance-weights", "peft", .squared),
    ])
    func settingsThatRuleOutExactTriplets(key: String, value: String, form: AdaLoRASettings.Orthogonality)
        throws
    {
        let config = try load(nil, smallest + [(key, value)]).config
        #expect(
            config.tuning.adalora.resolvedImportance == .sensitivity
                && config.tuning.adalora.resolvedOrthogonality == form)
        let exact = try load(nil, smallest + [("orthogonality", "exact")]).config
        #expect(exact.tuning.adalora.resolvedImportance == .spectralSensitivity)
    }

    /// What the importance and the allocator imply where nothing is said.
    @Test(arguments: ["singular-value", "spectral-sensitivity"]) func exactImportance(name: String) throws {
        let config = try load(nil, smallest + [("importance", name)]).config
        #expect(config.tuning.adalora.resolvedOrthogonality == .exact)
        #expect(throws: ConfigErrors.self) {
            try load(nil, smallest + [("importance", name), ("orthogonality", "squared")])
        }
        #expect(throws: ConfigErrors.self) {
            try load(
                nil, smallest + [("importance", "spectral-sensitivity"), ("importance-weights", "peft")])
        }
        let exchange = try load(nil, smallest + [("allocator", "exchange")]).config
        #expect(exchange.tuning.adalora.resolvedAllocateEvery == 20)
        #expect(exchange.tuning.adalora.resolvedHistoryEvery(allocations: 900) == 1)
        #expect(exchange.tuning.adalora.resolvedHistoryEvery(allocations: 100_000) == 100)
    }

    @Test func settingsDescribeEveryKeyOnce() throws {
        let settings = RunConfig.settings
        #expect(settings.count == 90)
        #expect(Set(settings.map(\.key)).count == settings.count)
        for setting in settings {
            #expect(!setting.help.isEmpty && !setting.help.contains("\n") && !setting.help.hasSuffix("."))
            #expect(!setting.defaultText.isEmpty)
        }
        let byKey = Dictionary(uniqueKeysWithValues: settings.map { ($0.key, $0) })
        #expect(byKey["model"]?.defaultText == "required")
        #expect(byKey["gradient-clip"]?.defaultText == "1")
        #expect(byKey["batch-size"]?.defaultText == "32, or 16 up to 999 rows")
        #expect(byKey["threads"]?.defaultText == "all cores")
        #expect(byKey["epochs"]?.defaultText == "3, or as many as make 300 steps")
        let help = try #require(byKey["method"]?.help)
        #expect(
            help.hasSuffix(
                "): adalora, lora, dora, adadora, bottleneck, prefix, prompt, ia3, bitfit, norms, head or full"
            ))
        // As VectorRunTests and DoRARunTests count them.
        for size in [
            "adalora r(O + I + 1)", "lora r(O + I)", "dora r(O + I) + O", "adadora r(O + I + 1) + O",
            "ia3 O, or I of",
            "bitfit O with a bias and one for each column of a norm", "norms two for each column",
        ] {
            #expect(help.contains(size), "\(help)")
        }
        #expect(
            byKey["method"]?.choices == [
                "adalora", "lora", "dora", "adadora", "bottleneck", "prefix", "prompt", "ia3", "bitfit",
                "norms", "head",
                "full",
            ])
    }

    /// Saying a default is the same as not saying it: the texts for people are values too.
    @Test func saidDefaultsChangeNothing() throws {
        let expected = try load(nil, smallest)
        let said: Flags = RunConfig.settings.filter { $0.defaultText.first.map { $0.isNumber } ?? false }
            .filter {
                !["initial-rank", "head-learning-rate", "epochs", "batch-size", "max-length"].contains($0.key)
            }
            .map { ($0.key, $0.defaultText) }
        #expect(said.count >= 20)
        #expect(try load(nil, smallest + said) == expected)
    }
}
