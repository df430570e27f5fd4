import Charts
import Foundation
import Messages
import Reports
import RunRecords

/// What stands at the top of a report, and in the table of several runs.
struct RunSummary: Sendable {
    struct Item: Sendable {
        let label: String
        /// nil where the run does not say.
        let value: String?
        var note = ""
        /// In place of the label where one run stands alone.
        var heading: String?
    }

    let items: [Item]

    init(_ run: ReportedRun) {
        items = [
            Self.task(run), Self.model(run), Self.method(run), Self.budget(run), Self.rank(run),
            Self.trainable(run), Self.best(run), Self.time(run), Self.rate(run), Self.memory(run),
        ]
    }

    func item(_ label: String) -> Item? { items.first { $0.label == label } }

    private static func task(_ run: ReportedRun) -> Item {
        let start = run.record.start
        let labels = start.labels.isEmpty ? "" : ", \(Figures.counted(start.labels.count, "label"))"
        return Item(
            label: "Task", value: run.settings.task,
            note: "\(Figures.grouped(start.trainExamples)) training rows\(labels)")
    }

    private static func model(_ run: ReportedRun) -> Item {
        let name = run.settings.model.map { URL(fileURLWithPath: $0).lastPathComponent }
        let frozen = NumberFormat.si.string(Double(run.record.start.frozenParameters))
        return Item(label: "Model", value: name, note: "\(frozen) frozen parameters")
    }

    private static func method(_ run: ReportedRun) -> Item {
        var parts: [String] = []
        // Settings without an effect are not among them: a method without these has no values here.
        if let orthogonality = run.settings.value("orthogonality") {
            parts.append(orthogonality == "exact" ? "exact triplets" : "\(orthogonality) penalty")
        }
        if let importance = run.settings.value("importance") { parts.append(importance) }
        if let allocator = run.settings.value("allocator"), allocator != "prune" { parts.append(allocator) }
        return Item(label: "Method", value: run.record.start.method, note: parts.joined(separator: ", "))
    }

    private static func budget(_ run: ReportedRun) -> Item {
        let start = run.record.start
        if start.sites.isEmpty, let part = start.parts.first {
            let number =
                start.parts.count == 1
                ? part.kind : Figures.counted(start.parts.count, part.kind, plural: Figures.plural(part.kind))
            return Item(
                label: "Budget", value: Figures.grouped(start.partParameters),
                note: "parameters in \(number): \(part.summary)")
        }
        guard !start.sites.isEmpty else { return Item(label: "Budget", value: "none", note: "no adapters") }
        let unit = start.budgetUnit
        let final = Figures.grouped(start.finalBudget)
        let average = Double(start.finalBudget) / Double(start.sites.count)
        let matrices = Figures.counted(start.sites.count, "matrix", plural: "matrices")
        let note =
            unit == .triplets
            ? "triplets: average rank \(NumberFormat.automatic.string(average)) over \(matrices)"
            : "parameters over \(matrices)"
        let towers = start.towerBudgets.map { own in
            let end = Figures.grouped(own.final)
            let way = own.initial == own.final ? end : "\(Figures.grouped(own.initial)) → \(end)"
            return "; \(own.tower) \(way)"
        }.joined()
        guard start.initialBudget != start.finalBudget else {
            return Item(label: "Budget", value: final, note: note + towers)
        }
        return Item(
            label: "Budget", value: "\(Figures.grouped(start.initialBudget)) → \(final)",
            note: note + towers)
    }

    private static func rank(_ run: ReportedRun) -> Item {
        guard let table = run.record.rankTables.last else {
            let hasNone = !run.record.start.parts.isEmpty
            return Item(label: "Rank", value: hasNone ? "none" : nil)
        }
        let zeros = table.ranks.count { $0 == 0 }
        let (least, greatest) = (table.ranks.min() ?? 0, table.ranks.max() ?? 0)
        let range = least == greatest ? "\(least)" : "\(least) to \(greatest)"
        return Item(
            label: "Rank", value: range,
            note:
                "\(Figures.grouped(table.total)) triplets\(towers(run, table)), \(zeros) of \(table.ranks.count) matrices at 0"
        )
    }

    /// ` (text 24, vision 48)`; nothing for a model of one.
    private static func towers(_ run: ReportedRun, _ table: RunRecord.RankTable) -> String {
        let grids = RankGrid.towers(run.record.start.sites)
        guard grids.count > 1 else { return "" }
        let parts = grids.map { "\($0.tower ?? "no tower") \(Figures.grouped($0.total(table.ranks)))" }
        return " (\(parts.joined(separator: ", ")))"
    }

    private static func trainable(_ run: ReportedRun) -> Item {
        let start = run.record.start
        let now =
            run.record.end?.trainableParameters ?? run.record.compactions.last?.parametersAfter
            ?? start.trainableParameters
        let share = 100 * Double(now) / Double(max(now + start.frozenParameters, 1))
        let was =
            now == start.trainableParameters
            ? "" : "; \(Figures.grouped(start.trainableParameters)) at the start"
        return Item(
            label: "Trainable parameters", value: Figures.grouped(now),
            note:
                "\(NumberFormat.automatic.string((share * 100).rounded() / 100))% of all\(run.record.trainsHead ? ", head included" : "")\(was)"
        )
    }

