import Charts
import Foundation
import Messages
import Reports
import RunRecords

/// A cell of a figure's data.
package enum FigureValue: Sendable, Equatable {
    case number(Double)
    case text(String)
    case none

    init(_ value: Double?) { self = value.map { $0.isFinite ? .number($0) : .none } ?? .none }

    init(_ value: Int) { self = .number(Double(value)) }

    /// Shortest text that reads back as the same number; whole numbers without decimals.
    var plain: String {
        switch self {
        case .number(let value):
            value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : "\(value)"
        case .text(let text): text
        case .none: ""
        }
    }

    var number: Double? { if case .number(let value) = self { value } else { nil } }
}

/// The data of a figure, in full.
package struct FigureTable: Sendable, Equatable {
    package let columns: [String]
    package let rows: [[FigureValue]]

    /// RFC 4180.
    package func csv() -> String {
        var text = columns.map(RankReport.field).joined(separator: ",") + "\n"
        for row in rows { text += row.map { RankReport.field($0.plain) }.joined(separator: ",") + "\n" }
        return text
    }

    /// About `limit` rows, among them of each bucket of neighbors those with the extremes of each column.
    func thinned(to limit: Int) -> FigureTable {
        guard rows.count > limit else { return self }
        let measures = columns.indices.dropFirst().map { column in
            { (row: Int) in self.rows[row][column].number ?? .nan }
        }
        // Extremes of hundreds of columns would leave no room for anything between them.
        let kept = Thinning.indices(
            count: rows.count, limit: limit, measures: measures.count * 20 < limit ? measures : [])
        return FigureTable(columns: columns, rows: kept.map { rows[$0] })
    }
}

/// Where a figure is drawn.
package struct FigureForm: Sendable {
    /// Distinct for each figure of a page.
    package let id: String
    /// Pixels.
    package let width: Double
    package let theme: ChartTheme

    package init(id: String, width: Double = 760, theme: ChartTheme = .automatic) {
        self.id = id
        self.width = width
        self.theme = theme
    }

    /// For phones: names stand above the plot, where beside it there is no room.
    var isNarrow: Bool { width < 500 }
}

/// A chart of a report together with its data.
package struct ReportFigure: Sendable {
    enum Content: Sendable {
        case drawn(
            draw: @Sendable (FigureForm) -> String, table: @Sendable () -> FigureTable)
        /// Why there is nothing to draw.
        case missing(String)
    }

    /// As `adalora report --figure` takes it.
    package let id: String
    package let title: String
    /// What the figure shows and how to read it.
    package let caption: String
    let content: Content

    var whyMissing: String? { if case .missing(let reason) = content { reason } else { nil } }

    var isDrawn: Bool { whyMissing == nil }

    /// The figure as a standalone SVG document. Throws `RecordError` where the run does not hold its data.
    package func svg(_ form: FigureForm) throws(RecordError) -> String {
        switch content {
        case .drawn(let draw, _): return draw(form)
        case .missing(let reason): throw missing(reason)
        }
    }

    /// Throws `RecordError` where the run does not hold the data.
    package func table() throws(RecordError) -> FigureTable {
        switch content {
        case .drawn(_, let table): return table()
        case .missing(let reason): throw missing(reason)
        }
    }

    private func missing(_ reason: String) -> RecordError {
        RecordError(
            kind: .notRecorded, place: "figure \(id)", problem: reason,
            advice: "choose another \(SettingName.figure)")
    }
}

enum Thinning {
    /// Positions among 0..<count, ascending: the first and the last, and of each bucket of neighbors where each
    /// measure is least and greatest; without measures the last of each bucket. NaN is no extreme.
    static func indices(count: Int, limit: Int, measures: [(Int) -> Double] = []) -> [Int] {
        guard count > max(limit, 2) else { return Array(0..<count) }
        let buckets = max(1, (limit - 2) / max(2 * measures.count, 1))
        var kept: Set<Int> = [0, count - 1]
        for bucket in 0..<buckets {
            let range = (count * bucket / buckets)..<(count * (bucket + 1) / buckets)
            if measures.isEmpty { kept.insert(range.upperBound - 1) }
            for measure in measures { kept.formUnion(extremes(of: measure, in: range)) }
        }
        return kept.sorted()
    }

    private static func extremes(of measure: (Int) -> Double, in range: Range<Int>) -> Set<Int> {
        var least: (at: Int, value: Double)?
        var greatest: (at: Int, value: Double)?
        for at in range {
            let value = measure(at)
            if value.isNaN { continue }
            if value < least?.value ?? .infinity { least = (at, value) }
            if value > greatest?.value ?? -.infinity { greatest = (at, value) }
        }
        return Set([least?.at, greatest?.at].compactMap { $0 })
    }
}
