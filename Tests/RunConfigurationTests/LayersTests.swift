import Adapters
import RunConfiguration
import Testing
import Transformers

@Suite struct LayersTests {
    @Test func flagsOverrideTheFile() throws {
        let file = smallestFile + "learning-rate: 1e-4\nseed: 7\n"
        let config = try load(file, [("learning-rate", "2E-2"), ("output", "elsewhere")]).config
        #expect(config.learningRate == 0.02)
        #expect(config.output == "elsewhere")
        #expect(config.seed == 7)
        #expect(config.model == "m")
    }

    @Test func effectiveSettingsAreResolvedAndWithoutIdleOnes() throws {
        let exact = try load(nil, smallest + [("importance", "singular-value")]).config.effectiveSettings()
        #expect(exact["orthogonality"] == "exact")
        #expect(exact["allocate-every"] == "1")
        #expect(exact["learning-rate"] == "0.003" && exact["head-learning-rate"] == "0.01 on one matrix")
        #expect(exact["orthogonality-weight"] == nil, "idle with exact triplets")
        #expect(exact["initial-rank"] == "max(1.5x, 8)")
        let lora = try load(nil, smallest + [("method", "lora")]).config.effectiveSettings()
        #expect(lora["importance"] == nil && lora["targets"] != nil)
        let written = try load(nil, smallest + [("method", "lora"), ("learning-rate", "3e-3")]).config
        #expect(written.effectiveSettings() == lora)
    }

