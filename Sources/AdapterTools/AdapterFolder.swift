import Adapters
import Foundation
import ModelFiles
import RunRecords
import Training

/// The adapter folder that a path names: a run's best or last, or the folder itself, written here or by PEFT.
package struct AdapterFolder: Sendable {
    package let url: URL
    /// Whether labels, pooling and the base's fingerprint stand beside PEFT's files.
    package let isDescribed: Bool
    /// What this program writes beside PEFT's files.
    package static let descriptionFile = AdapterDescription.file

    /// - Parameter last: of a run the last one, not the best.
    package init(_ path: URL, last: Bool = false) {
        func has(_ folder: URL, _ name: String) -> Bool {
            FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path)
        }
        let isAdapter = has(path, AdapterDescription.file) || has(path, PEFTFolder.configurationFile)
        let run = RunFolder(path)
        url = isAdapter ? path : (last ? run.last : run.best)
        isDescribed = has(url, AdapterDescription.file)
    }

    /// Throws where there is no adapter, and where every weight was trained and there is none either.
    package func check() throws {
        if FileManager.default.fileExists(
            atPath: url.appendingPathComponent(PEFTFolder.configurationFile).path)
        {
            return
        }
        guard !isDescribed else {
            throw TrainingError(
                .usage, "\(url.path) is a whole model and has no adapters; give an adapter folder")
        }
        throw TrainingError(
            .missing,
            "\(url.path) has no \(PEFTFolder.configurationFile); give the folder of a run or an adapter")
    }

    /// What a run that starts from the adapter depends on, by name.
    package func fingerprints(_ form: Fingerprint.Form) throws -> [(name: String, hash: String)] {
        let others = PEFTFolder.otherFiles(of: url)
        let weights = others.isEmpty ? [PEFTFolder.weightsFile] : others
        return try ([AdapterDescription.file, PEFTFolder.configurationFile] + weights).compactMap { name in
            let file = url.appendingPathComponent(name)
            guard name != AdapterDescription.file || isDescribed else { return nil }
            return ("starting adapter's \(name)", try Fingerprint.of(file: file, form))
        }
    }
}
