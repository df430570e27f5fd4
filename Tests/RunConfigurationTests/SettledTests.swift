import RunConfiguration
import Testing
import Transformers

/// What a run's model and rows make of settings that nobody gave.
@Suite struct SettledTests {
    private func facts(
        _ rows: Int, _ pooling: Pooling = .mean, hasOneMatrix: Bool = true, isDecoder: Bool = true,
        longestSequence: Int = 512
    )
        -> SettlingFacts
    {
        SettlingFacts(
            trainingRows: rows, pooling: pooling, hasOneMatrix: hasOneMatrix, isDecoder: isDecoder,
            longestSequence: longestSequence)
    }

    /// 300 steps at least and 3 passes at least; batches of 16 below 1,000 rows.
    @Test func lengthFollowsTheRows() throws {
        let config = try load(nil, smallest).config
        for (rows, batch, epochs, steps) in [
            (1, 16, 300.0, 300), (100, 16, 43, 301), (300, 16, 16, 304), (999, 16, 5, 315),
            (1000, 32, 10, 320), (3200, 32, 3, 300), (20_000, 32, 3, 1875),
        ] {
            let settled = config.settled(by: facts(rows))
            #expect(settled.batchSize == batch && settled.epochs == epochs && settled.steps == nil, "\(rows)")
            #expect(settled.totalSteps(stepsPerEpoch: (rows + batch - 1) / batch) == steps, "\(rows)")
        }
        let accumulated = try load(nil, smallest + [("accumulate", "4")]).config.settled(by: facts(640))
        #expect(accumulated.epochs == 30)  // 10 steps an epoch
    }

    /// An evaluation each epoch would take longer than the training where epochs are many and short.
    @Test func evaluationsFollowTheEpochs() throws {
        let validated = try load(nil, smallest + [("validation", "v")]).config
        #expect(validated.settled(by: facts(100)).evaluateEvery == 21)  // 43 epochs of 7 steps: each third
        #expect(validated.settled(by: facts(1000)).evaluateEvery == nil)
        #expect(try load(nil, smallest).config.settled(by: facts(100)).evaluateEvery == nil)
        let given = try load(nil, smallest + [("validation", "v"), ("evaluate-every", "5")]).config
        #expect(given.settled(by: facts(100)).evaluateEvery == 5)
        let epochs = try load(nil, smallest + [("validation", "v"), ("epochs", "40")]).config
        #expect(epochs.settled(by: facts(100)).evaluateEvery == nil)
    }

    @Test func whatIsGivenStays() throws {
        let flags = [
            ("pooling", "first"), ("batch-size", "8"), ("steps", "20"), ("head-learning-rate", "0.5"),
            ("triplet-steps", "plain"), ("max-length", "64"), ("precision", "bf16"),
            ("shared-prefix", "off"),
        ]
        let given = try load(nil, smallest + flags).config
        #expect(given.settled(by: facts(100)) == given)
        #expect(given.settled(by: facts(100)).choices(since: given).isEmpty)
        // Settling again changes nothing: so does going on with the resolved copy.
        let settled = try load(nil, smallest).config.settled(by: facts(300))
        #expect(settled.settled(by: facts(5000, .pooler)) == settled)
        #expect(try load(settled.yaml()).config == settled)
        // What is left open is no difference from a run that it was settled in.
        let open = try load(nil, smallest).config
        #expect(settled.precision == .float32 && open.precision == .auto && open.usedPrecision == .float32)
        #expect(open.differences(from: settled, except: open.leftOpen).isEmpty)
        #expect(settled.leftOpen == ["evaluate-every"] && given.leftOpen == ["epochs", "evaluate-every"])
    }

    /// Of a model of few positions rows are no longer than those, told; a given length is never changed.
    @Test func rowsAreNoLongerThanTheModelReads() throws {
        let open = try load(nil, smallest).config
        let short = open.settled(by: facts(300, longestSequence: 48))
        #expect(short.maxLength == 48)
        #expect(short.choices(since: open).first { $0.key == "max-length" }?.value == "48")
        let long = open.settled(by: facts(300, longestSequence: 2048))
        #expect(long.maxLength == 128 && !long.choices(since: open).contains { $0.key == "max-length" })
        let given = try load(nil, smallest + [("max-length", "64")]).config
        #expect(given.fitting(longestSequence: 48).maxLength == 64)
        let windows = try load(
            nil, smallest + [("task", "question-answering"), ("stride", "60")]
        ).config
        #expect(!windows.hasIdleStride && windows.fitting(longestSequence: 96).hasIdleStride)
    }

    @Test func theHeadsRate() throws {
        func rate(_ flags: [(String, String)], hasOneMatrix: Bool = true) throws -> Double? {
            let base =
                flags.contains { $0.0 == "method" && $0.1 != "lora" } ? Array(smallest.dropLast()) : smallest
            return try load(nil, base + flags).config.settled(by: facts(300, hasOneMatrix: hasOneMatrix))
                .headLearningRate
        }
        #expect(try rate([]) == 1e-2)
        #expect(try rate([("learning-rate", "0.001")]) == 1e-2)
        #expect(try rate([("method", "lora"), ("budget", "36")].prefix(1).map { $0 }) == 1e-2)
        #expect(try rate([], hasOneMatrix: false) == 3e-3)
        #expect(try rate([("learning-rate", "0.001")], hasOneMatrix: false) == 1e-3)
        #expect(try rate([("method", "full")]) == 1e-4)
        #expect(try rate([("method", "head")]) == 1e-2)
        #expect(try rate([("method", "head")], hasOneMatrix: false) == 3e-3)
        #expect(try rate([("method", "head"), ("learning-rate", "0.02")]) == 0.02)
    }

    @Test func poolingIsForTasksThatPool() throws {
        let config = try load(nil, smallest).config
        #expect(config.settled(by: facts(300)).pooling == .mean)
        #expect(config.settled(by: facts(300, .pooler)).pooling == .pooler)
        let tags = try load(nil, smallest + [("task", "token-classification")]).config
        #expect(tags.settled(by: facts(300)).pooling == nil)
        #expect(
            config.settled(by: facts(300)).choices(since: config).map { "\($0.key) \($0.value)" } == [
                "pooling mean", "head-learning-rate 0.01", "epochs 16", "batch-size 16",
            ])
    }

    /// A run of a version before these rules recorded no rate of the head: it was the learning rate.
    @Test func recordsOfBefore() throws {
        let old = try load(nil, smallest + [("pooling", "pooler"), ("epochs", "3"), ("batch-size", "32")])
            .config
        #expect(old.resolvedHeadLearningRate == 3e-3 && old.resolvedPooling == .pooler)
        #expect(old.recordedSettings()["head-learning-rate"] == "0.003")
        // Its resolved copy gives the pooling of tasks that have none: no reason to warn.
        let tags = try load(nil, smallest + [("task", "token-classification"), ("pooling", "pooler")])
        #expect(tags.warnings.isEmpty)
    }

    /// Trials are known by the rule where a plan leaves it to the rows.
    @Test func rulesTellTrialsApart() throws {
        let settings = try load(nil, smallest).config.effectiveSettings()
        #expect(settings["pooling"] == "the model's" && settings["epochs"] == "max(3, 300 steps)")
        #expect(settings["batch-size"] == "16 up to 999 rows, 32")
        #expect(settings["head-learning-rate"] == "0.01 on one matrix")
        let steps = try load(nil, smallest + [("steps", "10")]).config.effectiveSettings()
        #expect(steps["epochs"] == "none" && steps["steps"] == "10")
    }
}
