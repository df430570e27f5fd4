import AdapterTools
import Datasets
import Foundation
import RunConfiguration
import Tasks
import Tokenizers
import Training
import Transformers

/// All that training would say about its files, and more, without training.
package struct DataCheck: Sendable {
    package enum Role: String, Sendable, CaseIterable { case train, validation, test }

    package struct File: Sendable {
        package let role: Role
        package let name: String
        /// Rows that were read; 0 where the file cannot be.
        package let rows: Int
        /// Rows that cannot be read, each with its line.
        package let rejected: [DataError]
        package let columns: DatasetColumns?
        /// nil where the file cannot be read.
        package let labels: LabelTally?
        /// nil without a model.
        package let lengths: RowLengths?
        /// The share of the tokens that rows of a training step begin with alike, which are computed once; nil where there are
        /// none, or none are looked for.
        package let commonBeginnings: Double?
    }

    package let files: [File]
    /// Of rows, in tokens: longer ones are counted.
    package let maxLength: Int
    /// The classes in the order of the logits, which the training file alone decides; empty where there are none.
    package let labelOrder: [String]
    package let findings: [DataFinding]

    package var errors: [DataFinding] { findings.filter(\.isError) }
    package var warnings: [DataFinding] { findings.filter { !$0.isError } }

    /// - Parameters:
    ///   - paths: each role at most once but `test`; training first.
    ///   - config: task, columns and longest row count, and the model where `hasModel`.
    /// - Throws: for a file or a model that is not there; what is wrong with the contents of files are findings.
    package static func run(_ paths: [(role: Role, path: String)], _ config: RunConfig, hasModel: Bool)
        throws -> DataCheck
    {
        let model =
            hasModel
            ? try LoadedModel(
                URL(fileURLWithPath: config.model), maxLength: config.givenMaxLength ?? 1,
                fingerprint: .whenAsked)
            : nil
        let config =
            model.map {
                config.suited(to: $0.backbone.architecture)
                    .fitting(longestSequence: $0.backbone.longestSequence)
            } ?? config
        var findings: [DataFinding] = []
        var read: [ReadFile] = []
        for (role, path) in paths { read.append(try ReadFile(role, path, config, &findings)) }
        let datasets = read.compactMap(\.dataset)
        var task: (any LearningTask)?
        if read.first?.role == .train, let train = read.first?.dataset {
            task = caught(train.file, &findings) {
                let chat = try model.flatMap { try config.givenChat($0.tokenizer) }
                return try config.task.type.init(learningFrom: train, TaskSettings(config, chat: chat, model))
            }
            findings += RowChecks.findings(datasets, config)
        } else {
            // Without rows to learn from there is nothing to hold the others against.
            findings += datasets.flatMap { $0.repetitions() }
        }
        if config.task.rowForm(labelSeparator: config.labelSeparator).isOfImages {
            findings += ImageFindings.findings(datasets)
        }
        var tokenized: [TokenizedDataset?] = []
        for file in read {
            tokenized.append(nil)
            guard let dataset = file.dataset else { continue }
            let isKnownBad = findings.contains {
                $0.isError && $0.kind != .rejectedRows && $0.file == dataset.file
            }
            if isKnownBad { continue }
            tokenized[tokenized.count - 1] = targets(dataset, task, model, config, &findings)
        }
        return DataCheck(
            files: zip(read, tokenized).map { $0.described(config, model, $1) },
            maxLength: config.maxLength,
            labelOrder: task?.record.labels ?? [], findings: findings)
    }

    /// What the task says of a file's labels and, with a tokenizer, of its rows as tokens.
    private static func targets(
        _ dataset: Dataset, _ task: (any LearningTask)?, _ model: LoadedModel?, _ config: RunConfig,
        _ findings: inout [DataFinding]
    ) -> TokenizedDataset? {
        if let task, let model {
            let tokenized = caught(dataset.file, &findings) {
                try task.tokenized(dataset, isLabelled: true, Tokenization(model, config))
            }
            let notes = tokenized?.warnings(name: dataset.file, maxLength: config.maxLength) ?? []
            findings += notes.map { DataFinding(.note, file: dataset.file, text: $0) }
            return tokenized
        }
        _ = caught(dataset.file, &findings) { try config.task.type.checkLabels(dataset) }
        return nil
    }

    private static func caught<Value>(
        _ file: String, _ findings: inout [DataFinding], _ body: () throws -> Value
    ) -> Value? {
        do {
            return try body()
        } catch {
            let line = (error as? DataError)?.line
            findings.append(
                DataFinding(
                    .unusable, isError: true, file: file, lines: line.map { [$0] } ?? [], text: "\(error)"))
            return nil
        }
    }
}

