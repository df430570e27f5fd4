import Foundation

/// The folders that an output lies in.
package enum ParentFolders {
    /// Calls `body` with the folders above `url` made where they are missing, and takes those away again that it made
    /// if `body` throws. Throws `ModelFileError` where one cannot be made.
    package static func making<Result>(for url: URL, _ body: () throws -> Result) throws -> Result {
        var missing: [URL] = []
        var parent = url.standardizedFileURL.deletingLastPathComponent()
        while !FileManager.default.fileExists(atPath: parent.path), parent.path != "/" {
            missing.append(parent)
            parent.deleteLastPathComponent()
        }
        do {
            for folder in missing.reversed() {
                guard mkdir(folder.path, 0o777) == 0 || errno == EEXIST else {
                    throw ModelFileError.system(
                        "create the folder", folder.path, errno: errno, writing: true)
                }
            }
            return try body()
        } catch {
            // Only what is empty goes.
            for folder in missing { rmdir(folder.path) }
            throw error
        }
    }
}
