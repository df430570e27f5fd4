import Charts
import Foundation
import Messages
import Reports
import RunRecords
import Tasks

/// The figures of one run, in the order of the page.
enum RunFigures {
    static func all(_ run: ReportedRun) -> [ReportFigure] {
        [
            ranks(run), changes(run), loss(run), metrics(run), learningRate(run), gradient(run),
        ] + towers(run) + roles(run) + layers(run)
            + [importance(run), returns(run), orthogonality(run), throughput(run)] + errors(run)
            + forgetting(run) + confusion(run)
    }

    /// A line chart with the run's phases and, where it changes, its budget.
    static func chart(
        _ run: ReportedRun, _ form: FigureForm, _ title: String, y: Axis, series: [Series],
        showsBudget: Bool = true
    ) -> LineChart {
        // More points than half-pixels only make the page larger.
        let limit = max(Int(form.width * 1.5), 8)
        var chart = LineChart(
            id: form.id, title: title, x: run.stepAxis, y: y, series: series.map { $0.thinned(to: limit) })
        chart.phases = run.phases
        if showsBudget { chart.stepLine = run.budgetLine }
        chart.legend = series.count > 1 || chart.stepLine != nil ? .above : .hidden
        chart.width = form.width
        chart.height = form.isNarrow ? 300 : 340
        chart.theme = form.theme
        return chart
    }

    static func loss(_ run: ReportedRun) -> ReportFigure {
        let steps = run.record.steps
        guard !steps.isEmpty else {
            return ReportFigure(
                id: "loss", title: "Loss", caption: "", content: .missing("no step is recorded yet"))
        }
        let smoothed = Smoothing.average(steps.map(\.loss))
        let validation = run.record.evaluations
        return ReportFigure(
            id: "loss", title: "Loss",
            caption:
                "Mean task loss of each step's examples, without the orthogonality term; pale: every step, "
                + "strong: smoothed over about \(Smoothing.window(steps.count)) steps. Dashed: the budget.",
            content: .drawn(
                draw: { form in
                    let points = zip(steps, smoothed).map { ($0.step, $0.loss, $1) }
                    var raw = Series(
                        name: "each step", points: points.map { ChartPoint(x: Double($0.0), y: $0.1) })
                    raw.isFaint = true
                    raw.look = 0
                    var strong = Series(
                        name: "training", points: points.map { ChartPoint(x: Double($0.0), y: $0.2) })
                    strong.look = 0
                    var held = Series(
                        name: "validation",
                        points: validation.map { ChartPoint(x: Double($0.step), y: $0.loss) })
                    held.look = 1
                    // Few steps need no smoothing.
                    let training = steps.count < 20 ? [raw.named("training")] : [raw, strong]
                    return chart(
                        run, form, "Loss", y: Axis("loss"),
                        series: training + (validation.isEmpty ? [] : [held])
                    ).svg()
                },
                table: {
                    let evaluated = Dictionary(validation.map { ($0.step, $0.loss) }) { $1 }
                    return FigureTable(
                        columns: ["step", "loss", "smoothed", "validation_loss", "budget", "rank"],
                        rows: zip(steps, smoothed).map { step, average in
                            [
                                FigureValue(step.step), FigureValue(step.loss), FigureValue(average),
                                FigureValue(evaluated[step.step]), FigureValue(step.budget),
                                FigureValue(step.rank),
                            ]
                        })
                }))
    }

    static func metrics(_ run: ReportedRun) -> ReportFigure {
        let evaluations = run.record.evaluations
        guard !evaluations.isEmpty else {
            return ReportFigure(
                id: "metrics", title: "Validation metrics", caption: "",
                content: .missing("the run has no evaluation (yet, or no \(SettingName.validation) data)"))
        }
        let rising = run.metricNames.filter { !isError($0) && !ForgettingMetrics.has($0) }
        let best = evaluations.last { $0.isBest }
        return evaluated(
            run, rising.isEmpty ? run.metricNames : rising, id: "metrics", title: "Validation metrics",
            caption: best.map { "The best evaluation, kept as adapter, is that of step \($0.step)." }
                ?? "No evaluation counts as the best yet: those before the last allocation do not.")
    }

