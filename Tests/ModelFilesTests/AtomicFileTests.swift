import Foundation
import ModelFiles
import Testing

struct AtomicFileTests {
    struct Stop: Error {}

    @Test func replacesAFile() throws {
        let folder = try TemporaryFolder()
        try AtomicFile.write(Data("old".utf8), to: folder.path("f"))
        try AtomicFile.write(Data("new".utf8), to: folder.path("f"))
        #expect(try folder.text("f") == "new")
        try AtomicFile.write(Data(), to: folder.path("f"))
        #expect(try folder.text("f") == "")
        #expect(try folder.names() == ["f"])
    }

    @Test func aFailureLeavesTheOldFile() throws {
        let folder = try TemporaryFolder()
        try folder.write("f", "old")
        #expect(throws: Stop.self) {
            try AtomicFile.write(to: folder.path("f")) { append in
                try [UInt8](repeating: 1, count: 100_000).withUnsafeBytes { try append($0) }
                throw Stop()
            }
        }
        #expect(try folder.text("f") == "old")
        #expect(try folder.names() == ["f"])
    }

    @Test func fileErrors() throws {
        let folder = try TemporaryFolder()
        #expect(
            message(folder) { try AtomicFile.write(Data(), to: folder.path("none/f")) }
                == "DIR/none/f: cannot open: No such file or directory; check the path")
        try FileManager.default.createDirectory(at: folder.path("d"), withIntermediateDirectories: false)
        #expect(
            message(folder) { try AtomicFile.write(Data(), to: folder.path("d")) }
                == "DIR/d: cannot replace: Is a directory; check the path and the disk")
        #expect(try folder.names() == ["d"])
    }

    /// In a process of its own, since the limit and the signal are a process's. The limit stands for a full
    /// disk in the middle of a write; the words for ENOSPC itself are tested with /dev/full in
    /// AppendFileTests.
    @Test func aWriteThatStopsHalfwayLeavesTheOldFile() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            try folder.write("f", "old")
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 4096, rlim_max: 4096)
            try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
            let text = message(folder) {
                try AtomicFile.write(Data(repeating: 1, count: 10_000), to: folder.path("f"))
            }
            try #require(
                text
                    == "DIR/f: cannot write: File too large; "
                    + "raise the limit (ulimit -f) or choose another disk"
            )
            try #require(try folder.text("f") == "old")
            try #require(try folder.names() == ["f"])
        }
    }

    @Test func createsAndReplacesAFolder() throws {
        let folder = try TemporaryFolder()
        let url = folder.path("step-1")
        try AtomicFile.replaceFolder(url) { aside in
            try Data("1".utf8).write(to: aside.appendingPathComponent("a"))
            #expect(!FileManager.default.fileExists(atPath: url.path))
        }
        #expect(try folder.text("step-1/a") == "1")
        try AtomicFile.replaceFolder(url) { aside in
            let sub = aside.appendingPathComponent("sub")
            try FileManager.default.createDirectory(at: sub, withIntermediateDirectories: false)
            try AtomicFile.write(Data("2".utf8), to: sub.appendingPathComponent("b"))
            #expect(try folder.text("step-1/a") == "1")
            #expect(aside.lastPathComponent.hasPrefix("step-1.partial-"))
        }
        #expect(try folder.text("step-1/sub/b") == "2")
        #expect(try FileManager.default.contentsOfDirectory(atPath: url.path) == ["sub"])
        #expect(try folder.names() == ["step-1"])
    }

    @Test func aFailingBodyLeavesTheOldFolder() throws {
        let folder = try TemporaryFolder()
        let url = folder.path("d")
        #expect(throws: Stop.self) {
            try AtomicFile.replaceFolder(url) { _ in throw Stop() }
        }
        #expect(try folder.names() == [])
        try AtomicFile.replaceFolder(url) { try Data("old".utf8).write(to: $0.appendingPathComponent("a")) }
        #expect(throws: Stop.self) {
            try AtomicFile.replaceFolder(url) { aside in
                try Data("new".utf8).write(to: aside.appendingPathComponent("a"))
                throw Stop()
            }
        }
        #expect(try folder.text("d/a") == "old")
        #expect(try folder.names() == ["d"])
    }

    /// A killed process leaves the old content and a leftover, which the next write does not mind.
    @Test func aCrashLeavesTheOldContent() async throws {
        let folder = try TemporaryFolder()
        try folder.write("f", "old")
        try AtomicFile.replaceFolder(folder.path("d")) {
            try Data("old".utf8).write(to: $0.appendingPathComponent("a"))
        }
        let path = folder.url.path
        await #expect(processExitsWith: .exitCode(3)) { [path = path as String] in
            try AtomicFile.replaceFolder(URL(fileURLWithPath: path + "/d")) { aside in
                try Data("new".utf8).write(to: aside.appendingPathComponent("a"))
                try AtomicFile.write(to: URL(fileURLWithPath: path + "/f")) { append in
                    try [1, 2].withUnsafeBytes { try append($0) }
                    _exit(3)
                }
            }
        }
        #expect(try folder.text("f") == "old")
        #expect(try folder.text("d/a") == "old")
        #expect(try folder.names().filter { $0.contains(".partial-") }.count == 2)
        try AtomicFile.write(Data("new".utf8), to: folder.path("f"))
        #expect(try folder.text("f") == "new")
    }

    @Test func folderErrors() throws {
        let folder = try TemporaryFolder()
        try folder.write("f", "x")
        #expect(
            message(folder) { try AtomicFile.replaceFolder(folder.path("f")) { _ in } }
                == "DIR/f: cannot write a folder here: a file or link has this name; "
                + "choose another path or remove it")
        #expect(
            message(folder) { try AtomicFile.replaceFolder(folder.path("none/d")) { _ in } }
                == "DIR/none/d: cannot create a folder beside: No such file or directory; check the path")
        // An error inside is reported under the final name.
        #expect(
            message(folder) {
                try AtomicFile.replaceFolder(folder.path("d")) {
                    _ = try TensorStore(file: $0.appendingPathComponent("w"))
                }
            } == "DIR/d/w: cannot open: No such file or directory; check the path")
        #expect(try folder.names() == ["f"])
    }

    @Test func removesAFolder() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(
            at: folder.path("old/inner"), withIntermediateDirectories: true)
        try folder.write("old/a", "x")
        try AtomicFile.removeFolder(folder.path("old"))
        #expect(try folder.names() == [])
        #expect(
            message(folder) { try AtomicFile.removeFolder(folder.path("old")) }.hasPrefix(
                "DIR/old: cannot remove"))
    }

    @Test func leftoversOfACrashAreRemovedAndNothingElse() throws {
        let folder = try TemporaryFolder()
        for name in [".state.json.partial-0123abcd", "keep.partial-12", "a.partial-0123abcx", "step-1"] {
            try folder.write(name, "x")
        }
        try FileManager.default.createDirectory(
            at: folder.path("step-2.partial-ffffffff/inner"), withIntermediateDirectories: true)
        AtomicFile.removeLeftovers(in: folder.url)
        #expect(try folder.names() == ["a.partial-0123abcx", "keep.partial-12", "step-1"])
    }
}
