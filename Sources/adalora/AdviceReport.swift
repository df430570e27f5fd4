import Advice
import Foundation
import Messages
import ModelFiles
import RankProbe
import RunConfiguration
import Runs

/// Advice for a person or a machine.
struct AdviceReport {
    private let advised: Advised
    private let plan: RunPlan?
    private let notes: [String]
    private var answer: AdviceAnswer { advised.answer }
    private var facts: AdviceFacts { advised.facts }

    /// - Parameter notes: of the plan
    init(_ advised: Advised, plan: RunPlan?, notes: [String]) {
        self.advised = advised
        self.plan = plan
        self.notes = notes
    }

    func text(width: Int) -> String {
        let figures = figures
        let wide = figures.map(\.name.count).max() ?? 0
        let table = figures.map { name, value in
            let lines = TerminalText.wrapped(value, width: max(width - wide - 2, 20), indent: 0)
                .split(separator: "\n").map(String.init)
            let rest = lines.dropFirst().map { TerminalText.spaces(wide + 2) + $0 }
            return ([TerminalText.left(name, wide) + "  " + (lines.first ?? "")] + rest)
                .joined(separator: "\n")
        }
        let reasons = (answer.reasons + advised.notes + notes).map { reason in
            TerminalText.wrapped("- \(reason)", width: width, indent: 2)
        }
        let head = TerminalText.wrapped(Self.headline(advised), width: width, indent: 0)
        return ([head, ""] + table + ["", "Why:"] + reasons + [costs].compactMap { $0 }.map { "\n" + $0 })
            .joined(separator: "\n")
    }

    /// The answer in a sentence
    static func headline(_ advised: Advised) -> String { advised.answer.headline(advised.facts) }

    /// The answer by parts, in the order to show them.
    var figures: [(name: String, value: String)] {
        let config = advised.config
        var rows: [(name: String, value: String)] = [("sureness", answer.sureness)]
        if config.tuning.method.hasBudget {
            let range = answer.budgetRange
            rows.append(
                (
                    "budget",
                    "\(Figures.grouped(answer.budget)) triplets over \(facts.matrices) matrices, "
                        + "\(Figures.plain(answer.rank)) each on average; between \(Figures.grouped(range.lowerBound)) and "
                        + Figures.grouped(range.upperBound)
                ))
            if config.tuning.method.reads("initial-rank") {
                rows.append(("initial rank", "\(answer.initialRank)"))
            }
        }
        rows.append(("method", config.tuning.method.name))
        rows.append(
            (
                "learning rate",
                Figures.rate(config.resolvedLearningRate)
                    + (answer.learningRate == nil ? ", as given or usual" : "")
            ))
        rows.append(("steps", Figures.grouped(advised.runSteps)))
        if !answer.idleRoles.isEmpty {
            rows.append(("may be left out", answer.idleRoles.joined(separator: ", ")))
        }
        rows.append(("adapter parameters", Figures.grouped(advised.parameters)))
        if let plan {
            rows.append(("memory", "\(Figures.bytes(plan.memory.total)) at the peak"))
            if let time = plan.time {
                rows.append(("time", "about \(Figures.clockTime(time.totalSeconds)), by steps measured now"))
            }
        }
        rows.append(("rules alone", "rank \(Figures.plain(answer.rules.rank))"))
        rows.append(("by row count", "rank \(Figures.plain(answer.rules.rankByRows)), as other trainers"))
        return rows
    }

    private var costs: String? {
        guard let found = advised.findings else { return nil }
        let parts = found.costs.map { "\($0.part.rawValue) \(Figures.seconds($0.seconds))" }
        let total = found.costs.reduce(0) { $0 + $1.seconds }
        let missing =
            found.plan.leftOut.isEmpty
            ? "" : "; left out: " + found.plan.leftOut.map(\.rawValue).joined(separator: ", ")
        return
            "The probe took \(Figures.clockTime(total)) (seconds: \(parts.joined(separator: ", ")))\(missing)."
    }

    /// What stands above the settings.
    static func comment(_ advised: Advised) -> [String] {
        ["By adalora advise: " + headline(advised)]
            + (advised.answer.idleRoles.isEmpty
                ? [] : ["May be left out of targets: \(advised.answer.idleRoles.joined(separator: ", "))"])
    }

    func json(_ config: RunConfig) -> String {
        var settings = JSONObject()
        for (key, value) in config.changedSettings { settings[key] = .string(value) }
        var planned: JSONValue = .null
        if let plan {
            planned = .object([
                "memoryBytes": JSONValue(plan.memory.total),
                "seconds": plan.time.map { .number($0.totalSeconds) } ?? .null,
                "trainableParameters": JSONValue(plan.trainableParameters),
                "notes": .array(notes.map { .string($0) }),
            ])
        }
        return AdviceJSON.value(advised, more: [("settings", .object(settings)), ("plan", planned)]).text()
    }
}
