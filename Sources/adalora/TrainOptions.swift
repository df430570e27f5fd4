import ArgumentParser
import Foundation
import ModelFiles
import RunConfiguration

// One property a setting; keys, help and defaults come from the table of settings. Values stay text here: the
// configuration reads flags and file alike and lists all problems at once.

/// Help of a setting, from the one table.
private func help(_ key: String) -> ArgumentHelp {
    guard let setting = RunConfig.settings.first(where: { $0.key == key }) else {
        preconditionFailure("--\(key) is no row of the table of settings")
    }
    let name = setting.choices.isEmpty ? "value" : "name"
    return ArgumentHelp("\(setting.help) (default: \(setting.defaultText)).", valueName: name)
}

/// The names that a setting may have, for shells that complete them.
private func choices(_ key: String) -> CompletionKind? {
    RunConfig.settings.first { $0.key == key }.map { .list($0.choices) }
}

/// The flags of a group that were given.
protocol SettingFlags {
    var flags: [(key: String, value: String?)] { get }
}

/// Everything that decides what a run does, from a YAML file and flags.
struct TrainFlags: ParsableArguments {
    @Option(
        help:
            "The pretrained model: a folder (config.json, model.safetensors, tokenizer files) or a GGUF file.",
        completion: .file())
    var model: String?
    @Option(name: .customLong("base-format"), help: help("base-format"), completion: choices("base-format"))
    var baseFormat: String?
    @Option(help: "Training rows.", completion: .file()) var train: String?
    @Option(help: "Validation rows: evaluated each epoch, the best adapter is kept.", completion: .file())
    var validation: String?
    @Option(name: .customLong("validation-fraction"), help: help("validation-fraction"))
    var validationFraction: String?
    @Option(help: "Run folder to create.", completion: .directory) var output: String?
    @Option(
        help: "YAML file of settings; flags override it.", completion: .file(extensions: ["yaml", "yml"]))
    var config: String?

    @OptionGroup(title: "Adapters and budget") var adapters: AdapterOptions
    @OptionGroup(title: "Rank allocation") var allocation: AllocationOptions
    @OptionGroup(title: "Optimizer") var optimizer: OptimizerOptions
    @OptionGroup(title: "Data") var data: DataOptions
    @OptionGroup(title: "Labels") var labels: LabelOptions
    @OptionGroup(title: "Images") var images: ImageOptions
    @OptionGroup(title: "Run") var runOptions: RunOptions

    /// Those that were given.
    var flags: [(key: String, value: String)] {
        let paths: [(key: String, value: String?)] = [
            ("model", model), ("base-format", baseFormat), ("train", train), ("validation", validation),
            ("validation-fraction", validationFraction), ("output", output),
        ]
        let groups: [any SettingFlags] = [
            adapters, allocation, optimizer, data, labels, images, runOptions,
        ]
        return (paths + groups.flatMap(\.flags)).compactMap { flag in flag.value.map { (flag.key, $0) } }
    }

    /// - Parameter writes: without it the run folder need not be named.
    func load(writes: Bool = true) throws -> LoadedConfig {
        let yaml = try config.map { try Self.text(of: $0) }
        let more = writes || output != nil ? [] : [(key: "output", value: "none")]
        return try RunConfig.load(yaml: yaml, yamlName: config ?? "", overrides: flags + more)
    }

    static func text(of path: String) throws -> String {
        guard FileManager.default.fileExists(atPath: path) else {
            throw ModelFileError(
                kind: .missing, file: path, problem: "the file does not exist", advice: "check the path")
        }
        return try FileBytes.text(
            URL(fileURLWithPath: path), byteLimit: RunConfig.largestFile,
            advice: "give a YAML file of settings")
    }
}

struct BaseOptions: ParsableArguments, SettingFlags {
    @Option(name: .customLong("base-format"), help: help("base-format"), completion: choices("base-format"))
    var baseFormat: String?

    var flags: [(key: String, value: String?)] { [("base-format", baseFormat)] }
}

struct DataOptions: ParsableArguments, SettingFlags {
    @Option(name: .customLong("task"), help: help("task"), completion: choices("task")) var task: String?
    @Option(name: .customLong("text-column"), help: help("text-column")) var textColumn: String?
    @Option(name: .customLong("label-column"), help: help("label-column")) var labelColumn: String?
    @Option(name: .customLong("label-separator"), help: help("label-separator")) var labelSeparator: String?
    @Option(name: .customLong("delimiter"), help: help("delimiter"), completion: choices("delimiter"))
    var delimiter: String?
    @Option(name: .customLong("max-length"), help: help("max-length")) var maxLength: String?
    @Option(name: .customLong("stride"), help: help("stride")) var stride: String?
    @Option(name: .customLong("long-rows"), help: help("long-rows"), completion: choices("long-rows"))
    var longRows: String?
    @Option(name: .customLong("train-on"), help: help("train-on"), completion: choices("train-on"))
    var trainOn: String?
    @Option(name: .customLong("chat-template"), help: help("chat-template"), completion: .file())
    var chatTemplate: String?

