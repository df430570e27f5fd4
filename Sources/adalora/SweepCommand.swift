import ArgumentParser
import Experiments
import Foundation
import Glibc
import Messages
import Tasks
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

            --margin and --tolerance are in the metric's units, 0.005 of an accuracy. Losses, perplexities and errors have no \
            scale of their own: of these they are shares of the value, 0.005 being half a percent.
            """)

    @Option(help: "The pretrained model: a folder or a GGUF file.") var model: String
    @Option(help: "Training rows.") var train: String
    @Option(help: "Validation rows.") var validation: String
    @Option(help: "Folder of the runs.") var output: String
    @Option(help: "Ranks to try, such as 1,2,4,8.") var ranks = "1,2,4,8,16,32"
    @Option(help: "Seeds, such as 42,43,44.") var seeds = "42"
    @Option(
        name: .customLong("metric"),
        help: """
            Validation metric: \(Metric.allCases.map(\.rawValue).joined(separator: ", ")) (default: the first of the task's).
            """)
    var givenMetric: Metric?
    @Flag(inversion: .prefixedNo, help: "Also train AdaLoRA at the budget of each rank.") var adalora = true
    @Option(
        help:
            "How far behind the median of finished runs a run may be before it is given up, in the metric's units or as a share (above)."
    )
    var margin = 0.03
    @Flag(help: "Give no run up.") var noDiscard = false
    @Option(
        help:
            "What counts as equally good, in the metric's units or as a share (default: one standard error, two of a difference; 0.005 with one seed)."
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

    private var metric: Metric {
        if let givenMetric { return givenMetric }
        let task = settings.last { $0.hasPrefix("task=") }.map { String($0.dropFirst("task=".count)) }
        return task.flatMap(TaskKind.init(rawValue:))?.usualMetric ?? .accuracy
    }

    func run() throws {
        try Failure.run {
            let planner = SweepPlanner(
                ranks: try SweepPlanner.ranks(from: ranks), seeds: try seedList(),
                otherArms: adalora ? [RankSweep.adaptive] : [], metric: metric,
                rule: noDiscard ? nil : DiscardRule(margin: margin))
            let sweep = try RankSweep(
                planner: planner, model: model, train: train, validation: validation, output: output,
                settings: settings.map { setting in
                    let at = setting.firstIndex(of: "=") ?? setting.endIndex
                    return (String(setting[..<at]), String(setting[at...].dropFirst()))
                }, threads: threads)
            Terminal.output("adapter parameters, r · (outputs + inputs) per matrix\n")
            Terminal.output(sweep.sizes.table(ranks: planner.ranks))
            if dryRun { return show(try sweep.estimate()) }
            let lock = try sweep.open()
            let outcomes = try work(sweep)
            Terminal.output(planner.table(outcomes, sizes: sweep.sizes))
            let width = Self.tableWidth
            for table in [
                planner.parameterTable(outcomes, width: width),
                planner.rankTables(outcomes)?.terminal(width: width),
            ] {
                if let table { Terminal.output(table.map { $0 + "\n" }.joined()) }
            }
            for line in planner.collapses(outcomes) + planner.unequalParameters(outcomes) {
                Terminal.output(TerminalText.wrapped("! \(line)", width: width, indent: 2))
            }
            conclude(sweep, outcomes)
            Terminal.error("picture: \(try sweep.writePicture(outcomes).path)")
            withExtendedLifetime(lock) {}
        }
    }

    /// Of the terminal, or where there is none.
    private static var tableWidth: Int {
        Terminal.isTerminal(STDOUT_FILENO) ? min(max(Terminal.width, 60), 120) : 100
    }

    private func seedList() throws -> [UInt64] {
        let list = seeds.split(separator: ",").map { UInt64($0.trimmingCharacters(in: .whitespaces)) }
        let known = list.compactMap { $0 }
        guard !list.isEmpty, known.count == list.count, Set(known).count == known.count else {
            throw TrainingError(.usage, "--seeds \(seeds): write different whole numbers like 42,43,44")
        }
        return known
    }

    private func work(_ sweep: RankSweep) throws -> [SweepOutcome] {
        let interruption = Interruption(notice: "ending after saving the current run")
        let display = RunsDisplay()
        func show(_ event: RankSweep.Event) {
            switch event {
            case .begins(let run, let number):
                let name = "\(run.arm) rank \(run.rank), seed \(run.seed)"
                display.begin(number, of: sweep.planner.runs.count, name: name, id: name)
            case .progress(let progress, let left): display.show(progress, secondsLeft: left)
            case .ended(let outcome):
                let text = outcome.value.map { "\(metric.rawValue) \(Figures.fixed($0, 4))" }
                display.end(text ?? "given up: \(outcome.reason ?? "no value")")
            }
        }
        let outcomes = try sweep.work(
            progressEvery: display.every, isInterrupted: { interruption.isRequested }, onEvent: show)
        guard let outcomes else {
            display.close()
            Terminal.error("interrupted; go on with the same command")
            throw ExitCode(128 + max(interruption.signal, SIGINT))
        }
        return outcomes
    }

    private func conclude(_ sweep: RankSweep, _ outcomes: [SweepOutcome]) {
        let planner = sweep.planner
        let single = planner.seeds.count == 1
        let level = tolerance ?? (single ? 0.005 : nil)
        let found = planner.diminishingReturns(outcomes, tolerance: level)
        if let found { Terminal.output(found.sentence(metric: metric)) }
        let standings = planner.otherArms.compactMap { planner.standing(of: $0, outcomes, tolerance: level) }
        for standing in standings { Terminal.output(standing.sentence) }
        if single {
            Terminal.output(
                "One seed: differences of about \(metric.isUnbounded ? "1%" : "0.01") may be chance; give --seeds 42,43,44."
            )
        }
        guard let found else { return }
        // Another arm where it comes as far with no more parameters.
        let other = standings.first { $0.reachesBestAt.map { $0 <= found.rank } ?? false }
        let command = sweep.trainCommand(
            arm: other?.arm ?? SweepPlanner.fixedArm, rank: other?.reachesBestAt ?? found.rank)
        Terminal.output("To train with what was found:\n  \(command)")
    }

    private func show(_ estimate: RankSweep.Estimate) {
        let (low, high) = (estimate.smallest, estimate.largest)
        Terminal.output(
            "\(estimate.runs) runs of \(Figures.grouped(estimate.steps)) steps: about "
                + "\(Figures.clockTime(estimate.seconds)) if none is given up, with evaluations "
                + "(\(Int(low.secondsPerStep * 1000)) ms a step at rank \(low.rank), "
                + "\(Int(high.secondsPerStep * 1000)) ms at rank \(high.rank)); peak memory about "
                + "\(high.peakBytes / 1_000_000) MB, one run at a time")
    }
}

extension Metric: ExpressibleByArgument {}
