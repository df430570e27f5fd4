import Charts
import Foundation
import Messages
import Reports
import RunRecords

extension RunFigures {
    static func importance(_ run: ReportedRun) -> ReportFigure {
        let (id, title) = ("importance", "Importance of kept and pruned triplets")
        let spreads = run.triplets.map(ImportanceSpread.all) ?? []
        if spreads.contains(where: { $0.kept != nil }) {
            return ReportFigure(
                id: id, title: title,
                caption:
                    "Scores of all triplets of the model at each record: the line is the median, the band goes "
                    + "from the least to the greatest. "
                    + (run.record.start.towerBudgets.isEmpty
                        ? "Where the bands meet is what it takes to stay."
                        : "Each tower has a budget of its own, so that the bands overlap."),
                content: .drawn(
                    draw: { form in importanceChart(run, form, title, spreads) },
                    table: { importanceTable(spreads) }))
        }
        let allocations = run.record.allocations.filter { $0.worstKept != nil || $0.bestPruned != nil }
        guard !allocations.isEmpty else {
            let reason =
                run.isAllocated
                ? "no importance scores are recorded" : "ranks are fixed, so triplets have no scores"
            return ReportFigure(id: id, title: title, caption: "", content: .missing(reason))
        }
        return ReportFigure(
            id: id, title: title, caption: "The score of the worst kept and of the best pruned triplet.",
            content: .drawn(
                draw: { form in
                    let lines = [
                        ("worst kept", allocations.map { ($0.step, $0.worstKept) }),
                        ("best pruned", allocations.map { ($0.step, $0.bestPruned) }),
                    ]
                    return chart(
                        run, form, title, y: Axis("score", scale: .log10),
                        series: lines.map { name, points in
                            Series(name: name, points: points.map { ChartPoint(x: Double($0.0), y: $0.1) })
                        }, showsBudget: false
                    ).svg()
                },
                table: {
                    FigureTable(
                        columns: ["step", "worst_kept", "best_pruned"],
                        rows: allocations.map {
                            [FigureValue($0.step), FigureValue($0.worstKept), FigureValue($0.bestPruned)]
                        })
                }))
    }

    private static func importanceChart(
        _ run: ReportedRun, _ form: FigureForm, _ title: String, _ spreads: [ImportanceSpread]
    ) -> String {
        func series(_ name: String, _ range: (ImportanceSpread) -> ImportanceSpread.Range?) -> Series {
            Series(
                name: name,
                points: spreads.map { one in
                    guard let range = range(one) else { return ChartPoint(x: Double(one.step), y: nil) }
                    return ChartPoint(
                        x: Double(one.step), y: range.median, low: range.least, high: range.greatest)
                }, intervals: .band)
        }
        // A series without any pruned triplet yet would only take a place in the legend.
        let all = [series("kept", \.kept), series("pruned", \.pruned)].filter { one in
            one.points.contains { $0.y.isFinite }
        }.map { series in
            // Missing points at the ends are no gaps.
            var copy = series
            copy.points = series.points.filter { $0.y.isFinite }
            return copy
        }
        return chart(run, form, title, y: Axis("score", scale: .log10), series: all, showsBudget: false)
            .svg()
    }

    private static func importanceTable(_ spreads: [ImportanceSpread]) -> FigureTable {
        FigureTable(
            columns: ["step"]
                + ["kept", "pruned"].flatMap {
                    ["\($0)_least", "\($0)_median", "\($0)_greatest", "\($0)_count"]
                },
            rows: spreads.map { one in
                [FigureValue(one.step)]
                    + [one.kept, one.pruned].flatMap { range in
                        [range?.least, range?.median, range?.greatest, range.map { Double($0.count) }].map {
                            FigureValue($0)
                        }
                    }
            })
    }

    static func returns(_ run: ReportedRun) -> ReportFigure {
        let (id, title) = ("returns", "Triplets that left and came back")
        let allocations = run.record.allocations
        guard !allocations.isEmpty else {
            return ReportFigure(
                id: id, title: title, caption: "",
                content: .missing("there was no allocation, so no triplet left"))
        }
        let totals = allocations.reduce(into: [(left: Int, returned: Int, added: Int)]()) { totals, one in
            let last = totals.last ?? (0, 0, 0)
            totals.append((last.left + one.left, last.returned + one.returned, last.added + one.added))
        }
        let sums = totals[totals.count - 1]
        let share = sums.left > 0 ? 100 * Double(sums.returned) / Double(sums.left) : 0
        return ReportFigure(
            id: id, title: title,
            caption:
                "Sums over all allocations so far. \(Figures.grouped(sums.left)) times a triplet left, "
                + "\(Figures.grouped(sums.returned)) times one came back "
                + "(\(Figures.fixed(share, 1))%)."
                + (sums.added > 0 ? " \(Figures.grouped(sums.added)) new ones were added." : ""),
            content: .drawn(
                draw: { form in
                    func series(_ name: String, _ count: ((left: Int, returned: Int, added: Int)) -> Int)
                        -> Series
                    {
                        let points = zip(allocations, totals).map { (Double($0.step), Double(count($1))) }
                        let start = [(Double(max(allocations[0].step - 1, 0)), 0.0)]
                        // What the last allocation left holds to the end.
                        let end = [(Double(run.record.lastStep), Double(count(sums)))]
                        return Series(
                            name: name, points: (start + points + end).map { ChartPoint(x: $0.0, y: $0.1) }
                        )
                    }
                    let lines =
                        [series("left") { $0.left }, series("came back") { $0.returned }]
                        + (sums.added > 0 ? [series("added") { $0.added }] : [])
                    return chart(
                        run, form, title, y: Axis("triplets, in all", includesZero: true, wholeNumbers: true),
                        series: lines, showsBudget: false
                    ).svg()
                },
                table: {
                    FigureTable(
                        columns: ["step", "left", "returned", "added", "budget", "spent"],
                        rows: allocations.map { one in
                            [one.step, one.left, one.returned, one.added, one.budget, one.spent].map {
                                FigureValue($0)
                            }
                        })
                }))
    }

