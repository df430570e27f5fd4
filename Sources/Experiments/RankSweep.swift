import Charts
import Datasets
import Foundation
import Messages
import ModelFiles
import RunConfiguration
import RunRecords
import Runs
import Tasks
import Training

/// Runs of fixed ranks, and of AdaLoRA at their budgets beside them, in a folder of their own.
package struct RankSweep {
    /// The name of the arm that stands beside the fixed ranks.
    package static let adaptive = "AdaLoRA"

    package let planner: SweepPlanner
    package let sizes: SweepSizes
    private let model: String
    private let train: String
    private let validation: String
    private let output: URL
    private let settings: [(key: String, value: String)]
    private let threads: Int?
    private var metric: Metric { planner.metric }

    /// Looks at the model, runs nothing.
    ///
    /// - Parameter settings: of `adalora train`, for all runs.
    package init(
        planner: SweepPlanner, model: String, train: String, validation: String, output: String,
        settings: [(key: String, value: String)], threads: Int?
    ) throws {
        self.planner = planner
        self.model = model
        self.train = train
        self.validation = validation
        self.output = URL(fileURLWithPath: output)
        self.settings = settings
        self.threads = threads
        let common =
            settings + [
                ("model", model), ("train", train), ("validation", validation), ("output", output),
                ("best-metric", planner.metric.rawValue),
            ]
        sizes = SweepSizes(
            matrices: try RunRecord.Site.adapted(
                by: Self.config(common + [("method", "lora"), ("average-rank", "1")])))
    }

    private static func config(_ flags: [(key: String, value: String)]) throws -> RunConfig {
        try RunConfig.load(yaml: nil, yamlName: "", overrides: flags).config
    }

    private func flags(_ run: SweepRun) -> [(key: String, value: String)] {
        var flags = settings
        flags += [
            ("model", model), ("train", train), ("validation", validation), ("output", folder(run).path),
            ("seed", String(run.seed)), ("best-metric", metric.rawValue),
        ]
        if let threads { flags.append(("threads", String(threads))) }
        return flags + method(arm: run.arm, rank: run.rank)
    }

    private func method(arm: String, rank: Int) -> [(key: String, value: String)] {
        arm == SweepPlanner.fixedArm
            ? [("method", "lora"), ("average-rank", String(rank))]
            : [("budget-parameters", String(rank * sizes.parametersPerRank))]
    }

    /// A line for a shell that trains what the sweep found, into a folder beside its runs.
    package func trainCommand(arm: String, rank: Int) -> String {
        let flags =
            [("model", model), ("train", train), ("validation", validation)] + settings
            + method(arm: arm, rank: rank)
            + [
                ("best-metric", metric.rawValue),
                ("output", output.appendingPathComponent("chosen").relativePath),
            ]
        return "adalora train " + flags.map { "--\($0.0) \(shellQuoted($0.1))" }.joined(separator: " ")
    }

    private func folder(_ run: SweepRun) -> URL {
        let arm = run.arm == SweepPlanner.fixedArm ? "lora" : "adalora"
        return output.appendingPathComponent("\(arm)-r\(run.rank)-s\(run.seed)")
    }

    /// Where a run that was given up says why.
    private func reasonFile(_ run: SweepRun) -> URL { folder(run).appendingPathComponent("given-up.txt") }

    private func value(_ evaluation: RunRecord.Evaluation?) -> Double? {
        guard metric != .loss else { return evaluation?.loss }
        return evaluation?.metrics.first { $0.name == metric.rawValue }?.value
    }

    private func curve(_ record: RunRecord) -> SweepCurve {
        SweepCurve(
            record.evaluations.map { SweepCurve.Point(step: $0.step, value: value($0) ?? .nan) })
    }

    /// What a run folder says; nil for a run that has not ended.
    private func outcome(_ run: SweepRun) -> SweepOutcome? {
        guard let record = try? RunReader.record(of: folder(run)) else { return nil }
        let curve = curve(record)
        if let reason = try? String(contentsOf: reasonFile(run), encoding: .utf8) {
            return SweepOutcome(run: run, value: nil, curve: curve, reason: reason)
        }
        guard let end = record.end, end.reason != .interrupted else { return nil }
        let value = value(record.evaluations.last { $0.isBest } ?? record.evaluations.last)
        let ranks = Dictionary(uniqueKeysWithValues: zip(record.start.sites.map(\.name), end.ranks))
        return SweepOutcome(
            run: run, value: value, curve: curve, reason: value == nil ? "undefined" : nil, ranks: ranks,
            parameters: .init(
                adapters: record.adapterParameters(end.ranks), trained: end.trainableParameters,
                atStart: record.start.trainableParameters), truth: truth(run))
    }

    /// The classes of the validation rows, as the run counted them.
    private func truth(_ run: SweepRun) -> Predictions? {
        guard let shown = (try? ClassResultsFile.read(RunFolder(folder(run))))?.shown,
            shown.confusion != nil
        else { return nil }
        return .classes(
            shown.classes.enumerated().flatMap { [Int32](repeating: Int32($0), count: $1.support) })
    }

    /// A folder of another sweep's run is no result of this one.
    private func checkUnchanged(_ run: SweepRun) throws {
        let file = RunFolder(folder(run)).config
        guard let yaml = try? String(contentsOf: file, encoding: .utf8) else { return }
        let old = try RunConfig.load(yaml: yaml, yamlName: file.path, overrides: []).config
        // The run's file has the task that its model brought about.
        let now = try Self.config(flags(run)).suitedToModel
        let changed = now.differences(from: old, except: now.leftOpen.union(["output", "threads"]))
        guard changed.isEmpty else {
            throw TrainingError(
                .usage,
                "\(folder(run).path) was made with other settings (\(changed.joined(separator: "; "))); "
                    + "give another \(SettingName.output), or delete it")
        }
    }

    private func rows(_ path: String) throws -> Dataset {
        let config = try Self.config(
            settings + [("model", model), ("train", train), ("output", output.path)]
        ).suitedToModel
        return try Dataset.read(
            URL(fileURLWithPath: path), form: config.task.rowForm(labelSeparator: config.labelSeparator),
            columns: ColumnNames(config), requireLabels: false)
    }

    /// Makes the folder, or finds the one of this very sweep. Runs on other data are no runs of it.
    ///
    /// - Returns: to be kept as long as the sweep runs.
    package func open() throws -> FolderLock {
        try FileManager.default.createDirectory(at: output, withIntermediateDirectories: true)
        let lock = try FolderLock(output)
        let file = output.appendingPathComponent("inputs.json")
        func now(_ form: Fingerprint.Form) throws -> JSONValue {
            var prints = JSONObject()
            for (name, hash) in try InputFingerprints.of(
                model: model, files: [("train", train), ("validation", validation)], form, rows: rows
            ).sorted(by: { $0.key < $1.key }) { prints[name] = .string(hash) }
            return .object(prints)
        }
        if FileManager.default.fileExists(atPath: file.path) {
            let recorded = try JSONValue.read(file)
            let form = Fingerprint.Form(of: recorded["train"]?.string ?? "")
            guard try recorded == now(form) else {
                throw TrainingError(
                    .usage,
                    "\(output.relativePath) was made with another model or other data; give another \(SettingName.output), or "
                        + "delete it")
            }
        } else {
            try AtomicFile.write(Data(now(.sha256).text().utf8), to: file)
        }
        return lock
    }

    package enum Event {
        case begins(SweepRun, number: Int)
        /// - Parameter secondsLeft: of all runs, if none is given up; nil where nothing tells yet.
        case progress(RunProgress, secondsLeft: Double?)
        case ended(SweepOutcome)
    }

    /// Runs what is left; the next best place to stop is asked for many times a second.
    ///
    /// - Parameter progressEvery: between two events of a run's progress.
    /// - Returns: nil if `isInterrupted` said so before the end.
    package func work(
        progressEvery: Duration, isInterrupted: () -> Bool, onEvent: (Event) -> Void
    ) throws -> [SweepOutcome]? {
        for run in planner.runs { try checkUnchanged(run) }
        var outcomes = planner.runs.compactMap(outcome)
        var pace = RunPace()
        while true {
            let remaining = planner.remaining(after: outcomes)
            guard let run = remaining.first else { break }
            onEvent(.begins(run, number: outcomes.count + 1))
            pace.begin()
            let (status, reason) = try train(run, after: outcomes, every: progressEvery, isInterrupted) {
                onEvent(.progress($0, secondsLeft: pace.secondsLeft($0, others: remaining.count - 1)))
            }
            _ = pace.end()
            if isInterrupted() { return nil }
            if let reason, status != 0 {
                try AtomicFile.write(Data(reason.utf8), to: reasonFile(run))
            } else if status != 0 {
                let error = TrainProcess(folder: folder(run)).lastError
                throw TrainingError(error ?? "adalora train ended with status \(status)")
            }
            guard let outcome = outcome(run) else {
                throw TrainingError(
                    "\(folder(run).path): the run left no result; see \(folder(run).path).log")
            }
            outcomes.append(outcome)
            onEvent(.ended(outcome))
        }
        return outcomes
    }

    /// - Returns: the exit status, and why the run was given up where it was.
    private func train(
        _ run: SweepRun, after outcomes: [SweepOutcome], every: Duration, _ isInterrupted: () -> Bool,
        onProgress: (RunProgress) -> Void
    ) throws -> (status: Int32, reason: String?) {
        var reason: String?
        var seen = 0
        var told = ContinuousClock.now
        // Reading the records takes time that training should have.
        var watch = RunWatch(folder(run), every: min(every, .seconds(1)))
        let status = try TrainProcess(folder: folder(run)).run(flags(run)) {
            if isInterrupted() { return true }
            guard let record = watch.look() else { return false }
            if ContinuousClock.now - told >= every {
                told = ContinuousClock.now
                onProgress(RunProgress(record))
            }
            guard record.evaluations.count > seen else { return false }
            seen = record.evaluations.count
            reason = planner.reasonToStop(
                run, curve(record), after: outcomes, totalSteps: record.start.totalSteps)
            return reason != nil
        }
        return (status, reason)
    }

    /// Writes the picture of quality against rank.
    package func writePicture(_ outcomes: [SweepOutcome]) throws -> URL {
        let arms = [SweepPlanner.fixedArm] + planner.otherArms
        let series = arms.map { arm in
            Series(
                name: arm == SweepPlanner.fixedArm ? "LoRA" : arm,
                points: planner.summaries(arm: arm, outcomes).map { rank, summary in
                    let spread = summary?.deviation
                    return ChartPoint(
                        x: Double(rank), y: summary?.mean,
                        low: spread.flatMap { spread in summary.map { $0.mean - spread } },
                        high: spread.flatMap { spread in summary.map { $0.mean + spread } })
                }, intervals: .errorBars)
        }
        let parameters = NumberFormat.si.string(Double(sizes.parametersPerRank))
        var x = Axis(
            "rank, \(parameters) parameters each" + (planner.otherArms.isEmpty ? "" : " in all arms"),
            scale: .log2, format: .decimals(0))
        x.tickValues = planner.ranks.map(Double.init)
        var chart = LineChart(
            id: "sweep", title: "Quality against rank", x: x, y: Axis("validation \(metric.rawValue)"),
            series: series)
        // For documents; the program's other figures are for white paper too.
        chart.theme = .light
        let file = output.appendingPathComponent("sweep.svg")
        try AtomicFile.write(Data(chart.svg().utf8), to: file)
        return file
    }

    /// What the sweep will take, from plans of its smallest and largest rank; steps in between cost in between.
    package struct Estimate {
        package let runs: Int
        package let steps: Int
        /// Of all runs, none given up, with evaluations
        package let seconds: Double
        package let smallest: (rank: Int, secondsPerStep: Double)
        package let largest: (rank: Int, secondsPerStep: Double, peakBytes: Int)
    }

    package func estimate() throws -> Estimate {
        var measured: [(rank: Int, seconds: Double, bytes: Int)] = []
        var steps = 0
        for rank in Set([planner.ranks[0], planner.ranks[planner.ranks.count - 1]]).sorted() {
            // AdaLoRA's steps cost a few per cent more at most: the estimate covers them.
            let run = SweepRun(
                arm: planner.otherArms.first ?? SweepPlanner.fixedArm, rank: rank, seed: 1)
            let plan = try PlanProcess.plan(flags(run).filter { $0.key != "output" })
            steps = plan.steps
            measured.append((rank, plan.seconds / Double(max(steps, 1)), plan.bytes))
        }
        let (low, high) = (measured[0], measured[measured.count - 1])
        let plan = sizes.estimate(planner, steps: steps) { rank in
            let span = Double(max(high.rank - low.rank, 1))
            return low.seconds + (high.seconds - low.seconds) * Double(rank - low.rank) / span
        }
        return Estimate(
            runs: plan.runs, steps: steps, seconds: plan.seconds, smallest: (low.rank, low.seconds),
            largest: (high.rank, high.seconds, high.bytes))
    }
}
