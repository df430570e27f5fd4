import Advice
import ArgumentParser
import Foundation
import Messages
import ModelFiles
import RankProbe
import ReportPages
import RunConfiguration
import Runs
import Training

struct AdviseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "advise",
        abstract: "Say which rank a model needs for given rows, and why.",
        discussion: """
            Looks at model and rows, trains for about two minutes at a generous rank (a twentieth of the run where that is \
            longer), cuts what was learned to lower ranks, and answers with a budget, a learning rate and a file of \
            settings for adalora train --config. The same seed gives the same answer on any number of threads. \
            docs/which-rank.md says what each figure means and when not to believe it.
            """)

    @OptionGroup var settings: AdviseFlags
    @Option(help: "Memory that the run may take, in bytes: 4GB, 800M (default: what there is).")
    var memory: String?
    @Option(help: "Time for probe and run together: 30m, 2h, 90s (default: no limit).") var time: String?
    @Flag(help: "Answer by the table of rules alone; train nothing.") var rulesOnly = false
    @Option(
        help: "Write the settings of the advised run to this file instead of printing them.",
        completion: .file(extensions: ["yaml", "yml"]))
    var output: String?
    @Option(help: "Write a page with the curves to this file.", completion: .file(extensions: ["html"]))
    var html: String?
    @Flag(help: "Print JSON instead of text.") var json = false
    @Flag(help: "Probe also where memory is short by the estimate of adalora plan.") var ignoreMemory = false

    func validate() throws {
        if let memory, AdviseLimits.bytes(memory) == nil {
            throw ValidationError("--memory \(memory): write it like 4GB or 800M")
        }
        if let time, AdviseLimits.seconds(time) == nil {
            throw ValidationError("--time \(time): write it like 30m, 2h or 90s")
        }
    }

    func run() throws {
        try Failure.run {
            let loaded = try settings.load()
            for warning in loaded.warnings { Terminal.error("warning: \(warning)") }
            try ProductCheck.run()
            let request = AdviceRequest(
                loaded.config, memory: memory.flatMap(AdviseLimits.bytes),
                seconds: time.flatMap(AdviseLimits.seconds), rulesOnly: rulesOnly,
                keepsMethod: try settings.names("method"), ignoresMemory: ignoreMemory)
            let program = ProcessMemory().resident
            let advised = try AdviceRun.advised(request)
            let (plan, config, notes) = try planned(advised, program: program)
            let yaml = AdvisedYAML.text(config, why: AdviceReport.comment(advised))
            let report = AdviceReport(advised, plan: plan, notes: notes)
            if json {
                Terminal.output(report.json(config))
            } else {
                Terminal.output(report.text(width: min(max(Terminal.width, 60), 110)))
            }
            if let html {
                let page = AdvicePage(
                    facts: advised.facts, answer: advised.answer, findings: advised.findings,
                    figures: report.figures, notes: advised.notes + notes, yaml: yaml)
                try AtomicFile.write(Data(page.html().utf8), to: URL(fileURLWithPath: html))
                Terminal.error("page: \(html)")
            }
            try give(yaml)
        }
    }

    private func give(_ yaml: String) throws {
        if let output {
            try AtomicFile.write(Data(yaml.utf8), to: URL(fileURLWithPath: output))
            Terminal.error("settings: \(output); go on with: adalora train --config \(shellQuoted(output))")
        } else if !json {
            Terminal.output("\nrun.yaml:\n\n" + yaml)
        }
    }

    /// The plan of the advised run, and the run as the memory that was given allows it. By rules alone nothing is measured.
    private func planned(_ advised: Advised, program: Int?) throws -> (RunPlan?, RunConfig, [String]) {
        if rulesOnly { return (nil, advised.config, []) }
        let plan = try RunPlan.measure(advised.config, program: program)
        guard let limit = advised.facts.memory, plan.memory.total > limit else {
            return (plan, advised.config, [])
        }
        func shown(_ plan: RunPlan) -> String { Figures.bytes(plan.memory.total) }
        let text = "The run needs about \(shown(plan)), more than the \(Figures.bytes(limit)) given"
        let ways = RunConfig.Recompute.savingMore(than: advised.config)
        // Where nothing is left to recompute, what frozen layers make of rows need not be kept.
        let tried = ways.isEmpty ? [advised.config.recompute] : ways
        var last = (plan: plan, config: advised.config)
        for way in tried {
            let config = try advised.config.with([("recompute", way.rawValue), ("frozen-cache", "off")])
            last = (try RunPlan.measure(config, program: program), config)
            if last.plan.memory.total <= limit { break }
        }
        let change = ways.isEmpty ? "frozen-cache off" : "recompute \(last.config.recompute.rawValue)"
        let note =
            last.plan.memory.total <= limit
            ? "\(text): \(change) brings it down to \(shown(last.plan))."
            : "\(text), and \(shown(last.plan)) with --\(change): try a smaller --batch-size, a shorter --max-length or fewer "
                + "--threads."
        return (last.plan, last.config, [note])
    }
}

