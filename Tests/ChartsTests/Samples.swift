import Charts
import Foundation

/// Realistic charts for the tests. With CHARTS_OUT set, the tests also write them there to be looked at.
enum Samples {
    static let arms = [
        "AdaLoRA", "AdaLoRA, no orthogonality", "LoRA, r = 8", "LoRA, all sites", "full fine-tuning",
    ]

    static func quality(theme: ChartTheme = .automatic) -> LineChart {
        let sizes: [[Double]] = [
            [55e3, 110e3, 221e3, 400e3], [55e3, 110e3, 221e3, 400e3], [60e3, 120e3, 240e3, 390e3],
            [74e3, 147e3, 295e3], [400e3],
        ]
        let scores: [[Double]] = [
            [0.742, 0.764, 0.776, 0.781], [0.735, 0.759, 0.772, 0.779], [0.708, 0.739, 0.757, 0.768],
            [0.722, 0.748, 0.766], [0.785],
        ]
        let series = arms.indices.map { arm in
            Series(
                name: arms[arm],
                points: zip(sizes[arm], scores[arm]).map {
                    ChartPoint(x: $0, y: $1, low: $1 - 0.008, high: $1 + 0.007)
                })
        }
        var chart = LineChart(
            id: "quality", title: "Quality by number of trainable parameters",
            x: Axis("trainable parameters", scale: .log10, format: .si), y: Axis("Matthews correlation"),
            series: series)
        chart.dodge = 3
        chart.theme = theme
        return chart
    }

    static func loss(theme: ChartTheme = .automatic) -> LineChart {
        let series = ["train", "validation"].enumerated().map { index, name in
            Series(
                name: name,
                points: (0...900).map { step in
                    let t = Double(step)
                    let y = 0.35 + 0.5 * exp(-t / 200) + 0.03 * sin(t / 7) + Double(index) * 0.05
                    return step > 400 && step < 430 && index == 1
                        ? ChartPoint(x: t, y: nil) : ChartPoint(x: t, y: y, low: y - 0.04, high: y + 0.04)
                })
        }
        var chart = LineChart(
            id: "loss", title: "Loss and rank budget", x: Axis("step", wholeNumbers: true), y: Axis("loss"),
            series: series)
        chart.phases = phases
        chart.stepLine = StepLine(
            name: "budget (total rank)",
            points: stride(from: 0.0, through: 900, by: 10).map { step in
                let left = 1 - min(max((step - 100) / 500, 0), 1)
                return ChartPoint(x: step, y: (144 + 288 * left * left * left).rounded())
            }, axis: Axis("total rank", includesZero: true, wholeNumbers: true))
        chart.theme = theme
        return chart
    }

    static let phases = [
        PhaseRange("warm-up", from: 0, to: 100), PhaseRange("budgeting", from: 100, to: 600),
        PhaseRange("final", from: 600, to: 900),
    ]
    static let roles = ["query", "key", "value", "output", "ffn up", "ffn down"]

    static func ranks(theme: ChartTheme = .automatic) -> HeatmapPanel {
        let maps = ["AdaLoRA", "no orthogonality", "sensitivity only", "one-shot"].enumerated().map {
            arm, name in
            let values: [[Double?]] = (0..<6).map { (layer: Int) -> [Double?] in
                (0..<6).map { (role: Int) -> Double? in
                    let rank = (layer * 3 + role * 5 + arm * 2 + layer * role) % 13
                    return arm == 3 && role == 4 && layer < 2 ? nil : Double(rank)
                }
            }
            return Heatmap(
                id: "", title: name, rowLabels: (0..<6).map { "layer \($0)" }, columnLabels: roles,
                values: values)
        }
        var panel = HeatmapPanel(id: "ranks", title: "Final rank by layer and role", maps: maps)
        panel.style.legendTitle = "rank"
        panel.style.missingNote = "not adapted"
        panel.style.scale = .sequential(range: 0...12)
        panel.style.format = .decimals(0)
        panel.style.theme = theme
        return panel
    }

