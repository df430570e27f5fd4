import Foundation
import ModelFiles
import RunRecords

/// The runs below some folders, by name. Whoever asks for one names it; no path is ever made of what was asked.
package struct RunCatalog: Sendable {
    let roots: [URL]

    /// - Parameter roots: runs, or folders that hold some.
    package init(roots: [URL]) { self.roots = roots }

    /// How deep below a folder runs are looked for: `comparison/runs/run` is one.
    private static let depth = 3

    /// As they are now, sorted by name. Links inside the folders are not followed.
    package func entries() -> [RunListPage.Entry] {
        var entries: [RunListPage.Entry] = []
        for root in roots {
            let folder = root.standardizedFileURL
            if Self.isRun(folder) {
                entries.append(.init(name: unused(folder.lastPathComponent, in: entries), folder: folder))
            } else {
                for (path, run) in Self.runs(below: folder, path: "", depth: Self.depth) {
                    let name = roots.count == 1 ? path : "\(folder.lastPathComponent)/\(path)"
                    entries.append(.init(name: unused(name, in: entries), folder: run))
                }
            }
        }
        return entries.sorted { $0.name.localizedStandardCompare($1.name) == .orderedAscending }
    }

    private func unused(_ name: String, in entries: [RunListPage.Entry]) -> String {
        var (candidate, count) = (name, 1)
        while entries.contains(where: { $0.name == candidate }) {
            count += 1
            candidate = "\(name) (\(count))"
        }
        return candidate
    }

    private static func isRun(_ folder: URL) -> Bool {
        FileManager.default.fileExists(atPath: RunFolder(folder).events.path)
    }

    private static func runs(below folder: URL, path: String, depth: Int) -> [(path: String, run: URL)] {
        let keys: [URLResourceKey] = [.isDirectoryKey, .isSymbolicLinkKey]
        let found = try? FileManager.default.contentsOfDirectory(
            at: folder, includingPropertiesForKeys: keys, options: .skipsHiddenFiles)
        return (found ?? []).flatMap { child -> [(path: String, run: URL)] in
            let values = try? child.resourceValues(forKeys: Set(keys))
            guard values?.isDirectory == true, values?.isSymbolicLink != true else { return [] }
            let name = path.isEmpty ? child.lastPathComponent : "\(path)/\(child.lastPathComponent)"
            if isRun(child) { return [(name, child)] }
            return depth > 1 ? runs(below: child, path: name, depth: depth - 1) : []
        }
    }

    /// What changes whenever one of these runs, or which there are, changes: a few hexadecimal digits.
    package static func news(_ entries: [RunListPage.Entry]) -> String {
        let state = entries.map { entry in
            let run = RunFolder(entry.folder)
            let marks = [run.events, run.triplets].map { file -> String in
                var status = stat()
                guard stat(file.path, &status) == 0 else { return "-" }
                return "\(status.st_size).\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
            }
            return "\(entry.name)\t\(marks.joined(separator: "\t"))"
        }.joined(separator: "\n")
        let digest = SHA256Digest()
        Array(state.utf8).withUnsafeBytes { digest.update($0) }
        return String(digest.hexadecimal().prefix(16))
    }
}
