import Charts
import Messages

extension ComparisonReporter {
    /// Quality against learning rate in the searches, a picture for each budget searched and one for the methods without a budget.
    static func learningRates(_ table: ComparisonTable) -> [(title: String, file: String, svg: String)] {
        let robustness = table.robustness
        var budgets: [Budget?] = []
        for grid in robustness.grids where !budgets.contains(grid.budget) { budgets.append(grid.budget) }
        return budgets.compactMap { budget in
            let grids = robustness.grids.filter { $0.budget == budget }
            guard let svg = picture(grids, budget, robustness, table.plan) else { return nil }
            let place = budget.map { " at \($0)" } ?? ", methods without a budget"
            let file = "learning-rates" + (budget.map { "-\($0.slug)" } ?? "") + ".svg"
            return ("Quality against learning rate\(place)", file, svg)
        }
    }

    /// A line a method; the bar at a point goes to its worst run.
    private static func picture(
        _ grids: [Robustness.Grid], _ budget: Budget?, _ robustness: Robustness, _ plan: ComparisonPlan
    ) -> String? {
        let series = grids.compactMap { grid -> Series? in
            let points = grid.rates.compactMap { rate in
                rate.mean.map { mean in
                    ChartPoint(
                        x: rate.learningRate, y: mean, low: min(mean, rate.worst ?? mean),
                        high: max(mean, rate.worst ?? mean))
                }
            }
            guard points.count > 0 else { return nil }
            return Series(name: grid.arm, points: points, intervals: .errorBars)
        }
        guard series.contains(where: { $0.points.count > 1 }) else { return nil }
        let rates = Set(grids.flatMap { $0.rates.map(\.learningRate) }).sorted()
        var x = Axis("learning rate", scale: .log10, format: .automatic)
        x.tickValues = rates
        let place = budget.map { ", \($0)" } ?? ", without a budget"
        let slug = budget.map { "-\($0.slug)" } ?? ""
        var chart = LineChart(
            id: "learning-rates\(slug)",
            title: "Quality over the learning rates of the search: \(plan.name)\(place)",
            x: x, y: Axis("validation \(robustness.metric.rawValue)"), series: series)
        chart.summary = "Mean over the search seeds, and the worst run"
        chart.legend = .above
        chart.height = 440
        chart.dodge = min(5, 30 / Double(series.count))
        return chart.svg()
    }
}
