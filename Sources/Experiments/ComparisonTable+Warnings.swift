import Messages
import Tasks

extension ComparisonTable {
    /// What a reader must know before believing the numbers; each a single line.
    package var warnings: [String] {
        var lines: [String] = []
        if reported.finished < reported.total {
            lines.append("partial: \(reported.finished) of \(reported.total) reported runs are there")
        }
        lines += rows.compactMap(collapse) + rows.compactMap(ignorance) + shortRows + unpaired
        lines += unequalParameters + edges + mixedOrigins + otherWork + busySearches + runWarnings
        let failed = failures.count
        if failed > 0 {
            lines.append("\(Figures.counted(failed, "run")) failed; see the list of failed runs")
        }
        if !hopeless.isEmpty {
            lines.append(
                "\(Figures.counted(hopeless.count, "run")) cannot be made: \(hopeless[0].reason)")
        }
        return lines
    }

    /// Which runs of a row collapsed, beside what.
    private func collapse(_ row: Row) -> String? {
        guard !row.collapsed.isEmpty else { return nil }
        let name = plan.metric.rawValue
        let runs = row.collapsed.map { collapse in
            let result = row.results[collapse.index]
            return "\(result.seed)" + (result.fold.map { " in fold \($0)" } ?? "")
        }
        let values = row.collapsed.map { Figures.fixed($0.value, 4) }
        let rest = row.results.filter { !row.isCollapsed($0) }.compactMap { $0.test(plan.metric) }.sorted()
        let others = rest.count == 1 ? "the other run has" : "the others have a median of"
        let median = rest.isEmpty ? "nothing" : Figures.fixed(Bootstrap.quantile(0.5, ofSorted: rest), 4)
        let nothing = uninformed.map { ", a model that knows nothing \(Figures.fixed($0, 4))" } ?? ""
        let mean = Summary(rest).map { ", which would be \(Figures.fixed($0.mean, 4)) without" } ?? ""
        return
            "\(row.arm)\(place(row)): \(runs.count == 1 ? "seed" : "seeds") \(runs.joined(separator: ", ")) "
            + "collapsed to \(name) \(values.joined(separator: ", ")) where \(others) \(median)\(nothing); counted in the "
            + "mean\(mean). Try more seeds, or smaller learning rates"
    }

    /// A row in which no run learned much, beside the best of the table and one answer for all rows.
    private func ignorance(_ row: Row) -> String? {
        let all = rows.flatMap(\.results).compactMap { $0.test(plan.metric) }
        guard knowsTruth, let uninformed, let mean = row.metric?.mean,
            let best = all.min(by: { plan.metric.isBetter($0, than: $1) })
        else { return nil }
        let least =
            plan.metric.isBetter(best, than: uninformed)
            ? uninformed + Collapse.keptShare * (best - uninformed) : uninformed
        guard
            !row.results.compactMap({ $0.test(plan.metric) }).contains(where: {
                plan.metric.isBetter($0, than: least)
            })
        else { return nil }
        return
            "\(row.arm)\(place(row)) learned next to nothing: \(plan.metric.rawValue) \(Figures.fixed(mean, 4)) where one "
            + "answer for all rows has \(Figures.fixed(uninformed, 4)) and the best run \(Figures.fixed(best, 4)). Try other "
            + "learning rates, or more steps"
    }

    private func place(_ row: Row) -> String { row.budget.map { " at \($0)" } ?? "" }

    private var shortRows: [String] {
        let groups = sections.compactMap { section -> String? in
            let few = section.rows.filter { $0.count > 0 && $0.count < Self.fewestSeeds }
            guard !few.isEmpty else { return nil }
            let place = section.budget.map { "at \($0)" } ?? "without a budget"
            return place + " " + few.map { "\($0.arm) (\($0.count))" }.joined(separator: ", ")
        }
        return groups.isEmpty
            ? []
            : [
                "fewer than 3 \(plan.folds == nil ? "seeds" : "runs"), too few to judge by: \(groups.joined(separator: "; "))"
            ]
    }

