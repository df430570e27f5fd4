import Datasets
import Foundation
import Tasks
import Training

extension ComparisonPlan {
    /// Labelled rows of one of the plan's files, read as `adalora train` reads them with these settings.
    ///
    /// - Parameter form: what a row holds; nil for that of the task in the settings.
    static func rows(_ file: String, _ settings: [String: String], form: RowForm? = nil) throws -> Dataset {
        let task = settings["task"].flatMap { TaskKind(rawValue: $0) } ?? .classification
        let texts = settings["text-column"].map {
            $0.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        }
        let data = try Dataset.read(
            URL(fileURLWithPath: file),
            form: form ?? task.rowForm(labelSeparator: settings["label-separator"]),
            columns: ColumnNames(
                text: texts, label: settings["label-column"],
                delimiter: settings["delimiter"].flatMap { Delimiter($0) }),
            requireLabels: true)
        let names = try settings["label-names"].map { try LabelNames(URL(fileURLWithPath: $0)) }
        return try names?.named(data) ?? data
    }
}