    /// Metrics of which lower is better, where there are others beside them.
    static func errors(_ run: ReportedRun) -> [ReportFigure] {
        let names = run.metricNames.filter(isError)
        guard !names.isEmpty, names.count < run.metricNames.count else { return [] }
        func figure(_ names: [String], _ id: String, _ title: String) -> [ReportFigure] {
            names.isEmpty
                ? [] : [evaluated(run, names, id: id, title: title, caption: "The lower, the better.")]
        }
        // Beside an exponential the others would lie on the axis.
        let powers = names.filter { Metric(rawValue: $0)?.isExponential ?? false }
        let others = names.filter { !powers.contains($0) }
        return figure(powers, powers.first ?? "", (powers.first ?? "").capitalized)
            + figure(others, "errors", "Validation errors")
    }

    /// How a language model's loss moves on a text that the run does not learn.
    static func forgetting(_ run: ReportedRun) -> [ReportFigure] {
        let names = run.metricNames.filter(ForgettingMetrics.has)
        guard !names.isEmpty else { return [] }
        let kept = run.keptEvaluation.flatMap(ForgettingMetrics.init)
        return [
            evaluated(
                run, names.filter { $0.hasSuffix("loss") || $0.hasSuffix("base") }, id: "forgetting",
                title: "Forgetting",
                caption: "Loss on a text that is not learned, of the base model and of the tuned one."
                    + (kept.map {
                        " At the evaluation that the run keeps the KL divergence from the base model is "
                            + "\(Figures.fixed($0.divergence, 4)) nats a token, and the same word is the most probable one before "
                            + "\(Figures.fixed(100 * $0.same, 1)) % of the tokens."
                    } ?? ""))
        ]
    }

    private static func evaluated(
        _ run: ReportedRun, _ names: [String], id: String, title: String, caption: String
    ) -> ReportFigure {
        let evaluations = run.record.evaluations
        return ReportFigure(
            id: id, title: title, caption: caption,
            content: .drawn(
                draw: { form in
                    let series = names.map { name in
                        Series(
                            name: name,
                            points: evaluations.map {
                                ChartPoint(x: Double($0.step), y: $0.value(of: name))
                            })
                    }
                    return chart(run, form, title, y: Axis("metric"), series: series).svg()
                },
                table: {
                    FigureTable(
                        columns: ["step", "loss"] + names + ["best"],
                        rows: evaluations.map { one in
                            [FigureValue(one.step), FigureValue(one.loss)]
                                + names.map { FigureValue(one.value(of: $0)) } + [
                                    .text(one.isBest ? "yes" : "")
                                ]
                        })
                }))
    }

    static func learningRate(_ run: ReportedRun) -> ReportFigure {
        let steps = run.record.steps
        let (id, title) = ("learning-rate", "Learning rate")
        guard !steps.isEmpty else {
            return ReportFigure(
                id: id, title: title, caption: "", content: .missing("no step is recorded yet"))
        }
        return ReportFigure(
            id: id, title: title, caption: "Of each step, as the schedule gives it.",
            content: .drawn(
                draw: { form in
                    let points = steps.map { ChartPoint(x: Double($0.step), y: $0.learningRate) }
                    return chart(
                        run, form, title, y: Axis("learning rate", includesZero: true),
                        series: [Series(name: "learning rate", points: points)], showsBudget: false
                    ).svg()
                },
                table: {
                    FigureTable(
                        columns: ["step", "learning_rate"],
                        rows: steps.map { [FigureValue($0.step), FigureValue($0.learningRate)] })
                }))
    }

