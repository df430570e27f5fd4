import Foundation
import ModelFiles
import Testing

@Suite struct ShellQuotingTests {
    @Test(arguments: [
        ("runs/first", "runs/first"), ("/a b", "'/a b'"), ("it's", #"'it'\''s'"#), ("", "''"), ("-x", "./-x"),
        ("~/run", "'~/run'"), ("$HOME", "'$HOME'"), ("a\nb", #"$'a\012b'"#),
        ("a'\nb\\", #"$'a\047\012b\134'"#),
        ("naïve", "'naïve'"), ("a*", "'a*'"), ("#1", "'#1'"), ("a;b", "'a;b'"),
        ("a\u{2028}b", #"$'a\342\200\250b'"#),
    ])
    func worked(text: String, quoted: String) { #expect(shellQuoted(text) == quoted) }

    /// What a shell makes of it.
    @Test(arguments: [
        "plain/path-1.0", "two words", "it's \"quoted\" $HOME `date` \\ !x", "line\nend\ttab", "%s",
        "é\u{301}", "a\u{7}'b", " ",
        "{a,b}", "[x]", "a&b|c>d<e", "\\n", "'",
    ])
    func aShellReadsItBack(text: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", "printf %s \(shellQuoted(text))"]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(data == Data(text.utf8), "\(shellQuoted(text)): \(String(decoding: data, as: UTF8.self))")
    }
}

@Suite struct ParentFoldersTests {
    private struct Stop: Error {}

    @Test func areMadeAndTakenAway() throws {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent(
            "parents-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: root) }
        func exists(_ name: String) -> Bool {
            FileManager.default.fileExists(atPath: root.appendingPathComponent(name).path)
        }
        #expect(throws: Stop.self) {
            try ParentFolders.making(for: root.appendingPathComponent("a/b/file")) {
                #expect(exists("a/b"))
                throw Stop()
            }
        }
        #expect(!exists("a") && exists(""))
        try ParentFolders.making(for: root.appendingPathComponent("a/b/file")) {
            try AtomicFile.write(Data([1]), to: root.appendingPathComponent("a/b/file"))
        }
        #expect(exists("a/b/file"))
        // Only what it made goes.
        #expect(throws: Stop.self) {
            try ParentFolders.making(for: root.appendingPathComponent("a/c/file")) { throw Stop() }
        }
        #expect(!exists("a/c") && exists("a/b/file"))
        let error = #expect(throws: ModelFileError.self) {
            try ParentFolders.making(for: root.appendingPathComponent("a/b/file/d/e")) {}
        }
        #expect("\(try #require(error))".contains("a/b/file/d: cannot create the folder"))
    }
}
