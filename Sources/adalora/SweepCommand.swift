import ArgumentParser
import Charts
import Comparison
import Foundation
import Glibc
import ModelFiles
import Reports
import RunConfiguration
import RunRecords
import Training

struct SweepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep",
        abstract:
            "Try fixed ranks, find where more rank stops paying, and see where AdaLoRA stands beside them.",
        discussion: """
            Each rank r trains LoRA of that rank in every matrix, and AdaLoRA with the same parameters beside it. \
            Runs that fall behind are given up early. Judged on the validation data: for a fair comparison of methods \
            use compare. Stop at any time; the same command goes on.
            """)

    @Option(help: "Model folder.") var model: String
    @Option(help: "Training rows.") var train: String
    @Option(help: "Validation rows.") var validation: String
    @Option(help: "Folder of the runs.") var output: String
    @Option(help: "Ranks to try, such as 1,2,4,8.") var ranks = "1,2,4,8,16,32"
    @Option(help: "Seeds, such as 42,43,44.") var seeds = "42"
    @Option(help: "Validation metric: \(ComparedMetric.allCases.map(\.rawValue).joined(separator: ", ")).")
    var metric = ComparedMetric.accuracy
    @Flag(inversion: .prefixedNo, help: "Also train AdaLoRA at the budget of each rank.") var adalora = true
    @Option(help: "How far behind the median of finished runs a run may be before it is given up.")
    var margin = 0.03
    @Flag(help: "Give no run up.") var noDiscard = false
    @Option(
        help:
            "What counts as equally good (default: one standard error, two of a difference; 0.005 with one seed)."
    )
    var tolerance: Double?
    @Option(
        name: .customLong("set"), help: "A setting of adalora train for all runs, KEY=VALUE; may be repeated."
    )
    var settings: [String] = []
    @Option(help: "Threads of each run (default: all cores).") var threads: Int?
    @Flag(help: "Measure a few steps and estimate time and memory of the sweep; run nothing else.")
    var dryRun = false

    func validate() throws {
        guard margin >= 0, margin.isFinite, tolerance ?? 0 >= 0, (tolerance ?? 0).isFinite else {
            throw ValidationError("--margin and --tolerance must be 0 or more")
        }
        for setting in settings where !setting.contains("=") {
            throw ValidationError("--set \(setting): write it KEY=VALUE")
        }
    }

    private static let adaptive = "AdaLoRA"

    func run() throws {
        try Failure.run {
            let planner = SweepPlanner(
                ranks: try SweepPlanner.ranks(from: ranks), seeds: try seedList(),
                otherArms: adalora ? [Self.adaptive] : [], metric: metric,
                rule: noDiscard ? nil : DiscardRule(margin: margin))
            let config = try RunConfig.load(
                yaml: nil, yamlName: "",
                overrides: flags(SweepRun(arm: SweepPlanner.fixedArm, rank: 1, seed: 1))
            ).config
            let sizes = SweepSizes(
                matrices: try AdaptedMatrix.all(of: config).map {
                    MatrixSize(name: $0.name, outputs: $0.outputs, inputs: $0.inputs)
                })
            Terminal.output("adapter parameters, r · (outputs + inputs) per matrix\n")
            Terminal.output(sizes.table(ranks: planner.ranks))
            if dryRun { return try estimate(planner, sizes) }
            try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
            let lock = try FolderLock(URL(fileURLWithPath: output))
            try checkInputs()
            let outcomes = try work(planner)
            Terminal.output(planner.table(outcomes, sizes: sizes))
            try conclude(planner, outcomes, sizes)
            withExtendedLifetime(lock) {}
        }
    }

    private func seedList() throws -> [UInt64] {
        let list = seeds.split(separator: ",").map { UInt64($0.trimmingCharacters(in: .whitespaces)) }
        let known = list.compactMap { $0 }
        guard !list.isEmpty, known.count == list.count, Set(known).count == known.count else {
            throw TrainingError(.usage, "--seeds \(seeds): write different whole numbers like 42,43,44")
        }
        return known
    }

    private func flags(_ run: SweepRun) -> [(key: String, value: String)] {
        var flags = settings.map { setting -> (key: String, value: String) in
            let at = setting.firstIndex(of: "=") ?? setting.endIndex
            return (String(setting[..<at]), String(setting[at...].dropFirst()))
        }
        flags += [
            ("model", model), ("train", train), ("validation", validation), ("output", folder(run).path),
            ("seed", String(run.seed)), ("best-metric", metric.rawValue),
        ]
        if let threads { flags.append(("threads", String(threads))) }
        if run.arm == SweepPlanner.fixedArm {
            return flags + [("method", "lora"), ("average-rank", String(run.rank))]
        }
        return flags + [("budget-parameters", String(run.rank * perRank))]
    }

    /// Parameters of rank 1 in every matrix; 0 when the settings do not say.
    private var perRank: Int {
        let fixed = flags(SweepRun(arm: SweepPlanner.fixedArm, rank: 1, seed: 1))
        guard let config = try? RunConfig.load(yaml: nil, yamlName: "", overrides: fixed).config,
            let matrices = try? AdaptedMatrix.all(of: config)
        else { return 0 }
        return matrices.reduce(0) { $0 + $1.outputs + $1.inputs }
    }

    private func folder(_ run: SweepRun) -> URL {
        let arm = run.arm == SweepPlanner.fixedArm ? "lora" : "adalora"
        return URL(fileURLWithPath: output).appendingPathComponent("\(arm)-r\(run.rank)-s\(run.seed)")
    }

    /// Where a run that was given up says why.
    private func reasonFile(_ run: SweepRun) -> URL { folder(run).appendingPathComponent("given-up.txt") }

    private func curve(_ record: RunRecord) -> SweepCurve {
        SweepCurve(
            record.evaluations.map { evaluation in
                let value =
                    metric == .loss
                    ? evaluation.loss : evaluation.metrics.first { $0.name == metric.rawValue }?.value
                return SweepCurve.Point(step: evaluation.step, value: value ?? .nan)
            })
    }

    /// What a run folder says; nil for a run that has not ended.
    private func outcome(_ run: SweepRun) -> SweepOutcome? {
        guard let record = try? RunRecord(folder: folder(run)) else { return nil }
        let curve = curve(record)
        if let reason = try? String(contentsOf: reasonFile(run), encoding: .utf8) {
            return SweepOutcome(run: run, value: nil, curve: curve, reason: reason)
        }
        guard let end = record.end, end.reason != .interrupted else { return nil }
        let best = record.evaluations.last { $0.isBest } ?? record.evaluations.last
        let value = metric == .loss ? best?.loss : best?.metrics.first { $0.name == metric.rawValue }?.value
        return SweepOutcome(
            run: run, value: value ?? nil, curve: curve, reason: value == nil ? "undefined" : nil)
    }

    /// A folder of another sweep's run is no result of this one.
    private func checkUnchanged(_ run: SweepRun) throws {
        let file = RunFolder(folder(run)).config
        guard let yaml = try? String(contentsOf: file, encoding: .utf8) else { return }
        let old = try RunConfig.load(yaml: yaml, yamlName: file.path, overrides: []).config
        let now = try RunConfig.load(yaml: nil, yamlName: "", overrides: flags(run)).config
        let changed = now.differences(from: old).filter {
            !$0.hasPrefix("output:") && !$0.hasPrefix("threads:")
        }
        guard changed.isEmpty else {
            throw TrainingError(
                .usage,
                "\(folder(run).path) was made with other settings (\(changed.joined(separator: "; "))); "
                    + "give another --output, or delete it")
        }
    }

    /// Runs on other data are no runs of this sweep.
    private func checkInputs() throws {
        let file = URL(fileURLWithPath: output).appendingPathComponent("inputs.json")
        var prints = JSONObject()
        for (name, hash) in try InputFingerprints.of(
            model: model, files: [("train", train), ("validation", validation)]
        ).sorted(by: { $0.key < $1.key }) { prints[name] = .string(hash) }
        let now = JSONValue.object(prints)
        if FileManager.default.fileExists(atPath: file.path) {
            guard try JSONValue.read(file) == now else {
                throw TrainingError(
                    .usage,
                    "\(output) was made with another model or other data; give another --output, or delete it"
                )
            }
        } else {
            try AtomicFile.write(Data(now.text().utf8), to: file)
        }
    }

    private func work(_ planner: SweepPlanner) throws -> [SweepOutcome] {
        let interruption = Interruption(notice: "ending after saving the current run")
        for run in planner.runs { try checkUnchanged(run) }
        var outcomes = planner.runs.compactMap(outcome)
        while let run = planner.remaining(after: outcomes).first {
            Terminal.write(
                "[\(outcomes.count + 1)/\(planner.runs.count)] \(run.arm) rank \(run.rank), seed \(run.seed) … ",
                to: .standardError)
            var reason: String?
            var seen = 0
            let process = TrainProcess(folder: folder(run))
            var looked = ContinuousClock.now
            let status = try process.run(flags(run)) {
                if interruption.isRequested { return true }
                // Reading the records takes time that training should have.
                guard ContinuousClock.now - looked > .seconds(1) else { return false }
                looked = ContinuousClock.now
                guard let record = try? RunRecord(folder: folder(run)), record.evaluations.count > seen else {
                    return false
                }
                seen = record.evaluations.count
                reason = planner.reasonToStop(
                    run, curve(record), after: outcomes, totalSteps: record.start.totalSteps)
                return reason != nil
            }
            if interruption.isRequested {
                Terminal.error("interrupted; go on with the same command")
                throw ExitCode(128 + max(interruption.signal, SIGINT))
            }
            if let reason, status != 0 {
                try AtomicFile.write(Data(reason.utf8), to: reasonFile(run))
            } else if status != 0 {
                throw TrainingError(process.lastError ?? "adalora train ended with status \(status)")
            }
            guard let outcome = outcome(run) else {
                throw TrainingError(
                    "\(folder(run).path): the run left no result; see \(folder(run).path).log")
            }
            outcomes.append(outcome)
            let text = outcome.value.map { "\(metric.rawValue) \(ProgressDisplay.fixed($0, 4))" }
            Terminal.error(text ?? "given up: \(outcome.reason ?? "no value")")
        }
        return outcomes
    }

    private func conclude(_ planner: SweepPlanner, _ outcomes: [SweepOutcome], _ sizes: SweepSizes) throws {
        let single = planner.seeds.count == 1
        if let found = planner.diminishingReturns(outcomes, tolerance: tolerance ?? (single ? 0.005 : nil)) {
            Terminal.output(found.sentence(metric: metric))
        }
        for arm in planner.otherArms {
            let standing = planner.standing(of: arm, outcomes, tolerance: tolerance ?? (single ? 0.005 : nil))
            if let standing { Terminal.output(standing.sentence) }
        }
        if single {
            Terminal.output("One seed: differences of about 0.01 may be chance; give --seeds 42,43,44.")
        }
        let arms = [SweepPlanner.fixedArm] + planner.otherArms
        let series = arms.map { arm in
            Series(
                name: arm == SweepPlanner.fixedArm ? "LoRA" : arm,
                points: planner.summaries(arm: arm, outcomes).map { rank, summary in
                    let spread = summary?.deviation
                    return ChartPoint(
                        x: Double(rank * sizes.parametersPerRank), y: summary?.mean,
                        low: spread.flatMap { spread in summary.map { $0.mean - spread } },
                        high: spread.flatMap { spread in summary.map { $0.mean + spread } })
                }, intervals: .errorBars)
        }
        let chart = LineChart(
            id: "sweep", title: "Quality against rank",
            x: Axis("adapter parameters", scale: .log2, format: .si),
            y: Axis("validation \(metric.rawValue)"), series: series)
        let file = URL(fileURLWithPath: output).appendingPathComponent("sweep.svg")
        try AtomicFile.write(Data(chart.svg().utf8), to: file)
        Terminal.error("picture: \(file.path)")
    }

    /// Plans of the smallest and the largest rank; steps in between cost in between.
    private func estimate(_ planner: SweepPlanner, _ sizes: SweepSizes) throws {
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
        Terminal.output(
            "\(plan.runs) runs of \(ProgressDisplay.grouped(steps)) steps: about \(ProgressDisplay.clockTime(plan.seconds)) "
                + "if none is given up, with evaluations (\(Int(low.seconds * 1000)) ms a step at rank "
                + "\(low.rank), \(Int(high.seconds * 1000)) ms at rank \(high.rank)); peak memory about "
                + "\(high.bytes / 1_000_000) MB, one run at a time")
    }
}

extension ComparedMetric: ExpressibleByArgument {}