    private static func best(_ run: ReportedRun) -> Item {
        guard let name = run.bestMetric, let one = run.keptEvaluation else {
            return Item(label: "Best metric", value: nil, note: "no evaluation")
        }
        let value = one.figure(name).map { Figures.fixed($0, 4) } ?? "undefined"
        let step = "step \(Figures.grouped(one.step))"
        return Item(
            label: "Best metric", value: value,
            note: one.isBest ? "\(name), \(step)" : "\(name), \(step), the last evaluation: none is kept yet",
            heading: "\(one.isBest ? "Best" : "Last") \(name)")
    }

    private static func time(_ run: ReportedRun) -> Item {
        let steps = run.record.steps.reduce(0) { $0 + ($1.seconds.isFinite ? $1.seconds : 0) }
        guard let end = run.record.end else {
            return Item(
                label: "Time", value: run.record.steps.isEmpty ? nil : Elapsed.text(steps),
                note: "in training steps so far")
        }
        return Item(label: "Time", value: Elapsed.text(end.seconds), note: "\(Elapsed.text(steps)) in steps")
    }

    private static func rate(_ run: ReportedRun) -> Item {
        let tokens = run.record.steps.reduce(0) { $0 + $1.tokens }
        let seconds = run.record.steps.reduce(0) { $0 + ($1.seconds.isFinite ? $1.seconds : 0) }
        guard seconds > 0 else { return Item(label: "Tokens/s", value: nil) }
        return Item(
            label: "Tokens/s", value: Figures.grouped(Int((Double(tokens) / seconds).rounded())),
            note: "in steps, \(Figures.grouped(tokens)) tokens")
    }

    private static func memory(_ run: ReportedRun) -> Item {
        guard let end = run.record.end, end.peakMemoryBytes > 0 else {
            return Item(label: "Peak memory", value: nil, note: "told at the end of a run")
        }
        return Item(
            label: "Peak memory", value: "\(Figures.grouped(end.peakMemoryBytes / 1_000_000)) MB",
            note: "of the whole process")
    }
}

extension ReportedRun {
    /// The metric that evaluations are judged by.
    var bestMetric: String? { settings.value("best-metric") ?? metricNames.first }

    /// The evaluation whose adapter the run keeps; before there is one, the last.
    var keptEvaluation: RunRecord.Evaluation? {
        record.evaluations.last { $0.isBest } ?? record.evaluations.last
    }
}

extension RunRecord.Evaluation {
    /// A metric, or the loss.
    func figure(_ name: String) -> Double? { name == "loss" ? loss : value(of: name) }
}

enum Elapsed {
    /// `1 h 02 min`, `3 min 12 s`, `4.2 s`
    static func text(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "–" }
        if seconds < 10 { return Figures.fixed(seconds, 1) + " s" }
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
        return "\(whole / 3600) h \(whole / 60 % 60) min"
    }
}

/// Where a run's tokens and time went.
enum TokenAccount {
    static func facts(_ run: ReportedRun) -> [(name: String, value: String?)] {
        let steps = run.record.steps
        let tokens = steps.map(\.tokens)
        let total = tokens.reduce(0, +)
        let inSteps = steps.reduce(0) { $0 + ($1.seconds.isFinite ? $1.seconds : 0) }
        let inEvaluations = run.record.evaluations.reduce(0) { $0 + ($1.seconds.isFinite ? $1.seconds : 0) }
        var facts: [(name: String, value: String?)] = [
            ("Training rows", Figures.grouped(run.record.start.trainExamples)),
            ("Validation rows", Figures.grouped(run.record.start.validationExamples)),
            (
                "Steps",
                "\(Figures.grouped(steps.count)) of \(Figures.grouped(run.record.start.totalSteps))"
            ),
            ("Epochs", steps.last.map { Figures.fixed($0.epoch, 2) } ?? "–"),
            ("Tokens trained on", Figures.grouped(total)),
            ("Tokens a step, least", tokens.min().map(Figures.grouped) ?? "–"),
            ("Tokens a step, mean", steps.isEmpty ? "–" : Figures.grouped(total / steps.count)),
            ("Tokens a step, greatest", tokens.max().map(Figures.grouped) ?? "–"),
            ("Padding", "none: rows are packed"),
            ("Time in steps", Elapsed.text(inSteps)),
            ("Time in evaluations", Elapsed.text(inEvaluations)),
        ]
        if let end = run.record.end {
            facts.append(("Time elsewhere", Elapsed.text(max(end.seconds - inSteps - inEvaluations, 0))))
            facts.append(("Time in all", Elapsed.text(end.seconds)))
        }
        return facts
    }
}
