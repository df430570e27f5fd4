import ArgumentParser
import Foundation
import Glibc
import Matrices
import ModelFiles
import Reports
import RunConfiguration
import TensorBoard
import Training

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Fine-tune a model under a total rank budget.",
        discussion: """
            Rows are JSONL, TSV or CSV with a text column (or two) and a label, or several (--task multi-label); for \
            --task token-classification JSONL with "tokens" and "labels" or "ner_tags", or CoNLL with a word and its \
            tag a line; for --task question-answering SQuAD's JSON, or JSONL with "question", "context" and "answers". Settings may also stand in a YAML \
            file (--config) under the same names; flags override it. Ctrl-C ends after the step and saves the \
            state; --resume RUN goes on from there.
            """)

    @Option(help: "Folder of the pretrained model (config.json, model.safetensors, tokenizer files).")
    var model: String?
    @Option(help: "Training rows.") var train: String?
    @Option(help: "Validation rows: evaluated each epoch, the best adapter is kept.") var validation: String?
    @Option(help: "Run folder to create.") var output: String?
    @Option(help: "YAML file of settings; flags override it.") var config: String?
    @Option(
        help: ArgumentHelp(
            "Go on with an interrupted run, exactly where it stopped; or from RUN/checkpoints/step-N.",
            valueName: "run"))
    var resume: String?

    @Flag(help: "Write event files for TensorBoard into the run folder too.") var tensorboard = false

    @OptionGroup(title: "Adapters and budget") var adapters: AdapterOptions
    @OptionGroup(title: "Rank allocation") var allocation: AllocationOptions
    @OptionGroup(title: "Optimizer") var optimizer: OptimizerOptions
    @OptionGroup(title: "Data") var data: DataOptions
    @OptionGroup(title: "Run") var runOptions: RunOptions

    func run() throws {
        try Failure.run {
            let resumed = resume.map(ResumePoint.parse)
            let loaded = try resumed.map { try resumedConfiguration($0.run) } ?? configuration()
            for warning in loaded.warnings { Terminal.error("warning: \(warning)") }
            try Self.checkProducts()
            let session = try TrainingSession(loaded.config, resume: resumed?.point)
            let interruption = Interruption(notice: "ending after this step")
            let display = ProgressDisplay(isTerminal: Terminal.isTerminal(STDERR_FILENO))
            let run = loaded.config.output
            let log = tensorBoardLog(loaded.config)
            let end = try session.run(shouldStop: { interruption.isRequested }) { event in
                display.show(event)
                log?.append(event)
            }
            if end.reason == .interrupted {
                Terminal.error("go on with: adalora train --resume \(run)")
                throw ExitCode(128 + interruption.signal)
            }
            if loaded.config.method.hasAdapters {
                Terminal.output(
                    try RankReport.table(
                        RunRecord(folder: URL(fileURLWithPath: run)), step: nil, style: Terminal.style))
            }
            let ranks = loaded.config.method.hasAdapters ? ", adalora ranks \(run) --history" : ""
            let best = RunFolder(URL(fileURLWithPath: run)).best.lastPathComponent
            Terminal.error("\(best): \(run)/\(best)  next: adalora evaluate \(run) --data FILE\(ranks)")
        }
    }

    /// A resumed run goes on with the one it has.
    private func tensorBoardLog(_ config: RunConfig) -> OptionalLog? {
        let run = URL(fileURLWithPath: config.output)
        guard tensorboard || (resume != nil && TensorBoardLog.exists(in: run)) else { return nil }
        return OptionalLog(TensorBoardLog(run: run, settings: config.effectiveSettings()))
    }

    private var flags: [(key: String, value: String)] {
        let paths: [(key: String, value: String?)] = [
            ("model", model), ("train", train), ("validation", validation), ("output", output),
        ]
        let groups: [any SettingFlags] = [adapters, allocation, optimizer, data, runOptions]
        return (paths + groups.flatMap(\.flags)).compactMap { flag in flag.value.map { (flag.key, $0) } }
    }

    private func configuration() throws -> LoadedConfig {
        let yaml = try config.map { try Self.text(of: $0) }
        return try RunConfig.load(yaml: yaml, yamlName: config ?? "", overrides: flags)
    }

    private func resumedConfiguration(_ run: String) throws -> LoadedConfig {
        if config != nil || output != nil {
            throw TrainingError(
                .usage, "--resume uses the settings of the run; leave out --config and --output")
        }
        let file = RunFolder(URL(fileURLWithPath: run)).config
        let yaml = try Self.text(of: file.path)
        let saved = try RunConfig.load(yaml: yaml, yamlName: file.path, overrides: [])
        let now = try RunConfig.load(yaml: yaml, yamlName: file.path, overrides: flags)
        let changed = now.config.differences(from: saved.config).filter { line in
            !ResumePoint.changeableSettings.contains { line.hasPrefix($0 + ":") }
        }
        if !changed.isEmpty {
            throw TrainingError(
                .usage,
                "cannot resume exactly with other settings (\(changed.joined(separator: "; "))); "
                    + "leave them out, or start a new run")
        }
        // The run may have been moved since.
        return try RunConfig.load(
            yaml: yaml, yamlName: file.path,
            overrides: flags.filter { $0.key != "output" } + [("output", run)])
    }

    private static func text(of path: String) throws -> String {
        guard FileManager.default.fileExists(atPath: path) else {
            throw ModelFileError(
                kind: .missing, file: path, problem: "the file does not exist", advice: "check the path")
        }
        guard let data = FileManager.default.contents(atPath: path), data.count <= RunConfig.largestFile,
            let text = String(data: data, encoding: .utf8)
        else {
            throw ModelFileError(
                file: path, problem: "not a readable UTF-8 text of at most \(RunConfig.largestFile) bytes",
                advice: "give a YAML file of settings")
        }
        return text
    }

    /// Some old OpenBLAS builds compute wrong results on some CPUs; better to find out before training.
    private static func checkProducts() throws {
        let error = KernelSelection.productError()
        guard error < 1e-4 else {
            throw TrainingError(
                "OpenBLAS computes wrong products here (kernel \(KernelSelection.currentKernel), relative error \(error)); "
                    + "set OPENBLAS_CORETYPE=Haswell, or update libopenblas")
        }
    }
}

/// A log without which training goes on: when it cannot be written, a warning says so once.
private final class OptionalLog {
    private var log: TensorBoardLog?

    init(_ log: TensorBoardLog) { self.log = log }

    func append(_ event: TrainingEvent) {
        do {
            try log?.append(event)
        } catch {
            Terminal.error("warning: no more events for TensorBoard: \(error)")
            log = nil
        }
    }
}
