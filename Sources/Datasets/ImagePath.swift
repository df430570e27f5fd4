import Foundation
import Images

/// The path of an image as a row has it.
enum ImagePath {
    /// The file that it means: from the folder of the rows' file on, unless it begins with a slash.
    ///
    /// - Throws: `DataError` where there is no such image. Its first bytes alone are read: what is damaged behind them shows when
    ///   it is decoded.
    static func file(_ path: String, _ place: RowPlace) throws -> URL {
        guard !path.allSatisfy(\.isWhitespace) else {
            throw place.problem("no image is named", "write its path, or remove the row")
        }
        let start = path.prefix(8).lowercased()
        if ["http://", "https://", "data:", "s3://"].contains(where: start.hasPrefix) {
            throw place.problem(
                "the image \(quoted(path)) is no file",
                "images are not fetched: download it, and write its path")
        }
        let folder = URL(fileURLWithPath: place.file).deletingLastPathComponent()
        let file = URL(fileURLWithPath: path, relativeTo: folder).absoluteURL
        do {
            _ = try ImageFile.format(file)
        } catch let error as ImageError {
            throw place.problem(
                "image \(quoted(path, limit: 200)): \(error.problem)",
                error.kind == .missing
                    ? "check the path, which begins at the folder of this file" : error.advice)
        }
        return file
    }
}