/// Everything that decides what advice is for.
struct AdviseFlags: ParsableArguments {
    @Option(
        help:
            "The pretrained model: a folder (config.json, model.safetensors, tokenizer files) or a GGUF file.",
        completion: .file())
    var model: String?
    @Option(help: "Training rows.", completion: .file()) var train: String?
    @Option(
        help: "Validation rows, which the probe measures on (default: a fifth of the training rows).",
        completion: .file())
    var validation: String?
    @Option(
        name: .customLong("validation-fraction"),
        help: "Share of the training rows to hold out in place of a file.")
    var validationFraction: String?
    @Option(
        help: "YAML file of settings; flags override it.", completion: .file(extensions: ["yaml", "yml"]))
    var config: String?

    @OptionGroup(title: "Base") var base: BaseOptions
    @OptionGroup(title: "Adapters") var adapters: AdapterOptions
    @OptionGroup(title: "Rank allocation") var allocation: AllocationOptions
    @OptionGroup(title: "Optimizer") var optimizer: OptimizerOptions
    @OptionGroup(title: "Data") var data: DataOptions
    @OptionGroup(title: "Labels") var labels: LabelOptions
    @OptionGroup(title: "Images") var images: ImageOptions
    @OptionGroup(title: "Run") var runOptions: RunOptions

    private var flags: [(key: String, value: String)] {
        let paths: [(key: String, value: String?)] = [
            ("model", model), ("train", train), ("validation", validation),
            ("validation-fraction", validationFraction),
        ]
        let groups: [any SettingFlags] = [
            base, adapters, allocation, optimizer, data, labels, images, runOptions,
        ]
        return (paths + groups.flatMap(\.flags)).compactMap { flag in flag.value.map { (flag.key, $0) } }
    }

    /// Whether somebody gave this setting, by a flag or in the file.
    func names(_ key: String) throws -> Bool {
        let yaml = try config.map { try TrainFlags.text(of: $0) }
        return flags.contains { $0.key == key } || Self.names(key, in: yaml)
    }

    func load() throws -> LoadedConfig {
        let flags = flags
        let yaml = try config.map { try TrainFlags.text(of: $0) }
        var settings =
            flags + (Self.names("output", in: yaml) ? [] : [(key: "output", value: "runs/advised")])
        // What is asked for needs no answer beforehand.
        let budgets = ["budget", "average-rank", "budget-parameters", "rank-pattern"]
        if !budgets.contains(where: { key in flags.contains { $0.key == key } || Self.names(key, in: yaml) })
        {
            settings.append((key: "budget", value: "auto"))
        }
        return try RunConfig.load(yaml: yaml, yamlName: config ?? "", overrides: settings)
    }

    private static func names(_ key: String, in yaml: String?) -> Bool {
        (yaml ?? "").split(separator: "\n").contains { $0.hasPrefix("\(key):") }
    }
}

/// Sizes and times as people write them.
enum AdviseLimits {
    static func bytes(_ text: String) -> Int? {
        let units = [("GB", 1e9), ("G", 1e9), ("MB", 1e6), ("M", 1e6), ("kB", 1e3), ("k", 1e3), ("", 1)]
        return value(text, units).flatMap { Int(exactly: $0.rounded()) }
    }

    static func seconds(_ text: String) -> Double? {
        value(text, [("h", 3600), ("min", 60), ("m", 60), ("s", 1), ("", 1)])
    }

    private static func value(_ text: String, _ units: [(String, Double)]) -> Double? {
        for (unit, factor) in units where text.hasSuffix(unit) {
            guard let number = Double(text.dropLast(unit.count)), number > 0, number < 1e12 else {
                return nil
            }
            return number * factor
        }
        return nil
    }
}
