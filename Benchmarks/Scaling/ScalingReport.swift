import Charts
import Foundation
import Matrices

/// One quantity that grows while the others stay.
struct ScalingAxis: Sendable {
    let name: String
    /// Of the x axis
    let title: String
    let values: [Int]
    let point: @Sendable (Int) -> ScalingPoint

    var points: [ScalingPoint] { values.map(point) }

    static let all = [
        ScalingAxis(name: "batch", title: "sequences of 128 tokens in a batch", values: [4, 8, 16, 32, 64]) {
            ScalingPoint(batch: $0)
        },
        ScalingAxis(
            name: "length", title: "tokens of a sequence (4,096 in a batch)", values: [32, 64, 128, 256, 512]
        ) { ScalingPoint(batch: 4096 / $0, length: $0) },
        ScalingAxis(name: "depth", title: "layers", values: [2, 4, 6, 12]) { ScalingPoint(layers: $0) },
        ScalingAxis(name: "width", title: "width (8 × 128 tokens)", values: [192, 384, 768, 1152]) {
            ScalingPoint(batch: 8, width: $0)
        },
        ScalingAxis(name: "threads", title: "threads", values: [1, 2]) { ScalingPoint(threads: $0) },
        ScalingAxis(
            name: "recompute", title: "tokens of a sequence, layers computed twice", values: [128, 512]
        ) {
            ScalingPoint(batch: 4096 / $0, length: $0, recomputes: true)
        },
    ]
}

/// The table and the plots of all sizes.
struct ScalingReport {
    private let results: [ScalingPoint: ScalingFigures]

    init(_ results: [ScalingPoint: ScalingFigures]) { self.results = results }

    /// Tokens a second that SGEMM alone would allow.
    private func floor(_ figures: ScalingFigures) -> Double { figures.tokensPerSecond / figures.share }

    private var rows: [[String]] {
        ScalingAxis.all.flatMap { axis in
            zip(axis.values, axis.points).compactMap { value, point in
                results[point].map { figures in
                    [
                        axis.name, "\(value)", String(format: "%.0f", figures.tokensPerSecond),
                        String(format: "%.0f", floor(figures)),
                        String(format: "%.0f %%", 100 * figures.share),
                        String(format: "%.1f", figures.flopsPerToken / 1e6),
                        String(format: "%.0f", Double(figures.peakBytes) / 1e6),
                    ]
                }
            }
        }
    }

    private static let header = [
        "growing", "to", "tokens/s", "at SGEMM's rate", "share", "MFLOP/token", "peak MB",
    ]

    var table: String {
        let all = [Self.header] + rows
        let widths = Self.header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            row.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + space : space + cell
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    var markdown: String {
        let lines =
            [Self.header, Self.header.indices.map { $0 == 0 ? "---" : "---:" }] + rows
        let base = ScalingPoint()
        return """
            # How the cost of a step grows

            AdaLoRA of rank \(ScalingPoint.rank) on all six matrices of each layer, a BERT with made-up weights; unless a row \
            says otherwise \(base.batch) sequences of \(base.length) tokens, \(base.layers) layers, width \(base.width), \
            \(base.threads) threads. "At SGEMM's rate" is what the products of a step (counted, forward and backward) \
            would allow if they ran as fast as a large SGEMM of OpenBLAS did around each step; frozen products run on oneDNN, \
            which can be faster than that. \(KernelSelection.openBLASConfiguration).

            \(lines.map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n"))

            """
    }

    var charts: [LineChart] {
        ScalingAxis.all.filter { $0.values.count > 2 }.flatMap { axis in
            [cost(axis), memory(axis)]
        }
    }

    private func cost(_ axis: ScalingAxis) -> LineChart {
        func series(_ name: String, _ rate: (ScalingFigures) -> Double) -> Series {
            Series(name: name, points: points(axis) { 1000 / rate($0) })
        }
        return LineChart(
            id: "time-\(axis.name)", title: "Time by \(axis.name)", x: Axis(axis.title, scale: .log2),
            y: Axis("milliseconds per token", includesZero: true),
            series: [series("measured", \.tokensPerSecond), series("at SGEMM's rate", floor)])
    }

    private func memory(_ axis: ScalingAxis) -> LineChart {
        var chart = LineChart(
            id: "memory-\(axis.name)", title: "Peak memory by \(axis.name)",
            x: Axis(axis.title, scale: .log2), y: Axis("peak memory, MB", includesZero: true),
            series: [Series(name: "measured", points: points(axis) { Double($0.peakBytes) / 1e6 })])
        chart.legend = .hidden
        return chart
    }

    private func points(_ axis: ScalingAxis, _ value: (ScalingFigures) -> Double) -> [ChartPoint] {
        zip(axis.values, axis.points).map { ChartPoint(x: Double($0), y: results[$1].map(value)) }
    }
}