    /// Means and differences then stand on different seeds.
    private var unpaired: [String] {
        rows.compactMap { row in
            guard row.difference != nil, row.pairs.count < row.count else { return nil }
            return "\(row.arm)\(place(row)) has \(Figures.counted(row.count, "run")), of which "
                + "\(row.pairs.count) \(row.pairs.count == 1 ? "has" : "have") a partner of "
                + "\(plan.baseline): the difference is of these alone"
        }
    }

    private var unequalParameters: [String] {
        sections.compactMap { section in
            guard let budget = section.budget else { return nil }
            return ParameterMatch(
                budget,
                section.rows.compactMap { row in
                    guard let arm = plan.arm(row.arm), let parameters = row.adapterParameters else {
                        return nil
                    }
                    return .init(arm, parameters: parameters, ranks: row.ranks)
                })?.sentence
        }
    }

    /// Folds that came to the same end are one line.
    private var edges: [String] {
        var found: [(text: String, folds: [Int])] = []
        for search in searches {
            guard let winner = search.winner, let edge = search.edge else { continue }
            let place = search.budget.map { " at \($0)" } ?? ""
            let text =
                "the learning rate \(Figures.rate(winner)) of \(search.arm)\(place) is the "
                + "\(edge.rawValue) tried: widen the grid"
            let folds = search.fold.map { [$0] } ?? []
            if let known = found.firstIndex(where: { $0.text == text }) {
                found[known].folds += folds
            } else {
                found.append((text, folds))
            }
        }
        return found.map { text, folds in
            guard !folds.isEmpty else { return text }
            let list = folds.map { String($0) }.joined(separator: ", ")
            return "in \(folds.count == 1 ? "fold" : "folds") \(list): \(text)"
        }
    }

    private var otherWork: [String] {
        let busy = rows.flatMap(\.results).compactMap(\.otherCores).filter { $0 > OtherWork.least }
        guard let cores = Summary(busy)?.mean else { return [] }
        return [
            "\(busy.count) of \(Figures.counted(rows.flatMap(\.results).count, "reported run")) were made beside other work, which "
                + "kept \(Figures.fixed(cores, 1)) cores busy on average: their times of a step (†) are no measure of speed"
        ]
    }

    /// Where the pace of search runs decides how many steps others make.
    private var busySearches: [String] {
        let all = searches.flatMap(\.otherCores)
        let busy = all.count { $0 > OtherWork.least }
        guard plan.matching == .time, busy > 0 else { return [] }
        return [
            "\(busy) of \(Figures.counted(all.count, "search run")) were made beside other work, and the steps that match times "
                + "were counted by their pace"
        ]
    }

    /// What the runs themselves warned of, each text once.
    private var runWarnings: [String] {
        var counts: [(text: String, runs: Int)] = []
        // Results of runs that were resumed may hold a text twice.
        for text in rows.flatMap(\.results).flatMap({ Self.once($0.warnings) }) {
            if let known = counts.firstIndex(where: { $0.text == text }) {
                counts[known].runs += 1
            } else {
                counts.append((text, 1))
            }
        }
        let shown = counts.prefix(10).map { "\(Figures.counted($0.runs, "run")): \(TextTable.cell($0.text))" }
        return counts.count > 10 ? shown + ["and \(counts.count - 10) more warnings of runs"] : shown
    }

    private static func once(_ texts: [String]) -> [String] {
        texts.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    private var mixedOrigins: [String] {
        let results = rows.flatMap(\.results)
        return [("commits", results.compactMap(\.commit)), ("machines", results.compactMap(\.machine))]
            .compactMap {
                let different = Set($1).sorted()
                return different.count > 1
                    ? "runs come from \(different.count) \($0): \(different.joined(separator: ", "))" : nil
            }
    }
}
