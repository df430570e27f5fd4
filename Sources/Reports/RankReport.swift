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
            [heading(run, table, asked: step, style), ""] + grid(run, table, style) + [""]
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

    /// Widths of the columns; cells shrink before anything else does.
    private struct Widths {
        let layer = 6
        let cell: Int
        let total: Int
        /// 0 where there is no room for it.
        let share: Int

        init(_ grid: RankGrid, total: Int, style: Style) {
            self.total = max(Figures.grouped(total).count + 2, 8)
            let roles = max(grid.roles.count, 1)
            share = layer + 5 * roles + self.total + 8 <= style.width ? 8 : 0
            cell = min(max((style.width - layer - self.total - share) / roles, 5), 9)
        }

        func all(_ grid: RankGrid) -> Int { layer + cell * grid.roles.count + total + share }
    }

    static func grid(_ run: RunRecord, _ table: RunRecord.RankTable, _ style: Style) -> [String] {
        let grid = RankGrid(run.start.sites)
        let widths = Widths(grid, total: table.total, style: style)
        let largest = run.largestRank
        let names = grid.roles.map { role in
            let name = TerminalText.shortened(
                style.name(RankGrid.shortName(role)), to: widths.cell - 1, unicode: style.unicode)
            return TerminalText.right(name, widths.cell - 1) + " "
        }
        let rule = style.faint(String(repeating: style.rule, count: widths.all(grid)))
        var lines = [
            style.bold(
                TerminalText.left("layer", widths.layer) + names.joined()
                    + TerminalText.right("total", widths.total)
                    + (widths.share > 0 ? TerminalText.right("share", widths.share) : "")),
            rule,
        ]
        for (row, layer) in grid.layers.enumerated() {
            let cells = grid.row(row).map { at in
                guard let at else { return TerminalText.spaces(widths.cell) }
                let rank = table.ranks[at]
                let text = TerminalText.right("\(rank)", widths.cell - 1) + " "
                return style.shaded(text, RunRecord.shade(rank, of: largest))
            }
            let total = grid.row(row).reduce(0) { $0 + ($1.map { table.ranks[$0] } ?? 0) }
            lines.append(
                TerminalText.right("\(layer)", widths.layer - 1) + " " + cells.joined()
                    + sums(total, of: table.total, widths, style))
        }
        let totals = grid.roles.indices.map { column in
            grid.column(column).reduce(0) { $0 + ($1.map { table.ranks[$0] } ?? 0) }
        }
        let width = widths.cell - 1
        let cells = totals.map { TerminalText.right(Figures.grouped($0), width) + " " }
        let shares = totals.map { total in
            // Decimals would touch their neighbors in narrow columns.
            let text =
                width < 6 ? wholeShare(total, of: table.total, style) : share(total, of: table.total, style)
            return TerminalText.right(text, width) + " "
        }
        return lines + [
            rule,
            TerminalText.left("total", widths.layer) + cells.joined()
                + sums(table.total, of: table.total, widths, style),
            style.faint(TerminalText.left("share", widths.layer) + shares.joined().trimmingEnd()),
        ]
    }

    private static func sums(_ total: Int, of all: Int, _ widths: Widths, _ style: Style) -> String {
        TerminalText.right(Figures.grouped(total), widths.total)
            + (widths.share > 0 ? TerminalText.right(share(total, of: all, style), widths.share) : "")
    }

    private static func wholeShare(_ part: Int, of whole: Int, _ style: Style) -> String {
        whole > 0 ? "\((200 * part + whole) / (2 * whole))%" : style.dash
    }

    private static func share(_ part: Int, of whole: Int, _ style: Style) -> String {
        Figures.percent(part, of: whole).map { "\($0)%" } ?? style.dash
    }

    private static func details(_ run: RunRecord, _ table: RunRecord.RankTable, _ style: Style) -> [String] {
        let initialRanks = run.rankTables[0].ranks
        let parameters = (run.parameters(table.ranks), run.parameters(initialRanks))
        var facts: [(String, String)] = [
            ("method", "\(style.name(run.start.method)), \(run.state)"),
            ("budget", budget(run, at: table.step)),
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

    /// `72 of 432 triplets (16.7%)`
    private static func part(_ part: Int, of whole: Int, _ noun: String, _ style: Style) -> String {
        "\(Figures.grouped(part)) of \(Figures.grouped(whole)) \(noun) "
            + "(\(share(part, of: whole, style)))"
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