    var flags: [(key: String, value: String?)] {
        [
            ("task", task), ("text-column", textColumn), ("label-column", labelColumn),
            ("label-separator", labelSeparator), ("delimiter", delimiter), ("max-length", maxLength),
            ("stride", stride), ("long-rows", longRows), ("train-on", trainOn),
            ("chat-template", chatTemplate),
        ]
    }
}

/// How rows are read, for commands that make no sequences of them.
struct RowOptions: ParsableArguments, SettingFlags {
    @Option(name: .customLong("task"), help: help("task")) var task: String?
    @Option(name: .customLong("text-column"), help: help("text-column")) var textColumn: String?
    @Option(name: .customLong("label-column"), help: help("label-column")) var labelColumn: String?
    @Option(name: .customLong("label-separator"), help: help("label-separator")) var labelSeparator: String?
    @Option(name: .customLong("delimiter"), help: help("delimiter")) var delimiter: String?

    var flags: [(key: String, value: String?)] {
        [
            ("task", task), ("text-column", textColumn), ("label-column", labelColumn),
            ("label-separator", labelSeparator), ("delimiter", delimiter),
        ]
    }
}

struct LabelOptions: ParsableArguments, SettingFlags {
    @Option(name: .customLong("label-names"), help: help("label-names"), completion: .file()) var labelNames:
        String?

    var flags: [(key: String, value: String?)] { [("label-names", labelNames)] }
}

struct ImageOptions: ParsableArguments, SettingFlags {
    @Option(name: .customLong("image-flip"), help: help("image-flip"), completion: choices("image-flip"))
    var imageFlip: String?
    @Option(name: .customLong("image-crop"), help: help("image-crop")) var imageCrop: String?

    var flags: [(key: String, value: String?)] { [("image-flip", imageFlip), ("image-crop", imageCrop)] }
}

struct AdapterOptions: ParsableArguments, SettingFlags {
    @Option(name: .customLong("method"), help: help("method"), completion: choices("method")) var method:
        String?
    @Option(name: .customLong("from-adapter"), help: help("from-adapter"), completion: .file())
    var fromAdapter: String?
    @Option(name: .customLong("head-start"), help: help("head-start"), completion: choices("head-start"))
    var headStart: String?
    @Option(name: .customLong("budget"), help: help("budget")) var budget: String?
    @Option(name: .customLong("average-rank"), help: help("average-rank")) var averageRank: String?
    @Option(name: .customLong("budget-parameters"), help: help("budget-parameters")) var budgetParameters:
        String?
    @Option(name: .customLong("rank-pattern"), help: help("rank-pattern"), completion: .file())
    var rankPattern: String?
    @Option(name: .customLong("initial-rank"), help: help("initial-rank")) var initialRank: String?
    @Option(name: .customLong("targets"), help: help("targets"), completion: choices("targets")) var targets:
        String?
    @Option(name: .customLong("scale"), help: help("scale")) var scale: String?
    @Option(name: .customLong("adapter-dropout"), help: help("adapter-dropout")) var adapterDropout: String?
    @Option(
        name: .customLong("bottleneck-kind"), help: help("bottleneck-kind"),
        completion: choices("bottleneck-kind"))
    var bottleneckKind: String?
    @Option(name: .customLong("bottleneck-width"), help: help("bottleneck-width")) var bottleneckWidth:
        String?
    @Option(name: .customLong("reduction-factor"), help: help("reduction-factor")) var reductionFactor:
        String?
    @Option(name: .customLong("bottleneck-scaling"), help: help("bottleneck-scaling")) var bottleneckScaling:
        String?
    @Option(name: .customLong("virtual-tokens"), help: help("virtual-tokens")) var virtualTokens: String?
    @Option(name: .customLong("prefix-init"), help: help("prefix-init"), completion: choices("prefix-init"))
    var prefixInit: String?
    @Option(name: .customLong("prompt-init"), help: help("prompt-init"), completion: choices("prompt-init"))
    var promptInit: String?
    @Option(name: .customLong("prompt-text"), help: help("prompt-text")) var promptText: String?
    @Option(name: .customLong("bias"), help: help("bias"), completion: choices("bias")) var bias: String?
    @Option(name: .customLong("bias-roles"), help: help("bias-roles"), completion: choices("bias-roles"))
    var biasRoles: String?
    @Option(name: .customLong("bias-layers"), help: help("bias-layers")) var biasLayers: String?
    @Option(name: .customLong("head-dropout"), help: help("head-dropout")) var headDropout: String?
    @Option(name: .customLong("pooling"), help: help("pooling"), completion: choices("pooling")) var pooling:
        String?
    @Option(
        name: .customLong("rank-scaling"), help: help("rank-scaling"), completion: choices("rank-scaling"))
    var rankScaling: String?
    @Option(name: .customLong("lora-plus-ratio"), help: help("lora-plus-ratio")) var loraPlusRatio: String?
    @Option(name: .customLong("lora-start"), help: help("lora-start"), completion: choices("lora-start"))
    var loraStart: String?
    @Option(help: help("adapter-optimizer"), completion: choices("adapter-optimizer"))
    var adapterOptimizer: String?
    @Option(name: .customLong("freeze-a"), help: help("freeze-a"), completion: choices("freeze-a"))
    var freezeA: String?
    @Option(name: .customLong("initialize"), help: help("initialize"), completion: choices("initialize"))
    var initialize: String?
    @Option(name: .customLong("activation-batches"), help: help("activation-batches"))
    var activationBatches: String?

