import Messages
import RunRecords

/// Where a run's rank went: tables and pictures for the terminal, CSV and JSON for programs.
package enum RankReport {
    /// Layers × roles after `step` (nil for the last recorded table), with totals, shares and the allocation that
    /// decided them. Between two recorded steps the earlier one is shown, and the heading says so.
    ///
    /// Throws `RecordError` when there are no ranks, or `step` is outside the run.
    package static func table(_ run: RunRecord, step: Int?, style: Style) throws -> String {
        let table = try run.rankTable(at: step)
        let lines =
            [heading(run, table, asked: step, style), ""] + RankTable(run, table, style).lines + [""]
            + details(run, table, style)
        return lines.joined(separator: "\n") + "\n"
    }

    private static func heading(
        _ run: RunRecord, _ table: RunRecord.RankTable, asked: Int?, _ style: Style
    ) -> String {
        let start = "Ranks after step \(Figures.grouped(table.step))"
        let isLast = table.step == run.rankTables.last?.step
        switch asked {
        case nil: return style.bold(start + ", the last recorded")
        case table.step: return style.bold(start + (isLast ? ", the last recorded" : ""))
        case let step?:
            return style.bold(start + ", the last recorded at or before step \(Figures.grouped(step))")
        }
    }

    private static func details(_ run: RunRecord, _ table: RunRecord.RankTable, _ style: Style) -> [String] {
        let initialRanks = run.rankTables[0].ranks
        let parameters = (run.parameters(table.ranks), run.parameters(initialRanks))
        var facts: [(String, String)] = [
            ("method", "\(style.name(run.start.method)), \(run.state)"),
            ("budget", budget(run, at: table.step)),
        ]
        facts += towers(run, at: table.step).map { ("", $0) }
        facts += [
            ("kept", part(table.total, of: run.rankTables[0].total, "triplets", style)),
            ("parameters", part(parameters.0, of: parameters.1, "in the triplets", style)),
            ("trainable", trainable(run, at: table.step, style)),
        ]
        if let allocation = run.allocation(at: table.step) {
            facts.append(("allocation", changes(allocation)))
            facts.append(("importance", importance(allocation, style)))
        } else {
            facts.append(("allocation", "none up to this step"))
        }
        facts.append(("rank 0", zeros(run, table.ranks, style)))
        if !run.resumedAfter.isEmpty {
            let steps = run.resumedAfter.map(Figures.grouped).joined(separator: ", ")
            facts.append(("resumed", "after step \(steps)"))
        }
        facts += run.notes.map { ("note", style.name($0)) }
        return facts.map(style.fact)
    }

    private static func budget(_ run: RunRecord, at step: Int) -> String {
        let allocation = run.allocation(at: step)
        let start = run.start
        let budget = Figures.grouped(allocation?.budget ?? start.initialBudget)
        var text = "\(budget) \(start.budgetUnit.rawValue) after this step"
        if let allocation, start.budgetUnit == .parameters {
            // Matrices differ in what a triplet costs, so a budget of parameters is seldom spent exactly.
            text += ", spent \(Figures.grouped(allocation.spent)), "
            text += "slack \(Figures.grouped(allocation.slack))"
        }
        return text + "; the run goes from \(Figures.grouped(start.initialBudget)) "
            + "to \(Figures.grouped(start.finalBudget))"
    }

    /// What each tower may spend of it, where each has a budget of its own.
    private static func towers(_ run: RunRecord, at step: Int) -> [String] {
        let (start, allocation) = (run.start, run.allocation(at: step))
        return start.towerBudgets.enumerated().map { at, tower in
            let share = allocation.map { $0.towers[at] }
            var text =
                "\(TerminalText.clean(tower.tower)): \(Figures.grouped(share?.budget ?? tower.initial)) after this step"
            if let share, start.budgetUnit == .parameters {
                text += ", spent \(Figures.grouped(share.spent))"
            }
            return text + "; from \(Figures.grouped(tower.initial)) to \(Figures.grouped(tower.final))"
        }
    }

    /// `72 of 432 triplets (16.7%)`
    private static func part(_ part: Int, of whole: Int, _ noun: String, _ style: Style) -> String {
        "\(Figures.grouped(part)) of \(Figures.grouped(whole)) \(noun) "
            + "(\(RankTable.share(part, of: whole, style)))"
    }

    private static func trainable(_ run: RunRecord, at step: Int, _ style: Style) -> String {
        let head = run.trainsHead ? " with the head" : ""
        let start =
            "\(Figures.grouped(run.start.trainableParameters)) parameters\(head), "
            + "beside \(Figures.grouped(run.start.frozenParameters)) frozen"
        guard let compaction = run.compactions.last(where: { $0.step <= step }) else { return start }
        return start + "; compacted at step \(Figures.grouped(compaction.step)): "
            + "\(Figures.grouped(compaction.parametersBefore)) \(style.arrow) "
            + Figures.grouped(compaction.parametersAfter)
    }

    private static func changes(_ allocation: RunRecord.Allocation) -> String {
        let added = allocation.added > 0 ? ", \(Figures.grouped(allocation.added)) added" : ""
        return "at step \(Figures.grouped(allocation.step)): "
            + "\(Figures.counted(allocation.returned, "triplet")) returned, "
            + "\(Figures.grouped(allocation.left)) left\(added) since the one before"
    }

    private static func importance(_ allocation: RunRecord.Allocation, _ style: Style) -> String {
        func score(_ value: Double?) -> String { value.map(Figures.scientific) ?? style.dash }
        return "worst kept \(score(allocation.worstKept)), best pruned \(score(allocation.bestPruned)), "
            + "threshold \(score(allocation.worstKept))"
            + (allocation.towers.isEmpty ? "" : ", of all towers, each with a threshold of its own")
    }

    /// How many and which sites hold no triplet.
    static func zeros(_ run: RunRecord, _ ranks: [Int], _ style: Style) -> String {
        let names = zip(run.start.sites, ranks).filter { $1 == 0 }.map { style.name($0.0.name) }
        let count =
            "\(Figures.grouped(names.count)) of \(Figures.counted(ranks.count, "module"))"
        guard !names.isEmpty else { return count }
        let shown = 12
        let more = names.count > shown ? " and \(Figures.grouped(names.count - shown)) more" : ""
        return "\(count): \(names.prefix(shown).joined(separator: ", "))\(more)"
    }
}

extension String {
    /// Without spaces at the end.
    func trimmingEnd() -> String {
        var text = Substring(self)
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
