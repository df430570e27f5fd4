import Foundation
import Glibc

/// What Linux tells of memory, in bytes.
package struct ProcessMemory: Sendable {
    /// Where /proc and /sys are: `/`, or a folder of a test.
    private let root: URL

    package init(root: URL = URL(fileURLWithPath: "/")) { self.root = root }

    /// What this process has in memory now; nil where the kernel does not tell.
    package var resident: Int? { kilobytes("VmRSS:", in: text("proc/self/status")) }

    /// The most that this process had in memory so far (`VmHWM`; `ru_maxrss` would start at the peak of the process
    /// that started this one).
    package var peak: Int? { kilobytes("VmHWM:", in: text("proc/self/status")) }

    /// Gives back what was freed and counts the peak from here on (proc(5), `clear_refs`). Where that is forbidden it stays.
    package func forgetPeak() {
        // Swift's Glibc module does not declare it.
        if let symbol = dlsym(nil, "malloc_trim") {
            _ = unsafeBitCast(symbol, to: (@convention(c) (Int) -> Int32).self)(0)
        }
        guard let file = try? FileHandle(forWritingTo: root.appendingPathComponent("proc/self/clear_refs"))
        else {
            return
        }
        try? file.write(contentsOf: Data("5\n".utf8))
        try? file.close()
    }

    /// What this process may still take: `MemAvailable`, or less where a control group says so. nil where neither is
    /// known.
    package var available: Int? {
        let limits =
            [kilobytes("MemAvailable:", in: text("proc/meminfo"))].compactMap { $0 } + groupHeadrooms
        return limits.min().map { max($0, 0) }
    }

    /// Limit less use of this process's control groups and all above them. Pages of files that were not used lately
    /// count as free: the kernel takes them back first.
    private var groupHeadrooms: [Int] {
        let entries = (text("proc/self/cgroup") ?? "").split(separator: "\n").map {
            $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        }
        return entries.filter { $0.count == 3 }.flatMap { entry -> [Int] in
            let path = String(entry[2])
            if entry[0] == "0" && entry[1].isEmpty {
                return headrooms("sys/fs/cgroup", path, "memory.max", "memory.current", "inactive_file")
            }
            guard entry[1].split(separator: ",").contains("memory") else { return [] }
            return headrooms(
                "sys/fs/cgroup/memory", path, "memory.limit_in_bytes", "memory.usage_in_bytes",
                "total_inactive_file")
        }
    }

    private func headrooms(
        _ mount: String, _ path: String, _ limitFile: String, _ useFile: String, _ fileKey: String
    ) -> [Int] {
        var names = path.split(separator: "/").map(String.init)
        var found: [Int] = []
        while true {
            let folder = ([mount] + names).joined(separator: "/")
            // "max" and version 1's 2^63 rounded down to a page are no limits; MemAvailable is less than the latter.
            if let limit = text("\(folder)/\(limitFile)").flatMap(Self.number),
                let use = text("\(folder)/\(useFile)").flatMap(Self.number)
            {
                let line = text("\(folder)/memory.stat")?.split(separator: "\n").first {
                    $0.hasPrefix(fileKey + " ")
                }
                let cached = line?.split(separator: " ").last.flatMap { Int($0) } ?? 0
                found.append(limit - max(use - cached, 0))
            }
            if names.isEmpty { return found }
            names.removeLast()
        }
    }

    private static func number(_ text: String) -> Int? {
        Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    private func text(_ path: String) -> String? {
        try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    /// Of a line such as `VmRSS:    1234 kB`.
    private func kilobytes(_ name: String, in text: String?) -> Int? {
        let line = text?.split(separator: "\n").first { $0.hasPrefix(name) }
        return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }.map {
            $0 * 1024
        }
    }
}
