import AdapterTools
import Adapters
import Foundation
import ModelFiles
import RunConfiguration
import RunRecords
import Training

/// Writes what a trainer has trained: an adapter folder, or a whole model.
struct ResultWriter {
    let config: RunConfig
    let inputs: RunInputs
    let trainer: Trainer

    /// Whether every weight trains.
    var isWholeModel: Bool { config.tuning.method.trainsBackbone }

    /// All that trains, of the adapters those alive.
    var trainableParameters: Int {
        if isWholeModel { return trainer.trainableParameters }
        let beside =
            trainer.model.head.parameters.reduce(0) { $0 + $1.values.count }
            + trainer.adapters.partParameters + trainer.method.changed.parameterCount
        return zip(trainer.adapters.adapters, trainer.adapters.ranks).reduce(beside) {
            let trained = RunRecord.Site.Trained($1.0, config.tuning)
            return $0 + $1.1 * trained.perRank + trained.beside
        }
    }

    /// Writes the folder whole, or leaves what is there.
    ///
    /// - Parameter step: after which the result is what it is.
    func write(to url: URL, step: Int) throws {
        let model = trainer.model
        try AtomicFile.replaceFolder(url) { target in
            if isWholeModel {
                try WholeModelFolder.write(
                    model, task: inputs.task, base: URL(fileURLWithPath: config.model), into: target)
            } else {
                try PEFTFolder.write(
                    trainer.method.result, as: config.tuning.method.peft, head: model.head,
                    changed: trainer.method.changed, baseModel: config.model, into: target)
            }
            try AdapterDescription(
                baseModel: URL(fileURLWithPath: config.model).standardizedFileURL.path,
                task: inputs.task.record, maxLength: config.maxLength,
                modelFingerprint: inputs.fingerprints[0].hash, step: step, isWholeModel: isWholeModel,
                columns: inputs.columns, baseFormat: isWholeModel ? nil : inputs.baseFormat
            ).write(into: target)
            try FolderManifest.write(into: target)
        }
    }
}