    static func orthogonality(_ run: ReportedRun) -> ReportFigure {
        let (id, title) = ("orthogonality", "Orthogonality error")
        let snapshots = run.triplets?.snapshots ?? []
        let errors = snapshots.compactMap { snapshot -> (step: Int, sorted: [Double])? in
            let values = snapshot.sites.compactMap(\.orthogonalityError).sorted()
            return values.isEmpty ? nil : (snapshot.step, values)
        }
        guard !errors.isEmpty else {
            return ReportFigure(
                id: id, title: title, caption: "",
                content: .missing(run.tripletsProblem ?? "the run measured no orthogonality error"))
        }
        return ReportFigure(
            id: id, title: title,
            caption: "How far the kept columns of P and rows of Q of each matrix are from orthonormal, "
                + "max(‖PᵀP−I‖, ‖QQᵀ−I‖): the median of all matrices in a band from the least to the greatest.",
            content: .drawn(
                draw: { form in
                    let isLogarithmic = errors.allSatisfy { $0.sorted[0] > 0 }
                    let series = Series(
                        name: "matrices",
                        points: errors.map { one in
                            ChartPoint(
                                x: Double(one.step), y: one.sorted[one.sorted.count / 2], low: one.sorted[0],
                                high: one.sorted[one.sorted.count - 1])
                        }, intervals: .band)
                    return chart(
                        run, form, title,
                        y: Axis(
                            "error", scale: isLogarithmic ? .log10 : .linear, includesZero: !isLogarithmic),
                        series: [series], showsBudget: false
                    ).svg()
                },
                table: {
                    FigureTable(
                        columns: ["step", "least", "median", "greatest"],
                        rows: errors.map { one in
                            [
                                FigureValue(one.step), FigureValue(one.sorted[0]),
                                FigureValue(one.sorted[one.sorted.count / 2]),
                                FigureValue(one.sorted[one.sorted.count - 1]),
                            ]
                        })
                }))
    }

    /// The singular values of one site, not part of the page's list: there they follow the slider.
    static func spectrum(_ run: ReportedRun, site: String) throws -> ReportFigure {
        let id = "spectrum:\(site)"
        guard let triplets = run.triplets else {
            return ReportFigure(
                id: id, title: "Singular values", caption: "",
                content: .missing(run.tripletsProblem ?? "not recorded"))
        }
        let at = try triplets.position(of: site)
        let snapshot = triplets.snapshots[triplets.snapshots.count - 1]
        let spectrum = snapshot.sites[at].spectrum
        return ReportFigure(
            id: id, title: "Singular values of \(site)", caption: "After step \(snapshot.step).",
            content: .drawn(
                draw: { form in
                    var chart = BarChart(
                        id: form.id, title: "Singular values of \(site) after step \(snapshot.step)",
                        axis: Axis("σ", includesZero: true),
                        bars: spectrum.values.enumerated().map { index, value in
                            .init(name: "\(index + 1)", value: value)
                        })
                    chart.width = form.width
                    chart.theme = form.theme
                    return chart.svg()
                },
                table: {
                    FigureTable(
                        columns: ["step", "index", "value"],
                        rows: triplets.snapshots.flatMap { past in
                            past.sites[at].spectrum.values.enumerated().map { index, value in
                                [FigureValue(past.step), FigureValue(index + 1), FigureValue(value)]
                            }
                        })
                }))
    }
}

/// The scores of all triplets of the model after a step.
struct ImportanceSpread: Sendable {
    struct Range: Sendable {
        let least: Double
        let median: Double
        let greatest: Double
        let count: Int

        init?(_ values: [Double]) {
            let sorted = values.sorted()
            guard let least = sorted.first, let greatest = sorted.last else { return nil }
            (self.least, self.greatest) = (least, greatest)
            median = sorted[sorted.count / 2]
            count = sorted.count
        }
    }

    let step: Int
    let kept: Range?
    let pruned: Range?

    static func all(_ history: TripletHistory) -> [ImportanceSpread] {
        history.snapshots.map { snapshot in
            var kept: [Double] = []
            var pruned: [Double] = []
            for site in snapshot.sites where site.importance.count == site.kept.count {
                for (score, isKept) in zip(site.importance, site.kept) {
                    guard let score, score.isFinite else { continue }
                    if isKept { kept.append(score) } else { pruned.append(score) }
                }
            }
            return ImportanceSpread(step: snapshot.step, kept: Range(kept), pruned: Range(pruned))
        }
    }
}
