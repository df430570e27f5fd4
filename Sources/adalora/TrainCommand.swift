import ArgumentParser
import Foundation
import Glibc
import Matrices
import Messages
import ModelFiles
import RankProbe
import Reports
import RunConfiguration
import RunRecords
import Runs
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

    @OptionGroup var settings: TrainFlags
    @Option(
        help: ArgumentHelp(
            "Go on with an interrupted run, exactly where it stopped; or from RUN/checkpoints/step-N.",
            valueName: "run"))
    var resume: String?
    @Flag(help: "Write event files for TensorBoard into the run folder too.") var tensorboard = false
    @OptionGroup var together: TogetherOptions
    @Flag(help: "Start also where memory is short by the estimate of adalora plan.") var ignoreMemory = false

    func run() throws {
        try Failure.run {
            let resumed = resume.map(ResumePoint.parse)
            let interruption = Interruption(notice: "ending after this step")
            let exchange = try Together.join(patience: together.patience) { interruption.mayCome }
            let loaded = try resumed.map { try resumedConfiguration($0.run) } ?? settings.load()
            for warning in loaded.warnings { Terminal.error("warning: \(warning)") }
            try ProductCheck.run()
            let advised = try advice(loaded.config)
            let session = try TrainingSession(
                advised?.config ?? loaded.config, resume: resumed?.point, ignoringMemory: ignoreMemory,
                exchange: exchange, allowingOtherKernels: together.allowDifferentKernels,
                usualThreads: Together.threads)
            session.environment = RunOrigin.facts()
            if let headline = resumed.flatMap({ _ in Self.headline(in: session.folder) }) {
                session.environment.append((Self.adviceName, headline))
            }
            if let advised {
                session.environment.append((Self.adviceName, AdviceReport.headline(advised)))
                if exchange.leads {
                    try AtomicFile.write(
                        Data(AdviceJSON.value(advised).text().utf8), to: session.folder.advice)
                }
            }
            for note in session.notes + Together.notes(checkpointEvery: session.config.checkpointEvery) {
                Terminal.error(note)
            }
            let display = ProgressDisplay(isTerminal: Terminal.isTerminal(STDERR_FILENO))
            let run = loaded.config.output
            let log = exchange.leads ? tensorBoardLog(session.config) : nil
            let end = try session.run(shouldStop: { interruption.isRequested }) { event in
                display.show(event)
                log?.append(event)
            }
            if end.reason == .interrupted {
                Terminal.error("go on with: adalora train --resume \(shellQuoted(run))")
                // Another process may have been told.
                throw ExitCode(128 + (interruption.isRequested ? interruption.signal : SIGTERM))
            }
            guard exchange.leads else { return }
            let record = try RunReader.record(of: URL(fileURLWithPath: run))
            if !end.ranks.isEmpty {
                Terminal.output(try RankReport.table(record, step: nil, style: Terminal.style))
            }
            let samples = try RunReader.samples(
                RunFolder(record.folder), wasResumed: !record.resumedAfter.isEmpty)
            if let samples, !samples.steps.isEmpty { Terminal.error(SampleReport.last(samples)) }
            Terminal.error(RunEnding(record: record, config: session.config).text)
        }
    }

    /// Of the fact that a run was advised, in its records
    private static let adviceName = "advised"

    /// What was advised when the run began; nil where nothing was.
    private static func headline(in run: RunFolder) -> String? {
        (try? JSONValue.read(run.advice))?["headline"]?.string
    }

    /// Where the budget is to be looked for; a run that goes on has one. The method stays as it was chosen.
    private func advice(_ config: RunConfig) throws -> Advised? {
        guard config.tuning.hasAdvisedBudget else { return nil }
        // Before minutes of probing, not after.
        try RunFolder(URL(fileURLWithPath: config.output)).checkNew()
        let advised = try AdviceRun.advised(
            AdviceRequest(config, keepsMethod: true, ignoresMemory: ignoreMemory))
        let report = AdviceReport(advised, plan: nil, notes: [])
        Terminal.error(report.text(width: min(max(Terminal.width(of: STDERR_FILENO), 60), 110)) + "\n")
        return advised
    }

    /// A resumed run goes on with the one it has.
    private func tensorBoardLog(_ config: RunConfig) -> OptionalLog? {
        let run = URL(fileURLWithPath: config.output)
        guard tensorboard || (resume != nil && TensorBoardLog.exists(in: run)) else { return nil }
        return OptionalLog(TensorBoardLog(run: run, settings: config.recordedSettings()))
    }

    private func resumedConfiguration(_ run: String) throws -> LoadedConfig {
        if settings.config != nil || settings.output != nil {
            throw TrainingError(
                .usage, "--resume uses the settings of the run; leave out --config and --output")
        }
        let file = RunFolder(URL(fileURLWithPath: run)).config
        let yaml = try TrainFlags.text(of: file.path)
        let saved = try RunConfig.load(yaml: yaml, yamlName: file.path, overrides: [])
        let now = try RunConfig.load(yaml: yaml, yamlName: file.path, overrides: settings.flags)
        let changed = now.config.differences(
            from: saved.config, except: ResumePoint.changeableSettings)
        if !changed.isEmpty {
            throw TrainingError(
                .usage,
                "cannot resume exactly with other settings (\(changed.joined(separator: "; "))); "
                    + "leave them out, or start a new run")
        }
        // The run may have been moved since.
        return try RunConfig.load(
            yaml: yaml, yamlName: file.path,
            overrides: settings.flags.filter { $0.key != "output" } + [("output", run)])
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
