import Datasets
import Transformers

/// A task by its name, as settings and adapter folders have it.
package struct TaskKind: Sendable, Hashable {
    package let type: any LearningTask.Type

    package init(_ type: any LearningTask.Type) { self.type = type }

    package var rawValue: String { type.name }

    package static func == (first: TaskKind, second: TaskKind) -> Bool { first.rawValue == second.rawValue }

    package func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }

    /// What rows for this task hold.
    ///
    /// - Parameter labelSeparator: between the labels of a row in CSV and TSV; nil leaves it to the file.
    package func rowForm(labelSeparator: String?) -> RowForm { type.rowForm(labelSeparator: labelSeparator) }

    /// Whether the head reads one row of each sequence, which pooling makes.
    package var poolsRows: Bool { type.headForm(.pooler).pooling != nil }

    /// Whether its rows are images, which other models read than texts.
    package var readsImages: Bool { type.readsImages }

    /// Whether its rows are texts with images, which models of two towers read.
    package var readsPairs: Bool { type.headForm(.pooler) == .pair }

    /// The same of images; nil of a task that means nothing there.
    package var ofImages: TaskKind? { type.ofImages.map { TaskKind($0) } }

    /// Whether its evaluations can tell the rows that were answered wrongly.
    package var tellsWrongRows: Bool { type.tellsWrongRows }

    /// Whether a row has any number of labels.
    package var hasLabelSets: Bool {
        if case .labelSets = type.rowForm(labelSeparator: nil) { true } else { false }
    }

    /// Whether a setting that not every task reads means something to this one.
    package func reads(_ setting: String) -> Bool { type.settings.contains(setting) }

    /// What may be shown of its evaluations beside the loss.
    package var metrics: [Metric] { type.metrics }

    /// What decides which evaluation is the best unless told otherwise; nil where that depends on the labels.
    package var usualMetric: Metric? { type.usualMetric }
}
