import Foundation
import ModelFiles

/// The examples of one file, in file order.
package struct Dataset: Sendable {
    package let examples: [Example]
    /// The file's name as it was given, for messages.
    package let file: String
    /// What is odd about the file but no reason to refuse it, one line each.
    package let warnings: [String]
    /// The columns that were read; nil for formats without names for them.
    package let columns: DatasetColumns?
    /// The labels that rows say 0 or 1 of, also where none says 1; nil where rows name their labels.
    package let declaredLabels: [String]?
    /// Values of each row's vector of 0 and 1; nil where rows are no vectors.
    package let vectorWidth: Int?

    package init(
        examples: [Example], file: String, warnings: [String] = [], columns: DatasetColumns? = nil,
        declaredLabels: [String]? = nil, vectorWidth: Int? = nil
    ) {
        self.examples = examples
        self.file = file
        self.warnings = warnings
        self.columns = columns
        self.declaredLabels = declaredLabels
        self.vectorWidth = vectorWidth
    }
}