/// A file as far as it can be read.
private struct ReadFile {
    let role: DataCheck.Role
    let path: String
    let dataset: Dataset?
    let rejected: [DataError]

    init(
        _ role: DataCheck.Role, _ path: String, _ config: RunConfig, _ findings: inout [DataFinding]
    ) throws {
        self.role = role
        let url = URL(fileURLWithPath: path)
        // As readers name it.
        let path = url.relativePath
        self.path = path
        do {
            let read = try Dataset.readLeavingOut(
                url, form: config.task.rowForm(labelSeparator: config.labelSeparator),
                columns: ColumnNames(config))
            let names = try config.usedLabelNames.map { try LabelNames(URL(fileURLWithPath: $0)) }
            dataset = try names?.named(read.dataset) ?? read.dataset
            rejected = read.rejected
        } catch let error as NoRowLeft {
            (dataset, rejected) = (nil, error.rejected)
        } catch let error as DataError where error.kind == .invalid {
            findings.append(
                DataFinding(
                    .unusable, isError: true, file: path, lines: error.line.map { [$0] } ?? [],
                    text: "\(error)"))
            (dataset, rejected) = (nil, [])
        }
        if let first = rejected.first {
            let rows = rejected.count == 1 ? "1 row" : "\(rejected.count) rows"
            findings.append(
                DataFinding(
                    .rejectedRows, isError: true, file: path, count: rejected.count,
                    lines: rejected.compactMap(\.line),
                    text: "\(first.file): \(rows) cannot be read; first \(first)"))
        }
        findings += dataset?.warnings.map { DataFinding(.note, file: path, text: $0) } ?? []
    }

    /// - Parameter tokenized: the rows as the task reads them; nil where nobody knows.
    func described(_ config: RunConfig, _ model: LoadedModel?, _ tokenized: TokenizedDataset?)
        -> DataCheck.File
    {
        DataCheck.File(
            role: role, name: path, rows: dataset?.examples.count ?? 0, rejected: rejected,
            columns: dataset?.columns, labels: dataset.map(config.task.type.tally),
            lengths: lengths(config, model?.tokenizer, tokenized),
            commonBeginnings: commonBeginnings(config, model, tokenized))
    }

    /// Of the first steps that training would take by default. Of a language model, whose rows are tokenized here.
    private func commonBeginnings(
        _ config: RunConfig, _ model: LoadedModel?, _ tokenized: TokenizedDataset?
    ) -> Double? {
        guard role == .train, let model, let tokenized, tokenized.count > 0,
            config.task.type.headForm(.pooler).isOwn
        else { return nil }
        let sampler = BatchSampler(
            examples: tokenized.count, batch: config.batchSize(ofRows: tokenized.count) * config.accumulate,
            seed: config.seed)
        return ShardLoad(
            training: tokenized, sampler, totalSteps: sampler.stepsPerEpoch,
            mayShare: model.backbone.sharesBeginnings
        ).sharedPrefix
    }

    /// Of a language model's rows as its template writes them.
    private func lengths(_ config: RunConfig, _ tokenizer: Tokenizer?, _ tokenized: TokenizedDataset?)
        -> RowLengths?
    {
        guard let dataset, let tokenizer, !config.task.readsImages else { return nil }
        guard config.task.type.headForm(.pooler).isOwn else {
            return RowLengths(dataset, tokenizer, maxLength: config.maxLength)
        }
        return tokenized.map { RowLengths(words: $0, maxLength: config.maxLength) }
    }
}