    static func differences(theme: ChartTheme = .automatic) -> Heatmap {
        let values: [[Double?]] = (0..<6).map { (layer: Int) -> [Double?] in
            (0..<4).map { (role: Int) -> Double? in Double((layer * 7 + role * 3) % 9 - 4) }
        }
        var map = Heatmap(
            id: "diff", title: "Rank difference, seed 1 minus seed 0",
            rowLabels: (0..<6).map { "layer \($0)" },
            columnLabels: ["attention.query", "attention.key", "attention.value", "attention.output.dense"],
            values: values)
        map.style.scale = .diverging()
        map.style.format = .decimals(0)
        map.style.legendTitle = "difference of rank"
        map.style.rowTitle = "depth"
        map.style.theme = theme
        return map
    }

    static func roleRanks(theme: ChartTheme = .automatic) -> StackedAreaChart {
        let steps = Array(stride(from: 0.0, through: 900, by: 10))
        let weights = [0.6, 0.5, 1.3, 1.0, 1.6, 1.0]
        let groups = roles.indices.map { role in
            StackedAreaChart.Group(
                name: roles[role],
                values: steps.map { (step: Double) -> Double? in
                    let done = min(max((step - 100) / 500, 0), 1)
                    let left = (1 - done) * (1 - done) * (1 - done)
                    let final = 24 * weights[role]
                    return (final + (72 - final) * left).rounded()
                })
        }
        var chart = StackedAreaChart(
            id: "roles", title: "Rank per role", x: Axis("step", wholeNumbers: true),
            y: Axis("total rank", wholeNumbers: true), xValues: steps, groups: groups)
        chart.phases = phases
        chart.theme = theme
        return chart
    }

    static func times(theme: ChartTheme = .automatic) -> BarChart {
        var chart = BarChart(
            id: "times", title: "Time per step", axis: Axis("ms per step"),
            bars: [
                .init(name: "swift-adalora, 2 threads", value: 182.4, low: 178.1, high: 190.2),
                .init(name: "PEFT, PyTorch 2.5, 2 threads", value: 241.7, low: 236, high: 260.3, color: 1),
                .init(name: "LoRA r = 8", value: 151.2, low: 149.9, high: 153.8),
                .init(name: "full fine-tuning", value: nil),
            ])
        chart.reference = .init(200, label: "target: 200 ms")
        chart.valueFormat = .decimals(1)
        chart.theme = theme
        return chart
    }

    static func gains(theme: ChartTheme = .automatic) -> BarChart {
        var chart = BarChart(
            id: "gains", title: "Difference to LoRA at the same size",
            axis: Axis("difference of accuracy (points)"),
            bars: zip(arms, [1.9, 1.2, 0, -0.6, 2.4]).map {
                .init(name: $0, value: $1, low: $1 - 0.8, high: $1 + 0.8)
            })
        chart.reference = .init(0, label: "no difference")
        chart.valueFormat = .decimals(1)
        chart.theme = theme
        return chart
    }

    /// Lines that end together, with names that need moving apart and shortening.
    static func ends(theme: ChartTheme = .automatic) -> LineChart {
        let names =
            arms + [
                "an arm with a very long name that cannot be written out", "<script>alert(\"x\")</script> 🤖",
            ]
        let series = names.enumerated().map { index, name in
            Series(
                name: name,
                points: (0...9).map { epoch in
                    let t = Double(epoch)
                    return ChartPoint(
                        x: t, y: 0.78 - 0.3 / (1 + t) - Double(index % 4) * 0.004 - Double(index) * 0.002)
                })
        }
        var chart = LineChart(
            id: "ends", title: "Validation accuracy by epoch", x: Axis("epoch", wholeNumbers: true),
            y: Axis("accuracy", format: .percent(0)), series: series)
        chart.theme = theme
        return chart
    }

