import Foundation
import RunConfiguration
import Runs
import Testing

/// What Linux says of memory, from files of a made-up system.
@Suite struct ProcessMemoryTests {
    private static let meminfo = "MemTotal:  9000 kB\nMemFree: 1000 kB\nMemAvailable:    5000 kB\n"

    private func available(_ files: [String: String]) throws -> Int? {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent(
            "memory-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        for (path, text) in files {
            let file = root.appendingPathComponent(path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        return ProcessMemory(root: root).available
    }

    @Test func unknownWhereTheSystemDoesNotTell() throws {
        #expect(try available([:]) == nil)
        let memory = ProcessMemory(root: URL(fileURLWithPath: "/nowhere"))
        #expect(memory.resident == nil && memory.peak == nil && memory.available == nil)
    }

    @Test func ofTheMachine() throws {
        #expect(try available(["proc/meminfo": Self.meminfo]) == 5000 * 1024)
        let memory = ProcessMemory()
        let (resident, peak) = (try #require(memory.resident), try #require(memory.peak))
        #expect(resident > 1_000_000 && peak >= resident)
    }

    /// A peak that was taken long ago is none of what is measured from here on.
    @Test func thePeakIsForgotten() throws {
        let memory = ProcessMemory()
        var pages: [UInt8]? = [UInt8](repeating: 1, count: 256 << 20)
        let before = try #require(memory.peak)
        #expect(pages?.last == 1)
        pages = nil
        memory.forgetPeak()
        #expect(try #require(memory.peak) < before - (128 << 20))
    }

    /// Version 2: 3,000,000 − (2,000,000 − 500,000) bytes are left in the group, 1,200,000 in the one above.
    @Test func ofControlGroups() throws {
        let two = [
            "proc/meminfo": Self.meminfo, "proc/self/cgroup": "0::/outer/inner\n",
            "sys/fs/cgroup/outer/inner/memory.max": "3000000\n",
            "sys/fs/cgroup/outer/inner/memory.current": "2000000\n",
            "sys/fs/cgroup/outer/inner/memory.stat": "anon 1\ninactive_file 500000\n",
        ]
        #expect(try available(two) == 1_500_000)
        let limited = two.merging([
            "sys/fs/cgroup/outer/memory.max": "4000000", "sys/fs/cgroup/outer/memory.current": "2800000",
        ]) { $1 }
        #expect(try available(limited) == 1_200_000)
        let unlimited = two.merging(["sys/fs/cgroup/outer/inner/memory.max": "max\n"]) { $1 }
        #expect(try available(unlimited) == 5000 * 1024)
        #expect(try available(two.filter { $0.key != "proc/meminfo" }) == 1_500_000)
        let full = two.merging(["sys/fs/cgroup/outer/inner/memory.current": "9000000"]) { $1 }
        #expect(try available(full) == 0)
    }

    /// Version 1 names the controller; no limit is 2^63 less a page.
    @Test func ofControlGroupsOfVersion1() throws {
        let one = [
            "proc/meminfo": Self.meminfo, "proc/self/cgroup": "5:cpu:/x\n4:memory:/x\n0::/\n",
            "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "2000000",
            "sys/fs/cgroup/memory/x/memory.usage_in_bytes": "800000",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "900000",
        ]
        #expect(try available(one) == 1_200_000)
        let none = one.merging(["sys/fs/cgroup/memory/x/memory.limit_in_bytes": "9223372036854771712"]) { $1 }
        #expect(try available(none) == 5000 * 1024)
    }
}

@Suite struct MemoryGuardTests {
    private func config(_ more: [(key: String, value: String)] = []) throws -> RunConfig {
        try RunConfig.load(
            yaml: nil, yamlName: "",
            overrides: [("model", "m"), ("train", "t.csv"), ("output", "o"), ("budget", "3")] + more
        ).config
    }

    private func estimate(_ total: Int, available: Int?) -> MemoryEstimate {
        MemoryEstimate(
            parts: [
                .init(name: "activations", bytes: total - 1_000_000), .init(name: "model", bytes: 1_000_000),
            ],
            total: total, available: available)
    }

    @Test func whatFitsIsQuiet() throws {
        var memory = MemoryGuard(isIgnored: false)
        try memory.check(estimate(50_000_000, available: 50_000_000), config(), threads: 2)
        #expect(memory.warnings.isEmpty)
    }

    @Test func whatDoesNotFitIsRefusedWithWhatToTry() throws {
        var memory = MemoryGuard(isIgnored: false)
        func message(_ config: RunConfig, threads: Int) -> String {
            do {
                try memory.check(estimate(51_000_000, available: 50_000_000), config, threads: threads)
                return ""
            } catch { return "\(error)" }
        }
        #expect(
            try message(config(), threads: 2)
                == "training needs about 51 MB of memory (activations 50 MB; model 1 MB), 50 MB are available; try "
                + "--recompute weights, layers or all, fewer --threads, a shorter --max-length, a smaller --batch-size, or "
                + "--ignore-memory to go on all the same")
        let more = try message(config([("recompute", "layers")]), threads: 1)
        #expect(more.contains("; try --recompute all, a shorter --max-length"))
        #expect(
            try message(config([("recompute", "weights")]), threads: 1).contains(
                "; try --recompute all, a shorter"))
        let few = try message(config([("recompute", "all")]), threads: 1)
        #expect(few.contains("; try a shorter --max-length, a smaller"))
    }

    /// What trains is not laid out for products.
    @Test func fullFineTuningHasLayersAlone() throws {
        func ways(_ recompute: String) throws -> [RunConfig.Recompute] {
            let config = try RunConfig.load(
                yaml: nil, yamlName: "",
                overrides: [
                    ("model", "m"), ("train", "t.csv"), ("output", "o"), ("method", "full"),
                    ("recompute", recompute),
                ]
            ).config
            return RunConfig.Recompute.savingMore(than: config)
        }
        #expect(try ways("none") == [.layers] && ways("weights") == [.layers])
        #expect(try ways("layers").isEmpty && ways("all").isEmpty)
    }

    @Test func ignoredItIsAWarning() throws {
        var memory = MemoryGuard(isIgnored: true)
        try memory.check(estimate(51_000_000, available: 50_000_000), config(), threads: 2)
        #expect(memory.warnings.count == 1 && memory.warnings[0].hasSuffix("50 MB are available"))
    }

    @Test func anUnknownLimitIsAWarning() throws {
        var memory = MemoryGuard(isIgnored: false)
        try memory.check(estimate(51_000_000, available: nil), config(), threads: 2)
        #expect(
            memory.warnings == [
                "the system does not tell how much memory is available; the estimate of 51 MB is not checked"
            ])
    }
}
