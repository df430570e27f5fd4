import ArgumentParser
import Comparison
import Datasets
import Foundation
import ModelFiles
import RunConfiguration
import Training

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract:
            "Compare methods at equal trainable parameters, over seeds, with a learning-rate search for each.",
        discussion: """
            A plan (YAML) names data, arms, budgets and seeds; see Benchmarks/plans. Every arm gets the same \
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
            let plan = try readPlan()
            let store = ResultStore(folder: URL(fileURLWithPath: output))
            let (loaded, notes) = try store.load()
            for note in notes { Terminal.error("note: \(note)") }
            let runner = TrialRunner(
                plan: plan, store: store, threads: threads, keepsRuns: keepRuns, origin: .init())
            let schedule = try TrialSchedule(
                plan: plan, fingerprints: try Self.fingerprints(plan), parametersPerRank: try runner.perRank()
            )
            if dryRun { return show(schedule.state(completed: retryFailed ? loaded.filter(\.isOK) : loaded)) }
            try tellOfForeign(loaded, schedule)
            try tellOfOverlap(plan)
            let lock = reportOnly ? nil : try lockedFolder()
            let reporter = ComparisonReporter(plan: plan, schedule: schedule, store: store, runner: runner)
            let all = reportOnly ? loaded : try work(schedule, runner, reporter, loaded)
            try reporter.write(all, showTable: true)
            withExtendedLifetime(lock) {}
        }
    }

    private func readPlan() throws -> ComparisonPlan {
        let bytes = try FileBytes.read(
            URL(fileURLWithPath: planFile), byteLimit: ComparisonPlan.largestFile)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ModelFileError(file: planFile, problem: "not UTF-8 text", advice: "give a YAML file")
        }
        return try ComparisonPlan.read(
            yaml: text, file: planFile, settings: RunConfig.settings.map(\.key))
    }

    /// Other data make other trials.
    private static func fingerprints(_ plan: ComparisonPlan) throws -> [String: String] {
        let prints = try InputFingerprints.of(
            model: plan.model,
            files: [("train", plan.train), ("validation", plan.validation), ("test", plan.test)])
        for name in ["train", "validation"] where prints[name] == prints["test"] {
            throw TrainingError(
                .usage, "\(plan.test): the test data are the \(name) data; give rows of their own as 'test'")
        }
        return prints
    }

    /// Results of other data, another model or other settings are kept, but a person should know that they do not count.
    private func tellOfForeign(_ results: [TrialResult], _ schedule: TrialSchedule) throws {
        let ids = Set(results.map(\.id))
        let state = schedule.state(completed: results)
        let foreign = ids.count - state.finished.count
        guard foreign > 0 else { return }
        let what =
            "\(foreign) of \(ids.count) results in \(output) belong to no trial of this plan: its data, model or "
            + "settings were others"
        if reportOnly && foreign == ids.count {
            throw TrainingError(
                .usage, what + "; nothing was written. Use the plan and data that they were made with")
        }
        // Which trials those are is known only after the search.
        let waits =
            state.blocked.isEmpty
            ? "" : ", but for those of learning rates that a search has still to choose"
        Terminal.error("note: \(what); they stay, and do not count\(waits)")
    }

    private func tellOfOverlap(_ plan: ComparisonPlan) throws {
        func read(_ file: String) throws -> Dataset {
            let settings = plan.arms.first?.settings ?? [:]
            let task = settings["task"].flatMap { RunConfig.Task(rawValue: $0) } ?? .classification
            return try Dataset.read(
                URL(fileURLWithPath: file),
                form: task.rowForm(
                    labelSeparator: settings["label-separator"] ?? RunConfig.standardLabelSeparator),
                columns: Columns.parse(settings["text-column"], settings["label-column"]), requireLabels: true
            )
        }
        let test = try read(plan.test)
        for other in [plan.train, plan.validation] {
            let shared = test.overlap(with: try read(other))
            if shared > 0 {
                Terminal.error(
                    "warning: \(shared) of the \(test.examples.count) test texts are in \(other) too")
            }
        }
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
            Terminal.output(
                "\(blocked.stage.rawValue) \(blocked.arm)\(budget), seed \(blocked.seed): \(blocked.reason)")
        }
        let seconds = state.finished.compactMap { entry in
            entry.result.steps.flatMap { steps in entry.result.secondsPerStep.map { Double(steps) * $0 } }
        }
        let left = state.next.count + state.blocked.count
        let time =
            seconds.isEmpty
            ? "the first run will tell how long they take"
            : "about \(ProgressDisplay.clockTime(seconds.reduce(0, +) / Double(seconds.count) * Double(left))) of training"
        Terminal.output("\(state.finished.count) of \(state.total) runs are finished, \(left) to go; \(time)")
    }

    /// Runs trials until all are done, the limit is reached, or somebody interrupts.
    private func work(
        _ schedule: TrialSchedule, _ runner: TrialRunner, _ reporter: ComparisonReporter,
        _ found: [TrialResult]
    ) throws -> [TrialResult] {
        let interruption = Interruption(notice: "ending after saving the current run")
        var results = found
        var ignored = retryFailed ? Set(found.filter { !$0.isOK }.map(\.id)) : []
        var done = 0
        let clock = ContinuousClock()
        let begun = clock.now
        while done < limit ?? Int.max {
            let state = schedule.state(completed: results.filter { !ignored.contains($0.id) })
            guard let trial = state.next.first else { break }
            let left = state.next.count + state.blocked.count { !$0.isHopeless }
            let started = clock.now
            Terminal.write(
                "[\(state.finished.count + 1)/\(state.total)] \(trial.id) … ", to: .standardError)
            let pattern = trial.patternFrom.flatMap { source in results.last { $0.id == source }?.ranks }
            guard
                let result = try runner.run(
                    trial, truthID: schedule.truthID, pattern: pattern,
                    isInterrupted: { interruption.isRequested })
            else {
                Terminal.error("interrupted")
                try reporter.write(results, showTable: false)
                Terminal.error("go on with the same command")
                throw ExitCode(128 + max(interruption.signal, SIGINT))
            }
            try runner.store.append(result)
            // Not before its result is on the disk: without both the run would have to be made again.
            if !keepRuns { runner.removeWeights(trial.id) }
            results.append(result)
            ignored.remove(trial.id)
            done += 1
            let took = Self.seconds(clock.now - started)
            let each = Self.seconds(clock.now - begun) / Double(done)
            Terminal.error(
                Self.summary(result, schedule.plan) + " in \(ProgressDisplay.clockTime(took)), ETA "
                    + ProgressDisplay.clockTime(each * Double(left - 1)))
            if done % 10 == 0 { try reporter.write(results, showTable: false) }
        }
        return results
    }

    private static func summary(_ result: TrialResult, _ plan: ComparisonPlan) -> String {
        if let failure = result.failure { return "failed: \(failure)" }
        let metric = result.stage == .search ? plan.search.metric : plan.metric
        let (name, value) =
            result.stage == .search
            ? ("validation", result.validation(metric)) : ("test", result.test(metric))
        return "\(name) \(metric.rawValue) \(value.map { ProgressDisplay.fixed($0, 4) } ?? "undefined")"
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }
}
