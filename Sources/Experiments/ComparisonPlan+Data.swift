import Datasets
import Foundation
import RunConfiguration
import Tasks

extension ComparisonPlan {
    /// Labelled rows of one of the plan's files, read as `adalora train` reads them for an arm.
    ///
    /// - Parameter form: what a row holds; nil for that of the arm's task.
    func rows(_ file: String, of arm: Arm, form: RowForm? = nil) throws -> Dataset {
        let config = try configuration(of: arm)
        let data = try Dataset.read(
            URL(fileURLWithPath: file),
            form: form ?? config.task.rowForm(labelSeparator: config.labelSeparator),
            columns: ColumnNames(config), requireLabels: true)
        let names = try config.usedLabelNames.map { try LabelNames(URL(fileURLWithPath: $0)) }
        return try names?.named(data) ?? data
    }
}
