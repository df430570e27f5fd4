import Messages
import RunRecords

/// What a run trained beside the matrices, by layer.
struct PartTable {
    static let head = ["layer", "form", "parameters"]

    let caption: String
    let rows: [[String]]

    /// - Parameter parts: at least one
    init(_ parts: [RunRecord.Part]) {
        caption = parts.first.map { "Parameters of the \(Figures.plural($0.kind))" } ?? ""
        rows =
            parts.map {
                [$0.layer.map { "\($0)" } ?? "–", $0.summary, Figures.grouped($0.parameters)]
            }
            + [["total", "", Figures.grouped(parts.reduce(0) { $0 + $1.parameters })]]
    }
}
