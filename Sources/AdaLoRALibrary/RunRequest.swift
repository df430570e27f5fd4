import Foundation
import ModelFiles
import RunConfiguration
import RunRecords
import Runs

/// What a caller wants trained, on its way to a run's configuration.
struct RunRequest: Sendable {
    let model: URL
    let task: TrainingTask
    let rows: Rows
    let validation: Validation
    let settings: TrainingSettings
    /// Of the run; nil where nothing is written
    let folder: URL?

    /// What messages call rows that are in no file.
    private static let unwritten = "learningFrom"
    private static let rowFile = "train.jsonl"
    private static let validationFile = "validation.jsonl"

    /// - Throws: `AdaLoRAError`, `ConfigErrors`
    func loaded() throws -> (config: LoadedConfig, rows: GivenRows) {
        var texts: [String: [UInt8]] = [:]
        func path(_ rows: Rows, keptAs name: String) throws -> String {
            switch rows {
            case .file(let url): return try Self.path(url)
            case .values(let values):
                let path = try folder.map { try Self.path($0) + "/" + name } ?? Self.unwritten
                texts[path] = try values.lines(path)
                return path
            }
        }
        var flags: [(key: String, value: String)] = [
            ("model", try Self.path(model)), ("task", task.rawValue),
            ("output", try folder.map(Self.path) ?? Self.unwritten),
            ("train", try path(rows, keptAs: Self.rowFile)),
        ]
        switch validation {
        case .none: break
        case .share(let share): flags.append(("validation-fraction", "\(share)"))
        case .rows(let rows): flags.append(("validation", try path(rows, keptAs: Self.validationFile)))
        }
        let config = try RunConfig.load(
            yaml: nil, yamlName: "", overrides: flags + (try settings.flags()))
        return (config, GivenRows(texts))
    }

    /// The configuration of a run that goes on. Where it was moved since, so were the rows that it keeps.
    static func resumed(_ folder: URL) throws -> LoadedConfig {
        let run = RunFolder(folder)
        let yaml = try FileBytes.text(
            run.config, byteLimit: RunConfig.largestFile, advice: "give the folder of a run")
        let saved = try RunConfig.load(yaml: yaml, yamlName: run.config.path, overrides: []).config
        var moved = [(key: "output", value: try path(folder))]
        func moves(_ key: String, _ recorded: String?, _ name: String) throws {
            let file = folder.appendingPathComponent(name)
            guard let recorded, (recorded as NSString).lastPathComponent == name,
                !FileManager.default.fileExists(atPath: recorded),
                FileManager.default.fileExists(atPath: file.path)
            else { return }
            moved.append((key, try path(file)))
        }
        try moves("train", saved.train, rowFile)
        try moves("validation", saved.validation, validationFile)
        return try RunConfig.load(yaml: yaml, yamlName: run.config.path, overrides: moved)
    }

    private static func path(_ url: URL) throws -> String {
        guard url.isFileURL else {
            throw AdaLoRAError(
                .usage, "\(url.absoluteString) is no place in this file system; give a URL(fileURLWithPath:)")
        }
        return url.path
    }
}
