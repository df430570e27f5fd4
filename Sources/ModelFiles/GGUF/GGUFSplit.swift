import Foundation
import Messages

/// One of the files that `llama-gguf-split` makes of a model: `model-00001-of-00003.gguf` and so on.
struct GGUFSplit: Equatable {
    /// From 0
    let number: Int
    let count: Int
    /// Of all files together
    let tensors: Int

    private static let countKey = "split.count"
    private static let numberKey = "split.no"
    private static let tensorsKey = "split.tensors.count"

    /// nil for a file that is a model by itself.
    init?(_ metadata: GGUFMetadata) throws {
        guard let count = try metadata.int(Self.countKey), count > 1 else { return nil }
        func value(_ key: String) throws -> Int {
            guard let value = try metadata.int(key) else {
                throw metadata.fault(
                    key, "missing, though \(Self.countKey) is \(count)", advice: GGUFCursor.rewrite)
            }
            return value
        }
        number = try value(Self.numberKey)
        self.count = count
        tensors = try value(Self.tensorsKey)
        // The file keeps them in 16 bits.
        guard count <= 65_535, (0..<count).contains(number) else {
            throw metadata.fault(
                Self.numberKey, "part \(number) of \(count), where numbers begin at 0",
                advice: GGUFCursor.rewrite)
        }
    }

    /// The files of the model in their order, of which `url` is the one that says this.
    func files(_ url: URL) throws -> [URL] {
        let name = url.lastPathComponent
        let ending = Self.ending(number, of: count)
        guard name.hasSuffix(ending) else {
            throw ModelFileError(
                file: url.path,
                problem:
                    "this is part \(number + 1) of \(count) of a model, but the name does not end in \(ending)",
                advice: "give the parts the names that they had, in one folder")
        }
        let folder = url.deletingLastPathComponent()
        let stem = name.dropLast(ending.count)
        return (0..<count).map { folder.appendingPathComponent(stem + Self.ending($0, of: count)) }
    }

    private static func ending(_ number: Int, of count: Int) -> String {
        func digits(_ number: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, 5 - text.count)) + text
        }
        return "-\(digits(number + 1))-of-\(digits(count)).gguf"
    }
}
