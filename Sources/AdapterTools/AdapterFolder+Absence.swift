import Adapters
import Foundation
import Messages
import ModelFiles
import RunRecords
import Training

extension AdapterFolder {
    /// What stands where an adapter was expected, and what to do about it.
    ///
    /// - Parameter folder: as `init` chose it, so maybe inside the folder that a person named.
    static func absence(of folder: URL) -> TrainingError {
        func has(_ url: URL, _ name: String) -> Bool {
            FileManager.default.fileExists(atPath: url.appendingPathComponent(name).path)
        }
        if has(folder, PEFTFolder.configurationFile) {
            return TrainingError(
                .missing,
                "\(folder.path) has no \(AdapterDescription.file), with labels and the base model's fingerprint; "
                    + "take an adapter that PEFT wrote over with adalora import first")
        }
        let isInside = RunFolder.resultNames.contains(folder.lastPathComponent) && !has(folder, "config.json")
        let named = isInside ? folder.deletingLastPathComponent() : folder
        let what =
            if !FileManager.default.fileExists(atPath: named.path) {
                "there is no such folder; check the path"
            } else if has(named, RunFolder(named).events.lastPathComponent) {
                RunFolder(named).hasCheckpoint
                    ? "the run ended before it had an adapter to show; go on with adalora train \(SettingName.resume) "
                        + shellQuoted(named.path)
                    : "the run ended before its first checkpoint, so it has no adapter; train again"
            } else if has(named, "config.json") {
                "this is a model without an adapter; give the folder of a run, or of an adapter"
            } else {
                "this is neither a run nor an adapter; give the folder that adalora train wrote"
            }
        return TrainingError(.missing, "\(named.path): \(what)")
    }
}
