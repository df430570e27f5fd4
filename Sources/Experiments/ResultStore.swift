import Foundation

/// The results of a comparison on disk: `results.jsonl`, one line a finished trial, and what the trials predicted.
package struct ResultStore: Sendable {
    package let folder: URL

    package init(folder: URL) { self.folder = folder }

    package var resultsFile: URL { folder.appendingPathComponent("results.jsonl") }

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
                results.append(try TrialResult(line: Data(line)))
            } catch let error as ComparisonError {
                let place = "\(resultsFile.path):\(index + 1)"
                guard isLast else {
                    throw ComparisonError(
                        "\(place): \(error); mend or delete the line: the run is then repeated")
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
        try file.seekToEnd()
        try file.write(contentsOf: Data((result.line + "\n").utf8))
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
        if (try? TrialResult(line: Data(data[start...]))) != nil {
            try file.seekToEnd()
            try file.write(contentsOf: Data("\n".utf8))
        } else {
            try file.truncate(atOffset: UInt64(start - data.startIndex))
        }
    }
}
