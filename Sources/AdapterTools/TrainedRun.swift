import Foundation
import Messages
import RankAllocation
import RunRecords

/// What the records of a run say of an adapter that it made, for the adapter's card.
package struct TrainedRun: Sendable {
    /// `72 triplets`; nil for methods without one.
    let budget: String?
    /// Of training
    let rows: Int
    let validationRows: Int
    /// The adapter's
    let step: Int
    /// Of products with the model's weights, where it was not Float32
    let precision: String?
    /// Numbers that trained, of triplets those that are left; nil where the run has not ended
    let parameters: Int?
    /// Of the evaluation at that step; nil where there was none.
    let figures: [(name: String, value: String)]?

    /// nil where the folder is none that a run made, in its place.
    ///
    /// - Throws: `RecordError` where the run's records cannot be read.
    init?(of adapter: URL, step: Int) throws {
        let adapter = adapter.standardizedFileURL
        let folder = RunFolder(adapter.deletingLastPathComponent())
        guard RunFolder.resultNames.contains(adapter.lastPathComponent),
            FileManager.default.fileExists(atPath: folder.events.path)
        else { return nil }
        let record = try RunReader.record(of: folder.url)
        let start = record.start
        budget =
            start.allocator == nil
            ? nil
            : start.budgetUnit == .triplets
                ? Figures.counted(start.finalBudget, "triplet")
                : Figures.counted(start.finalBudget, "parameter")
        (rows, validationRows, self.step) = (start.trainExamples, start.validationExamples, step)
        precision = start.precision.flatMap { $0 == "float32" ? nil : $0 }
        parameters = record.end?.trainableParameters
        figures = record.evaluations.last { $0.step == step }.map { evaluation in
            let metrics = evaluation.metrics.map { ($0.name, $0.value.map { Figures.fixed($0, 4) }) }
            return (metrics + [("loss", Figures.fixed(evaluation.loss, 4))]).map {
                (name: $0.0, value: $0.1 ?? "undefined")
            }
        }
    }
}
