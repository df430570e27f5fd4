import ArgumentParser
import Datasets
import Experiments
import Foundation
import Messages
import ModelFiles
import RunConfiguration
import Training

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract:
            "Compare methods at equal trainable parameters, over seeds, with a learning-rate search for each.",
        discussion: """
            A plan (YAML) names data, arms, budgets and seeds; see Benchmarks/plans. With 'folds: 5' in place of \
            validation and test files the training file is cross-validated. Every arm gets the same \
            learning-rate search on the validation data, with other seeds than those reported. Finished runs are \
            rows of results.jsonl: stop at any time, the same command goes on where it stopped.
            """)

    @Argument(help: ArgumentHelp("Plan, a YAML file.", valueName: "plan")) var planFile: String
    @Option(help: "Folder of results, report and pictures.") var output: String
    @Option(help: "Threads of each run (default: all cores).") var threads: Int?
    @Option(help: "Stop after this many runs.") var limit: Int?
    @Flag(help: "Keep adapters and checkpoints of all runs.") var keepRuns = false
    @Flag(help: "Try failed runs again.") var retryFailed = false
    @Flag(help: "List the runs and estimate the time; run nothing.") var dryRun = false
    @Flag(help: "Write the report of what is there; run nothing.") var reportOnly = false

    func validate() throws {
        if let threads, threads < 1 { throw ValidationError("--threads must be at least 1, not \(threads)") }
        if let limit, limit < 1 { throw ValidationError("--limit must be at least 1, not \(limit)") }
        if retryFailed && reportOnly { throw ValidationError("--report-only runs nothing to --retry-failed") }
        if dryRun && reportOnly { throw ValidationError("give --dry-run or --report-only, not both") }
    }

    func run() throws {
        try Failure.run {
            // A round of runs takes as long as it takes.
            let exchange = try Together.join(patience: .infinity) { false }
            let plan = try readPlan()
            guard !reportOnly || FileManager.default.fileExists(atPath: output) else {
                throw TrainingError(
                    .missing, "\(output) is not there; run the comparison without --report-only first")
            }
            let store = ResultStore(folder: URL(fileURLWithPath: output))
            let (loaded, notes) = try store.load()
            for note in notes { Terminal.error("note: \(note)") }
            let comparison = try ComparisonRun(
                plan: plan, store: store, threads: threads ?? Together.threads)
            if let note = comparison.foldNote { Terminal.error(note) }
            if dryRun {
                let completed = retryFailed ? loaded.filter(\.isOK) : loaded
                return show(comparison.schedule.state(completed: completed))
            }
            if let note = try comparison.noteOfForeign(loaded, isReportOnly: reportOnly) {
                Terminal.error("note: \(note)")
            }
            for warning in try comparison.warningsOfOverlap() { Terminal.error("warning: \(warning)") }
            let lock = reportOnly || !exchange.leads ? nil : try lockedFolder()
            let results = reportOnly ? loaded : try work(comparison, loaded, exchange)
            guard exchange.leads else { return }
            let table = try comparison.reporter.write(results)
            let width = Terminal.isTerminal(STDOUT_FILENO) ? max(Terminal.width, 80) : 100
            Terminal.output(table.terminal(width: min(width, 120)))
            Terminal.error("report: \(comparison.reporter.file.path)")
            withExtendedLifetime(lock) {}
        }
    }

    private func readPlan() throws -> ComparisonPlan {
        let text = try FileBytes.text(
            URL(fileURLWithPath: planFile), byteLimit: ComparisonPlan.largestFile, advice: "give a YAML file")
        return try ComparisonPlan.read(
            yaml: text, file: planFile, settings: RunConfig.settings.map(\.key))
    }

    private func lockedFolder() throws -> FolderLock {
        let folder = URL(fileURLWithPath: output)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return try FolderLock(folder)
    }

    private func show(_ state: TrialSchedule.State) {
        for trial in state.next { Terminal.output(trial.id) }
        for blocked in state.blocked {
            let budget = blocked.budget.map { ", \($0)" } ?? ""
            let fold = blocked.fold.map { ", fold \($0)" } ?? ""
            Terminal.output(
                "\(blocked.stage.rawValue) \(blocked.arm)\(budget)\(fold), seed \(blocked.seed): \(blocked.reason)"
            )
        }
        let seconds = state.finished.compactMap { entry in
            entry.result.steps.flatMap { steps in entry.result.secondsPerStep.map { Double(steps) * $0 } }
        }
        let left = state.next.count + state.blocked.count
        let time =
            seconds.isEmpty
            ? "the first run will tell how long they take"
            : "about \(Figures.clockTime(seconds.reduce(0, +) / Double(seconds.count) * Double(left))) of training"
        Terminal.output("\(state.finished.count) of \(state.total) runs are finished, \(left) to go; \(time)")
    }

    private func work(_ comparison: ComparisonRun, _ found: [TrialResult], _ exchange: any GradientExchange)
        throws -> [TrialResult]
    {
        let interruption = Interruption(notice: "ending after saving the current run")
        let display = RunsDisplay()
        var wasInterrupted = false
        func show(_ event: ComparisonRun.Event) {
            switch event {
            case .begins(let trial, let number, let total):
                display.begin(number, of: total, name: trial.name, id: trial.id)
            case .progress(let progress, let left): display.show(progress, secondsLeft: left)
            case .ended(let result, let seconds, let left):
                display.end(
                    Self.summary(result, comparison.plan) + " in \(Figures.clockTime(seconds)), ETA "
                        + Figures.clockTime(left))
            case .interrupted:
                wasInterrupted = true
                display.close()
                Terminal.error("interrupted")
            }
        }
        let results = try comparison.work(
            found, limit: limit, retriesFailed: retryFailed, keepsRuns: keepRuns,
            progressEvery: display.every, exchange: exchange,
            isInterrupted: { interruption.isRequested }, onEvent: show)
        guard !wasInterrupted else {
            Terminal.error("go on with the same command")
            throw ExitCode(128 + max(interruption.signal, SIGINT))
        }
        return results
    }

    private static func summary(_ result: TrialResult, _ plan: ComparisonPlan) -> String {
        if let failure = result.failure { return "failed: \(failure)" }
        let metric = result.stage == .search ? plan.search.metric : plan.metric
        let (name, value) =
            result.stage == .search
            ? ("validation", result.validation(metric)) : ("test", result.test(metric))
        return "\(name) \(metric.rawValue) \(value.map { Figures.fixed($0, 4) } ?? "undefined")"
    }
}
