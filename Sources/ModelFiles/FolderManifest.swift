import Foundation

/// `manifest.json` of a folder: the size and SHA-256 of each file that was written with it.
///
///     {"format": 1, "files": {"state.json": {"bytes": 812, "sha256": "…"}, …}}
///
/// Whoever reads the folder later finds out about any changed bit. Files added later are nobody's affair.
package enum FolderManifest {
    package static let file = "manifest.json"
    private static let format = 1

    /// Writes the manifest of all regular files that are in `folder` now.
    ///
    /// - Throws: `ModelFileError`
    package static func write(into folder: URL) throws {
        var files = JSONObject()
        for name in try names(in: folder) where name != file {
            let print = try FileDigest(folder.appendingPathComponent(name))
            files[name] = .object([
                "bytes": JSONValue(print.bytes), "sha256": .string(print.sha256),
            ])
        }
        let json = JSONValue.object(["format": JSONValue(format), "files": .object(files)])
        try AtomicFile.write(Data(json.bytes(pretty: true)), to: folder.appendingPathComponent(file))
    }

    package static func exists(in folder: URL) -> Bool {
        FileManager.default.fileExists(atPath: folder.appendingPathComponent(file).path)
    }

    /// Throws `ModelFileError` unless every file of the manifest is there, byte for byte.
    ///
    /// - Parameter advice: what to do about a file that is not as it was written.
    package static func check(_ folder: URL, advice: String) throws {
        let url = folder.appendingPathComponent(file)
        let json = try JSONValue.read(url)
        guard json["format"]?.int == format, let files = json["files"]?.object, !files.members.isEmpty else {
            throw ModelFileError(
                file: url.path, problem: "not a manifest this version can read", advice: advice)
        }
        for (name, entry) in files.members {
            guard let bytes = entry["bytes"]?.int, let sha256 = entry["sha256"]?.string,
                !name.contains("/"), name != "..", name != file
            else {
                throw ModelFileError(
                    file: url.path, place: name, problem: "not an entry this version can read", advice: advice
                )
            }
            let path = folder.appendingPathComponent(name)
            func broken(_ problem: String) -> ModelFileError {
                ModelFileError(file: path.path, problem: problem, advice: advice)
            }
            guard let size = size(of: path) else { throw broken("the file is missing") }
            guard size == bytes else { throw broken("\(size) bytes where \(bytes) were written") }
            guard try FileDigest(path).sha256 == sha256 else {
                throw broken("the content is not what was written (SHA-256 differs)")
            }
        }
    }

    private static func names(in folder: URL) throws -> [String] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path) else {
            throw ModelFileError(
                kind: .unwritable, file: folder.path, problem: "cannot list the new folder",
                advice: "check the permissions and the disk")
        }
        return names.sorted().filter { size(of: folder.appendingPathComponent($0)) != nil }
    }

    /// In bytes; nil for anything but a regular file.
    private static func size(of url: URL) -> Int? {
        var status = stat()
        guard stat(url.path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }
}
