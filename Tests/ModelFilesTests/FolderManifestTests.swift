import Foundation
import ModelFiles
import Testing

struct FolderManifestTests {
    private static func written() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try folder.write("a.txt", "abc")
        try folder.write("empty", "")
        try FolderManifest.write(into: folder.url)
        return folder
    }

    private static func problem(_ folder: TemporaryFolder) -> String {
        message(folder) { try FolderManifest.check(folder.url, advice: "take another") }
    }

    /// The digest of "abc" is the example of FIPS 180-2, appendix B.1.
    @Test func holdsSizesAndDigests() throws {
        let folder = try Self.written()
        let json = try JSONValue.read(folder.path("manifest.json"))
        #expect(json["files"]?.object?.members.map(\.key) == ["a.txt", "empty"])
        #expect(json["files"]?["a.txt"]?["bytes"]?.int == 3)
        #expect(
            json["files"]?["a.txt"]?["sha256"]?.string
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(FolderManifest.exists(in: folder.url))
        try FolderManifest.check(folder.url, advice: "")
        // Written again, it does not list itself; a file that came later is not its affair.
        try FolderManifest.write(into: folder.url)
        try folder.write("later", "x")
        try FolderManifest.check(folder.url, advice: "")
    }

    @Test func tellsWhatChanged() throws {
        let changes: [(change: (TemporaryFolder) throws -> Void, expected: String)] = [
            (
                { try $0.write("a.txt", "abd") },
                "DIR/a.txt: the content is not what was written (SHA-256 differs); take another"
            ),
            ({ try $0.write("a.txt", "ab") }, "DIR/a.txt: 2 bytes where 3 were written; take another"),
            (
                { try FileManager.default.removeItem(at: $0.path("a.txt")) },
                "DIR/a.txt: the file is missing; take another"
            ),
            (
                { try $0.write("manifest.json", "{}") },
                "DIR/manifest.json: not a manifest this version can read; take another"
            ),
            (
                {
                    try $0.write(
                        "manifest.json", #"{"format": 1, "files": {"../a": {"bytes": 0, "sha256": ""}}}"#)
                },
                "DIR/manifest.json: ../a: not an entry this version can read; take another"
            ),
            (
                { try $0.write("manifest.json", #"{"format": 1, "files": {"a.txt": {"bytes": 3}}}"#) },
                "DIR/manifest.json: a.txt: not an entry this version can read; take another"
            ),
        ]
        for (change, expected) in changes {
            let folder = try Self.written()
            try change(folder)
            #expect(Self.problem(folder) == expected)
        }
    }
}