    /// Far more layers than labels fit.
    static func large(theme: ChartTheme = .automatic) -> HeatmapPanel {
        let maps = ["seed 0", "seed 1"].map { name in
            let values: [[Double?]] = (0..<96).map { (layer: Int) -> [Double?] in
                (0..<40).map { (role: Int) -> Double? in role == layer ? nil : Double(layer * role % 17) / 17
                }
            }
            return Heatmap(
                id: "", title: name, rowLabels: (0..<96).map { "model.layers.\($0)" },
                columnLabels: (0..<40).map { "head \($0)" }, values: values)
        }
        var panel = HeatmapPanel(id: "large", title: "Importance by layer and head", maps: maps)
        panel.style.rowTitle = "layer"
        panel.style.columnTitle = "attention head"
        panel.style.theme = theme
        return panel
    }

    /// Scores over many powers of ten with bands, raw values behind smoothed ones.
    static func scores(theme: ChartTheme = .automatic) -> LineChart {
        let series = [(-6.0, "kept"), (-12.0, "pruned")].map { power, name in
            Series(
                name: name,
                points: (1...60).map { step in
                    let y = pow(10, power + sin(Double(step) / 9))
                    return ChartPoint(x: Double(step), y: y, low: y / 50, high: y * 50)
                }, intervals: .band)
        }
        var raw = series[0]
        raw.name = "each"
        raw.isFaint = true
        raw.look = 0
        var chart = LineChart(
            id: "scores", title: "Importance", x: Axis("step", wholeNumbers: true, range: 0...60),
            y: Axis("score", scale: .log10), series: [raw] + series)
        chart.phases = [
            PhaseRange("warm-up", short: "warm", from: 0, to: 6), PhaseRange("budgeting", from: 6, to: 60),
        ]
        chart.legend = .above
        chart.theme = theme
        return chart
    }

    /// More layers than names fit beside the plot.
    static func layers(theme: ChartTheme = .automatic) -> StackedAreaChart {
        var chart = StackedAreaChart(
            id: "layers", title: "Rank per layer", x: Axis("step", wholeNumbers: true),
            y: Axis("total rank", wholeNumbers: true), xValues: [0, 50, 100],
            groups: (0..<80).map { .init(name: "layer \($0)", values: [8, Double($0 % 7), Double($0 % 3)]) })
        chart.isSequence = true
        chart.theme = theme
        return chart
    }

    /// Counts, where none at all is an empty cell, on a phone.
    static func counts(theme: ChartTheme = .automatic) -> HeatmapPanel {
        let maps = [0, 1, 2].map { run in
            Heatmap(
                id: "", title: "run \(run)", rowLabels: ["0", "1"], columnLabels: roles,
                values: [[0, 1, 2, 3, 4, 5], [Double(run), 0, nil, 8, 0, 12]])
        }
        var panel = HeatmapPanel(id: "counts", title: "Rank at the end", maps: maps)
        panel.style.scale = .sequential(range: 1...12)
        panel.style.format = .decimals(0)
        panel.style.legendTitle = "rank"
        panel.style.rowTitle = "layer"
        panel.style.missingNote = "not adapted"
        panel.style.showsZeroAsEmpty = true
        panel.style.marksCells = true
        panel.style.fillsWidth = true
        panel.style.maxWidth = 340
        panel.style.theme = theme
        return panel
    }

    static func all(theme: ChartTheme = .automatic) -> [(name: String, rendering: Rendering)] {
        [
            ("quality", quality(theme: theme).render()), ("loss", loss(theme: theme).render()),
            ("ranks", ranks(theme: theme).render()), ("diff", differences(theme: theme).render()),
            ("roles", roleRanks(theme: theme).render()), ("times", times(theme: theme).render()),
            ("gains", gains(theme: theme).render()), ("ends", ends(theme: theme).render()),
            ("large", large(theme: theme).render()), ("scores", scores(theme: theme).render()),
            ("layers", layers(theme: theme).render()), ("counts", counts(theme: theme).render()),
        ]
    }
}
