import Foundation
import Images
import Messages
import ModelFiles

/// A folder with a subfolder of images for each class, however deep they lie there: torchvision's `ImageFolder`, Hugging Face's
/// `imagefolder`. The subfolders' names are the labels; classes and images come in the order of their names' bytes.
struct ImageFolder {
    /// The folder's name as it was given, for messages.
    private let name: String
    private let url: URL
    private let requireLabels: Bool
    private var examples: [Example] = []
    private var hidden: [String] = []
    private var others: [String] = []

    /// Deeper folders are a circle of links.
    private static let deepest = 32
    private static let parts: Set<String> = [
        "train", "training", "val", "valid", "validation", "dev", "test", "testing",
    ]

    private init(_ url: URL, requireLabels: Bool) {
        (self.url, name, self.requireLabels) = (url, url.relativePath, requireLabels)
    }

    /// - Parameter requireLabels: without it images may lie in the folder itself.
    /// - Throws: `DataError` for a picture that cannot be read or has no class, and for a class without images.
    static func read(_ url: URL, requireLabels: Bool) throws -> Dataset {
        var folder = ImageFolder(url, requireLabels: requireLabels)
        try folder.readClasses()
        return Dataset(examples: folder.examples, file: folder.name, warnings: folder.warnings)
    }

    private func problem(_ path: String?, _ what: String, _ advice: String, _ kind: DataError.Kind = .invalid)
        -> DataError
    {
        DataError(kind: kind, file: path.map { "\(name)/\($0)" } ?? name, problem: what, advice: advice)
    }

    /// Names in a folder of this one, those that begin with a dot counted and left out.
    private mutating func names(_ path: String) throws -> [String] {
        let place = path.isEmpty ? url : url.appendingPathComponent(path)
        let all: [String]
        do {
            all = try FileManager.default.contentsOfDirectory(atPath: place.path)
        } catch {
            throw problem(
                path.isEmpty ? nil : path, "the folder cannot be read", "check the permissions", .unreadable)
        }
        let sorted = all.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        hidden += sorted.filter { $0.hasPrefix(".") }.map { Self.joined(path, $0) }
        return sorted.filter { !$0.hasPrefix(".") }
    }

    private static func joined(_ path: String, _ name: String) -> String {
        path.isEmpty ? name : "\(path)/\(name)"
    }

    private func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        let place = url.appendingPathComponent(path).path
        return FileManager.default.fileExists(atPath: place, isDirectory: &isFolder) && isFolder.boolValue
    }

    private mutating func readClasses() throws {
        let all = try names("")
        let classes = all.filter(isFolder)
        for name in all where !classes.contains(name) { try add(name, label: nil) }
        guard !classes.isEmpty || !examples.isEmpty else {
            throw problem(
                nil, "there is no subfolder in it, where each should be a class of images",
                "put the images of each class into a folder of its own, or give a CSV or JSONL file with their paths"
            )
        }
        if classes.count > 0, classes.allSatisfy({ Self.parts.contains($0.lowercased()) }) {
            throw problem(
                nil, "its subfolders \(quotedList(classes)) are named as parts of data, not as classes",
                "give one of them for training and another for validation")
        }
        for name in classes {
            let before = examples.count
            try read(name, label: name, depth: 1)
            if examples.count == before {
                throw problem(name, "there is no image of this class", "add some, or remove the folder")
            }
        }
    }

    private mutating func read(_ path: String, label: String, depth: Int) throws {
        guard depth <= Self.deepest else {
            throw problem(path, "more than \(Self.deepest) folders inside each other", "check its links")
        }
        for name in try names(path) {
            let inner = Self.joined(path, name)
            if isFolder(inner) {
                try read(inner, label: label, depth: depth + 1)
            } else {
                try add(inner, label: label)
            }
        }
    }

    private mutating func add(_ path: String, label: String?) throws {
        let file = url.appendingPathComponent(path)
        let start: [UInt8]
        do {
            start = try ImageFile.start(file)
        } catch let error as ImageError {
            throw problem(
                path, error.problem, error.advice, error.kind == .unreadable ? .unreadable : .invalid)
        }
        guard ImageFormat(start: start) != nil else { return try leaveOut(path, file) }
        if label == nil, requireLabels {
            throw problem(
                path, "the image lies in no class's folder",
                "move it into one, or give a CSV or JSONL file with the paths of images and their labels")
        }
        examples.append(
            Example(
                text: path, label: label.map { .text($0) }, line: examples.count + 1, image: file))
    }

    /// What is no image is counted; a picture that cannot be read would be lost in silence.
    private mutating func leaveOut(_ path: String, _ file: URL) throws {
        let ending =
            path.split(separator: ".", omittingEmptySubsequences: false).last.map { $0.lowercased() } ?? ""
        do {
            _ = try ImageFile.format(file)
        } catch let error as ImageError {
            if ImageFormat.usualEndings.contains(ending) || error.isOfPicture {
                throw problem(path, error.problem, error.advice)
            }
        }
        others.append(path)
    }

    private var warnings: [String] {
        func warning(_ paths: [String], _ what: String, _ verb: String) -> [String] {
            guard let first = paths.first else { return [] }
            let count = paths.count == 1 ? "1 \(what)" : "\(paths.count) \(what)s"
            return ["\(oneLine(name)): \(count) \(verb), first \(quoted(first, limit: 200))"]
        }
        return warning(hidden, "hidden file", "skipped")
            + warning(
                others, "file",
                others.count == 1 ? "that is no image left out" : "that are no images left out")
    }
}