    var flags: [(key: String, value: String?)] {
        [
            ("method", method), ("from-adapter", fromAdapter), ("head-start", headStart), ("budget", budget),
            ("average-rank", averageRank),
            ("budget-parameters", budgetParameters), ("rank-pattern", rankPattern),
            ("initial-rank", initialRank), ("targets", targets), ("scale", scale),
            ("adapter-dropout", adapterDropout), ("bias", bias), ("bias-roles", biasRoles),
            ("bias-layers", biasLayers), ("bottleneck-kind", bottleneckKind),
            ("bottleneck-width", bottleneckWidth), ("reduction-factor", reductionFactor),
            ("bottleneck-scaling", bottleneckScaling), ("virtual-tokens", virtualTokens),
            ("prefix-init", prefixInit), ("prompt-init", promptInit), ("prompt-text", promptText),
            ("head-dropout", headDropout), ("pooling", pooling),
            ("rank-scaling", rankScaling), ("lora-plus-ratio", loraPlusRatio), ("lora-start", loraStart),
            ("adapter-optimizer", adapterOptimizer), ("freeze-a", freezeA), ("initialize", initialize),
            ("activation-batches", activationBatches),
        ]
    }
}

struct AllocationOptions: ParsableArguments, SettingFlags {
    @Option(name: .customLong("warmup-fraction"), help: help("warmup-fraction")) var warmupFraction: String?
    @Option(name: .customLong("final-fraction"), help: help("final-fraction")) var finalFraction: String?
    @Option(name: .customLong("allocator"), help: help("allocator"), completion: choices("allocator"))
    var allocator: String?
    @Option(name: .customLong("exchange-share"), help: help("exchange-share")) var exchangeShare: String?
    @Option(name: .customLong("history-every"), help: help("history-every")) var historyEvery: String?
    @Option(name: .customLong("allocate-every"), help: help("allocate-every")) var allocateEvery: String?
    @Option(name: .customLong("importance"), help: help("importance"), completion: choices("importance"))
    var importance: String?
    @Option(
        name: .customLong("importance-weights"), help: help("importance-weights"),
        completion: choices("importance-weights")) var importanceWeights: String?
    @Option(name: .customLong("importance-beta1"), help: help("importance-beta1")) var importanceBeta1:
        String?
    @Option(name: .customLong("importance-beta2"), help: help("importance-beta2")) var importanceBeta2:
        String?
    @Option(
        name: .customLong("orthogonality"), help: help("orthogonality"), completion: choices("orthogonality"))
    var orthogonality: String?
    @Option(
        name: .customLong("triplet-steps"), help: help("triplet-steps"), completion: choices("triplet-steps"))
    var tripletSteps: String?
    @Option(name: .customLong("orthogonality-weight"), help: help("orthogonality-weight"))
    var orthogonalityWeight: String?

