import Autodiff
import Datasets
import Matrices
import ModelFiles
import Tasks
import Testing
import Transformers

/// The list of tasks, and what settings, plans and adapter folders ask it.
@Suite struct TaskKindTests {
    private static func kind(_ name: String) throws -> TaskKind { try #require(TaskKind(rawValue: name)) }

    @Test func namesAreThoseOfSettingsAndFolders() throws {
        #expect(
            TaskKind.allCases.map(\.rawValue) == [
                "classification", "regression", "multi-label", "token-classification", "question-answering",
                "causal-lm", "multiple-choice", "image-classification", "image-regression",
                "image-text",
            ])
        #expect(TaskKind.classification.rawValue == "classification")
        #expect(TaskKind(rawValue: "translation") == nil)
        for kind in TaskKind.allCases { #expect(try Self.kind(kind.rawValue) == kind) }
    }

    @Test func metricsAreListedOnceInTheOrderOfTheTasks() {
        #expect(
            Metric.allCases.map(\.rawValue) == [
                "accuracy", "macro-f1", "matthews", "ece", "pearson", "spearman", "mae", "rmse", "micro-f1",
                "subset-accuracy",
                "f1",
                "precision", "recall", "exact-match", "perplexity", "bits-per-byte", "token-accuracy",
                "accuracy-normalized",
                "recall@1", "recall@5", "recall@10", "text-recall@1", "text-recall@5", "text-recall@10",
                "image-recall@1", "image-recall@5", "image-recall@10",
                "loss",
            ])
        #expect(
            Metric.allCases.filter { !$0.isHigherBetter } == [
                .calibrationError, .meanAbsoluteError, .rootMeanSquaredError, .perplexity, .bitsPerByte,
                .loss,
            ])
        #expect(Metric(rawValue: "micro-f1") == .microF1 && Metric(rawValue: "bleu") == nil)
        #expect(Metric.loss.isBetter(1, than: 2) && Metric.f1.isBetter(2, than: 1))
        #expect(!Metric.loss.isBetter(1, than: 1) && !Metric.f1.isBetter(1, than: 1))
    }

    @Test func metricsSuitTheirTasks() throws {
        let suited = [
            "classification": "accuracy macro-f1 matthews ece", "regression": "pearson spearman mae rmse",
            "multi-label": "macro-f1 micro-f1 subset-accuracy",
            "token-classification": "accuracy f1 precision recall", "question-answering": "f1 exact-match",
            "causal-lm": "exact-match perplexity bits-per-byte token-accuracy",
            "multiple-choice": "accuracy accuracy-normalized",
            "image-classification": "accuracy macro-f1 matthews ece",
            "image-regression": "pearson spearman mae rmse",
            "image-text":
                "recall@1 recall@5 recall@10 text-recall@1 text-recall@5 text-recall@10 image-recall@1 image-recall@5 image-recall@10",
        ]
        for (name, metrics) in suited {
            let kind = try Self.kind(name)
            #expect(
                Metric.allCases.filter { $0.suits(kind) }.map(\.rawValue).joined(separator: " ")
                    == metrics + " loss")
        }
        #expect(
            TaskKind.allCases.map { $0.usualMetric?.rawValue } == [
                "accuracy", "pearson", "micro-f1", nil, "f1", "perplexity", "accuracy-normalized", "accuracy",
                "pearson", "recall@1",
            ])
    }

    /// The task of a classifier that another program saved: by PEFT's name of the head, transformers' problem type and
    /// the number of outputs.
    @Test(arguments: [
        ("SEQ_CLS", "", 2, "classification"), ("SEQ_CLS", "", 1, "regression"),
        ("SEQ_CLS", "regression", 1, "regression"), ("SEQ_CLS", "regression", 3, "classification"),
        ("SEQ_CLS", "multi_label_classification", 3, "multi-label"),
        ("SEQ_CLS", "multi_label_classification", 1, "multi-label"),
        ("SEQ_CLS", "single_label_classification", 2, "classification"),
        ("FEATURE_EXTRACTION", "", 4, "classification"), (nil, "", 4, "classification"),
        ("TOKEN_CLS", "", 1, "token-classification"),
        ("TOKEN_CLS", "multi_label_classification", 9, "token-classification"),
        ("QUESTION_ANS", "", 2, "question-answering"), ("CAUSAL_LM", "", 272, "causal-lm"),
    ])
    func tasksOfOthersClassifiers(_ peft: String?, _ problem: String, _ outputs: Int, _ name: String) {
        let candidates = TaskKind.all(peftTask: peft)
        let forms = candidates.map { $0.type.headForm(.pooler) }
        #expect(forms.allSatisfy { $0 == forms[0] })
        let answering = candidates.filter { $0.type.answers(problemType: problem, outputs: outputs) }
        #expect(answering.map(\.rawValue) == [name])
    }

    @Test func onlyTasksWithoutLabelsFixTheirOutputs() throws {
        #expect(TaskKind.allCases.map { $0.type.fixedOutputs } == [nil, 1, nil, nil, 2, 0, 0, nil, 1, 0])
        #expect(
            TaskKind.allCases.filter(\.poolsRows).map(\.rawValue) == [
                "classification", "regression", "multi-label", "image-classification", "image-regression",
            ])
    }

    /// What a folder remembers of a task makes the same task again.
    @Test func recordsComeBack() throws {
        for kind in TaskKind.allCases {
            let labels = kind.type.fixedOutputs == nil ? ["a", "b", "c"] : []
            let details = kind.type.details(maxLength: 90)
            let record = TaskRecord(
                kind, labels: labels, pooling: kind.poolsRows ? .mean : .pooler, details: details)
            let task = try kind.type.init(record)
            #expect(task.record == record)
            #expect(task.outputs == kind.type.fixedOutputs ?? 3)
            for detail in kind.type.details {
                if detail.isRequired {
                    #expect(detail.isSound(try #require(details[detail.key])), "\(detail.key)")
                }
                // Any text is a template.
                #expect(detail.key == "chatTemplate" || !detail.isSound(.string("x")))
                #expect(!detail.isSound(.number(-1)))
            }
        }
        let questions = try Self.kind("question-answering")
        #expect(questions.type.details(maxLength: 90)["stride"] == JSONValue(30))
        #expect(questions.type.details(maxLength: 512)["stride"] == JSONValue(128))
    }
}