    static func gradient(_ run: ReportedRun) -> ReportFigure {
        let steps = run.record.steps
        return eachStep(
            run, id: "gradient", title: "Gradient norm",
            caption: "Global norm before clipping.",
            axis: Axis("norm", includesZero: true), name: "gradient",
            values: steps.map { ($0.step, $0.gradientNorm) },
            columns: ["step", "gradient_norm", "smoothed", "learning_rate"]
        ) { at, smoothed in
            let step = steps[at]
            return [step.gradientNorm, smoothed, step.learningRate].map { FigureValue($0) }
        }
    }

    static func throughput(_ run: ReportedRun) -> ReportFigure {
        let steps = run.record.steps.filter { $0.seconds > 0 }
        let rates = steps.map { Double($0.tokens) / $0.seconds }
        return eachStep(
            run, id: "throughput", title: "Tokens per second",
            caption: "Real tokens (nothing is padded) over the time of each step, evaluations apart.",
            axis: Axis("tokens/s", format: .si, includesZero: true), name: "tokens/s",
            values: zip(steps, rates).map { ($0.step, $1) },
            columns: ["step", "tokens", "seconds", "tokens_per_second"]
        ) { at, _ in
            [FigureValue(steps[at].tokens), FigureValue(steps[at].seconds), FigureValue(rates[at])]
        }
    }

    /// One value of each step, and its average.
    ///
    /// - Parameters:
    ///   - name: of the line, where there is but one.
    ///   - columns: of the table, `step` first.
    ///   - row: what stands under the other columns, by position in `values` and with the average there.
    private static func eachStep(
        _ run: ReportedRun, id: String, title: String, caption: String, axis: Axis, name: String,
        values: [(step: Int, value: Double)], columns: [String],
        row: @escaping @Sendable (Int, Double) -> [FigureValue]
    ) -> ReportFigure {
        guard !values.isEmpty else {
            return ReportFigure(
                id: id, title: title, caption: "", content: .missing("no step is recorded yet"))
        }
        let smoothed = Smoothing.average(values.map(\.value))
        return ReportFigure(
            id: id, title: title, caption: caption,
            content: .drawn(
                draw: { form in
                    let points = values.map { (Double($0.step), $0.value) }
                    return chart(
                        run, form, title, y: axis, series: Smoothing.series(points, smoothed, name: name),
                        showsBudget: false
                    ).svg()
                },
                table: {
                    FigureTable(
                        columns: columns,
                        rows: values.indices.map { at in
                            [FigureValue(values[at].step)] + row(at, smoothed[at])
                        })
                }))
    }
}

/// Exponential averages without the bias towards the first value.
enum Smoothing {
    static func window(_ count: Int) -> Int { max(10, count / 50) }

    /// NaN where the value is.
    static func average(_ values: [Double]) -> [Double] {
        let decay = 1 - 1 / Double(window(values.count))
        var sum = 0.0
        var weight = 0.0
        return values.map { value in
            guard value.isFinite else { return .nan }
            sum = decay * sum + (1 - decay) * value
            weight = decay * weight + (1 - decay)
            return sum / weight
        }
    }

    /// A pale line of all values below a strong one; of few values one line.
    static func series(_ points: [(Double, Double)], _ smoothed: [Double], name: String) -> [Series] {
        var raw = Series(name: "each step", points: points.map { ChartPoint(x: $0.0, y: $0.1) })
        raw.look = 0
        guard points.count >= 20 else { return [raw.named(name)] }
        raw.isFaint = true
        var strong = Series(
            name: "smoothed", points: zip(points, smoothed).map { ChartPoint(x: $0.0, y: $1) })
        strong.look = 0
        return [raw, strong]
    }
}

extension Series {
    /// The line in full strength under another name.
    func named(_ name: String) -> Series {
        var copy = self
        copy.name = name
        copy.isFaint = false
        return copy
    }
}

extension RunRecord.Evaluation {
    func value(of name: String) -> Double? { metrics.first { $0.name == name }?.value }
}
