import Foundation
import Messages
import ModelFiles
import RunRecords
import Transformers

/// A rank for each adapted matrix: from a JSON object of site names and ranks, or from the last table of a run's
/// `ranks.csv`.
struct RankPattern {
    private let file: URL
    private let ranks: [String: Int]

    /// The file that a path to a pattern means: itself, or the `ranks.csv` of a run folder.
    static func file(_ url: URL) -> URL {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder)
        return exists && isFolder.boolValue ? RunFolder(url).ranks : url
    }

    init(_ url: URL) throws {
        file = Self.file(url)
        ranks = try file.pathExtension == "csv" ? RankFileReader.lastTable(of: file) : Self.object(file)
    }

    /// The ranks of exactly these layers; a layer without rank and a name without layer are errors.
    func ranks(of layers: [LinearLayer]) throws -> [LinearSite: Int] {
        var left = ranks
        var result: [LinearSite: Int] = [:]
        for layer in layers {
            let name = "\(layer.site)"
            guard let rank = left.removeValue(forKey: name) else {
                throw error(name, "this matrix has no rank", "give each adapted matrix one, 0 for none")
            }
            result[layer.site] = rank
        }
        if let name = left.keys.min() {
            throw error(name, "no adapted matrix has this name", "check it, and \(SettingName.targets)")
        }
        guard result.values.contains(where: { $0 > 0 }) else {
            throw error(nil, "all ranks are 0", "give some matrix a rank")
        }
        return result
    }

    private func error(_ place: String?, _ problem: String, _ advice: String) -> ModelFileError {
        Self.error(file, place, problem, advice)
    }

    private static func error(_ file: URL, _ place: String?, _ problem: String, _ advice: String)
        -> ModelFileError
    {
        ModelFileError(file: file.path, place: place, problem: problem, advice: advice)
    }

    private static func object(_ file: URL) throws -> [String: Int] {
        guard let members = try JSONValue.read(file).object?.members else {
            throw error(
                file, nil, "not a JSON object of site names and ranks",
                "write it like {\"layer.0.query\": 2, …}")
        }
        var ranks: [String: Int] = [:]
        for (name, value) in members {
            guard let rank = value.int, rank >= 0 else {
                throw error(file, name, "the rank is not a whole number of at least 0", "write it like 2")
            }
            ranks[name] = rank
        }
        return ranks
    }
}
