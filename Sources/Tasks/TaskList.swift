import Transformers

extension TaskKind: RawRepresentable, CaseIterable {
    /// Every task, in the order in which they are shown. To add one: a file with its type, and its entry here.
    package static let allCases = [
        classification, TaskKind(RegressionTask.self), TaskKind(MultiLabelTask.self),
        TaskKind(TokenClassificationTask.self), TaskKind(QuestionAnsweringTask.self),
        TaskKind(CausalLanguageModelTask.self), TaskKind(MultipleChoiceTask.self),
        imageClassification, TaskKind(ImageRegressionTask.self), imageText,
    ]

    /// What a run trains for unless told otherwise.
    package static let classification = TaskKind(ClassificationTask.self)

    /// What rows are for whose classes a model of two towers tells by their texts.
    package static let imageClassification = TaskKind(ImageClassificationTask.self)

    /// What a run on a model of two towers trains for unless told otherwise.
    package static let imageText = TaskKind(ImageTextTask.self)

    package init?(rawValue: String) {
        guard let known = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
        self = known
    }

    /// The tasks whose heads PEFT calls so; those that pool for a name that is none of ours, or for none.
    ///
    /// - Parameters:
    ///   - ofImages: those of models that read images, which PEFT has no names for, in place of texts.
    ///   - ofPairs: those of models that read both.
    package static func all(peftTask: String?, ofImages: Bool = false, ofPairs: Bool = false) -> [TaskKind] {
        func form(_ kind: TaskKind) -> HeadForm { kind.type.headForm(.pooler) }
        if ofPairs { return allCases.filter(\.readsPairs) }
        let readable = allCases.filter { $0.readsImages == ofImages && !$0.readsPairs }
        let known = readable.contains { form($0).peftTask == peftTask }
        let wanted = known ? peftTask : form(.classification).peftTask
        return readable.filter { form($0).peftTask == wanted }
    }
}

extension Metric: RawRepresentable, CaseIterable {
    /// Those of all tasks in their order, and the loss.
    package static let allCases: [Metric] = {
        var found: [Metric] = []
        for metric in TaskKind.allCases.flatMap(\.metrics) + [loss] where !found.contains(metric) {
            found.append(metric)
        }
        return found
    }()

    package init?(rawValue: String) {
        guard let known = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
        self = known
    }

    /// Whether this metric exists for `task`. Of token classification f1, precision and recall do only where tags make
    /// spans.
    package func suits(_ task: TaskKind) -> Bool { self == .loss || task.metrics.contains(self) }
}
