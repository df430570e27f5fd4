import Foundation
import ModelFiles
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
        return exists && isFolder.boolValue ? url.appendingPathComponent("ranks.csv") : url
    }

    init(_ url: URL) throws {
        file = Self.file(url)
        ranks = try file.pathExtension == "csv" ? Self.table(file) : Self.object(file)
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
            throw error(name, "no adapted matrix has this name", "check it, and --targets")
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

    /// The ranks of the last step in a run's `ranks.csv`, read from its end: such a table may be long. What a killed run left
    /// of a table is passed over.
    private static func table(_ file: URL) throws -> [String: Int] {
        let bytes = try FileBytes.read(file)
        var tables: [(step: Substring, ranks: [String: Int])] = []
        // A line without its end is torn; the first one is the header.
        var end = (bytes.lastIndex(of: 0x0A) ?? -1) + 1
        while end > 0, let start = bytes[..<(end - 1)].lastIndex(of: 0x0A) {
            let line = String(decoding: bytes[(start + 1)..<(end - 1)], as: UTF8.self)
            end = start + 1
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            guard fields.count == 5, let rank = Int(fields[4]), rank >= 0 else {
                throw error(
                    file, nil, "a line is not 'step,site,layer,role,rank'", "use the file as the run wrote it"
                )
            }
            if tables.last?.step != fields[0] {
                if tables.count == 2 { break }
                tables.append((fields[0], [:]))
            }
            tables[tables.count - 1].ranks[String(fields[1])] = rank
        }
        let isTorn = tables.count == 2 && tables[0].ranks.count < tables[1].ranks.count
        return (isTorn ? tables[1] : tables.first)?.ranks ?? [:]
    }
}
