import Charts
import Foundation
import Matrices
import TrainingSteps

/// One quantity that grows while the others stay.
struct ScalingAxis: Sendable {
    let name: String
    /// Of the x axis
    let title: String
    let values: [Int]
    let point: @Sendable (Int) -> ScalingPoint

    var points: [ScalingPoint] { values.map(point) }

    static func all(_ kind: RandomModel.Kind) -> [ScalingAxis] {
        let usual = ScalingPoint.usual(kind)
        let tokens = usual.batch * usual.length
        func axis(
            _ name: String, _ title: String, _ values: [Int],
            _ change: @escaping @Sendable (inout ScalingPoint, Int) -> Void
        ) -> ScalingAxis {
            ScalingAxis(name: name, title: title, values: values) {
                var point = usual
                change(&point, $0)
                return point
            }
        }
        let lengths = kind == .bert ? [32, 64, 128, 256, 512] : [64, 128, 256, 512, 1024, 2048, 4096]
        return [
            axis("batch", "sequences of 128 tokens in a batch", [4, 8, 16, 32, 64]) { $0.batch = $1 },
            axis("length", "tokens of a sequence (\(tokens.formatted()) in a batch)", lengths) {
                ($0.batch, $0.length) = (tokens / $1, $1)
            },
            axis("depth", "layers", [2, 4, 6, 12]) { $0.layers = $1 },
            axis("width", "width (8 × 128 tokens)", [192, 384, 768, 1152]) { ($0.batch, $0.width) = (8, $1) },
            axis("threads", "threads", [1, 2]) { $0.threads = $1 },
            axis("recompute", "tokens of a sequence, layers computed twice", [128, lengths.last ?? 128]) {
                ($0.batch, $0.length, $0.recomputes) = (tokens / $1, $1, true)
            },
        ]
    }
}

/// The table and the plots of all sizes.
struct ScalingReport {
    private let kind: RandomModel.Kind
    private let axes: [ScalingAxis]
    private let results: [ScalingPoint: ScalingFigures]

    init(_ kind: RandomModel.Kind, _ axes: [ScalingAxis], _ results: [ScalingPoint: ScalingFigures]) {
        (self.kind, self.axes, self.results) = (kind, axes, results)
    }

    /// Tokens a second that SGEMM alone would allow.
    private func floor(_ figures: ScalingFigures) -> Double { figures.tokensPerSecond / figures.share }

    private var rows: [[String]] {
        axes.flatMap { axis in
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
        let base = ScalingPoint.usual(kind)
        return """
            # How the cost of a step grows

            AdaLoRA of rank \(ScalingPoint.rank) on all matrices of each layer, \(model); unless a row \
            says otherwise \(base.batch) sequences of \(base.length) tokens, \(base.layers) layers, width \(base.width), \
            \(base.threads) threads. "At SGEMM's rate" is what the products of a step (counted, forward and backward) \
            would allow if they ran as fast as a large SGEMM of OpenBLAS did around each step; frozen products run on oneDNN, \
            which can be faster than that. \(KernelSelection.openBLASConfiguration).

            \(lines.map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n"))

            """
    }

    private var model: String {
        switch kind {
        case .bert: "a BERT with made-up weights"
        case .llama:
            "a Llama with made-up weights, 16,384 words and a third as many heads of keys as of queries; the last quarter of "
                + "each sequence is learned"
        }
    }

    var charts: [LineChart] {
        axes.filter { $0.values.count > 2 }.flatMap { axis in
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
