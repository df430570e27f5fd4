import Foundation

/// The results of a comparison on disk: `results.jsonl`, one line a finished trial, and `predictions/`.
package struct ResultStore: Sendable {
    package let folder: URL

    package init(folder: URL) { self.folder = folder }

    package var resultsFile: URL { folder.appendingPathComponent("results.jsonl") }
    package var predictionsFolder: URL { folder.appendingPathComponent("predictions") }

    /// The results in the order of the file, and notes for a person about what was dropped. No file means no
    /// results. A last line without its line break that cannot be read was torn by a kill and is dropped.
    ///
    /// - Throws: `ComparisonError` naming the line of anything else that cannot be read.
    package func load() throws -> (results: [TrialResult], notes: [String]) {
        guard FileManager.default.fileExists(atPath: resultsFile.path) else { return ([], []) }
        let data = try Data(contentsOf: resultsFile)
        let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        var results: [TrialResult] = []
        for (index, line) in lines.enumerated() {
            let isLast = index == lines.count - 1
            if isLast, line.isEmpty { break }
            do {
                results.append(try JSONDecoder().decode(TrialResult.self, from: Data(line)))
            } catch {
                let place = "\(resultsFile.path):\(index + 1)"
                guard isLast else {
                    throw ComparisonError(
                        "\(place): \(Self.reason(error)); mend or delete the line: the run is then repeated")
                }
                return (
                    results,
                    [
                        "\(place): the last line is not whole (\(line.count) bytes) and is dropped; "
                            + "its run is repeated"
                    ]
                )
            }
        }
        return (results, [])
    }

    /// Appends a line and waits until the disk has it. What a kill left of a last line is removed first.
    package func append(_ result: TrialResult) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        if !FileManager.default.fileExists(atPath: resultsFile.path) {
            guard FileManager.default.createFile(atPath: resultsFile.path, contents: nil) else {
                throw ComparisonError(
                    "\(resultsFile.path): cannot be created; check the folder's permissions")
            }
        }
        let file = try FileHandle(forUpdating: resultsFile)
        defer { try? file.close() }
        try mendEnd(of: file)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var line = try encoder.encode(result)
        line.append(UInt8(ascii: "\n"))
        try file.seekToEnd()
        try file.write(contentsOf: line)
        try file.synchronize()
    }

    /// Cuts off a torn last line, or ends a whole one that lacks only its line break.
    private func mendEnd(of file: FileHandle) throws {
        let size = try file.seekToEnd()
        guard size > 0 else { return }
        try file.seek(toOffset: 0)
        let data = try file.readToEnd() ?? Data()
        guard data.last != UInt8(ascii: "\n") else { return }
        let start = data.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? data.startIndex
        if (try? JSONDecoder().decode(TrialResult.self, from: Data(data[start...]))) != nil {
            try file.seekToEnd()
            try file.write(contentsOf: Data("\n".utf8))
        } else {
            try file.truncate(atOffset: UInt64(start - data.startIndex))
        }
    }

    private static func field(_ context: DecodingError.Context) -> String {
        quoted(context.codingPath.map(\.stringValue).joined(separator: "."))
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as ComparisonError: return error.problems[0]
        case DecodingError.keyNotFound(let key, _): return "'\(key.stringValue)' is missing"
        case DecodingError.typeMismatch(_, let context) where !context.codingPath.isEmpty,
            DecodingError.valueNotFound(_, let context) where !context.codingPath.isEmpty:
            return
                "\(field(context)) has the wrong kind of value"
        case DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty:
            return
                "\(field(context)) has a value that is not known"
        default: return "not a JSON object"
        }
    }
}

extension ResultStore {
    package func predictionsFile(_ id: String) -> URL {
        predictionsFolder.appendingPathComponent("\(id).txt")
    }

    /// Writes one class index or score a line, or after a line of names the shares of each row, two a metric; the file is whole or absent, and on the disk when this
    /// returns.
    package func write(_ predictions: Predictions, id: String) throws {
        try checkID(id)
        try FileManager.default.createDirectory(at: predictionsFolder, withIntermediateDirectories: true)
        var text = ""
        switch predictions {
        case .classes(let classes): for value in classes { text += "\(value)\n" }
        // Always with a point, an exponent, or letters, which tells scores from classes.
        case .scores(let scores): for value in scores { text += "\(value)\n" }
        case .shares(let shares): text = Self.text(of: shares)
        }
        let file = predictionsFile(id)
        let partial = predictionsFolder.appendingPathComponent(".\(id).partial")
        try Data(text.utf8).write(to: partial)
        let handle = try FileHandle(forUpdating: partial)
        try handle.synchronize()
        try handle.close()
        guard rename(partial.path, file.path) == 0 else {
            throw ComparisonError("\(file.path): \(String(cString: strerror(errno))); check the folder")
        }
    }

    /// nil when there are none.
    ///
    /// - Throws: `ComparisonError` naming the line that is neither a class index nor a score.
    package func predictions(id: String) throws -> Predictions? {
        try checkID(id)
        let file = predictionsFile(id)
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        let lines = String(decoding: try Data(contentsOf: file), as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: true)
        if let names = lines.first, names.hasPrefix(Self.sharesMark) {
            return .shares(try Self.shares(lines, file: file))
        }
        var classes: [Int32] = []
        var scores: [Float] = []
        for (index, line) in lines.enumerated() {
            guard let score = Float(line), line.utf8.count < 40 else {
                throw ComparisonError(
                    "\(file.path):\(index + 1): \(quoted(String(line))) is neither a class index nor a "
                        + "score; delete the file and repeat the run")
            }
            scores.append(score)
            if let value = Int32(line), value >= 0 { classes.append(value) }
        }
        return classes.count == scores.count ? .classes(classes) : .scores(scores)
    }

    private static let sharesMark = "shares "

    private static func text(of shares: [String: [Share]]) -> String {
        let names = shares.keys.sorted()
        var text = sharesMark + names.joined(separator: " ") + "\n"
        for row in 0..<(shares.values.first?.count ?? 0) {
            let values = names.flatMap { name in
                shares[name].map { ["\($0[row].part)", "\($0[row].whole)"] } ?? []
            }
            text += values.joined(separator: " ") + "\n"
        }
        return text
    }

    private static func shares(_ lines: [Substring], file: URL) throws -> [String: [Share]] {
        let names = lines[0].dropFirst(sharesMark.count).split(separator: " ").map(String.init)
        var shares: [String: [Share]] = [:]
        for (index, line) in lines.enumerated().dropFirst() {
            let values = line.split(separator: " ").compactMap { Double($0) }
            guard values.count == 2 * names.count, values.allSatisfy(\.isFinite) else {
                throw ComparisonError(
                    "\(file.path):\(index + 1): not two numbers for each of \(names.count) metrics; "
                        + "delete the file and repeat the run")
            }
            for (place, name) in names.enumerated() {
                shares[name, default: []].append(Share(part: values[2 * place], whole: values[2 * place + 1]))
            }
        }
        return shares
    }

    private func checkID(_ id: String) throws {
        let isPlain = id.utf8.allSatisfy {
            (48...57).contains($0) || (97...122).contains($0) || "-._+".utf8.contains($0)
        }
        guard isPlain, !id.isEmpty, !id.hasPrefix(".") else {
            throw ComparisonError(
                "\(quoted(id)) is not the id of a trial; use letters, digits, hyphens and points")
        }
    }
}