    @Test func aFlagReplacesTheOtherKeyOfAPair() throws {
        let loaded = try load(smallestFile + "epochs: 5\n", [("steps", "100"), ("average-rank", "4")])
        #expect(loaded.config.steps == 100 && loaded.config.epochs == nil)
        #expect(loaded.config.tuning.budget == .averageRank(4))
        #expect(
            loaded.warnings == [
                "--average-rank: replaces a value of the file (run.yaml:4: budget)",
                "--steps: replaces a value of the file (run.yaml:5: epochs)",
            ])
        let back = try load(smallestFile + "steps: 5\n", [("epochs", "0.5")]).config
        #expect(back.epochs == 0.5 && back.steps == nil)
    }

    @Test func stepsReplaceTheDefaultEpochs() throws {
        let loaded = try load(smallestFile + "steps: 10\n")
        #expect(loaded.config.steps == 10 && loaded.config.epochs == nil)
        #expect(loaded.warnings.isEmpty)
    }

    @Test func nullUnsetsAnOptionalSetting() throws {
        let config = try load(smallestFile + "validation: null\nthreads: ~\nsteps: null\n").config
        #expect(config.validation == nil && config.threads == nil)
        #expect(config.epochs == nil && config.steps == nil)
    }

    @Test func methodHeadNeedsNoBudget() throws {
        let loaded = try load(nil, Array(smallest.dropLast()) + [("method", "head")])
        #expect(loaded.config.tuning.budget == nil && loaded.warnings.isEmpty)
    }

    @Test(arguments: ["", "# nothing\n", "---\n", "{}"])
    func anEmptyFileGivesNothing(text: String) throws {
        #expect(try load(text, smallest) == load(nil, smallest))
    }

    @Test(arguments: [
        ("targets: [output, query]", [LinearSite.Role.query, .output]),
        ("targets: query, attention-output", [.query, .attentionOutput]),
        ("targets:\n- key\n- value\n", [.key, .value]),
        ("targets: 'intermediate'", [.intermediate]),
    ])
    func listsAndCommas(line: String, roles: [LinearSite.Role]) throws {
        #expect(try load(smallestFile + line).config.tuning.targets == .named(roles))
    }

    @Test func textsAreKeptAsWritten() throws {
        let file = """
            model: "/m o/é"
            train: 2024
            output: yes
            validation: 'it''s * & #'
            text-column: [first, "a, b"]
            label-column: |-
              class
            budget: 300
            """
        let config = try load(file).config
        #expect(config.model == "/m o/é" && config.train == "2024" && config.output == "yes")
        #expect(config.validation == "it's * & #")
        #expect(config.textColumns == ["first", "a, b"])
        #expect(config.labelColumn == "class")
        #expect(try load(nil, smallest + [("text-column", "a , b")]).config.textColumns == ["a", "b"])
    }

    @Test func numbersAreReadInPlainForms() throws {
        for (text, value) in [("1e-3", 1e-3), ("0.5", 0.5), (".5", 0.5), ("+2", 2), ("1E+2", 100)] {
            #expect(try load(nil, smallest + [("learning-rate", text)]).config.learningRate == value)
            #expect(try load(smallestFile + "learning-rate: \(text)").config.learningRate == value)
        }
        let seed = String(UInt64.max)
        #expect(try load(nil, smallest + [("seed", seed)]).config.seed == UInt64.max)
    }

    @Test func settingsWithoutEffectAreWarnedOf() throws {
        let lora = try load(smallestFile + "method: lora\nallocate-every: 5\ninitial-rank: 9\nscale: 2\n")
        #expect(
            lora.warnings == [
                "run.yaml:7: initial-rank: no effect with method lora; remove it",
                "run.yaml:6: allocate-every: no effect with method lora; remove it",
            ])
        let head = try load(nil, smallest + [("method", "head"), ("adapter-dropout", "0.1")])
        #expect(
            head.warnings == [
                "--budget: no effect with method head; remove it",
                "--adapter-dropout: no effect with method head; remove it",
            ])
        let start = try load(nil, smallest + [("lora-start", "pissa")])
        #expect(start.warnings == ["--lora-start: no effect with method adalora; remove it"])
        let rest = try load(
            nil,
            smallest + [("evaluate-every", "5"), ("orthogonality", "none"), ("orthogonality-weight", "1")])
        #expect(
            rest.warnings == [
                "--orthogonality-weight: no effect with orthogonality none; remove it",
                "--evaluate-every: no effect without validation; remove it",
            ])
    }

    /// Only language models speak; what they are asked makes evaluations of its own, what they forget needs others'.
    @Test func promptsAndForgetting() throws {
        let other = try load(nil, smallest + [("samples", "p.jsonl"), ("forgetting", "t.txt")])
        #expect(
            other.warnings == [
                "--samples: no effect with task classification; remove it",
                "--forgetting: no effect with task classification; remove it",
            ])
        #expect(other.config.usedSamples == nil && other.config.usedForgetting == nil)
        let speaking = try load(
            nil, smallest + [("task", "causal-lm"), ("samples", "p.jsonl"), ("evaluate-every", "5")])
        #expect(speaking.warnings.isEmpty && speaking.config.usedSamples == "p.jsonl")
        let error = #expect(throws: ConfigErrors.self) {
            try load(nil, smallest + [("task", "causal-lm"), ("forgetting", "t.txt")])
        }
        #expect(
            error?.problems.count == 1
                && error?.problems[0].contains("--forgetting: needs validation data") == true)
        let measured = try load(
            nil, smallest + [("task", "causal-lm"), ("forgetting", "t.txt"), ("validation", "v")])
        #expect(measured.warnings.isEmpty && measured.config.usedForgetting == "t.txt")
    }

    /// Fractions are only a rule for the method that reads them.
    @Test func fractionsOfAnUnusedAllocatorAreNotAnError() throws {
        let loaded = try load(nil, smallest + [("method", "lora"), ("warmup-fraction", "0.9")])
        #expect(loaded.warnings.count == 1)
    }

    @Test func differencesNameBothValues() throws {
        let before = try load(nil, smallest).config
        let now = try load(
            nil, smallest + [("gradient-clip", "0.5"), ("steps", "9"), ("validation", "v w")]
        ).config
        #expect(
            now.differences(from: before) == [
                "validation: none in the run, \"v w\" now",
                "gradient-clip: 1 in the run, 0.5 now",
                "steps: none in the run, 9 now",
            ])
        #expect(now.differences(from: now).isEmpty)
    }
}
