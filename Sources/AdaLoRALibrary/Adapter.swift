import AdapterTools
import Datasets
import Foundation
import Matrices
import RunRecords
import Runs
import Tasks

/// A trained adapter on its model, to answer rows with: what a ``TrainingRun`` or an ``AdapterTrainer`` has written.
public struct Adapter: Sendable {
    /// The adapter's own folder
    public let folder: URL
    /// What it was trained for
    public let task: TrainingTask
    /// In the order of the head's outputs; empty where these are no labels
    public let labels: [String]
    /// Tokens of the longest row; longer ones are cut.
    public let maxLength: Int
    /// After which step of its training it is what it is
    public let step: Int
    /// Of its matrices; empty for methods without ranks, and for whole models
    public let ranks: Ranks
    /// What a person should know of how the files were read, one line each
    public let warnings: [String]
    private let opened: OpenedAdapter

    /// - Parameters:
    ///   - folder: of a run, whose best adapter is opened; or of an adapter. PEFT's files in it are those that the Python library
    ///     `peft` opens too.
    ///   - model: where the base model is now; nil for where it was in training.
    /// - Throws: ``AdaLoRAError/Kind/missingInput`` where adapter or model are not there, ``AdaLoRAError/Kind/badData`` for a
    ///   model with other weights than the adapter was trained on, and for files that changed since they were written.
    public init(at folder: URL, model: URL? = nil) throws(AdaLoRAError) {
        let found = AdapterFolder(folder)
        let opened = try AdaLoRAError.telling { try OpenedAdapter(found.url, modelFolder: model) }
        self.opened = opened
        self.folder = found.url
        task = try TrainingTask(opened.description.task.kind)
        labels = opened.task.record.labels
        maxLength = opened.description.maxLength
        step = opened.description.step
        let adapters = opened.adapters.ranked
        ranks = Ranks(adapters.adapters.map { RunRecord.Site($0.layer) }, adapters.ranks)
        warnings = opened.warnings
    }

    /// Answers rows, in their order.
    ///
    /// - Parameters:
    ///   - rows: labels in them are not looked at.
    ///   - threads: nil for one on each core. The answers are the same on any number.
    /// - Throws: ``AdaLoRAError/Kind/badData``, which says which row cannot be read: `rows:3` is the third.
    public func predict(_ rows: [Row], threads: Int? = nil) throws(AdaLoRAError) -> [Prediction] {
        try AdaLoRAError.telling {
            if rows.isEmpty { return [] }
            let dataset = try Dataset.parse(
                rows.lines(Self.name), name: Self.name, format: .jsonl,
                form: opened.rowForm(labelSeparator: nil), requireLabels: false)
            return try opened.predictions(dataset, workers: workers(threads)).map(Prediction.init)
        }
    }

    /// Loss and metrics on labelled rows, without dropout.
    ///
    /// - Parameters:
    ///   - rows: of a file by the columns that the adapter was trained on.
    ///   - threads: nil for one on each core.
    /// - Throws: ``AdaLoRAError/Kind/badData`` for rows without labels, or with some that the adapter does not know.
    public func evaluate(_ rows: Rows, threads: Int? = nil) throws(AdaLoRAError) -> Evaluation {
        try AdaLoRAError.telling {
            let result = try opened.evaluate(dataset(rows), workers: workers(threads))
            return Evaluation(result.evaluation, rows: result.examples, warnings: result.warnings)
        }
    }

    private static let name = "rows"

    private func dataset(_ rows: Rows) throws -> Dataset {
        switch rows {
        case .values(let values):
            try Dataset.parse(
                values.lines(Self.name), name: Self.name, format: .jsonl,
                form: opened.rowForm(labelSeparator: nil), requireLabels: true)
        case .file(let url):
            try Dataset.read(
                url, form: opened.trainedRowForm(labelSeparator: nil),
                columns: ColumnNames().or(opened.description.columns), requireLabels: true)
        }
    }

    private func workers(_ threads: Int?) throws -> Workers {
        if let threads, threads < 1 {
            throw AdaLoRAError(.usage, "threads must be at least 1, not \(threads)")
        }
        return Workers(threads: threads)
    }
}
