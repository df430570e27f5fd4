import Datasets
import Transformers

/// A task by its name, as settings and adapter folders have it.
package struct TaskKind: RawRepresentable, CaseIterable, Sendable, Hashable {
    package let type: any LearningTask.Type

    /// Every task, in the order in which they are shown. To add one: a file with its type, and its entry here.
    package static let allCases = [
        classification, TaskKind(RegressionTask.self), TaskKind(MultiLabelTask.self),
        TaskKind(TokenClassificationTask.self), TaskKind(QuestionAnsweringTask.self),
        TaskKind(CausalLanguageModelTask.self),
    ]

    /// What a run trains for unless told otherwise.
    package static let classification = TaskKind(ClassificationTask.self)

    package init(_ type: any LearningTask.Type) { self.type = type }

    package init?(rawValue: String) {
        guard let known = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
        self = known
    }

    package var rawValue: String { type.name }

    package static func == (first: TaskKind, second: TaskKind) -> Bool { first.rawValue == second.rawValue }

    package func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }

    /// What rows for this task hold.
    ///
    /// - Parameter labelSeparator: between the labels of a row in CSV and TSV; nil leaves it to the file.
    package func rowForm(labelSeparator: String?) -> RowForm { type.rowForm(labelSeparator: labelSeparator) }

    /// Whether the head reads one row of each sequence, which pooling makes.
    package var poolsRows: Bool { !type.headForm(.pooler).isPerToken }

    /// Whether a setting that not every task reads means something to this one.
    package func reads(_ setting: String) -> Bool { type.settings.contains(setting) }

    /// What may be shown of its evaluations beside the loss.
    package var metrics: [Metric] { type.metrics }

    /// What decides which evaluation is the best unless told otherwise; nil where that depends on the labels.
    package var usualMetric: Metric? { type.usualMetric }

    /// The tasks whose heads PEFT calls so; those that pool for a name that is none of ours, or for none.
    package static func all(peftTask: String?) -> [TaskKind] {
        func form(_ kind: TaskKind) -> HeadForm { kind.type.headForm(.pooler) }
        let known = allCases.contains { form($0).peftTask == peftTask }
        let wanted = known ? peftTask : form(.classification).peftTask
        return allCases.filter { form($0).peftTask == wanted }
    }
}
