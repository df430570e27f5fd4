import Foundation
import Images
import ModelFiles

extension Dataset {
    /// Whether data at this path are a folder of images.
    package static func isImageFolder(_ url: URL, _ form: RowForm) -> Bool {
        var isFolder: ObjCBool = false
        return form.isOfImages && FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder)
            && isFolder.boolValue
    }

    /// Tells unchanged images from changed ones: paths, and the bytes of each file, in the order of the rows.
    ///
    /// - Throws: `DataError` for an image that is there no more.
    package func imageFingerprint(_ form: Fingerprint.Form = .sha256) throws -> String {
        let print = Fingerprint(form)
        for example in examples {
            guard let image = example.image else { continue }
            do {
                let hash = try Fingerprint.of(file: image, form)
                Array("\(example.text)\0\(hash)".utf8).withUnsafeBytes { print.add($0) }
            } catch let error as ModelFileError {
                throw DataError(
                    kind: error.kind == .missing ? .missing : .unreadable, file: file, line: example.line,
                    problem: "image \(quoted(example.text, limit: 200)): \(error.problem)",
                    advice: error.advice)
            }
        }
        return print.text()
    }

    /// Throws where rows that are to stand in another folder name images by paths that begin at this one's.
    package func checkImagePathsAreWhole() throws {
        guard let row = examples.first(where: { $0.image != nil && !$0.text.hasPrefix("/") }) else { return }
        throw DataError(
            file: file, line: row.line,
            problem:
                "the path of the image \(quoted(row.text, limit: 200)) begins at the folder of this file, and the rows are to be "
                + "written into files of another folder",
            advice: "write paths that begin with /, or keep the new files beside this one")
    }

    /// What stands for the hash of a file of rows, of a folder of classes: paths and labels in their order.
    package func pathFingerprint(_ form: Fingerprint.Form = .sha256) -> String {
        let print = Fingerprint(form)
        for example in examples {
            Array("\(example.text)\0\(example.label?.className ?? "")".utf8).withUnsafeBytes { print.add($0) }
        }
        return print.text()
    }
}
