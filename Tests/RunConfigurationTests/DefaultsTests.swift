import RunConfiguration
import Testing

@Suite struct DefaultsTests {
    /// The numbers are the documented ones, so that a changed default is a decision and not an accident.
    @Test func defaults() throws {
        let loaded = try load(nil, smallest)
        let config = loaded.config
        #expect(loaded.warnings.isEmpty)
        #expect(config.model == "m" && config.train == "t.csv" && config.output == "o")
        #expect(config.validation == nil && config.textColumns == nil && config.labelColumn == nil)
        #expect(config.task == .classification && config.method == .adalora)
        #expect(config.budget == 300 && config.averageRank == nil && config.initialRank == nil)
        #expect(config.targets == [.query, .key, .value, .attentionOutput, .intermediate, .output])
        #expect(config.scale == 1 && config.adapterDropout == 0 && config.headDropout == 0.1)
        #expect(config.pooling == .pooler && config.initialization == .orthonormal)
        #expect(config.learningRate == 3e-3 && config.headLearningRate == nil && config.weightDecay == 0)
        #expect(config.beta1 == 0.9 && config.beta2 == 0.999 && config.adamEpsilon == 1e-8)
        #expect(config.gradientClip == 1 && config.learningRateSchedule == .linear)
        #expect(config.learningRateWarmup == 0.06 && config.epochs == 3 && config.steps == nil)
        #expect(config.batchSize == 32 && config.accumulate == 1 && config.maxLength == 128)
        #expect(config.longRows == .truncate)
        #expect(config.warmupFraction == 0.1 && config.finalFraction == 0.4 && config.allocateEvery == 1)
        #expect(config.importance == .sensitivity && config.importanceWeights == .paper)
        #expect(config.importanceBeta1 == 0.85 && config.importanceBeta2 == 0.85)
        #expect(config.orthogonality == .squared && config.orthogonalityWeight == 0.1)
        #expect(config.seed == 42 && config.threads == nil)
        #expect(config.checkpointEvery == 0 && config.keepCheckpoints == 2)
        #expect(config.evaluateEvery == nil && config.earlyStopping == nil && config.bestMetric == nil)
    }

    @Test func unsetValuesResolve() throws {
        let config = try load(nil, smallest).config
        #expect(config.resolvedHeadLearningRate == 3e-3)
        #expect(config.resolvedBestMetric == .accuracy)
        #expect(config.totalBudget(matrices: 36) == 300)
        #expect(config.initialRank(matrices: 36) == 13)  // 1.5 · 300 / 36 = 12.5
        let other = try load(
            nil,
            Array(smallest.dropLast()) + [
                ("average-rank", "2.5"), ("task", "regression"), ("head-learning-rate", "0.1"),
            ]
        ).config
        #expect(other.resolvedHeadLearningRate == 0.1)
        #expect(other.resolvedBestMetric == .pearson)
        #expect(other.totalBudget(matrices: 35) == 88)  // 87.5
        #expect(other.initialRank(matrices: 35) == 4)  // 3.75
        let given = try load(nil, smallest + [("initial-rank", "20")]).config
        #expect(given.initialRank(matrices: 36) == 20)
    }

    @Test func settingsDescribeEveryKeyOnce() throws {
        let settings = RunConfig.settings
        #expect(settings.count == 48)
        #expect(Set(settings.map(\.key)).count == settings.count)
        for setting in settings {
            #expect(!setting.help.isEmpty && !setting.help.contains("\n") && !setting.help.hasSuffix("."))
            #expect(!setting.defaultText.isEmpty)
        }
        let byKey = Dictionary(uniqueKeysWithValues: settings.map { ($0.key, $0) })
        #expect(byKey["model"]?.defaultText == "required")
        #expect(byKey["learning-rate"]?.defaultText == "0.003")
        #expect(byKey["head-learning-rate"]?.defaultText == "the learning rate")
        #expect(byKey["threads"]?.defaultText == "all cores")
        #expect(byKey["epochs"]?.defaultText == "3")
        #expect(byKey["method"]?.help == "What trains: adalora, lora or head")
        #expect(byKey["method"]?.choices == ["adalora", "lora", "head"])
    }

    /// Saying a default is the same as not saying it: the texts for people are values too.
    @Test func saidDefaultsChangeNothing() throws {
        let expected = try load(nil, smallest)
        let said: Flags = RunConfig.settings.filter { $0.defaultText.first.map { $0.isNumber } ?? false }
            .filter { $0.key != "initial-rank" }
            .map { ($0.key, $0.defaultText) }
        #expect(said.count > 20)
        #expect(try load(nil, smallest + said) == expected)
    }
}
