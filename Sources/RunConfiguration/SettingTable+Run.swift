import Datasets
import Settings

extension SettingTable {
    static let run = [
        Setting<RunConfig>(
            "seed", "Seed of data order, initial weights and dropout",
            set: { $0.seed = try $1.seed() }, get: { String($0.seed) }),
        Setting(
            "threads", "Worker threads", unset: "all cores",
            set: { $0.threads = try $1.orNone { try $0.wholeNumber(1...4096) } },
            get: { $0.threads.map { String($0) } }),
        Setting(
            "recompute",
            "What is computed again to save memory: weights lays frozen ones out for each product, so that next to nothing of a "
                + "Float32 base stays in memory; layers for the backward pass; each takes a quarter to a half more time; all is both, "
                + "for nearly twice the time",
            choices: RunConfig.Recompute.allCases.map(\.rawValue),
            idle: {
                $0.tuning.method.trainsBackbone && $0.recompute == .weights
                    ? "with method \($0.tuning.method.name), which trains them" : nil
            },
            set: { $0.recompute = try $1.choice() }, get: { $0.recompute.rawValue }),
        Setting(
            "precision",
            "Products with frozen weights: auto is float32; bf16 is nearly twice as fast where the CPU has AVX512-BF16 and slower "
                + "elsewhere, with other rounding",
            choices: RunConfig.Precision.allCases.map(\.rawValue),
            idle: {
                $0.tuning.method.trainsBackbone && $0.precision == .bf16
                    ? "with method \($0.tuning.method.name)" : nil
            },
            set: { $0.precision = try $1.choice() }, get: { $0.precision.rawValue }),
        Setting(
            "shared-prefix",
            "Whether a decoder computes once what the rows of a step begin with alike, such as a system prompt, to rounding the "
                + "same; each row by itself while adapter-dropout is above 0, and behind a learned prefix of the input",
            choices: RunConfig.SharedPrefix.allCases.map(\.rawValue), unset: "auto for decoders",
            set: { $0.sharedPrefix = try $1.orNone { try $0.choice() } },
            get: { $0.sharedPrefix?.rawValue }),
        Setting(
            "frozen-cache",
            "Memory for what layers without anything to learn make of the rows, which later epochs and evaluations read again: auto "
                + "(half of what is left), off, or bytes (500M)",
            idle: { $0.tuning.method.trainsBackbone ? "with method \($0.tuning.method.name)" : nil },
            set: { $0.frozenCache = try frozenCache($1) },
            get: { config in
                switch config.frozenCache {
                case .auto: SettingText.text("auto")
                case .off: SettingText.text("off")
                case .bytes(let bytes): String(bytes)
                }
            }),
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
            idle: { $0.hasValidation || $0.usedSamples != nil ? nil : "without validation" },
            set: { $0.evaluateEvery = try $1.orNone { try $0.wholeNumber(1...1_000_000_000) } },
            get: { $0.evaluateEvery.map { String($0) } }),
        Setting(
            "samples",
            "File of prompts that a language model answers greedily at the start and at each evaluation, the base model beside the "
                + "tuned one; rows as of adalora generate, the first 16",
            idle: unlessTaskReads("samples"),
            set: { $0.samples = try $1.orNone { try $0.text() } },
            get: { $0.samples.map(SettingText.text) }),
        Setting(
            "forgetting",
            "File of text that tells at each evaluation how far a language model moves from the base model: loss, KL divergence, "
                + "share of tokens with the same most probable word; plain .txt or rows of text, the first 4,096 tokens",
            idle: unlessTaskReads("forgetting"),
            set: { $0.forgetting = try $1.orNone { try $0.text() } },
            get: { $0.forgetting.map(SettingText.text) }),
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

    private static func frozenCache(_ value: SettingValue) throws -> RunConfig.FrozenCacheSize {
        switch try value.text() {
        case "auto": return .auto
        case "off": return .off
        case let text where text.first?.isNumber ?? false:
            return .bytes(try value.largeNumber(1...1_000_000_000_000_000))
        case let text:
            throw ValueProblem("\(quoted(text)) is no size", "use auto, off, or bytes such as 500M")
        }
    }

    /// A path that every run must give is empty until it is given.
    static func path(_ value: String) -> String? { value.isEmpty ? nil : SettingText.text(value) }

    /// For keys that not every task reads.
    static func unlessTaskReads(_ key: String) -> @Sendable (RunConfig) -> String? {
        { $0.task.reads(key) ? nil : "with task \($0.task.rawValue)" }
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
        switch value.content {
        case .text(let text), .quotedText(let text):
            if let delimiter = RunConfig.Delimiter(text) { return delimiter }
        default: break
        }
        return try value.choice()
    }
}