    var flags: [(key: String, value: String?)] {
        [
            ("warmup-fraction", warmupFraction), ("final-fraction", finalFraction),
            ("allocator", allocator), ("allocate-every", allocateEvery), ("exchange-share", exchangeShare),
            ("history-every", historyEvery), ("importance", importance),
            ("importance-weights", importanceWeights), ("importance-beta1", importanceBeta1),
            ("importance-beta2", importanceBeta2), ("orthogonality", orthogonality),
            ("triplet-steps", tripletSteps), ("orthogonality-weight", orthogonalityWeight),
        ]
    }
}

struct OptimizerOptions: ParsableArguments, SettingFlags {
    @Option(name: .customLong("learning-rate"), help: help("learning-rate")) var learningRate: String?
    @Option(name: .customLong("head-learning-rate"), help: help("head-learning-rate")) var headLearningRate:
        String?
    @Option(name: .customLong("schedule"), help: help("schedule"), completion: choices("schedule"))
    var schedule: String?
    @Option(name: .customLong("learning-rate-warmup"), help: help("learning-rate-warmup"))
    var learningRateWarmup: String?
    @Option(name: .customLong("epochs"), help: help("epochs")) var epochs: String?
    @Option(name: .customLong("steps"), help: help("steps")) var steps: String?
    @Option(name: .customLong("batch-size"), help: help("batch-size")) var batchSize: String?
    @Option(name: .customLong("accumulate"), help: help("accumulate")) var accumulate: String?
    @Option(name: .customLong("class-weights"), help: help("class-weights")) var classWeights: String?
    @Option(name: .customLong("weight-decay"), help: help("weight-decay")) var weightDecay: String?
    @Option(name: .customLong("gradient-clip"), help: help("gradient-clip")) var gradientClip: String?
    @Option(name: .customLong("adam-beta1"), help: help("adam-beta1")) var adamBeta1: String?
    @Option(name: .customLong("adam-beta2"), help: help("adam-beta2")) var adamBeta2: String?
    @Option(name: .customLong("adam-epsilon"), help: help("adam-epsilon")) var adamEpsilon: String?

    var flags: [(key: String, value: String?)] {
        [
            ("learning-rate", learningRate), ("head-learning-rate", headLearningRate),
            ("schedule", schedule), ("learning-rate-warmup", learningRateWarmup), ("epochs", epochs),
            ("steps", steps), ("batch-size", batchSize), ("accumulate", accumulate),
            ("class-weights", classWeights), ("weight-decay", weightDecay), ("gradient-clip", gradientClip),
            ("adam-beta1", adamBeta1),
            ("adam-beta2", adamBeta2), ("adam-epsilon", adamEpsilon),
        ]
    }
}

struct RunOptions: ParsableArguments, SettingFlags {
    @Option(name: .customLong("seed"), help: help("seed")) var seed: String?
    @Option(name: .customLong("threads"), help: help("threads")) var threads: String?
    @Option(name: .customLong("recompute"), help: help("recompute"), completion: choices("recompute"))
    var recompute: String?
    @Option(name: .customLong("precision"), help: help("precision"), completion: choices("precision"))
    var precision: String?
    @Option(
        name: .customLong("shared-prefix"), help: help("shared-prefix"), completion: choices("shared-prefix"))
    var sharedPrefix: String?
    @Option(name: .customLong("frozen-cache"), help: help("frozen-cache")) var frozenCache: String?
    @Option(name: .customLong("checkpoint-every"), help: help("checkpoint-every")) var checkpointEvery:
        String?
    @Option(name: .customLong("keep-checkpoints"), help: help("keep-checkpoints")) var keepCheckpoints:
        String?
    @Option(name: .customLong("evaluate-every"), help: help("evaluate-every")) var evaluateEvery: String?
    @Option(name: .customLong("samples"), help: help("samples"), completion: .file()) var samples: String?
    @Option(name: .customLong("forgetting"), help: help("forgetting"), completion: .file())
    var forgetting: String?
    @Option(name: .customLong("early-stopping"), help: help("early-stopping")) var earlyStopping: String?
    @Option(name: .customLong("best-metric"), help: help("best-metric"), completion: choices("best-metric"))
    var bestMetric: String?

    var flags: [(key: String, value: String?)] {
        [
            ("seed", seed), ("threads", threads), ("recompute", recompute),
            ("precision", precision), ("shared-prefix", sharedPrefix), ("frozen-cache", frozenCache),
            ("checkpoint-every", checkpointEvery),
            ("keep-checkpoints", keepCheckpoints), ("evaluate-every", evaluateEvery),
            ("samples", samples), ("forgetting", forgetting), ("early-stopping", earlyStopping),
            ("best-metric", bestMetric),
        ]
    }
}
