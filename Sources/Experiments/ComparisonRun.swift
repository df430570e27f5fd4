import Datasets
import Foundation
import Messages
import ModelFiles
import RunConfiguration
import Runs
import Training

/// The trials of a plan, one after the other, with their results on the disk as they come.
package struct ComparisonRun {
    package let plan: ComparisonPlan
    package let schedule: TrialSchedule
    package let reporter: ComparisonReporter
    private let store: ResultStore
    private let runner: TrialRunner
    private let folds: FoldFiles?

    /// Looks at the data and the model, runs nothing.
    package init(plan: ComparisonPlan, store: ResultStore, threads: Int?) throws {
        let folds = try Self.foldFiles(plan)
        let runner = TrialRunner(plan: plan, folds: folds, store: store, threads: threads, origin: Origin())
        let schedule = try TrialSchedule(
            plan: plan, fingerprints: Self.fingerprints(plan), folds: folds?.allFingerprints() ?? [],
            parametersPerRank: runner.perRank())
        self.plan = plan
        self.store = store
        self.folds = folds
        self.runner = runner
        self.schedule = schedule
        reporter = ComparisonReporter(plan: plan, schedule: schedule, store: store, runner: runner)
    }

    private static func foldFiles(_ plan: ComparisonPlan) throws -> FoldFiles? {
        guard let folds = plan.folds else { return nil }
        return try FoldFiles(plan, folds, arm: firstArm(plan))
    }

    /// All arms learn the same task from the same files.
    private static func firstArm(_ plan: ComparisonPlan) -> ComparisonPlan.Arm {
        guard let arm = plan.arms.first else { preconditionFailure("a plan without arms") }
        return arm
    }

    /// Other data make other trials. Those of folds are told by the rows of each.
    private static func fingerprints(_ plan: ComparisonPlan) throws -> [String: String] {
        guard case .files(let validation, let test) = plan.split else {
            return try InputFingerprints.of(model: plan.model, files: [], .earlier) {
                try plan.rows($0, of: firstArm(plan))
            }
        }
        let prints = try InputFingerprints.of(
            model: plan.model,
            files: [("train", plan.train), ("validation", validation), ("test", test)],
            // Parts of the trials' ids, by which results on the disk are found again.
            .earlier
        ) { try plan.rows($0, of: firstArm(plan)) }
        for name in ["train", "validation"] where prints[name] == prints["test"] {
            throw TrainingError(
                .usage, "\(test): the test data are the \(name) data; give rows of their own as 'test'")
        }
        return prints
    }

    /// Results of other data, another model or other settings are kept, but a person should know that they do not count;
    /// nil where all do.
    ///
    /// - Parameter isReportOnly: then it is an error if none counts.
    package func noteOfForeign(_ results: [TrialResult], isReportOnly: Bool) throws -> String? {
        let ids = Set(results.map(\.id))
        let state = schedule.state(completed: results)
        let foreign = ids.count - state.finished.count
        guard foreign > 0 else { return nil }
        let what =
            "\(foreign) of \(ids.count) results in \(store.folder.relativePath) belong to no trial of this plan: its "
            + "data, model or settings were others"
        if isReportOnly && foreign == ids.count {
            throw TrainingError(
                .usage, what + "; nothing was written. Use the plan and data that they were made with")
        }
        // Which trials those are is known only after the search.
        let waits =
            state.blocked.isEmpty
            ? "" : ", but for those of learning rates that a search has still to choose"
        return "\(what); they stay, and do not count\(waits)"
    }

    /// How the rows come into folds; nil where they do not.
    package var foldNote: String? { folds?.folds.sentence }

    /// A warning for each other file whose rows stand in the test file too. Folds share no text.
    package func warningsOfOverlap() throws -> [String] {
        guard case .files(let validation, let testFile) = plan.split else { return [] }
        func read(_ file: String) throws -> Dataset { try plan.rows(file, of: Self.firstArm(plan)) }
        let test = try read(testFile)
        return try [plan.train, validation].compactMap { other in
            let shared = test.overlap(with: try read(other))
            return shared > 0
                ? "\(shared) of the \(test.examples.count) test texts are in \(other) too" : nil
        }
    }

    package enum Event {
        /// - Parameters:
        ///   - number: from 1, of `total` trials.
        case begins(Trial, number: Int, total: Int)
        /// - Parameter secondsLeft: of all trials; nil where nothing tells yet.
        case progress(RunProgress, secondsLeft: Double?)
        case ended(TrialResult, seconds: Double, secondsLeft: Double)
        case interrupted
    }

    /// Runs trials until all are done, `limit` is reached, or somebody interrupts. The report is renewed now and then.
    ///
    /// - Parameters:
    ///   - found: results that are there already.
    ///   - retriesFailed: whether those that failed are tried again.
    ///   - keepsRuns: whether adapters and checkpoints stay, not only the records.
    ///   - progressEvery: between two events of a trial's progress.
    ///   - exchange: the processes that take trials in turns; the first one keeps results and report.
    /// - Returns: all results; `found` and what came, also after an interruption.
    package func work(
        _ found: [TrialResult], limit: Int?, retriesFailed: Bool, keepsRuns: Bool, progressEvery: Duration,
        exchange: any GradientExchange = SoleProcess(), isInterrupted: () -> Bool, onEvent: (Event) -> Void
    ) throws -> [TrialResult] {
        // What a killed comparison left loose; damage is found before anything runs.
        if exchange.leads {
            try store.packPredictions()
            try folds?.write(to: store.folder)
        }
        var results = found
        var ignored = retriesFailed ? Set(found.filter { !$0.isOK }.map(\.id)) : []
        let left = schedule.state(completed: found.filter { !ignored.contains($0.id) }).next.map(\.id)
        try ProcessAgreement.check([("the runs that are left to do", left.joined(separator: " "))], exchange)
        var done = 0
        var pace = RunPace()
        while done < limit ?? Int.max {
            let state = schedule.state(completed: results.filter { !ignored.contains($0.id) })
            let round = state.next.prefix(min(exchange.processes, limit.map { $0 - done } ?? Int.max))
            guard let first = round.first else { break }
            let others = Self.others(state, limit.map { $0 - done })
            pace.begin()
            let trial = round.dropFirst(exchange.rank).first
            onEvent(.begins(trial ?? first, number: state.finished.count + 1, total: state.total))
            let own = try trial.map { trial -> RoundResult in
                let pattern = trial.patternFrom.flatMap { source in results.last { $0.id == source }?.ranks }
                let result = try runner.run(
                    trial, truthID: schedule.truthID(fold: trial.fold), pattern: pattern,
                    every: progressEvery,
                    isInterrupted: isInterrupted,
                    onProgress: {
                        onEvent(.progress($0, secondsLeft: pace.secondsLeft($0, others: others)))
                    })
                return result.map { .ended($0) } ?? .interrupted
            }
            let ended = try RoundResult.all(own ?? .idle, exchange)
            for case .ended(let result) in ended {
                if exchange.leads { try store.append(result) }
                results.append(result)
                ignored.remove(result.id)
                done += 1
            }
            // Not before its result is on the disk: without both the run would have to be made again.
            if case .ended(let result)? = own, !keepsRuns { runner.removeWeights(result.id) }
            if ended.contains(where: \.isInterrupted) {
                onEvent(.interrupted)
                if exchange.leads {
                    try store.packPredictions()
                    try reporter.write(results)
                }
                return results
            }
            let seconds = pace.end()
            for case .ended(let result) in ended {
                onEvent(
                    .ended(
                        result, seconds: seconds,
                        secondsLeft: (pace.secondsEach ?? seconds) * Double(others)
                            / Double(exchange.processes)))
            }
            if exchange.leads && done / 10 > (done - ended.count) / 10 { try reporter.write(results) }
        }
        if exchange.leads { try store.packPredictions() }
        return results
    }

    /// Trials after the next one that this command will still make.
    private static func others(_ state: TrialSchedule.State, _ limit: Int?) -> Int {
        let left = state.next.count + state.blocked.count { !$0.isHopeless }
        return min(left, limit ?? left) - 1
    }
}

/// What became of a process's trial of a round.
private enum RoundResult {
    case idle
    case interrupted
    case ended(TrialResult)

    var isInterrupted: Bool {
        if case .interrupted = self { true } else { false }
    }

    /// That of every process.
    static func all(_ own: RoundResult, _ exchange: any GradientExchange) throws -> [RoundResult] {
        if exchange.processes == 1 { return [own] }
        let line =
            switch own {
            case .idle: ""
            case .interrupted: "-"
            case .ended(let result): result.line
            }
        return try exchange.gather(Data(line.utf8)).map { data in
            switch data {
            case Data(): .idle
            case Data("-".utf8): .interrupted
            default: .ended(try TrialResult(line: data))
            }
        }
    }
}
